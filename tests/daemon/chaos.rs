//! Everything at once, in random order.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use fastrand::Rng;
use nix::sys::signal::Signal;
use stand_in_lond::Behaviour;
use test_harness::chaos::{self, Asking};
use test_harness::{Lonc, Peer, Stop, wait_until};

const SPAN: Duration = Duration::from_secs(4);
const CLIENTS: usize = 10;
/// There is no spool.
const ASKING: Asking = Asking {
    critical_in: 4,
    lost: &["con_failed"],
};

#[test]
fn whatever_happens_each_request_gets_one_answer_and_its_own() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let peer = Peer::start();
    peer.keep_journal(false);
    let mut lonc = Lonc::start(&peer, &chaos::settings(&mut rng));
    let (stop, served) = (Stop::default(), AtomicUsize::new(0));
    scope(|scope| {
        for number in 0..CLIENTS {
            let (mut rng, lonc, stop, served) = (rng.fork(), &lonc, &stop, &served);
            scope.spawn(move || {
                let mut visits = 0;
                while !stop.is_set() {
                    let name = format!("{number}.{visits}");
                    let answers = chaos::visit(&mut rng, lonc.client(), &name, ASKING);
                    served.fetch_add(answers.served, Relaxed);
                    visits += 1;
                }
            });
        }
        let _at_last = stop.at_last();
        let start = Instant::now();
        while start.elapsed() < SPAN {
            chaos::torment(&mut rng, &peer, &lonc, "");
            sleep(Duration::from_millis(rng.u64(1..60)));
        }
        peer.behave(Behaviour::Normal);
        peer.revive();
        // They go on until all is well.
        let meanwhile = served.load(Relaxed);
        wait_until("service", || served.load(Relaxed) > meanwhile + 100);
    });
    wait_until("recovery", || lonc.client().ask("encrypt:echo:calm") == "calm");
    lonc.assert_alive();
    let peak = lonc.peak_memory();
    assert!(peak < 64, "{peak} MiB");
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
}
