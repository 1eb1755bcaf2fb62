//! How fast a spool is flushed, and what that costs: `cargo bench --bench flush [-- messages]`.
//!
//! Prints rates and their ratios over loopback and over a round trip of 20 ms, beside lock-step as the original does
//! it, and beside what the file system takes to remove the same files; the memory of lonc; and what a live request takes
//! before, during and after. The files are on disk before, as what waits is: lonc syncs what it stores. Nothing is
//! asserted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_precision_loss,
    reason = "a program to measure with is written as a test is"
)]

use std::fs;
use std::net::SocketAddr;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use test_harness::spool::{name, settled, word};
use test_harness::{AS_MANY_AS_NEEDED, Client, Lonc, Peer, Site};

/// Half a round trip.
const FAR: Duration = Duration::from_millis(10);

fn main() {
    // `cargo test --all-targets` runs this too, and does not ask for a measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let count: usize = asked.unwrap_or(100_000);
    let peer = Peer::start();
    peer.keep_journal(false);
    let far = bench_kit::relay::start(peer.addr(), FAR);
    println!("flush of the spool, messages a second");
    println!("  removing alone: {:.0}", removal(&peer, count));
    let near_rates = (
        flush(&peer, peer.addr(), count, 64),
        flush(&peer, peer.addr(), count / 10, 1),
    );
    tell("loopback", near_rates);
    let far_rates = (
        flush(&peer, far, count / 5, 64),
        flush(&peer, far, count / 500, 1),
    );
    tell("20 ms round trip", far_rates);
    live(&peer, count);
}

fn tell(place: &str, (pipelined, lock_step): (f64, f64)) {
    println!(
        "  {place}: pipeline 64 {pipelined:.0}, lock-step {lock_step:.0}, ratio {:.1}",
        pipelined / lock_step
    );
}

fn put_on_disk(site: &Site, count: usize) {
    site.put_words(count);
    nix::unistd::sync();
}

/// How many such files a second can be removed.
fn removal(peer: &Peer, count: usize) -> f64 {
    let site = Site::office(peer, "");
    put_on_disk(&site, count);
    let start = Instant::now();
    for number in 0..count {
        fs::remove_file(site.spool(name(number))).unwrap();
    }
    count as f64 / start.elapsed().as_secs_f64()
}

/// Flushes so many messages that were there before the link; how many a second.
fn flush(peer: &Peer, address: SocketAddr, count: usize, pipeline: usize) -> f64 {
    let site = Site::office(peer, "");
    let toml = format!("[link]\npipeline = {pipeline}\nmax_connections = 10\nconnect_wait = '1h'\n");
    site.configure(address, &toml);
    put_on_disk(&site, count);
    let lonc = site.start();
    let first = lonc.site.spool(name(0));
    while first.exists() {
        sleep(Duration::from_micros(100));
    }
    let start = Instant::now();
    let last = lonc.site.spool(name(count - 1));
    while last.exists() {
        sleep(Duration::from_millis(1));
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    println!(
        "  {count} messages, pipeline {pipeline}: {} MiB at most",
        lonc.peak_memory()
    );
    rate
}

/// What a live request takes, in microseconds: the median and the 99th of a hundred.
fn latency(client: &mut Client, goes_on: impl Fn(usize) -> bool) -> String {
    let mut spans = Vec::new();
    while goes_on(spans.len()) {
        let start = Instant::now();
        assert_eq!(client.ask("ping"), "msul1");
        spans.push(start.elapsed());
    }
    spans.sort();
    let at = |hundredth: usize| spans[spans.len() * hundredth / 100].as_micros();
    format!(
        "median {} µs, 99 % {} µs, {} requests",
        at(50),
        at(99),
        spans.len()
    )
}

/// Live requests beside messages that appear while the link is up.
fn live(peer: &Peer, count: usize) {
    let site = Site::office(peer, AS_MANY_AS_NEEDED);
    let aside = site.path("aside");
    fs::create_dir(&aside).unwrap();
    for number in 0..count {
        let file = aside.join(name(number));
        fs::write(&file, word(number) + "\n").unwrap();
        settled(&file);
    }
    let lonc: Lonc = site.start();
    let mut client = lonc.client();
    println!("live requests");
    println!("  before: {}", latency(&mut client, |asked| asked < 20_000));
    let before = lonc.memory();
    let site = &lonc.site;
    scope(|scope| {
        let moving = scope.spawn(|| {
            for number in 0..count {
                fs::rename(aside.join(name(number)), site.spool(name(number))).unwrap();
            }
        });
        let during = latency(&mut client, |_| {
            !moving.is_finished() || site.spool(name(count - 1)).exists()
        });
        println!("  during: {during}");
    });
    site.await_empty();
    println!("  after:  {}", latency(&mut client, |asked| asked < 20_000));
    println!("memory: {before} MiB before, {} MiB at most", lonc.peak_memory());
}
