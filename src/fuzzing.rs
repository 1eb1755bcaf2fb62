//! What `fuzz/` drives within this crate, and what that stands on: bytes that come in pieces.
//!
//! Limits that no short input reaches are smaller where it is built for that.

use std::pin::Pin;
use std::slice::Iter;
use std::task::{Context, Poll};
use std::{cell::RefCell, io};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};

pub use crate::daemon::fuzzed_calls as calls;
pub use crate::metrics::fuzzing::requests;
pub use crate::standing::fuzzing::answers;
pub use crate::tls::fuzzing::{Client as TlsClient, client as tls_client, words as tls_words};

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(Builder::new_current_thread().enable_time().build().expect("a runtime"));
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with_borrow(|runtime| runtime.block_on(future))
}

/// How an input is cut, and the input.
pub(crate) fn parts(input: &[u8]) -> (&[u8], &[u8]) {
    let (num_cuts, rest) = input.split_first().unwrap_or((&0, &[]));
    rest.split_at_checked(usize::from(num_cuts % 16))
        .unwrap_or((&[], rest))
}

/// Every way in which the same bytes are to come to the same.
pub(crate) fn ways(cuts: &[u8]) -> [&[u8]; 3] {
    [cuts, &[], &[1; 1 << 12]]
}

/// A stream whose other side has said all that it says; each read gives a piece of it. What is written is kept.
pub(crate) struct Pieces<'b> {
    rest: &'b [u8],
    cuts: Iter<'b, u8>,
    pub(crate) written: Vec<u8>,
}

impl<'b> Pieces<'b> {
    pub(crate) fn new(bytes: &'b [u8], cuts: &'b [u8]) -> Self {
        Self {
            rest: bytes,
            cuts: cuts.iter(),
            written: Vec::new(),
        }
    }
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self
            .cuts
            .next()
            .map_or(usize::MAX, |cut| usize::from(*cut).max(1));
        let (piece, rest) = self.rest.split_at(most.min(self.rest.len()).min(out.remaining()));
        out.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
