//! Behaviours by name, for the command line: `stall-at:pong`, `late-reply:500`.

use std::str::FromStr;
use std::time::Duration;

use crate::{BadHex, Behaviour, Step};

/// No behaviour has this name, or its argument is missing or wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownBehaviour;

impl std::fmt::Display for UnknownBehaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unknown behaviour, or its argument is wrong")
    }
}

impl std::error::Error for UnknownBehaviour {}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    /// The variant's name in kebab case; an argument follows a colon, a duration in milliseconds.
    fn from_str(text: &str) -> Result<Self, UnknownBehaviour> {
        match text.split_once(':') {
            Some((name, argument)) => with_argument(name, argument),
            None => without_argument(text),
        }
        .ok_or(UnknownBehaviour)
    }
}

fn without_argument(name: &str) -> Option<Behaviour> {
    Some(match name {
        "normal" => Behaviour::Normal,
        "refuse" => Behaviour::Refuse,
        "refuse-init" => Behaviour::RefuseInit,
        "soft-fail" => Behaviour::SoftFail,
        "wrong-pong" => Behaviour::WrongPong,
        "wrong-ping" => Behaviour::WrongPing,
        "empty-challenge" => Behaviour::EmptyChallenge,
        "empty-build-key" => Behaviour::EmptyBuildKey,
        "endless-handshake-line" => Behaviour::EndlessHandshakeLine,
        "unasked-line" => Behaviour::UnaskedLine,
        "half-reply" => Behaviour::HalfReply,
        "extra-reply" => Behaviour::ExtraReply,
        "endless-line" => Behaviour::EndlessLine,
        "slow-read" => Behaviour::SlowRead,
        "never-read" => Behaviour::NeverRead,
        "silent" => Behaviour::Silent,
        "never-reply" => Behaviour::NeverReply,
        "byte-by-byte" => Behaviour::ByteByByte,
        _ => return None,
    })
}

fn with_argument(name: &str, argument: &str) -> Option<Behaviour> {
    Some(match name {
        "stall-at" => Behaviour::StallAt(step(argument)?),
        "close-at" => Behaviour::CloseAt(step(argument)?),
        "close-after-requests" => Behaviour::CloseAfterRequests(argument.parse().ok()?),
        "garbage" => Behaviour::Garbage(argument.parse().ok()?),
        "bad-hex" => Behaviour::BadHex(bad_hex(argument)?),
        "late-reply" => Behaviour::LateReply(Duration::from_millis(argument.parse().ok()?)),
        _ => return None,
    })
}

fn step(name: &str) -> Option<Step> {
    Some(match name {
        "accept" => Step::Accept,
        "challenge" => Step::Challenge,
        "set-host" => Step::SetHost,
        "version" => Step::Version,
        "pong" => Step::Pong,
        "build-key" => Step::BuildKey,
        _ => return None,
    })
}

fn bad_hex(name: &str) -> Option<BadHex> {
    Some(match name {
        "odd-length" => BadHex::OddLength,
        "non-hex" => BadHex::NonHex,
        "part-block" => BadHex::PartBlock,
        "length-too-large" => BadHex::LengthTooLarge,
        "newline-inside" => BadHex::NewlineInside,
        _ => return None,
    })
}
