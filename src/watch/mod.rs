//! Looks after the plans when nobody raises an alert: keeps their history, and decides what is news.

pub mod decide;
pub mod history;
pub mod meet;
pub mod memory;
pub mod news;
mod run;
