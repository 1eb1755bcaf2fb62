//! A client's bytes cut into lines, each ended by one `\n`.

use bytes::{Bytes, BytesMut};
use memchr::{memchr_iter, memmem, memrchr};

use crate::buffer::Buffer;

/// Without this word a line asks for no encryption, be it in vain.
const ENCRYPT: &[u8] = b"encrypt";

/// Whole lines, newlines included, as they came.
#[derive(Clone, PartialEq, Eq)]
pub struct Lines {
    /// The bytes; the last one is a newline.
    pub bytes: Bytes,
    /// How many lines they hold.
    pub count: usize,
}

/// A line grew over the limit; nothing after it can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Gathers bytes until lines are complete.
///
/// The limit counts a line's bytes without its newline.
pub struct LineBuffer {
    bytes: Buffer,
    /// So many bytes hold no newline.
    searched: usize,
    /// So many bytes do not ask for encryption, or it is known that some do.
    looked: usize,
    longest: usize,
}

impl LineBuffer {
    /// An empty buffer that allows lines of up to `longest` bytes.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self {
            bytes: Buffer::default(),
            searched: 0,
            looked: 0,
            longest,
        }
    }

    /// Appends what was read.
    pub fn push(&mut self, read: &[u8]) {
        self.bytes.extend_from_slice(read);
        self.look();
    }

    /// Where to append up to so many bytes of what is read of a long line, without copying them.
    pub fn space(&mut self, most: usize) -> &mut BytesMut {
        self.bytes.space(most)
    }

    /// True if anything in it asks for encryption; then it is wiped.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.bytes.is_secret()
    }

    /// Bytes of the line that is not complete yet, and of any not taken yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True when nothing is waiting to be completed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes all complete lines. `Ok(None)` means: more bytes are needed.
    ///
    /// Lines before an over-long one are taken first; the call after that says [`TooLong`]. Where any of them asks for
    /// encryption each is taken alone, so that none stays in memory for the sake of another.
    pub fn take_lines(&mut self) -> Result<Option<Lines>, TooLong> {
        self.look();
        let fresh = self.bytes.get(self.searched..).unwrap_or_default();
        if memrchr(b'\n', fresh).is_none() {
            self.searched = self.bytes.len();
            return if self.searched > self.longest {
                Err(TooLong)
            } else {
                Ok(None)
            };
        }
        let (end, count) = self.whole_lines();
        self.searched = 0;
        if count == 0 {
            return Err(TooLong);
        }
        let bytes = self.take(end);
        Ok(Some(Lines { bytes, count }))
    }

    /// Takes the first `end` bytes. What is left has memory of its own: it may stay when they are long gone.
    fn take(&mut self, end: usize) -> Bytes {
        let rest = self.bytes.get(end..).unwrap_or_default();
        if self.is_secret() && rest.len() > end {
            let taken = self.bytes.front(end);
            self.bytes.advance(end);
            self.looked = self.bytes.len();
            return taken.freeze();
        }
        let rest = Buffer::copy_of(rest);
        self.looked = 0;
        self.bytes.resize(end);
        core::mem::replace(&mut self.bytes, rest).freeze()
    }

    /// Whether anything of what has come asks for encryption.
    fn look(&mut self) {
        if !self.is_secret() {
            let fresh = self.looked.saturating_sub(ENCRYPT.len());
            let fresh = self.bytes.get(fresh..).unwrap_or_default();
            if memmem::find(fresh, ENCRYPT).is_some() {
                self.bytes.keep_secret();
            }
        }
        self.looked = self.bytes.len();
    }

    /// End and number of the lines before the first that is over-long or incomplete.
    fn whole_lines(&self) -> (usize, usize) {
        let (mut end, mut count) = (0, 0);
        let fresh = self.bytes.get(self.searched..).unwrap_or_default();
        for newline in memchr_iter(b'\n', fresh).map(|at| self.searched + at) {
            if newline - end > self.longest {
                break;
            }
            end = newline + 1;
            count += 1;
            if self.is_secret() {
                break;
            }
        }
        (end, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn partial_lines_wait_for_their_newline() {
        let mut buffer = LineBuffer::new(100);
        buffer.push(b"pi");
        assert_eq!(taken(&mut buffer), None);
        buffer.push(b"ng\n\nhal");
        assert_eq!(taken(&mut buffer), Some((b"ping\n\n".to_vec(), 2)));
        assert_eq!(taken(&mut buffer), None);
        assert_eq!((buffer.len(), buffer.is_empty()), (3, false));
        buffer.push(b"f\n");
        assert_eq!(taken(&mut buffer), Some((b"half\n".to_vec(), 1)));
        assert!(buffer.is_empty());
    }

    #[test]
    fn the_limit_counts_without_the_newline_and_spares_the_lines_before() {
        let mut buffer = LineBuffer::new(4);
        buffer.push(b"a\n1234\n12345\nb\n");
        assert_eq!(taken(&mut buffer), Some((b"a\n1234\n".to_vec(), 2)));
        assert!(buffer.take_lines().is_err());
        let mut partial = LineBuffer::new(4);
        partial.push(b"1234");
        assert_eq!(taken(&mut partial), None);
        partial.push(b"5");
        assert!(partial.take_lines().is_err());
    }

    #[test]
    fn where_any_asks_for_encryption_each_is_taken_alone() {
        let mut buffer = LineBuffer::new(100);
        buffer.push(b"a\nencr");
        assert!(!buffer.is_secret());
        buffer.push(b"ypt:b\nc\nd\n");
        assert!(buffer.is_secret());
        for (lines, count) in [("a\n", 1), ("encrypt:b\n", 1), ("c\nd\n", 2)] {
            assert_eq!(taken(&mut buffer), Some((lines.into(), count)));
        }
        assert!(!buffer.is_secret());
    }

    #[test]
    fn what_is_copied_is_what_is_left_or_if_that_is_longer_what_is_to_be_wiped() {
        for (line, rest, is_copied) in [
            ("encrypt:a\n", "encrypt:", false),
            ("encrypt:a\n", "encrypt:of something longer", true),
            ("a\n", "something longer", false),
        ] {
            let mut buffer = LineBuffer::new(100);
            buffer.push(&[line, rest].concat().into_bytes());
            let before = buffer.bytes.as_ptr();
            let taken = buffer.take_lines().unwrap().unwrap().bytes;
            assert_eq!(
                (taken.as_ref(), &buffer.bytes[..]),
                (line.as_bytes(), rest.as_bytes())
            );
            assert_eq!(taken.as_ptr() != before, is_copied, "{line}{rest}");
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_lines(pieces in proptest::collection::vec("[a-c\n]{0,9}", 0..20)) {
            let whole: Vec<u8> = pieces.concat().into_bytes();
            let mut buffer = LineBuffer::new(1000);
            let (mut got, mut count) = (Vec::new(), 0);
            for piece in &pieces {
                buffer.push(piece.as_bytes());
                if let Some((bytes, lines)) = taken(&mut buffer) {
                    got.extend(bytes);
                    count += lines;
                }
            }
            let end = whole.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            prop_assert_eq!(&got[..], &whole[..end]);
            prop_assert_eq!(count, memchr_iter(b'\n', &whole).count());
            prop_assert_eq!(buffer.len(), whole.len() - end);
        }
    }

    fn taken(buffer: &mut LineBuffer) -> Option<(Vec<u8>, usize)> {
        buffer
            .take_lines()
            .unwrap()
            .map(|lines| (lines.bytes.to_vec(), lines.count))
    }
}
