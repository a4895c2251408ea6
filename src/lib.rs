//! One e-mail an administrator can act on when a NethServer 8 backup fails.
//!
//! Alertmanager says only that *something* in a plan failed. This program finds out what, and tells it by mail. Data
//! flows one way, and the modules are listed in that order:
//!
//! ```text
//! Alertmanager ──POST /alert──► receive ──► queue ──► wait ──► classify ──► probe ──► report ──► deliver
//!                               (HTTP)      (fsync,   (until   (SUCCESS     (restic,  (plain     (SMTP or
//!                                           then 2xx) settled) PARTIAL …)   gateway)  text)      ns8-sendmail)
//! ```
//!
//! Everything left of the queue answers in milliseconds; everything right of it may take an hour, be killed, and be
//! resumed. [`alert`], [`job`], [`classify`] and [`report`] are pure: values in, values out, the clock passed in. The
//! others are thin edges to one outside program each.

pub mod model;

pub mod config;

pub mod system;

pub mod cluster;
pub mod deliver;
pub mod logs;
pub mod probe;

pub mod report;

pub mod job;
pub mod watch;

pub mod serve;
pub mod tools;

pub mod cli;
