//! Who takes part: the instance, with its peer and its journal; two beside it whose peers are bad all the time; and the
//! exporter of all of them.

use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use fastrand::Rng;
use nix::sys::signal::Signal;
use stand_in_lond::{BadHex, Behaviour, Step};
use test_harness::exporter::serving;
use test_harness::journal::Journal;
use test_harness::programs::Running;
use test_harness::{Client, Lonc, Peer, Site, wait_for, wait_until};

use crate::keeper::Keeper;
use crate::sample::Sample;
use crate::work::scrape;

/// Of the one whose lond says nothing, or too little, or too late.
const SILENT: [Behaviour; 6] = [
    Behaviour::Silent,
    Behaviour::StallAt(Step::Challenge),
    Behaviour::StallAt(Step::BuildKey),
    Behaviour::NeverReply,
    Behaviour::NeverRead,
    Behaviour::SlowRead,
];
/// Of the one whose lond says too much, or what nobody can use.
const MAD: [Behaviour; 9] = [
    Behaviour::Garbage(4711),
    Behaviour::EndlessHandshakeLine,
    Behaviour::EndlessLine,
    Behaviour::ExtraReply,
    Behaviour::UnaskedLine,
    Behaviour::EmptyBuildKey,
    Behaviour::WrongPing,
    Behaviour::BadHex(BadHex::NewlineInside),
    Behaviour::CloseAfterRequests(1),
];
/// Comes back soon, keeps no link for long that nobody needs, waits for no lond for long and takes no reply that is endless.
const CALM: &str = "[link]\nbackoff_min = '10ms'\nbackoff_max = '40ms'\nidle_timeout = '100ms'\n\
                    handshake_timeout = '2s'\nrequest_timeout = '2s'\nmax_reply_bytes = '1MiB'\n";
/// How long it is counted how often those who are calm wake up.
const LOOK: Duration = Duration::from_secs(1);
/// When it is taken as it is. Without a question the exporter ends soon after.
const AT_LAST: Duration = Duration::from_secs(20);
/// So often the exporter is asked where it is to go on.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(5);
/// How often more than before they may.
const BY_CHANCE: u64 = 5;

/// An instance whose peer is bad.
pub(crate) struct Bad {
    id: &'static str,
    pub(crate) peer: Peer,
    lonc: Lonc,
    ways: &'static [Behaviour],
}

impl Bad {
    fn start(site: &Site, id: &'static str, peer: Peer, ways: &'static [Behaviour]) -> Self {
        let lonc = Lonc::spawn(site.clone(), site.command_for(id));
        let socket = site.path("sockets").join(id);
        wait_until("the socket", || UnixStream::connect(&socket).is_ok());
        Self { id, peer, lonc, ways }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.lonc.site.path("sockets").join(self.id))
    }

    /// Its peer is bad in another way.
    pub(crate) fn change(&self, rng: &mut Rng) {
        self.peer.behave(self.ways[rng.usize(..self.ways.len())]);
    }
}

