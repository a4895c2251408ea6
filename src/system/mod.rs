//! The machine: calendar expressions, durable files, child processes, HTTP, TLS, the journal, and points at which tests
//! kill the program.

pub mod agent;
pub mod calendar;
pub mod files;
pub(crate) mod http;
pub mod journal;
pub(crate) mod kill;
pub mod messages;
pub mod process;
pub(crate) mod redact;
pub(crate) mod sockets;
pub(crate) mod stream;
pub(crate) mod tls;
pub mod zone;

pub use zone::{zone, zone_name};
