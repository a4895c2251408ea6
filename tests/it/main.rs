//! The integration tests: real parts, one binary so that it links once.

// `pub` in a test's support marks what the tests use; nothing of it can be reached from outside anyway.
#![allow(unreachable_pub)]
// Whoever runs a test reads what it prints.
#![allow(clippy::print_stdout)]

#[path = "../support/mod.rs"]
#[allow(dead_code)]
mod support;

mod cluster;
mod deliver;
mod faults;
mod follow;
mod html;
mod leader;
mod logs;
mod probe;
mod report;
mod service;
mod shipped;
mod tools;
mod watch;
