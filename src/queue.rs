//! Keeps jobs on disk.
