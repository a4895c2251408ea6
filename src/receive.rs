//! The webhook: HTTP in, jobs on disk, an answer out.
