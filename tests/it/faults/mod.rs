//! Nothing lost, nothing twice: each fault that can be produced is produced, on the real program and real parts.
//!
//! docs/reliability.md tells what happens at each, and names the test that shows it.

mod clock;
mod crash;
mod disk;
mod duplicates;
mod input;
mod load;
mod redis;
mod relay;
mod secrets;
mod sendmail;
mod terminate;
