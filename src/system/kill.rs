//! Points at which a test can have the program killed, to show that nothing is lost there.
//!
//! Only a debug build looks; in a release build this is nothing.

/// Kills the process, as SIGKILL does, when `NS8_BACKUP_MONITOR_KILL_AT` is `name`, or `name:n` on the n-th passage.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);

    let Ok(wanted) = std::env::var("NS8_BACKUP_MONITOR_KILL_AT") else { return };
    let (wanted, passage) = wanted.split_once(':').map_or((&*wanted, 1), |(name, n)| (name, n.parse().unwrap_or(1)));
    if wanted == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == passage {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::park();
    }
}

/// Nothing, outside of tests.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn point(_name: &str) {}
