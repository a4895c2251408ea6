//! Hands mails to the relay.
