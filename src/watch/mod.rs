//! Looks after the plans when nobody raises an alert: keeps their history, and decides what is news.
//!
//! One tick: read the cluster; note which plans are new, edited or gone ([`meet`]); know when each was due
//! ([`schedule`]); decide what is news ([`decide`], pure); post it to the program's own socket ([`post`]); remember it
//! ([`memory`]). Killed anywhere, the next tick says the same again, and a job that is there already takes it in.

pub mod as_of;
pub mod cluster_backup;
pub mod decide;
pub mod digest;
pub mod going_on;
pub mod heartbeat;
pub mod history;
pub mod meet;
pub mod memory;
pub mod news;
pub mod node;
pub mod post;
mod run;
pub mod running;
pub mod schedule;
