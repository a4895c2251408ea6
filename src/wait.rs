//! Waits until a plan's modules have settled.
