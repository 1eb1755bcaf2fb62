//! The steps that open a link.
//!
//! | step | we send | lond answers | otherwise |
//! |---|---|---|---|
//! | [`Step::Tls`], if the link is to be secured | nothing: TLS is negotiated below | | fail |
//! | [`Step::Init`] | `init` | a challenge line | fail |
//! | [`Step::Challenge`] | the challenge | `ok` | fail |
//! | [`Step::SetHost`] | `sethost:<peer>` | `ok` | note, go on |
//! | [`Step::Version`] | `version:<ours>` | `version:<theirs>` | note, go on |
//! | [`Step::Pong`], if wanted | `pong` | begins with `<peer>` | note, go on |
//! | [`Step::BuildKey`] | `ekey` | the build key | fail |
//!
//! Source: the original's `openremote`. An empty challenge fails too: lond would be no lond. To answer `pong` lond asks
//! this host back through its own lonc, up to 10 s; so it is asked only where somebody wants that.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::cipher::Key;
use crate::excerpt::excerpt;

/// Longest line lond may send while the link opens, in bytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// Who talks to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Id of the remote host.
    pub peer: String,
    /// Id of this host.
    pub own: String,
    /// What we say our version is.
    pub version: String,
}

/// What we wait for an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The TLS handshake.
    Tls,
    /// `init`.
    Init,
    /// The challenge, sent back.
    Challenge,
    /// `sethost:`.
    SetHost,
    /// `version:`.
    Version,
    /// `pong`.
    Pong,
    /// `ekey`.
    BuildKey,
}

/// True if lond takes `sethost:<id>:` before a command, by its version. Revision 321 of 2006 and those before do not, and
/// one that tells no version is older still.
#[must_use]
pub fn takes_host_inline(version: Option<&str>) -> bool {
    const LAST_WITHOUT: u32 = 321;
    let number = version.map(|version| version.trim_matches(|other: char| !other.is_ascii_digit()));
    match number
        .and_then(|number| number.strip_prefix("1."))
        .map(str::parse)
    {
        Some(Ok(revision)) => LAST_WITHOUT < revision,
        Some(Err(_)) => true,
        None => version.is_some(),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Tls => "the TLS handshake",
            Self::Init => "init",
            Self::Challenge => "challenge",
            Self::SetHost => "sethost",
            Self::Version => "version",
            Self::Pong => "pong",
            Self::BuildKey => "ekey",
        })
    }
}

/// An answer that ends the try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The challenge line was empty.
    #[error("init failed: lond sent an empty challenge")]
    EmptyChallenge,
    /// lond did not accept the challenge.
    #[error("init failed: lond answered \"{0}\" to its challenge")]
    Refused(String),
    /// There is no key to encrypt with.
    #[error("lond sent an empty build key")]
    EmptyBuildKey,
}

/// An answer worth a warning; the link opens all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The step that was answered.
    pub step: Step,
    /// What lond said, safe to log.
    pub answer: String,
}

/// What follows from an answer.
pub enum Outcome {
    /// Send this line (its newline included) and wait for the answer to it.
    Send(Vec<u8>),
    /// The link is open.
    Open {
        /// Key of the link.
        key: Key,
        /// lond's version, if it told.
        version: Option<String>,
    },
}

/// The opening dialogue of one link.
pub struct Handshake {
    step: Step,
    pong: bool,
    version: Option<String>,
}

impl Handshake {
    /// A dialogue before its first line, and that line; with `pong` lond is asked for that, too.
    #[must_use]
    pub fn start(pong: bool) -> (Self, Vec<u8>) {
        let mut dialogue = Self::start_securing(pong);
        let first = dialogue.secured();
        (dialogue, first)
    }

    /// A dialogue on a connection that is to be secured before its first line.
    #[must_use]
    pub fn start_securing(pong: bool) -> Self {
        Self {
            step: Step::Tls,
            pong,
            version: None,
        }
    }

    /// The connection is secured; the first line.
    pub fn secured(&mut self) -> Vec<u8> {
        self.step = Step::Init;
        b"init\n".to_vec()
    }

    /// The step whose answer is awaited.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }

