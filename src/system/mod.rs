//! The machine: child processes, HTTP on loopback, the journal, and points at which tests kill the program.

pub mod agent;
pub(crate) mod http;
pub mod journal;
pub(crate) mod kill;
pub mod messages;
pub mod process;
