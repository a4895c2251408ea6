//! Tests of the probe part.
