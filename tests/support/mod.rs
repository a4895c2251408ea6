//! Real parts for the tests: each starts a program or a server and stops it when dropped.

pub mod cases;
pub mod headers;
pub mod journal;
pub mod loki;
pub mod port;
pub mod programs;
pub mod redis;
pub mod service;
pub mod site;
pub mod smtp;
#[cfg(target_arch = "x86_64")]
pub mod trace;
