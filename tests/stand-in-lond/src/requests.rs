//! Requests after the handshake.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::Behaviour;
use crate::commands::Command;
use crate::inbox::Line;
use crate::link::{CLOSE, GO_ON, Link, Next};
use crate::replies::Reply;

/// What a link remembers while a behaviour lasts.
#[derive(Default)]
pub(crate) struct Acting {
    change: u64,
    pub(crate) answered: usize,
    pub(crate) garbage: Option<Rng>,
}

impl Link {
    pub(crate) async fn handle_request(&mut self, line: Line) -> Next {
        let behaviour = self.act();
        let time = self.time_for(&line, behaviour);
        if !time.is_zero() && self.pause(sleep(time)).await?.is_break() {
            return CLOSE;
        }
        if let Behaviour::Garbage(seed) = behaviour {
            self.say_garbage(seed);
            return GO_ON;
        }
        if behaviour == Behaviour::NeverReply {
            return GO_ON;
        }
        if behaviour == Behaviour::CloseAfterRequests(0) {
            return CLOSE;
        }
        if behaviour == Behaviour::EndlessLine {
            self.write_endlessly().await?;
        }
        if line.received.raw == b"ekey" {
            return self.build_key(behaviour);
        }
        match self.perform(&line, behaviour).await? {
            Some(reply) => self.answer(reply, behaviour),
            None => CLOSE,
        }
    }

    /// The behaviour now; a new one starts with nothing answered.
    fn act(&mut self) -> Behaviour {
        let assigned = self.settings.borrow().of(self.place);
        if self.acting.change != assigned.change {
            self.acting = Acting {
                change: assigned.change,
                ..Acting::default()
            };
        }
        assigned.behaviour
    }

    /// How long this request takes.
    fn time_for(&self, line: &Line, behaviour: Behaviour) -> Duration {
        let late = if let Behaviour::LateReply(delay) = behaviour {
            delay
        } else {
            Duration::ZERO
        };
        if line.received.command().trim_ascii_end() == b"ping" {
            return late;
        }
        let number = self.shared.worked.fetch_add(1, Ordering::Relaxed) + 1;
        late + self.settings.borrow().pace.time(number)
    }

    /// `None` when the link is to be closed without an answer.
    async fn perform(&mut self, line: &Line, behaviour: Behaviour) -> io::Result<Option<Reply>> {
        let asked_encrypted = line.received.decrypted.is_some();
        let mut command = line.received.command();
        if asked_encrypted {
            command = command.strip_suffix(b"\n").unwrap_or(command);
        }
        if let Some(text) = self.introduction(command) {
            return Ok(Some(Reply {
                text,
                encrypted: asked_encrypted,
            }));
        }
        if command == b"pong" {
            let pong = self.pong().await?;
            return Ok(pong.map(|text| Reply {
                text,
                encrypted: asked_encrypted,
            }));
        }
        let shared = Arc::clone(&self.shared);
        let (next, text, encrypted) = match Command::parse(command) {
            Command::Reply { text, encrypted } => (GO_ON, text, encrypted),
            Command::Ping => {
                let id = self.own_id(behaviour == Behaviour::WrongPing);
                (GO_ON, id.into_bytes(), false)
            }
            Command::Counts => (GO_ON, shared.links.borrow().counts().into_bytes(), false),
            Command::Silence { on_all } => (self.fall_silent(on_all).await, b"awake".to_vec(), false),
            Command::Sleep(time, text) => (self.pause(sleep(time)).await, text.to_vec(), false),
            Command::Hold(text) => {
                let mut calls = shared.releases.subscribe();
                let released = async { drop(calls.wait_for(|count| *count > line.releases).await) };
                (self.pause(released).await, text.to_vec(), false)
            }
            Command::Die => (CLOSE, Vec::new(), false),
        };
        let reply = Reply {
            text,
            encrypted: encrypted || asked_encrypted,
        };
        Ok(next?.is_continue().then_some(reply))
    }

    /// Replies before it go out; it comes back when the silence has ended.
    async fn fall_silent(&mut self, on_all: bool) -> Next {
        self.flush().await?;
        self.shared.settings.send_modify(|settings| {
            if on_all {
                settings.behave(Behaviour::Silent);
            } else {
                settings.behave_on(self.place.number, Behaviour::Silent);
            }
        });
        // What runs the link sees that first.
        yield_now().await;
        GO_ON
    }
}
