//! When to try again. Pure.

use std::time::Duration;

/// The pause after the first attempt; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(30);
/// The pause does not grow beyond this, jitter aside.
const LONGEST: Duration = Duration::from_secs(3600);

/// The pause after `attempts` failed attempts: 30 s, 1 min, 2 min … 1 h, each shortened or lengthened by up to a fifth
/// so that many services that lost one relay do not come back to it at once. `random` is drawn evenly from 0 to 1.
pub fn pause(attempts: u32, random: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
    doubled.min(LONGEST).mul_f64(0.8 + 0.4 * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn doubles_up_to_an_hour() {
        let middle: Vec<u64> = (1..=9).map(|attempts| pause(attempts, 0.5).as_secs()).collect();
        assert_eq!(middle, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(pause(1, 0.0), Duration::from_secs(24));
        assert_eq!(pause(1, 1.0), Duration::from_secs(36));
    }

    proptest! {
        #[test]
        fn never_shorter_than_the_first_nor_much_longer_than_the_longest(attempts: u32, random in 0.0..=1.0) {
            let pause = pause(attempts, random);
            prop_assert!(pause >= FIRST.mul_f64(0.8) && pause <= LONGEST.mul_f64(1.2));
        }

        #[test]
        fn never_shrinks_as_attempts_grow(attempts in 0..u32::MAX, random in 0.0..=1.0) {
            prop_assert!(pause(attempts, random) <= pause(attempts + 1, random));
        }
    }
}
