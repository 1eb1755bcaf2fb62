//! The peers, each as its daemon tells, or as it is seen from outside.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{Answer, Outside, Standing, remark};
use crate::config::{Address, Disabled, Peer, Peers};
use crate::control::client;
use crate::control::interface::{DelayedSummary, Status, StatusReply};
use crate::units;

/// Of one that is not taken over, and that nobody serves.
pub(crate) const LEFT_ALONE: &str = "nobody listens: the Perl lonc does not reach it, or does not run";

/// A peer, as it was at one moment.
pub(crate) struct Seen {
    pub(crate) peer: Peer,
    pub(crate) answer: Answer,
    pub(crate) standing: Standing,
    /// What the administrator's file says, whether or not the daemon goes by it.
    pub(crate) disabled: Option<Disabled>,
    /// It is not left to the Perl lonc.
    pub(crate) is_ours: bool,
    /// Whether anybody listens where its clients ask; nothing where that was not looked at, or cannot be seen.
    pub(crate) is_heard: Option<bool>,
    /// What waits for it on disk, where its daemon does not tell and another could count it.
    pub(crate) waiting: Option<DelayedSummary>,
}

impl Seen {
    pub(crate) fn status(&self) -> Option<&Status> {
        self.answer.as_ref().ok()
    }

    /// Whether it is not to be served from here, and nobody else serves it.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.standing == Standing::Foreign && self.is_heard == Some(false)
    }

    /// What waits for it on disk, as far as anybody tells.
    pub(crate) fn delayed(&self) -> Option<DelayedSummary> {
        self.status().map_or(self.waiting, |status| status.delayed)
    }

    /// What is worth a remark beside the word, as others wrote it; nothing where all is well. `now` is in microseconds since
    /// 1970.
    pub(crate) fn remark(&self, now: u64) -> String {
        let mut parts = vec![self.about(now)];
        parts.extend(self.waiting.as_ref().map(remark::kept_back));
        parts.retain(|part| !part.is_empty());
        parts.join("; ")
    }

    fn about(&self, now: u64) -> String {
        match (&self.answer, &self.disabled) {
            (Ok(status), _) => {
                let mut parts = vec![remark::remark(status, now)];
                parts.extend(self.not_yet());
                parts.retain(|part| !part.is_empty());
                parts.join("; ")
            }
            (Err(_), _) if self.standing == Standing::Unlisted => {
                format!(
                    "in no table, and messages are there: loncctl spool list {}",
                    self.peer.id
                )
            }
            (Err(_), Some(disabled)) if self.standing == Standing::Disabled => {
                remark::disabled(&disabled.reason, disabled.until.map(units::micros_since_1970))
            }
            (Err(_), _) if self.is_left_alone() => format!("{LEFT_ALONE}: loncctl why {}", self.peer.id),
            (Err(_), _) if self.standing == Standing::Foreign => {
                let whose = if self.is_ours {
                    "not taken over"
                } else {
                    "left to the Perl lonc"
                };
                format!("{whose}: loncctl takeover {}", self.peer.id)
            }
            (Err(_), _) if self.standing == Standing::Off => {
                format!("nobody listens for it: loncctl why {}", self.peer.id)
            }
            (Err(_), _) if self.standing == Standing::Displaced => {
                format!(
                    "another program listens in its place: loncctl why {}",
                    self.peer.id
                )
            }
            // The state says it all.
            (Err(_), _) if self.standing == Standing::NotStarted => String::new(),
            (Err(fault), _) => fault.to_string(),
        }
    }

    /// What waits for a reload of its daemon.
    pub(crate) fn not_yet(&self) -> Option<String> {
        let status = self.status()?;
        let id = &self.peer.id;
        match (&self.disabled, &status.disabled) {
            (Some(_), None) => return Some(format!("is to be disabled: loncctl reload {id}")),
            (None, Some(_)) => return Some(format!("is to be enabled: loncctl reload {id}")),
            (Some(file), Some(told)) if file.until.map(units::micros_since_1970) != told.until_usec => {
                return Some(format!(
                    "another end of being disabled is said: loncctl reload {id}"
                ));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        let address = self.peer.address.to_string();
        let is_known = self.peer.address != Address::unknown();
        (is_known && address != status.address)
            .then(|| format!("its address is {address} now: loncctl reload {id}"))
    }
}

/// How each of `peers` stands, whom the configuration `config` has, and who are among those of `all`; they are asked at the
/// same time, and each may take `limit`.
pub(crate) async fn look(config: &Path, all: &Peers, peers: &[Peer], limit: Duration) -> Vec<Seen> {
    let control = |peer: &Peer| all.control_dir.join(peer.id.as_ref());
    let paths = peers.iter().map(control).collect();
    let answers = client::ask_all::<_, StatusReply>(paths, "GetStatus", json!({}), limit).await;
    let outside = Outside::look(config, &all.socket_dir);
    let seen = |(peer, answer): (&Peer, Result<StatusReply, _>)| {
        let answer = answer.map(|reply| reply.status);
        let standing = match &answer {
            Ok(status) => Standing::of_status(status),
            Err(fault) => outside.silent(&peer.id, fault),
        };
        Seen {
            standing,
            disabled: outside.disabled(&peer.id).cloned(),
            is_ours: outside.is_ours(&peer.id),
            is_heard: outside.is_heard(&peer.id),
            peer: peer.clone(),
            answer,
            waiting: None,
        }
    };
    peers.iter().zip(answers).map(seen).collect()
}

/// The same of what the administrator's file says.
pub(crate) fn disabled_words(disabled: &Disabled) -> String {
    let (since, until) = (disabled.since, disabled.until);
    words_of(
        &disabled.reason,
        units::micros_since_1970(since),
        until.map(units::micros_since_1970),
    )
}

/// That it is disabled, by whom and why, in words.
pub(crate) fn words_of(reason: &str, since_usec: u64, until_usec: Option<u64>) -> String {
    let since = units::date(since_usec);
    let until = until_usec.map_or_else(String::new, |until| format!(", until {}", units::date(until)));
    let why = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    format!("disabled by an administrator since {since}{until}{why}")
}
