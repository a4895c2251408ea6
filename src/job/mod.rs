//! Jobs at work: kept on disk, made to wait for the run's end, examined, and stepped from stage to stage.

pub mod examine;
pub mod step;
pub mod store;
pub mod wait;
