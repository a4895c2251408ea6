//! Jobs at work: kept on disk, made to wait for the run's end, examined, and stepped from stage to stage.

pub mod course;
mod dispatch;
mod ended;
pub mod examine;
mod life;
pub mod look;
pub mod record;
pub mod step;
pub mod store;
pub mod wait;
pub mod way;
pub mod write;
