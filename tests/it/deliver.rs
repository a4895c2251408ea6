//! Tests of the deliver part.
