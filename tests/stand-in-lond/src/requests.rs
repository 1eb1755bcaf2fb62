//! Requests after the handshake.

use std::io;
use std::sync::Arc;

use fastrand::Rng;

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
        if let Behaviour::LateReply(delay) = behaviour
            && self.pause(tokio::time::sleep(delay)).await?.is_break()
        {
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
        match self.perform(&line).await? {
            Some(reply) => self.answer(reply, behaviour),
            None => CLOSE,
        }
    }

    /// The behaviour now; a new one starts with nothing answered.
    fn act(&mut self) -> Behaviour {
        let settings = self.settings.borrow();
        if self.acting.change != settings.change {
            self.acting = Acting {
                change: settings.change,
                ..Acting::default()
            };
        }
        settings.behaviour
    }

    /// `None` when the link is to be closed without an answer.
    async fn perform(&mut self, line: &Line) -> io::Result<Option<Reply>> {
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
        let shared = Arc::clone(&self.shared);
        let (next, text, encrypted) = match Command::parse(command, &shared.id) {
            Command::Reply { text, encrypted } => (GO_ON, text, encrypted),
            Command::Sleep(time, text) => (self.pause(tokio::time::sleep(time)).await, text.to_vec(), false),
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
}
