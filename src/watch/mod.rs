//! Looks after the plans when nobody raises an alert: keeps their history, and decides what is news.

pub mod history;
