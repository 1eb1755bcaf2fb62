//! How long to wait before the next try of a link.

use core::time::Duration;
use fastrand::Rng;

/// The bounds of a [`Backoff`], checked when made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    min: Duration,
    max: Duration,
}

/// A pair of durations that cannot bound a back-off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// A wait of nothing would hammer the peer.
    #[error("the shortest back-off must be more than nothing")]
    Zero,
    /// The bounds are the wrong way round.
    #[error("the shortest back-off is longer than the longest")]
    Crossed,
}

impl Bounds {
    /// Bounds from `min` (more than nothing) to `max` (not less than `min`).
    pub fn new(min: Duration, max: Duration) -> Result<Self, BoundsError> {
        if min.is_zero() {
            return Err(BoundsError::Zero);
        }
        if min > max {
            return Err(BoundsError::Crossed);
        }
        Ok(Self { min, max })
    }

    /// The longest wait while somebody asks: twice the shortest, if that is within the bounds.
    #[must_use]
    pub fn soon(self) -> Duration {
        self.min.saturating_mul(2).min(self.max)
    }
}

impl Default for Bounds {
    /// From a second to two minutes.
    fn default() -> Self {
        Self {
            min: Duration::from_secs(1),
            max: Duration::from_secs(120),
        }
    }
}

/// Exponential back-off with full jitter: the n-th wait is a random part of min·2ⁿ, at most of max.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait before the next try, counting one more failure.
    pub fn next_wait(&mut self, bounds: Bounds, rng: &mut Rng) -> Duration {
        let ceiling = bounds
            .min
            .saturating_mul(1 << self.failures.min(30))
            .min(bounds.max);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(rng.f64()).min(ceiling)
    }

    /// Forgets the failures; only an answered request earns that.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last answered request.
    #[must_use]
    pub fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_checked() {
        let second = Duration::from_secs(1);
        assert_eq!(Bounds::new(Duration::ZERO, second), Err(BoundsError::Zero));
        assert_eq!(Bounds::new(second * 2, second), Err(BoundsError::Crossed));
        let narrow = Bounds::new(second, second).unwrap();
        let wide = Bounds::new(second, second * 10).unwrap();
        assert_eq!((narrow.soon(), wide.soon()), (second, second * 2));
    }

    proptest! {
        #[test]
        fn waits_stay_under_the_doubling_ceiling(seed: u64, min in 1u64..5_000, span in 0u64..500_000) {
            let bounds = Bounds::new(Duration::from_millis(min), Duration::from_millis(min + span)).unwrap();
            let (mut backoff, mut rng) = (Backoff::default(), Rng::with_seed(seed));
            let mut ceiling = bounds.min;
            for _ in 0..80 {
                let wait = backoff.next_wait(bounds, &mut rng);
                prop_assert!(wait <= ceiling, "{wait:?} > {ceiling:?}");
                ceiling = (ceiling * 2).min(bounds.max);
            }
            prop_assert_eq!(backoff.failures(), 80);
            backoff.reset();
            prop_assert!(backoff.next_wait(bounds, &mut rng) <= bounds.min);
        }

        #[test]
        fn jitter_is_full(seed: u64) {
            let bounds = Bounds::new(Duration::from_secs(100), Duration::from_secs(100)).unwrap();
            let (mut backoff, mut rng) = (Backoff::default(), Rng::with_seed(seed));
            let waits: std::vec::Vec<_> = (0..200).map(|_| backoff.next_wait(bounds, &mut rng)).collect();
            prop_assert!(waits.iter().any(|wait| *wait < Duration::from_secs(25)));
            prop_assert!(waits.iter().any(|wait| *wait > Duration::from_secs(75)));
        }
    }
}
