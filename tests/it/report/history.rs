//! What earlier runs say about this one.

use super::*;
