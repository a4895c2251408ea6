//! The integration tests: real parts, one binary so that it links once.

#[path = "../support/mod.rs"]
mod support;

mod cluster;
mod deliver;
mod probe;
mod report;
mod service;
mod tools;
