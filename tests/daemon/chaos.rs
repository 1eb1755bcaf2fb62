//! Everything at once, in random order.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use fastrand::Rng;
use nix::sys::signal::Signal;
use stand_in_lond::{BadHex, Behaviour, Step};
use test_harness::{Client, Lonc, Peer, wait_until};

const SPAN: Duration = Duration::from_secs(4);
const CLIENTS: usize = 10;

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

#[test]
fn whatever_happens_each_request_gets_one_answer_and_its_own() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let peer = Peer::start();
    peer.keep_journal(false);
    let mut lonc = Lonc::start(&peer, &settings(&mut rng));
    let over = AtomicBool::new(false);
    let served: usize = scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (mut rng, lonc, over) = (rng.fork(), &lonc, &over);
                scope.spawn(move || {
                    let (mut served, mut visits) = (0, 0);
                    while !over.load(Relaxed) {
                        served += visit(&mut rng, lonc.client(), &format!("{number}.{visits}"));
                        visits += 1;
                    }
                    served
                })
            })
            .collect();
        let start = Instant::now();
        while start.elapsed() < SPAN {
            torment(&mut rng, &peer, &lonc);
            sleep(Duration::from_millis(rng.u64(1..60)));
        }
        over.store(true, Relaxed);
        peer.behave(Behaviour::Normal);
        peer.revive();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    wait_until("recovery", || lonc.client().ask("encrypt:echo:calm") == "calm");
    assert!(served > 100, "only {served} requests were served");
    lonc.assert_alive();
    let peak = lonc.peak_memory();
    assert!(peak < 64, "{peak} MiB");
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
}

/// A random request, and what else than `con_lost` may be its answer.
fn request(rng: &mut Rng, word: &str) -> (String, String, &'static str) {
    let long = "y".repeat(rng.usize(..3000));
    let (line, right) = match rng.u8(..10) {
        0 => return (String::new(), "unknown_cmd".into(), "unknown_cmd"),
        1 => (format!("sleep:{}:{word}", rng.u8(..5)), word.to_owned()),
        2 => (format!("encecho:{word}"), word.to_owned()),
        3 => (format!("echo:{word}{long}"), format!("{word}{long}")),
        _ => (format!("echo:{word}"), word.to_owned()),
    };
    let (before, lost) = match rng.u8(..4) {
        0 => ("", "con_lost"),
        1 => ("critical:", "con_failed"),
        2 => ("critical:encrypt:", "con_failed"),
        _ => ("encrypt:", "con_lost"),
    };
    (format!("{before}{line}"), right, lost)
}

/// Some requests on a connection, and their answers; how many were real ones.
fn visit(rng: &mut Rng, mut client: Client, name: &str) -> usize {
    let mut served = 0;
    for round in 0..rng.usize(1..4) {
        let asked: Vec<_> = (0..rng.usize(1..40))
            .map(|number| request(rng, &format!("{name}.{round}.{number}.")))
            .collect();
        for (line, ..) in &asked {
            client.say(line);
        }
        if rng.u8(..8) == 0 {
            // Gone without a word, or with half of one.
            client.send("echo:half");
            return served;
        }
        for (line, right, lost) in asked {
            let heard = client.hear();
            assert!(heard == right || heard == lost, "{heard} in answer to {line}");
            served += usize::from(heard == right && right != "unknown_cmd");
        }
    }
    client.half_close();
    assert_eq!(client.rest(), b"");
    served
}

fn torment(rng: &mut Rng, peer: &Peer, lonc: &Lonc) {
    match rng.u8(..8) {
        0 => peer.kill(),
        1 | 2 => peer.revive(),
        3 => peer.drop_links(),
        4 => lonc.signal(Signal::SIGUSR1),
        5 => {
            lonc.site.configure(peer.addr(), &settings(rng));
            lonc.signal(Signal::SIGHUP);
        }
        _ => peer.behave(BEHAVIOURS[rng.usize(..BEHAVIOURS.len())]),
    }
}

fn settings(rng: &mut Rng) -> String {
    format!(
        "[link]\nconnections = {}\npipeline = {}\nrequest_timeout = '200ms'\nhandshake_timeout = '200ms'\n\
         connect_wait = '100ms'\nbackoff_min = '5ms'\nbackoff_max = '50ms'\nmax_reply_bytes = '1MiB'\n\
         probe_interval = '50ms'\n[client]\nmax_client_bytes = {}\nmax_request_bytes = '64KiB'\n",
        rng.u8(1..4),
        [1, 2, 64][rng.usize(..3)],
        [100, 4096, 1 << 20][rng.usize(..3)],
    )
}