pub(crate) struct Stage {
    pub(crate) peer: Peer,
    pub(crate) lonc: Lonc,
    pub(crate) journal: Option<Keeper>,
    pub(crate) bad: [Bad; 2],
    /// Their sections of the configuration.
    pub(crate) beside: String,
    exporter: Running,
    pub(crate) exporter_at: SocketAddr,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let peers = [Peer::start(), Peer::named("silent"), Peer::named("mad")];
        for peer in &peers {
            peer.keep_journal(false);
        }
        let [peer, silent, mad] = peers;
        let section = |id, peer: &Peer| {
            let at = peer.addr();
            format!("[peer.{id}]\naddress = '{}'\nport = {}\n", at.ip(), at.port())
        };
        let beside = section("silent", &silent) + &section("mad", &mad);
        let site = Site::office(&peer, &(CALM.to_owned() + &beside));
        let (journal, lonc) = match Journal::with(site.clone()) {
            Some((journal, lonc)) => (Some(Keeper::of(journal)), lonc),
            None => (None, site.clone().launch()),
        };
        lonc.await_socket();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let exporter_at = listener.local_addr().unwrap();
        Self {
            bad: [
                Bad::start(&site, "silent", silent, &SILENT),
                Bad::start(&site, "mad", mad, &MAD),
            ],
            exporter: serving(&site, listener.into()),
            peer,
            lonc,
            journal,
            beside,
            exporter_at,
        }
    }

    /// Their names and processes.
    pub(crate) fn processes(&self) -> [(&'static str, u32); 4] {
        [
            ("lonc", self.lonc.pid()),
            ("lonc of a silent peer", self.bad[0].lonc.pid()),
            ("lonc of a mad peer", self.bad[1].lonc.pid()),
            ("lonc-metrics", self.exporter.id()),
        ]
    }

    /// All instances read their configuration anew.
    pub(crate) fn reload(&self) {
        for lonc in [&self.lonc, &self.bad[0].lonc, &self.bad[1].lonc] {
            lonc.signal(Signal::SIGHUP);
        }
    }

    /// All still run, and end well.
    pub(crate) fn end(self) {
        let [silent, mad] = self.bad;
        for mut lonc in [self.lonc, silent.lonc, mad.lonc] {
            lonc.assert_alive();
            lonc.signal(Signal::SIGTERM);
            lonc.ended_well();
        }
        let mut exporter = self.exporter;
        assert_eq!(exporter.try_wait().unwrap(), None);
        if let Some(journal) = self.journal {
            journal.end();
        }
    }

    /// All peers are well, and go on being so.
    pub(crate) fn heal(&self) {
        for peer in [&self.peer, &self.bad[0].peer, &self.bad[1].peer] {
            peer.behave(Behaviour::Normal);
            peer.revive();
        }
    }

    /// Does this, and asks the exporter now and then: where nobody asks it for half a minute it ends.
    pub(crate) fn asking_the_exporter<T>(&self, act: impl FnOnce() -> T) -> T {
        scope(|scope| {
            // Gone when that is done, or has failed.
            let (done, is_done) = mpsc::channel::<()>();
            scope.spawn(move || {
                while is_done.recv_timeout(BETWEEN_QUESTIONS) == Err(RecvTimeoutError::Timeout) {
                    scrape(self.exporter_at, "/metrics");
                }
            });
            let outcome = act();
            drop(done);
            outcome
        })
    }

    /// How things are when nobody wants anything, all peers are well, and the settings are those of the start: what each
    /// process uses. `as_before` is how that was before; it is waited for for a while.
    pub(crate) fn calm(&self, as_before: Option<&[Calm]>) -> Vec<Calm> {
        self.heal();
        self.lonc
            .site
            .configure(self.peer.addr(), &(CALM.to_owned() + &self.beside));
        self.reload();
        self.asking_the_exporter(|| {
            wait_until("calm", || self.lonc.client().ask("encrypt:echo:calm") == "calm");
            for bad in &self.bad {
                wait_until("calm", || bad.client().ask("encrypt:echo:calm") == "calm");
            }
        });
        scrape(self.exporter_at, "/metrics");
        let begun = Instant::now();
        wait_for("rest", || {
            let calm = self.look();
            let is_steady = calm.iter().all(|calm| calm.is_steady);
            let is_as_before = as_before.is_none_or(|before| are_as_calm(&calm, before));
            (is_steady && (is_as_before || begun.elapsed() > AT_LAST)).then_some(calm)
        })
    }

    fn look(&self) -> Vec<Calm> {
        let samples = || self.processes().map(|(name, pid)| (name, Sample::of(pid)));
        let before = samples();
        sleep(LOOK);
        let pairs = before.into_iter().zip(samples());
        let calm = pairs.map(|((name, before), (_, sample))| Calm {
            name,
            sample,
            wake_ups: sample.sleeps.saturating_sub(before.sleeps),
            is_steady: (before.descriptors, before.threads) == (sample.descriptors, sample.threads),
        });
        calm.collect()
    }
}

/// A process for which there is nothing to do.
pub(crate) struct Calm {
    name: &'static str,
    sample: Sample,
    /// How often it woke up in [`LOOK`].
    wake_ups: u64,
    is_steady: bool,
}

/// They have no more open, no more threads and no more timers than they had before.
pub(crate) fn are_as_calm(these: &[Calm], before: &[Calm]) -> bool {
    these.iter().zip(before).all(|(now, before)| {
        now.sample.descriptors <= before.sample.descriptors
            && now.sample.threads <= before.sample.threads
            && now.wake_ups <= before.wake_ups + BY_CHANCE
    })
}

impl Display for Calm {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            sample,
            wake_ups,
            ..
        } = self;
        write!(out, "{name}: {sample}, {wake_ups} wake-ups in {LOOK:?}")
    }
}

/// A line of each.
pub(crate) fn told(all: &[Calm]) -> String {
    let lines: Vec<_> = all.iter().map(|calm| format!("  {calm}")).collect();
    lines.join("\n")
}
