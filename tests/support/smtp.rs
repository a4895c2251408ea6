//! An SMTP server that can misbehave.