    /// Takes lond's answer to the present step, given without its newline.
    pub fn answered(
        &mut self,
        line: &[u8],
        identity: &Identity,
    ) -> Result<(Outcome, Option<Note>), HandshakeError> {
        let step = self.step;
        let fine = match step {
            Step::Init if line.is_empty() => return Err(HandshakeError::EmptyChallenge),
            Step::Challenge if line != b"ok" => return Err(HandshakeError::Refused(excerpt(line))),
            Step::BuildKey if line.is_empty() => return Err(HandshakeError::EmptyBuildKey),
            Step::BuildKey => {
                let key = Key::derive(identity.peer.as_bytes(), identity.own.as_bytes(), line);
                return Ok((
                    Outcome::Open {
                        key,
                        version: self.version.take(),
                    },
                    None,
                ));
            }
            Step::Tls | Step::Init | Step::Challenge => true,
            Step::SetHost => line == b"ok",
            Step::Version => self.note_version(line),
            Step::Pong => line.starts_with(identity.peer.as_bytes()),
        };
        let note = (!fine).then(|| Note {
            step,
            answer: excerpt(line),
        });
        let (next, words) = match step {
            Step::Tls => (Step::Init, b"init".to_vec()),
            Step::Init => (Step::Challenge, line.to_vec()),
            Step::Challenge => (Step::SetHost, ["sethost:", &identity.peer].concat().into_bytes()),
            Step::SetHost => (
                Step::Version,
                ["version:", &identity.version].concat().into_bytes(),
            ),
            Step::Version if self.pong => (Step::Pong, b"pong".to_vec()),
            Step::Version | Step::Pong | Step::BuildKey => (Step::BuildKey, b"ekey".to_vec()),
        };
        self.step = next;
        Ok((Outcome::Send([&words, &b"\n"[..]].concat()), note))
    }

    fn note_version(&mut self, line: &[u8]) -> bool {
        let theirs = line.strip_prefix(b"version:");
        self.version = theirs.map(excerpt);
        theirs.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a dialogue ended, if it did.
    type End = Option<Result<Key, HandshakeError>>;

    #[test]
    fn a_lond_of_2006_is_told_by_its_version() {
        for old in ["1.321", "$Revision: 1.121 $", "Revision: 1.9"] {
            assert!(!takes_host_inline(Some(old)), "{old}");
        }
        for new in ["1.322", "$Revision: 1.489.2.35 $", "2.11.4", "1.x", "12", ""] {
            assert!(takes_host_inline(Some(new)), "{new}");
        }
        assert!(!takes_host_inline(None));
    }

    #[test]
    fn a_good_dialogue_is_in_the_fixed_order() {
        let answers: [&[u8]; 6] = [
            b"12:34",
            b"ok",
            b"ok",
            b"version:3",
            b"msul1:con_lost",
            b"54321AFE98700BCD",
        ];
        let (sent, notes, end) = dialogue(&answers);
        let lines: [&[u8]; 6] = [
            b"init\n",
            b"12:34\n",
            b"sethost:msul1\n",
            b"version:1.0\n",
            b"pong\n",
            b"ekey\n",
        ];
        assert_eq!(sent, lines);
        assert_eq!(notes, []);
        assert_eq!(end.unwrap().unwrap().as_bytes()[..4], [0x62, 0x45, 0x16, 0x24]);
    }

    #[test]
    fn the_middle_steps_may_fail_softly() {
        let answers: [&[u8]; 6] = [b"c", b"ok", b"unknown_cmd", b"unknown_cmd", b"con_lost", b"0"];
        let (sent, notes, end) = dialogue(&answers);
        assert_eq!(sent.len(), 6);
        assert_eq!(notes, [Step::SetHost, Step::Version, Step::Pong]);
        assert!(matches!(end, Some(Ok(_))));
    }

    #[test]
    fn the_others_may_not() {
        assert!(matches!(
            dialogue(&[b""]).2,
            Some(Err(HandshakeError::EmptyChallenge))
        ));
        let refused = dialogue(&[b"c", b"refused"]).2;
        assert!(matches!(refused, Some(Err(HandshakeError::Refused(words))) if words == "refused"));
        let empty: [&[u8]; 6] = [b"c", b"ok", b"ok", b"version:1", b"msul1", b""];
        assert!(matches!(
            dialogue(&empty).2,
            Some(Err(HandshakeError::EmptyBuildKey))
        ));
    }

    fn identity() -> Identity {
        Identity {
            peer: "msul1".into(),
            own: "msul2".into(),
            version: "1.0".into(),
        }
    }

    /// Feeds the answers; what was sent, the notes' steps, and how it ended.
    fn dialogue(answers: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<Step>, End) {
        let (mut handshake, first) = Handshake::start(true);
        let (mut sent, mut notes) = (alloc::vec![first], Vec::new());
        for answer in answers {
            match handshake.answered(answer, &identity()) {
                Err(error) => return (sent, notes, Some(Err(error))),
                Ok((outcome, note)) => {
                    notes.extend(note.map(|note| note.step));
                    match outcome {
                        Outcome::Send(line) => sent.push(line),
                        Outcome::Open { key, .. } => return (sent, notes, Some(Ok(key))),
                    }
                }
            }
        }
        (sent, notes, None)
    }
}
