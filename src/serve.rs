//! The service: from systemd's socket to idle exit.
