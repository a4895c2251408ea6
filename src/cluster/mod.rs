//! Reads the cluster's Redis.
pub mod destination;
pub mod model;

pub use destination::Destination;
