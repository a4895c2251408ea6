//! One job, from its wait to its last delivery.
