//! Tests of the probe part: real restic, real repositories, real rclone.

mod damage;
mod gateway;
mod hostile;
mod restic;
mod support;
