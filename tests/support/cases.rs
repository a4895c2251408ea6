//! Many cases of one test, side by side.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// As many as mostly wait for something at one time.
const AT_ONE_TIME: usize = 8;

/// Tries each of `cases`.
///
/// # Panics
/// If `go` panics for any of them, once all are done.
pub fn side_by_side<T: Sync + Debug>(cases: &[T], go: impl Fn(&T) + Sync) {
    let (next, bad) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONE_TIME {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if catch_unwind(AssertUnwindSafe(|| go(case))).is_err() {
                        bad.lock().unwrap().push(case);
                    }
                }
            });
        }
    });
    let bad = bad.into_inner().unwrap();
    assert!(bad.is_empty(), "{} of {} cases: {bad:#?}", bad.len(), cases.len());
}
