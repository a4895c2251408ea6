//! Logging, to the journal with its fields or to a terminal.
