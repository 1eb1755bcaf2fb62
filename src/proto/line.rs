//! A client's bytes cut into lines, each ended by one `\n`.

use bytes::{Bytes, BytesMut};
use memchr::{memchr_iter, memrchr};

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
    bytes: BytesMut,
    searched: usize,
    longest: usize,
}

impl LineBuffer {
    /// An empty buffer that allows lines of up to `longest` bytes.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            searched: 0,
            longest,
        }
    }

    /// Appends what was read.
    pub fn push(&mut self, read: &[u8]) {
        self.bytes.extend_from_slice(read);
    }

    /// Where to append what is read of a long line, without copying it.
    pub fn space(&mut self) -> &mut BytesMut {
        &mut self.bytes
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
    /// Lines before an over-long one are taken first; the call after that says [`TooLong`].
    pub fn take_lines(&mut self) -> Result<Option<Lines>, TooLong> {
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
        // What is left gets memory of its own: it may stay when the lines are long gone.
        let rest = BytesMut::from(self.bytes.get(end..).unwrap_or_default());
        self.bytes.truncate(end);
        let lines = core::mem::replace(&mut self.bytes, rest).freeze();
        Ok(Some(Lines { bytes: lines, count }))
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
        assert_eq!(buffer.len(), 3);
    }

    #[test]
    fn the_limit_counts_without_the_newline_and_spares_the_lines_before() {
        let mut buffer = LineBuffer::new(4);
        buffer.push(b"a\n1234\n12345\nb\n");
        assert_eq!(taken(&mut buffer), Some((b"a\n1234\n".to_vec(), 2)));
        assert!(buffer.take_lines().is_err());
        let mut partial = LineBuffer::new(4);
        partial.push(b"12345");
        assert!(partial.take_lines().is_err());
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
