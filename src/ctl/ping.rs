//! `loncctl ping`: what each lond says its name is, and how long that takes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::arguments;
use super::outcome::{Exit, Fault, complain};
use super::screen::{self, Paint, Screen};
use super::site::Site;
use super::table::Side::{Left, Right};
use super::table::{Cell, NOTHING, Table};
use super::words;
use super::worker::{self, NoReply, exit_of};
use crate::config::{HostId, Peer};
use crate::control::client::CallError;
use crate::standing::{Holder, Outside, Standing};
use crate::units;

/// Asks all at the same time.
pub(super) async fn run(site: &Site, arguments: &arguments::Ping, screen: Screen) -> Result<Exit, Fault> {
    let mut peers = site.choose(&arguments.peers)?;
    let mut exit = site.exit();
    if arguments.peers.is_empty() && !arguments.all {
        // To ask would start the daemons of all others.
        let (running, others): (Vec<_>, Vec<_>) = peers
            .into_iter()
            .partition(|peer| site.control(&peer.id).exists());
        let outside = site.outside();
        exit = exit.max(tell_off(&outside, &others));
        peers = running;
        if peers.is_empty() {
            complain(&if others
                .iter()
                .any(|peer| outside.holder(&peer.id) != Holder::Foreign)
            {
                "no daemon runs; loncctl ping PEER starts one, loncctl ping --all starts all"
            } else {
                "nothing is taken over yet: loncctl takeover PEER moves one peer here; loncctl ping PEER asks by way of who \
                 serves it now"
            });
            return Ok(exit.max(Exit::Amiss));
        }
    }
    let mut table = Table::new(&[
        ("PEER", Left),
        ("ANSWER", Left),
        ("TIME", Right),
        ("REMARK", Left),
    ]);
    let pongs = ask_all(site, &peers, arguments.timeout).await;
    let outside = site.outside();
    for (peer, pong) in pongs {
        exit = exit.max(pong.exit(&peer));
        let is_theirs = !site.control(&peer).exists() && outside.holder(&peer) == Holder::Foreign;
        let remark = pong.told(&outside, &peer);
        let remark = remark.or_else(|| is_theirs.then(|| "by way of another: not taken over".to_owned()));
        table.row(pong.cells(&peer, remark));
    }
    screen::print(&table.render(screen))?;
    Ok(exit)
}

/// Says which of those that do not run cannot be started either: nobody listens.
fn tell_off(outside: &Outside, peers: &[Peer]) -> Exit {
    let off: Vec<_> = peers
        .iter()
        .map(|peer| &peer.id)
        .filter(|id| outside.silent(id, &CallError::NotStarted) == Standing::Off)
        .map(AsRef::as_ref)
        .collect();
    let Some(first) = off.first() else {
        return Exit::Fine;
    };
    complain(&format_args!(
        "off, as nobody listens: {}; loncctl why {first}",
        words::some(&off)
    ));
    Exit::of(Standing::Off)
}

/// What came of a ping.
pub(super) struct Pong {
    answer: Result<Vec<u8>, NoReply>,
    took: Duration,
}

impl Pong {
    /// Asks at the socket for requests.
    pub(super) async fn get(socket: PathBuf, limit: Duration) -> Self {
        let begun = Instant::now();
        let answer = worker::ask(&socket, b"ping", limit).await;
        Self {
            answer,
            took: begun.elapsed(),
        }
    }

    pub(super) fn exit(&self, peer: &HostId) -> Exit {
        match &self.answer {
            Ok(name) if exit_of(name) == Exit::Fine && self.another(peer).is_some() => Exit::Amiss,
            Ok(answer) => exit_of(answer),
            Err(fault) => fault.exit(),
        }
    }

    /// Whether nobody answered in time.
    pub(super) fn is_late(&self) -> bool {
        matches!(self.answer, Err(NoReply::TimedOut(_)))
    }

    /// Whether we may not ask: that says nothing of lond.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.answer, Err(NoReply::Permission))
    }

    /// How long it took, or was waited for, in microseconds.
    pub(super) fn took_usec(&self) -> u64 {
        units::micros(self.took)
    }

    /// What it says of a link that is up.
    pub(super) fn exit_of_link(&self, peer: &HostId) -> Exit {
        if self.is_denied() {
            Exit::Fine
        } else {
            self.exit(peer).min(Exit::Amiss)
        }
    }

    /// The name of the host that answered, if it is not `peer`.
    pub(super) fn another(&self, peer: &HostId) -> Option<String> {
        let name = self.answer.as_ref().ok()?;
        let is_another = exit_of(name) == Exit::Fine && name != peer.as_bytes();
        is_another.then(|| words::word(&String::from_utf8_lossy(name)))
    }

    /// What went wrong.
    pub(super) fn complaint(&self, peer: &HostId) -> Option<String> {
        match &self.answer {
            Err(fault) => Some(fault.to_string()),
            Ok(answer) if exit_of(answer) == Exit::ConLost => {
                Some(format!("no reply from lond; loncctl why {peer} tells why"))
            }
            Ok(_) => {
                let name = self.another(peer)?;
                Some(format!(
                    "the lond there says it is {name}: the address of {peer} is wrong"
                ))
            }
        }
    }

    /// The same, and what to do where nobody is there to be asked.
    pub(super) fn told(&self, outside: &Outside, peer: &HostId) -> Option<String> {
        let remedy = |fault: &NoReply| format!("{fault}: {}", Site::absent(outside, peer));
        let nobody = self.answer.as_ref().err().filter(|fault| fault.is_of_nobody());
        nobody.map(remedy).or_else(|| self.complaint(peer))
    }

    fn cells(&self, peer: &HostId, remark: Option<String>) -> Vec<Cell> {
        let is_fine = self.exit(peer) == Exit::Fine;
        let paint = if is_fine { Paint::Good } else { Paint::Bad };
        let answer = match &self.answer {
            Ok(answer) => words::word(&String::from_utf8_lossy(answer)),
            Err(_) => NOTHING.to_owned(),
        };
        vec![
            peer.into(),
            Cell::painted(answer, paint),
            units::round_trip(self.took_usec()).into(),
            remark.unwrap_or_default().into(),
        ]
    }
}

async fn ask_all(site: &Site, peers: &[Peer], limit: Duration) -> Vec<(HostId, Pong)> {
    let mut asking = JoinSet::new();
    for (index, peer) in peers.iter().enumerate() {
        let (id, socket) = (peer.id.clone(), site.socket(&peer.id));
        asking.spawn(async move { (index, id, Pong::get(socket, limit).await) });
    }
    let mut pongs = asking.join_all().await;
    pongs.sort_by_key(|(index, ..)| *index);
    pongs.into_iter().map(|(_, id, pong)| (id, pong)).collect()
}
