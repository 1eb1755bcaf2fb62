//! The lines from `init` to the build key.

use std::io;

use crate::cipher::LinkKey;
use crate::inbox::Line;
use crate::link::{CLOSE, GO_ON, Link, Next};
use crate::{Behaviour, Step};

/// How far a link has come.
#[derive(PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing but `init` is allowed.
    Hello,
    /// Only this challenge is allowed.
    Challenged(Vec<u8>),
    /// The caller is known; anything is allowed.
    Greeted,
    /// The build key has been sent: what comes now are requests.
    Up,
    /// Never answers again.
    Stalled,
}

impl Link {
    pub(crate) async fn handle_handshake(&mut self, line: Line) -> Next {
        let raw = &line.received.raw;
        let Some(step) = self.step(raw) else {
            if self.phase == Phase::Greeted {
                return self.handle_request(line).await;
            }
            self.say(b"refused");
            return CLOSE;
        };
        let behaviour = self.behaviour();
        if behaviour == Behaviour::StallAt(step) {
            self.phase = Phase::Stalled;
            return GO_ON;
        }
        if behaviour == Behaviour::CloseAt(step) {
            return CLOSE;
        }
        match step {
            Step::Accept => self.challenge(behaviour).await,
            Step::Challenge => self.greet(raw, behaviour),
            Step::Pong => match self.pong().await? {
                Some(answer) => {
                    self.say(&answer);
                    GO_ON
                }
                None => CLOSE,
            },
            Step::SetHost | Step::Version => {
                let answer = self.introduction(raw).unwrap_or_default();
                self.say(&answer);
                GO_ON
            }
            Step::BuildKey => self.build_key(behaviour),
        }
    }

    fn step(&self, raw: &[u8]) -> Option<Step> {
        match self.phase {
            Phase::Hello => (raw == b"init").then_some(Step::Accept),
            Phase::Challenged(_) => Some(Step::Challenge),
            Phase::Greeted | Phase::Up | Phase::Stalled => match raw {
                b"pong" => Some(Step::Pong),
                b"ekey" => Some(Step::BuildKey),
                _ if raw.starts_with(b"sethost:") => Some(Step::SetHost),
                _ if raw.starts_with(b"version:") => Some(Step::Version),
                _ => None,
            },
        }
    }

    async fn challenge(&mut self, behaviour: Behaviour) -> Next {
        if behaviour == Behaviour::EndlessHandshakeLine {
            self.write_endlessly().await?;
        }
        let mut challenge = Vec::new();
        if behaviour != Behaviour::EmptyChallenge {
            challenge = format!("{}:{}", fastrand::u32(..), fastrand::u64(..)).into_bytes();
        }
        self.say(&challenge);
        self.phase = Phase::Challenged(challenge);
        GO_ON
    }

    fn greet(&mut self, raw: &[u8], behaviour: Behaviour) -> Next {
        let known = matches!(&self.phase, Phase::Challenged(challenge) if challenge == raw);
        if !known || behaviour == Behaviour::RefuseInit {
            self.say(b"refused");
            return CLOSE;
        }
        self.say(b"ok");
        self.phase = Phase::Greeted;
        GO_ON
    }

    /// The answer to `pong`, which may also be asked later: behind lond's id what calling back gave. `None` if the peer
    /// has gone meanwhile.
    pub(crate) async fn pong(&mut self) -> io::Result<Option<Vec<u8>>> {
        let call_back = self.settings.borrow().call_back.clone();
        let mut called_back = None;
        if let Some(call_back) = call_back {
            let asking = async { called_back = Some(call_back.ask().await) };
            if self.pause(asking).await?.is_break() {
                return Ok(None);
            }
        }
        let behaviour = self.behaviour();
        if behaviour == Behaviour::SoftFail {
            return Ok(Some(b"con_lost".to_vec()));
        }
        let caller = called_back.or_else(|| self.settings.borrow().caller.clone());
        let caller = caller.as_deref().unwrap_or("con_lost");
        let id = self.own_id(behaviour == Behaviour::WrongPong);
        Ok(Some(format!("{id}:{caller}").into_bytes()))
    }

    /// The id it gives as its own.
    pub(crate) fn own_id(&self, is_wrong: bool) -> String {
        let not = if is_wrong { "not-" } else { "" };
        format!("{not}{}", self.shared.id)
    }

    /// The answer to `sethost` and `version`, which may also be asked later; `None` for other lines.
    pub(crate) fn introduction(&self, command: &[u8]) -> Option<Vec<u8>> {
        let soft_fail = self.behaviour() == Behaviour::SoftFail;
        let id = &self.shared.id;
        let host = command.strip_prefix(b"sethost:");
        if host.is_none() && !command.starts_with(b"version:") {
            return None;
        }
        let answer = match host {
            _ if soft_fail => "unknown_cmd",
            Some(host) if host == id.as_bytes() => "ok",
            Some(_) => "refused",
            None => concat!("version:", env!("CARGO_PKG_VERSION")),
        };
        Some(answer.as_bytes().to_vec())
    }

    pub(crate) fn build_key(&mut self, behaviour: Behaviour) -> Next {
        let mut build_key = String::new();
        if behaviour != Behaviour::EmptyBuildKey {
            let length = fastrand::usize(1..=30);
            build_key.extend((0..length).map(|_| fastrand::digit(16).to_ascii_uppercase()));
        }
        self.say(build_key.as_bytes());
        let caller = self.settings.borrow().caller.clone();
        self.key = caller.map(|caller| LinkKey::derive(&self.shared.id, &caller, build_key.as_bytes()));
        self.phase = Phase::Up;
        if behaviour == Behaviour::UnaskedLine {
            self.say(b"unasked");
        }
        if behaviour == Behaviour::CloseAfterRequests(0) {
            CLOSE
        } else {
            GO_ON
        }
    }

    /// A line to go out with the next write.
    pub(crate) fn say(&mut self, line: &[u8]) {
        self.out.extend_from_slice(line);
        self.out.push(b'\n');
    }
}
