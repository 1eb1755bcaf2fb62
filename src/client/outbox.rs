//! Answers on their way to a client.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::AsyncWrite as _;
use tokio::net::UnixStream;

use crate::give_way::give_way;

/// Pieces of fewer bytes than this are joined, so that one write carries them.
const JOIN: usize = 16 * 1024;

/// Writes in a row, before others have their turn: a large one takes some tens of microseconds.
const TURNS: usize = 8;

/// Bytes to be written, in order.
#[derive(Default)]
pub(super) struct Outbox {
    pieces: VecDeque<BytesMut>,
    len: usize,
}

impl Outbox {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn push(&mut self, bytes: BytesMut) {
        self.len += bytes.len();
        match self.pieces.back_mut() {
            Some(last) if last.len() < JOIN && bytes.len() < JOIN => last.extend_from_slice(&bytes),
            Some(_) | None => self.pieces.push_back(bytes),
        }
    }

    /// Writes as much as the client takes; how many bytes that was. What is written is given back at once, so that an
    /// idle client keeps no memory of its largest answer.
    pub(super) fn write(&mut self, stream: &mut UnixStream, cx: &mut Context<'_>) -> io::Result<usize> {
        let before = self.len;
        for turn in 0.. {
            let Some(piece) = self.pieces.front_mut() else {
                break;
            };
            if turn == TURNS {
                give_way(cx);
                break;
            }
            match Pin::new(&mut *stream).poll_write(cx, piece) {
                Poll::Pending => break,
                Poll::Ready(written) => {
                    let written = written?;
                    piece.advance(written);
                    self.len -= written;
                }
            }
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        Ok(before - self.len)
    }
}
