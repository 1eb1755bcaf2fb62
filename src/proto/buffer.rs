//! Bytes on their way, wiped when they are let go if anything of them is to be kept from others.
//!
//! What is to be sent encrypted, and what came so, must not lie about in memory that is free. So whatever holds it is one
//! of these from where it comes in to where it goes out, and what is only read of it shares the memory of one. Others cost
//! no more than a `BytesMut`.

use bytes::{Buf as _, Bytes, BytesMut};
use core::fmt;
use core::ops::{Deref, DerefMut};
use zeroize::Zeroize as _;

/// Bytes that grow at their end and are taken from their front. `Debug` shows none of them.
#[derive(Default, PartialEq, Eq)]
pub struct Buffer {
    bytes: BytesMut,
    is_secret: bool,
}

impl Buffer {
    /// An empty one whose bytes are wiped.
    #[must_use]
    pub fn secret() -> Self {
        Self {
            bytes: BytesMut::new(),
            is_secret: true,
        }
    }

    /// One that holds a copy of these bytes.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self {
            bytes: BytesMut::from(bytes),
            is_secret: false,
        }
    }

    /// A copy of its first `len` bytes, as secret as they are.
    #[must_use]
    pub fn front(&self, len: usize) -> Self {
        Self {
            bytes: BytesMut::from(self.get(..len).unwrap_or(self)),
            is_secret: self.is_secret,
        }
    }

    /// True if its bytes are wiped.
    #[must_use]
    #[inline]
    pub fn is_secret(&self) -> bool {
        self.is_secret
    }

    /// Has its bytes wiped from now on.
    pub fn keep_secret(&mut self) {
        self.is_secret = true;
    }

    /// The same, if those of `other` are: they are about to be appended.
    #[inline]
    pub fn keep_as(&mut self, other: &Self) {
        self.is_secret |= other.is_secret;
    }

    /// Appends these.
    #[inline]
    pub fn extend_from_slice(&mut self, more: &[u8]) {
        self.space(more.len()).extend_from_slice(more);
    }

    /// Where to append at least so many bytes without moving those that are there.
    #[inline]
    pub fn space(&mut self, more: usize) -> &mut BytesMut {
        if self.is_secret {
            self.grow(more);
        } else {
            self.bytes.reserve(more);
        }
        &mut self.bytes
    }

    /// Makes room for so many more; growing in any other way may leave a copy behind.
    #[cold]
    fn grow(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() < more {
            let needed = self.bytes.len().saturating_add(more);
            let mut larger = BytesMut::with_capacity(needed.max(2 * self.bytes.capacity()));
            larger.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = larger;
        }
    }

    /// Makes it so long, with zeros at its end or without what is behind.
    pub fn resize(&mut self, len: usize) {
        if let Some(more) = len.checked_sub(self.bytes.len()) {
            self.space(more).resize(len, 0);
        } else {
            if self.is_secret {
                self.bytes.get_mut(len..).unwrap_or_default().zeroize();
            }
            self.bytes.truncate(len);
        }
    }

    /// Passes over the first `len` bytes, which it has.
    pub fn advance(&mut self, len: usize) {
        let len = len.min(self.bytes.len());
        if self.is_secret {
            self.bytes.get_mut(..len).unwrap_or_default().zeroize();
        }
        self.bytes.advance(len);
    }

    /// The same bytes to be read only, by many; the last who lets go has them wiped.
    #[must_use]
    pub fn freeze(mut self) -> Bytes {
        if self.is_secret {
            Bytes::from_owner(self)
        } else {
            core::mem::take(&mut self.bytes).freeze()
        }
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        if self.is_secret {
            self.bytes.zeroize();
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Buffer {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<BytesMut> for Buffer {
    #[inline]
    fn from(bytes: BytesMut) -> Self {
        Self {
            bytes,
            is_secret: false,
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;
    use std::prelude::v1::*;

    proptest! {
        /// Secret or not, it holds what a plain vector would.
        #[test]
        fn bytes_come_and_go_in_order(
            steps in proptest::collection::vec((0usize..4, 0usize..40), 0..40),
            secret: bool,
        ) {
            let mut buffer = if secret { Buffer::secret() } else { Buffer::default() };
            let mut expected = Vec::new();
            for (index, (step, len)) in steps.into_iter().enumerate() {
                let bytes = [u8::try_from(index).unwrap_or_default() + 1; 40];
                match step {
                    0 => {
                        buffer.extend_from_slice(&bytes[..len]);
                        expected.extend_from_slice(&bytes[..len]);
                    }
                    1 => {
                        buffer.advance(len);
                        expected.drain(..len.min(expected.len()));
                    }
                    2 => {
                        buffer.resize(len);
                        expected.resize(len, 0);
                    }
                    _ => buffer = buffer.front(usize::MAX),
                }
                prop_assert_eq!(&buffer[..], &expected[..]);
            }
            prop_assert_eq!(buffer.is_secret(), secret);
            prop_assert_eq!(&buffer.freeze()[..], &expected[..]);
        }
    }

    #[test]
    fn what_was_there_before_it_was_to_be_kept_secret_grows_as_such() {
        let mut buffer = Buffer::copy_of(b"before ");
        buffer.keep_secret();
        buffer.extend_from_slice(b"after");
        assert_eq!(&buffer[..], b"before after");
        assert!(buffer.front(6).is_secret());
    }

    #[test]
    fn what_something_secret_is_appended_to_is_secret_from_then_on() {
        for (is_secret, other) in [(false, false), (false, true), (true, false), (true, true)] {
            let kind = |is_secret| {
                if is_secret {
                    Buffer::secret()
                } else {
                    Buffer::default()
                }
            };
            let mut buffer = kind(is_secret);
            buffer.keep_as(&kind(other));
            assert_eq!(buffer.is_secret(), is_secret || other);
        }
    }

    #[test]
    fn what_is_secret_grows_when_it_must_and_leaves_no_copy_behind() {
        let memory = File::open("/proc/self/mem").unwrap();
        let has_mark = |at: usize| {
            let mut bytes = [0; MARK.len()];
            memory.read_exact_at(&mut bytes, at as u64).unwrap();
            bytes == MARK
        };
        // Of which allocators keep nothing at its beginning.
        let mut buffer = Buffer::secret();
        buffer.resize(100);
        buffer.extend_from_slice(&MARK);
        let (before, free) = (buffer.as_ptr() as usize, buffer.bytes.capacity() - buffer.len());
        buffer.space(free);
        assert_eq!(buffer.as_ptr() as usize, before, "it was not to move");
        assert!(has_mark(before + 100));
        let space = buffer.space(free + 1);
        assert!(space.capacity() - space.len() > free);
        let after = buffer.as_ptr() as usize;
        assert!(before != after && has_mark(after + 100) && !has_mark(before + 100));
        drop(buffer);
        assert!(!has_mark(after + 100));
    }

    #[test]
    fn a_log_shows_how_many_bytes_there_are_and_none_of_them() {
        assert_eq!(std::format!("{:?}", Buffer::copy_of(b"secret")), "6 bytes");
    }

    const MARK: [u8; 16] = *b"of this no trace";
}
