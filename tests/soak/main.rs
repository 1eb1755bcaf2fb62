//! Everything at once on one instance, for as long as one likes: each answer is right, nothing that is promised is lost,
//! and nothing grows.
//!
//! `SOAK_MINUTES=60 cargo test --release --test soak -- --nocapture` prints what was done, and leaves a picture of memory,
//! descriptors and threads in `target/soak.svg`. Without that it takes some seconds, which tell little of what grows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "helpers of tests are tests too"
)]

mod curves;
mod sample;

use std::collections::HashSet;
use std::env;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{Scope, ScopedJoinHandle, scope, sleep};
use std::time::{Duration, Instant};

use fastrand::Rng;
use nix::sys::signal::Signal;
use stand_in_lond::Behaviour;
use test_harness::chaos::{self, Answers, Asking};
use test_harness::programs::built;
use test_harness::spool::word;
use test_harness::{Lonc, Peer, Site, wait_until};

use crate::sample::{Sample, Samples};

const CLIENTS: usize = 200;
const ASKING: Asking = Asking {
    critical_in: 60,
    lost: "con_delayed",
};
/// Messages that a worker stores at once.
const FLOOD: usize = 40;
const NUM_SAMPLES: u32 = 240;

/// What goes on until it is over, and what it came to.
#[derive(Default)]
struct Work {
    is_over: AtomicBool,
    floods: AtomicUsize,
    torments: AtomicUsize,
    questions: AtomicUsize,
}

impl Work {
    /// Does it again and again, with these pauses, and counts it.
    fn repeat<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        pause: Duration,
        count: &'scope AtomicUsize,
        mut act: impl FnMut(usize) + Send + 'scope,
    ) -> ScopedJoinHandle<'scope, ()> {
        scope.spawn(move || {
            let mut next = Instant::now();
            while !self.is_over.load(Relaxed) {
                if Instant::now() >= next {
                    act(count.fetch_add(1, Relaxed));
                    next = Instant::now() + pause;
                }
                sleep(pause.min(Duration::from_millis(50)));
            }
        })
    }
}

#[test]
fn everything_at_once_for_long_and_nothing_grows() {
    let minutes: Option<f64> = env::var("SOAK_MINUTES").ok().map(|text| text.parse().unwrap());
    let span = minutes.map_or(Duration::from_secs(8), |minutes| {
        Duration::from_secs_f64(minutes * 60.0)
    });
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let peer = Peer::start();
    peer.keep_journal(false);
    let mut lonc = Site::office(&peer, &chaos::settings(&mut Rng::with_seed(0))).start();
    let calm = calm(&lonc, &peer);
    let work = Work::default();
    let (answers, samples) = storm(&mut rng, &lonc, &peer, &work, span);
    let after = self::calm(&lonc, &peer);
    lonc.site.await_empty();
    promises_are_kept(&lonc.site, &answers, work.floods.load(Relaxed));
    eprintln!(
        "{:.1} minutes: {} requests served, {} delayed by lonc, {} by workers; {} faults and changes, {} questions of operators\n\
         before {calm}; after {after}\n{samples}",
        span.as_secs_f64() / 60.0,
        answers.served,
        lonc.site.logged('D').len(),
        work.floods.load(Relaxed) * FLOOD,
        work.torments.load(Relaxed),
        work.questions.load(Relaxed),
    );
    if minutes.is_some() {
        curves::draw(&samples);
    }
    assert!(
        answers.served > CLIENTS,
        "only {} requests were served",
        answers.served
    );
    assert_eq!(
        (after.descriptors, after.threads),
        (calm.descriptors, calm.threads)
    );
    samples.assert_flat();
    lonc.assert_alive();
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
}

/// How things are when nobody wants anything, by the same settings: after a while without a change.
fn calm(lonc: &Lonc, peer: &Peer) -> Sample {
    peer.behave(Behaviour::Normal);
    peer.revive();
    lonc.site
        .configure(peer.addr(), &chaos::settings(&mut Rng::with_seed(0)));
    lonc.signal(Signal::SIGHUP);
    wait_until("calm", || lonc.client().ask("encrypt:echo:calm") == "calm");
    let (mut last, mut times) = (Sample::of(lonc.pid()), 0);
    wait_until("rest", || {
        sleep(Duration::from_millis(50));
        let now = Sample::of(lonc.pid());
        times = if now.descriptors == last.descriptors {
            times + 1
        } else {
            0
        };
        last = now;
        times > 20
    });
    last
}

fn storm(rng: &mut Rng, lonc: &Lonc, peer: &Peer, work: &Work, span: Duration) -> (Answers, Samples) {
    let start = Instant::now();
    scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let mut rng = rng.fork();
                scope.spawn(move || client(&mut rng, lonc, &work.is_over, number))
            })
            .collect();
        let (mut tormentor, site) = (rng.fork(), &lonc.site);
        let second = Duration::from_secs(1);
        let tormentors = [
            work.repeat(scope, second / 4, &work.torments, move |_| {
                chaos::torment(&mut tormentor, peer, lonc);
            }),
            work.repeat(scope, second, &work.torments, |_| lonc.signal(Signal::SIGHUP)),
        ];
        work.repeat(scope, 2 * second, &work.floods, move |flood| {
            for number in flood * FLOOD..(flood + 1) * FLOOD {
                site.put(number, &word(number));
            }
        });
        for what in [
            &["status"][..],
            &["metrics"],
            &["why", "msul1"],
            &["spool", "list"],
        ] {
            work.repeat(scope, 5 * second, &work.questions, move |_| {
                ask_as_operator(site, what);
            });
        }
        let samples = Samples::taken(lonc.pid(), NUM_SAMPLES, span);
        work.is_over.store(true, Relaxed);
        for tormentor in tormentors {
            tormentor.join().unwrap();
        }
        // Those who still wait for answers are to have them soon.
        peer.behave(Behaviour::Normal);
        peer.revive();
        let all = clients.into_iter().map(|client| client.join().unwrap());
        let answers = all.fold(Answers::default(), Answers::with);
        assert!(start.elapsed() >= span);
        (answers, samples)
    })
}

fn client(rng: &mut Rng, lonc: &Lonc, is_over: &AtomicBool, number: usize) -> Answers {
    let (mut answers, mut visits) = (Answers::default(), 0);
    while !is_over.load(Relaxed) {
        let name = format!("{number}.{visits}");
        answers = answers.with(chaos::visit(rng, lonc.client(), &name, ASKING));
        visits += 1;
        sleep(Duration::from_millis(rng.u64(..2000)));
    }
    answers
}

/// Whatever it says, it says something and ends.
fn ask_as_operator(site: &Site, what: &[&str]) {
    let mut command = Command::new(built("loncctl"));
    command.arg("--config").arg(site.path("lonc.toml")).args(what);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code().is_some_and(|code| code < 64),
        "{what:?}: {said}"
    );
    assert!(!output.stdout.is_empty(), "{what:?}: {said}");
}

/// All that was to be sent later has been, or was set aside for breaking the link again and again.
fn promises_are_kept(site: &Site, answers: &Answers, floods: usize) {
    let (sent, aside) = (site.logged('S'), site.failed().len());
    let sent: HashSet<_> = sent.iter().map(String::as_str).collect();
    let stored = (0..floods * FLOOD).map(word);
    let missing: Vec<_> = answers
        .promised
        .iter()
        .cloned()
        .chain(stored)
        .filter(|command| !sent.contains(command.as_str()))
        .collect();
    assert!(
        missing.len() <= aside,
        "{} promised, {aside} set aside, but not sent: {missing:?}",
        missing.len()
    );
}
