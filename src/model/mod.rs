//! The nouns of the domain: plain values, no I/O, no protocol, no client library.

pub mod address;
pub mod alert;
pub mod boundary;
pub mod cluster;
pub mod ended;
pub mod history;
pub mod job;
pub mod mail;
pub mod order;
pub mod plan;
pub mod reason;
pub mod repository;
pub mod restic;
pub mod run;
pub mod schedule;
pub(crate) mod text;
pub mod time;
