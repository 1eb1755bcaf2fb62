//! Everything at once on one instance, for as long as one likes: each answer is right, nothing that is promised is lost,
//! and nothing grows: neither in it, nor in two beside it whose peers are bad, nor in the exporter that asks all three.
//!
//! `SOAK_MINUTES=60 cargo test --release --test soak -- --nocapture` prints what was done, and leaves a picture of memory,
//! descriptors, threads and wake-ups in `target/soak.svg`. Without that it takes some seconds, which tell little of what
//! grows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too"
)]

mod curves;
mod keeper;
mod sample;
mod stage;
mod work;

use std::collections::HashSet;
use std::env;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{Scope, ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

use fastrand::Rng;
use stand_in_lond::Behaviour;
use test_harness::Site;
use test_harness::chaos::{self, Answers};
use test_harness::spool::word;

use crate::keeper::Keeper;
use crate::sample::Samples;
use crate::stage::{Stage, are_as_calm, told};
use crate::work::{FLOOD, Work, ask_as_operator, flood, scrape};

const CLIENTS: usize = 200;
/// Of each instance whose peer is bad.
const CLIENTS_OF_BAD: usize = 10;
const NUM_SAMPLES: u32 = 240;
const SECOND: Duration = Duration::from_secs(1);
const QUESTIONS: [&[&str]; 8] = [
    &["status"],
    &["metrics"],
    &["why", "msul1"],
    &["spool", "list"],
    &["clients", "msul1"],
    &["config", "msul1"],
    &["ping", "msul1"],
    &["reconnect", "--all"],
];
/// In the last third of each the peer is well, and what was delayed gets through. One is enough where there is no time for
/// more.
const PERIOD: Duration = Duration::from_secs(60);
const PAGES: [&str; 3] = ["/metrics", "/", "/peer/msul1"];

#[test]
fn everything_at_once_for_long_and_nothing_grows() {
    let minutes: Option<f64> = env::var("SOAK_MINUTES").ok().map(|text| text.parse().unwrap());
    let span = minutes.map_or(8 * SECOND, |minutes| Duration::from_secs_f64(minutes * 60.0));
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let stage = Stage::set();
    let calm = stage.calm(None);
    let work = Work::default();
    let (answers, all) = stage.asking_the_exporter(|| storm(&mut rng, &stage, &work, span));
    let after = stage.calm(Some(&calm));
    stage.lonc.site.await_empty();
    promises_are_kept(&stage.lonc.site, &answers, work.floods.load(Relaxed));
    report(&stage, &answers, &work, span);
    eprintln!("before:\n{}after:\n{}", told(&calm), told(&after));
    for samples in &all {
        eprintln!("{samples}");
    }
    if minutes.is_some() {
        curves::draw(&all);
    }
    assert!(answers.served > 0, "no request was served");
    assert!(
        are_as_calm(&after, &calm),
        "before:\n{}after:\n{}",
        told(&calm),
        told(&after)
    );
    for samples in all {
        samples.assert_flat();
    }
    stage.end();
}

fn storm(rng: &mut Rng, stage: &Stage, work: &Work, span: Duration) -> (Answers, Vec<Samples>) {
    let start = Instant::now();
    scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let mut rng = rng.fork();
                scope.spawn(move || work.visit(&mut rng, &stage.lonc, number))
            })
            .collect();
        let tormentors = torment(scope, rng, stage, work, PERIOD.min(span));
        ask(scope, stage, work);
        let at_last = work.stop.at_last();
        let samples = Samples::taken(&stage.processes(), NUM_SAMPLES, span);
        drop(at_last);
        for tormentor in tormentors {
            tormentor.join().unwrap();
        }
        // Those who still wait for answers are to have them soon.
        stage.heal();
        let all = clients.into_iter().map(|client| client.join().unwrap());
        let answers = all.fold(Answers::default(), Answers::with);
        assert!(start.elapsed() >= span);
        (answers, samples)
    })
}

/// What goes wrong, and what is changed.
fn torment<'scope>(
    scope: &'scope Scope<'scope, '_>,
    rng: &mut Rng,
    stage: &'scope Stage,
    work: &'scope Work,
    period: Duration,
) -> Vec<ScopedJoinHandle<'scope, ()>> {
    let (mut own, start) = (rng.fork(), Instant::now());
    let mut tormentors = vec![
        work.repeat(scope, SECOND / 4, &work.torments, move |_| {
            let phase = start.elapsed().as_secs_f64() / period.as_secs_f64();
            if phase.fract() < 2.0 / 3.0 {
                chaos::torment(&mut own, &stage.peer, &stage.lonc, &stage.beside);
            } else {
                stage.peer.behave(Behaviour::Normal);
                stage.peer.revive();
            }
        }),
        work.repeat(scope, SECOND, &work.reloads, |_| stage.reload()),
    ];
    for bad in &stage.bad {
        let mut own = rng.fork();
        tormentors.push(work.repeat(scope, SECOND, &work.torments, move |_| bad.change(&mut own)));
    }
    tormentors
}

/// Those who want something, but for the clients of the instance.
fn ask<'scope>(scope: &'scope Scope<'scope, '_>, stage: &'scope Stage, work: &'scope Work) {
    let site = &stage.lonc.site;
    work.repeat(scope, 2 * SECOND, &work.floods, move |number| flood(site, number));
    for what in QUESTIONS {
        work.repeat(scope, 5 * SECOND, &work.questions, move |_| {
            ask_as_operator(site, what);
        });
    }
    work.repeat(scope, SECOND, &work.scrapes, |number| {
        scrape(stage.exporter_at, PAGES[number % PAGES.len()]);
    });
    for bad in &stage.bad {
        for _ in 0..CLIENTS_OF_BAD {
            scope.spawn(|| work.visit_bad(&mut Rng::new(), bad));
        }
    }
}

fn report(stage: &Stage, answers: &Answers, work: &Work, span: Duration) {
    let (records, restarts) = stage.journal.as_ref().map(Keeper::counts).unwrap_or_default();
    let [torments, reloads, questions, scrapes, of_bad] = [
        &work.torments,
        &work.reloads,
        &work.questions,
        &work.scrapes,
        &work.answers_of_bad,
    ]
    .map(|count| count.load(Relaxed));
    eprintln!(
        "{:.1} minutes: {} requests served, {} delayed by lonc, {} by workers, {} not stored in time; {of_bad} answers where the peer is bad; \
         {torments} faults and changes, {reloads} reloads, {questions} questions of operators, {scrapes} scrapes; \
         {records} records in a journal that restarted {restarts} times",
        span.as_secs_f64() / 60.0,
        answers.served,
        stage.lonc.site.logged('D').len(),
        work.floods.load(Relaxed) * FLOOD,
        answers.failed,
    );
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
