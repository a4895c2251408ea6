//! Runs an outside program within bounds.
