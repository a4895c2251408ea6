//! Reads the cluster's Redis.
pub mod model;
