//! The time that a job has before the program leaves.

use std::future::Future;

use tokio::sync::watch;

/// The program is about to leave; what is left to do is on disk.
pub(super) struct Shutdown;

/// The program's life, over once it is about to leave.
pub(super) struct Life(watch::Receiver<bool>);

impl Life {
    pub(super) fn new(shutdown: watch::Receiver<bool>) -> Self {
        Self(shutdown)
    }

    /// Runs `work` to its end, or cancels it when the program shuts down.
    pub(super) async fn unless_over<T>(&self, work: impl Future<Output = T>) -> Result<T, Shutdown> {
        let mut shutdown = self.0.clone();
        tokio::select! {
            biased;
            _ = shutdown.wait_for(|down| *down) => Err(Shutdown),
            done = work => Ok(done),
        }
    }
}
