//! Tests of the tools part.
