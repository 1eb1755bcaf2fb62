//! More messages than are looked at in one go.

use std::time::{Duration, Instant};

use test_harness::spool::check_received;
use test_harness::{Peer, Site, wait_until};

#[test]
fn a_full_spool_goes_out_in_order_and_in_bounded_memory() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "[link]\nconnect_wait = '10m'\n").start();
    assert_eq!(lonc.client().ask("ping"), "msul1");
    let before = lonc.memory();
    let site = lonc.slay();
    site.put_words(count());
    let lonc = site.start();
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:live"), "live");
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, count()), 0);
    let peak = lonc.peak_memory();
    eprintln!("{} messages: {before} MiB before, {peak} MiB at most", count());
    assert!(peak < before + 32, "{before} MiB before, {peak} MiB at most");
    wait_until("the log", || lonc.site.logged('S').len() == count());
}

#[test]
fn while_many_go_that_appeared_clients_are_served() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    let mut client = lonc.client();
    assert_eq!(client.ask("ping"), "msul1");
    let count = count();
    let site = lonc.site.clone();
    let (mut served, mut longest) = (0, Duration::ZERO);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| site.put_words(count));
        let is_done = || writing.is_finished() && site.left().is_empty();
        while served % 100 != 0 || !is_done() {
            let asked = Instant::now();
            assert_eq!(client.ask("echo:live"), "live");
            longest = longest.max(asked.elapsed());
            served += 1;
        }
    });
    eprintln!("{served} served meanwhile, the slowest in {longest:?}");
    assert_eq!(check_received(&peer, count), 0);
    assert!(longest < Duration::from_secs(10), "{longest:?}");
}

/// A hundred thousand, or as many as `LONC_MESSAGES` says; fewer by default where nothing is optimized.
fn count() -> usize {
    let asked = std::env::var("LONC_MESSAGES").ok();
    let default = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
    asked.and_then(|count| count.parse().ok()).unwrap_or(default)
}
