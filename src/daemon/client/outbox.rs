//! Answers on their way to a client.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use lonc_proto::buffer::Buffer;
use tokio::io::AsyncWrite as _;
use tokio::net::UnixStream;

use crate::daemon::give_way::give_way;

/// Pieces of fewer bytes than this are joined, so that one write carries them.
const JOIN: usize = 16 * 1024;

/// Writes in a row, before others have their turn: a large one takes some tens of microseconds.
const TURNS: usize = 8;

/// Bytes to be written, in order.
#[derive(Default)]
pub(super) struct Outbox {
    pieces: VecDeque<Piece>,
    len: usize,
}

struct Piece {
    unwritten: Buffer,
    /// Bytes whose memory it keeps.
    kept: usize,
}

impl Piece {
    /// Gives back what is written, if that is more than what is left: a client that leaves the end of a large answer
    /// where it is must not keep all of it.
    fn shrink(&mut self) {
        if self.kept >= JOIN && self.unwritten.len() < self.kept / 2 {
            self.unwritten = self.unwritten.front(self.unwritten.len());
            self.kept = self.unwritten.len();
        }
    }
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn push(&mut self, bytes: Buffer) {
        self.len += bytes.len();
        match self.pieces.back_mut() {
            Some(last) if last.kept < JOIN && bytes.len() < JOIN => {
                last.unwritten.keep_as(&bytes);
                last.unwritten.extend_from_slice(&bytes);
                last.kept += bytes.len();
            }
            Some(_) | None => self.pieces.push_back(Piece {
                kept: bytes.len(),
                unwritten: bytes,
            }),
        }
    }

    /// Writes as much as the client takes; how many bytes that was. What is written is given back, so that an idle
    /// client keeps no memory of its largest answer.
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
            match Pin::new(&mut *stream).poll_write(cx, &piece.unwritten) {
                Poll::Pending => {
                    piece.shrink();
                    break;
                }
                Poll::Ready(written) => {
                    let written = written?;
                    piece.unwritten.advance(written);
                    self.len -= written;
                }
            }
            if piece.unwritten.is_empty() {
                self.pieces.pop_front();
            }
        }
        Ok(before - self.len)
    }
}
