//! One e-mail an administrator can act on when a NethServer 8 backup fails.
//!
//! Alertmanager says only that *something* in a plan failed. This program finds out what, and mails it. Data flows one
//! way:
//!
//! ```text
//! Alertmanager ──POST /alert──┐
//! watch timer ───POST /alert──┤
//!                             ▼
//!        receive ─► store ─► wait ─► examine ─► report ─► deliver ─┬─► done
//!        (serve)   (fsync,  (until   (cluster,  (facts,   (SMTP or │
//!                  then     the run   logs,      blocks,   ns8-    └─► follow: the run was not over;
//!                  2xx)     is over)  probe)     text)     sendmail)   wait again, then one final report
//! ```
//!
//! Up to the store, a request is answered in milliseconds. Everything after the store may take hours, be killed and be
//! resumed: a job is a value that [`job::step`] moves from stage to stage, each of them on disk before the next begins.
//!
//! The modules are listed bottom up; none imports one listed after it, except that [`tools`] uses [`cli`]. [`model`]
//! and [`report`] are pure: values in, values out, the clock passed in. [`cluster`], [`logs`], [`probe`] and
//! [`deliver`] are thin edges to one outside program each, and know nothing of one another.

pub mod model;

pub mod config;

pub mod system;

pub mod cluster;
pub mod deliver;
pub mod logs;
pub mod probe;

pub mod report;

pub mod watch;

pub mod job;

pub mod serve;
pub mod tools;

pub mod cli;
