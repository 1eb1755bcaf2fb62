//! Clients and operators who do everything at once, and a lond that goes through all its ways.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use nix::sys::signal::Signal;
use stand_in_lond::{BadHex, Behaviour, Step};

use crate::{Client, Lonc, Peer};

/// What keeps replies apart. Left out is what a caller cannot tell from replies (garbage, a line too many) and, as the
/// behaviour changes while links are open, a reply left out before others that are given.
const BEHAVIOURS: [Behaviour; 13] = [
    Behaviour::Normal,
    Behaviour::Normal,
    Behaviour::Refuse,
    Behaviour::StallAt(Step::Pong),
    Behaviour::CloseAt(Step::BuildKey),
    Behaviour::SoftFail,
    Behaviour::CloseAfterRequests(5),
    Behaviour::HalfReply,
    Behaviour::EndlessLine,
    Behaviour::BadHex(BadHex::PartBlock),
    Behaviour::LateReply(Duration::from_millis(30)),
    Behaviour::LateReply(Duration::from_millis(400)),
    Behaviour::ByteByByte,
];

/// What clients ask.
#[derive(Clone, Copy)]
pub struct Asking {
    /// Two in so many requests are critical.
    pub critical_in: u8,
    /// What a critical request may hear that cannot be sent now.
    pub lost: &'static [&'static str],
}

/// What came of requests.
#[derive(Default)]
pub struct Answers {
    /// How many lond answered.
    pub served: usize,
    /// The commands of plain critical requests that are to be sent later, by what was said.
    pub promised: BTreeSet<String>,
    /// How many critical requests could not be stored in time.
    pub failed: usize,
}

impl Answers {
    /// These, and those of another.
    #[must_use]
    pub fn with(mut self, mut other: Self) -> Self {
        self.served += other.served;
        self.promised.append(&mut other.promised);
        self.failed += other.failed;
        self
    }
}

/// A request.
struct Request {
    before: &'static str,
    command: String,
    /// What lond answers,
    right: String,
    /// and what else may be its answer.
    lost: &'static [&'static str],
}

impl Request {
    fn random(rng: &mut Rng, word: &str, asking: Asking) -> Self {
        let long = "y".repeat(rng.usize(..3000));
        let (command, right) = match rng.u8(..10) {
            0 => {
                return Self {
                    before: "",
                    command: String::new(),
                    right: "unknown_cmd".into(),
                    lost: &[],
                };
            }
            1 => (format!("sleep:{}:{word}", rng.u8(..5)), word.to_owned()),
            2 => (format!("encecho:{word}"), word.to_owned()),
            3 => (format!("echo:{word}{long}"), format!("{word}{long}")),
            _ => (format!("echo:{word}"), word.to_owned()),
        };
        let (before, lost) = match rng.u8(..asking.critical_in) {
            0 => ("critical:", asking.lost),
            1 => ("critical:encrypt:", asking.lost),
            number if number % 2 == 0 => ("", &["con_lost"][..]),
            _ => ("encrypt:", &["con_lost"][..]),
        };
        Self {
            before,
            command,
            right,
            lost,
        }
    }
}

/// Some requests on a connection, and their answers; each is its own or says that it is lost.
pub fn visit(rng: &mut Rng, mut client: Client, name: &str, asking: Asking) -> Answers {
    let mut answers = Answers::default();
    for round in 0..rng.usize(1..4) {
        let asked: Vec<_> = (0..rng.usize(1..40))
            .map(|number| Request::random(rng, &format!("{name}.{round}.{number}."), asking))
            .collect();
        for request in &asked {
            client.say(format!("{}{}", request.before, request.command));
        }
        if rng.u8(..8) == 0 {
            // Gone without a word, or with half of one.
            client.send("echo:half");
            return answers;
        }
        for request in asked {
            let heard = client.hear();
            let is_right = heard == request.right;
            assert!(
                is_right || request.lost.contains(&heard.as_str()),
                "{heard} in answer to {}{}",
                request.before,
                request.command
            );
            answers.served += usize::from(is_right && !request.command.is_empty());
            answers.failed += usize::from(heard == "con_failed");
            if heard == "con_delayed" && request.before == "critical:" {
                answers.promised.insert(request.command);
            }
        }
    }
    client.half_close();
    assert_eq!(client.rest(), b"");
    answers
}

/// One thing that goes wrong, or is changed; `beside` are sections of the configuration that stay as they are.
pub fn torment(rng: &mut Rng, peer: &Peer, lonc: &Lonc, beside: &str) {
    match rng.u8(..8) {
        0 => peer.kill(),
        1 | 2 => peer.revive(),
        3 => peer.drop_links(),
        4 => lonc.signal(Signal::SIGUSR1),
        5 => {
            lonc.site.configure(peer.addr(), &(settings(rng) + beside));
            lonc.signal(Signal::SIGHUP);
        }
        _ => peer.behave(BEHAVIOURS[rng.usize(..BEHAVIOURS.len())]),
    }
}

/// Settings that make short work of whatever fails.
pub fn settings(rng: &mut Rng) -> String {
    format!(
        "[link]\nconnections = {}\npipeline = {}\nrequest_timeout = '200ms'\nhandshake_timeout = '200ms'\n\
         connect_wait = '100ms'\nbackoff_min = '5ms'\nbackoff_max = '50ms'\nmax_reply_bytes = '1MiB'\n\
         probe_interval = '50ms'\nidle_timeout = '500ms'\n[client]\nmax_client_bytes = {}\nmax_request_bytes = '64KiB'\n",
        rng.u8(1..4),
        [1, 2, 64][rng.usize(..3)],
        [100, 4096, 1 << 20][rng.usize(..3)],
    )
}
