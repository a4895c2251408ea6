//! A private redis-server.
