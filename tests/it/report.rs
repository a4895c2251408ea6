//! Tests of the report part.
