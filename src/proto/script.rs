//! What happens in a test, read from bytes: so that proptest and a fuzzer drive the same models.
//!
//! Past their end all bytes are zero, for which the first of a choice stands, and the least of a range.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is fuzzed is a test too"
)]

use std::prelude::v1::*;

use core::ops::Range;
use core::time::Duration;

/// Bytes that decide.
pub(crate) struct Script<'b> {
    bytes: &'b [u8],
}

impl<'b> Script<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    #[cfg(fuzzing)]
    pub(crate) fn is_over(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Up to so many bytes as they are, but no newline.
    #[cfg(fuzzing)]
    pub(crate) fn piece(&mut self, most: usize) -> Vec<u8> {
        let len = self.within(0..most).min(self.bytes.len());
        let taken = self.bytes.split_off(..len).unwrap_or_default();
        taken.iter().copied().filter(|byte| *byte != b'\n').collect()
    }

    /// Does what it says, one after the other, until it is over.
    #[cfg(fuzzing)]
    pub(crate) fn each<T>(&mut self, read: fn(&mut Self) -> T, mut act: impl FnMut(T)) {
        while !self.is_over() {
            act(read(self));
        }
    }

    fn byte(&mut self) -> u8 {
        self.bytes.split_off_first().copied().unwrap_or_default()
    }

    /// True in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        let all = usize::from(u8::MAX) + 1;
        usize::from(self.byte()) >= all - all * percent / 100
    }

    /// Of so few bytes as the range takes.
    pub(crate) fn within(&mut self, range: Range<usize>) -> usize {
        let (mut number, mut values) = (0, 1);
        while values < range.len() {
            number = number << 8 | usize::from(self.byte());
            values <<= 8;
        }
        range.start + number % range.len()
    }

    /// Which of so many, each as often as its weight says.
    pub(crate) fn weighted<const N: usize>(&mut self, weights: [usize; N]) -> usize {
        let mut left = self.within(0..weights.iter().sum());
        let is_it = |weight: &usize| {
            let found = left < *weight;
            left = left.saturating_sub(*weight);
            found
        };
        weights.iter().position(is_it).unwrap_or_default()
    }

    /// One of these, as often as any other.
    pub(crate) fn one_of<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        choices[self.within(0..N)]
    }

    pub(crate) fn small(&mut self, range: Range<u8>) -> u8 {
        let number = self.within(range.start.into()..range.end.into());
        u8::try_from(number).unwrap_or(range.start)
    }

    pub(crate) fn seconds(&mut self, range: Range<u16>) -> u32 {
        let number = self.within(range.start.into()..range.end.into());
        u32::try_from(number).unwrap_or(range.start.into())
    }

    pub(crate) fn millis(&mut self, range: Range<usize>) -> Duration {
        Duration::from_millis(self.within(range) as u64)
    }

    pub(crate) fn pick(&mut self) -> Pick {
        Pick(self.byte())
    }

    pub(crate) fn list<T>(&mut self, sizes: Range<usize>, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.within(sizes)).map(|_| read(self)).collect()
    }
}

/// Picks among what there is when it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick(u8);

impl Pick {
    /// One of `len`, which are some.
    pub(crate) fn index(self, len: usize) -> usize {
        usize::from(self.0) % len
    }
}

/// What `read` makes of up to `most` bytes.
#[cfg(test)]
pub(crate) fn scripted<T: core::fmt::Debug>(
    most: usize,
    read: fn(&mut Script<'_>) -> T,
) -> impl proptest::strategy::Strategy<Value = T> {
    use proptest::prelude::*;
    proptest::collection::vec(any::<u8>(), most).prop_map(move |bytes| read(&mut Script::new(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_made_as_often_as_it_should() {
        let mut counts = [0; 3];
        for byte in 0..200 {
            counts[Script::new(&[byte]).weighted([5, 0, 15])] += 1;
        }
        assert_eq!(counts, [50, 0, 150]);
        let tenth = (0..=255).filter(|byte| Script::new(&[*byte]).chance(10));
        assert_eq!(tenth.count(), 25);
    }

    #[test]
    fn a_range_takes_the_bytes_that_it_needs() {
        let bytes = [1, 2, 3, 4];
        for (range, number, left) in [
            (7..8, 7, 4),
            (7..263, 8, 3),
            (7..264, 7 + 0x102 % 257, 2),
            (0..1 << 24, 0x01_0203, 1),
        ] {
            let mut script = Script::new(&bytes);
            assert_eq!((script.within(range), script.bytes.len()), (number, left));
        }
        assert_eq!(Script::new(&[]).within(3..9), 3);
    }
}
