//! Tests of the cluster part.
