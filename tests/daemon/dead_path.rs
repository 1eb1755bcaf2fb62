//! A host that is gone without a word, and a lond that is at work: both are silent.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use stand_in_lond::Behaviour;
use test_harness::{Client, Lonc, Peer, Site, wait_until};
use test_network::Network;

/// Within this a host that is gone is found.
const SOON: Duration = Duration::from_secs(45);
/// Bytes in a request that is more than the buffers of two kernels take.
const LARGE: usize = 12 << 20;
/// How the kernel calls the state of a connection on which both sides may speak.
const ESTABLISHED: &str = "01";

#[test]
fn a_host_that_is_gone_with_requests_acknowledged_is_found_in_seconds() {
    let Some(run) = Run::start("") else { return };
    let mut client = run.lonc.client();
    client.say("hold:1");
    run.peer.await_command("hold:1");
    run.network.vanish();
    assert_lost_soon(&mut [client]);
    run.lonc.await_log("nothing is heard of the host any more");
    // Requests wait for it as for any that was just lost, and not for ever.
    let mut client = run.lonc.client();
    wait_until("down", || client.ask("echo:2") == "con_lost");
    run.lonc.await_log("is down");
    run.network.come_back();
    wait_until("recovery", || client.ask("echo:3") == "3");
}

#[test]
fn a_host_that_is_gone_before_requests_reach_it_is_found_in_seconds() {
    // Those that are not on the link then wait for another.
    let Some(run) = Run::start("connect_wait = '5s'\n") else {
        return;
    };
    run.network.vanish();
    let mut clients: Vec<_> = (0..8).map(|_| run.lonc.client()).collect();
    for client in &mut clients {
        client.say("encrypt:echo:1");
    }
    assert_lost_soon(&mut clients);
    // Nor do they reach it later, when others have been sent in their place.
    run.network.come_back();
    let mut client = run.lonc.client();
    wait_until("recovery", || client.ask("echo:2") == "2");
    run.await_connections(|states| states.iter().all(|state| state == ESTABLISHED));
    assert_eq!(run.peer.count("echo:1"), 0);
}

#[test]
fn a_host_that_does_not_hear_us_any_more_is_found_in_seconds_though_it_is_heard() {
    let Some(run) = Run::start("") else { return };
    let mut client = run.lonc.client();
    client.say("hold:1");
    run.peer.await_command("hold:1");
    run.network.blackhole(run.network.far.v4.into());
    run.peer.release();
    // Its system does not learn that this arrived, and sends it again and again.
    assert_eq!(client.hear(), "1");
    client.say("echo:2");
    assert_lost_soon(&mut [client]);
    run.lonc.await_log("is not acknowledged");
    assert_eq!(run.peer.count("echo:2"), 0);
}

#[test]
fn a_host_that_is_gone_behind_a_shut_window_is_found_in_seconds() {
    let Some(run) = Run::start("") else { return };
    run.peer.behave(Behaviour::Silent);
    let mut client = run.lonc.client();
    client.say(large());
    run.await_shut_window();
    run.network.vanish();
    assert_lost_soon(&mut [client]);
}

/// `LONC_AT_WORK=200` has lond work for so many seconds.
#[test]
fn a_lond_at_work_for_long_keeps_its_link_also_with_its_window_shut() {
    let seconds = env::var("LONC_AT_WORK").map_or(32, |seconds| seconds.parse().unwrap());
    let Some(run) = Run::start("connections = 2\nmax_connections = 2\n") else {
        return;
    };
    // Each link has asked who is there, and so has a client: lond is to be silent only from now on.
    wait_until("two links", || run.peer.count("ping") == 3);
    let (mut patient, mut large_one) = (run.lonc.client(), run.lonc.client());
    patient.say("hold:1");
    run.peer.await_command("hold:1");
    run.peer.behave(Behaviour::Silent);
    large_one.say(large());
    run.await_shut_window();
    sleep(Duration::from_secs(seconds));
    patient.assert_nothing();
    large_one.assert_nothing();
    run.peer.behave(Behaviour::Normal);
    run.peer.release();
    assert_eq!(patient.hear(), "1");
    assert_eq!(large_one.hear(), (LARGE + "len:".len()).to_string());
    assert_eq!(run.peer.connections(), 2);
}

fn large() -> String {
    format!("len:{}", "x".repeat(LARGE))
}

fn assert_lost_soon(clients: &mut [Client]) {
    let begun = Instant::now();
    for client in clients {
        assert_eq!(client.hear(), "con_lost");
    }
    let took = begun.elapsed();
    assert!(took < SOON, "{took:?}");
}

/// lonc on one host, with its link up, and lond on the other.
struct Run {
    lonc: Lonc,
    peer: Peer,
    network: Network,
}

impl Run {
    fn start(link: &str) -> Option<Self> {
        let network = Network::lay()?;
        let address = SocketAddr::from((network.far.v4, 0));
        let peer = network.far.enter(|| Peer::on(address));
        let site = Site::new(peer.addr(), &format!("[link]\nbackoff_max = '2s'\n{link}"));
        let lonc = network.near.enter(|| site.start());
        assert_eq!(lonc.client().ask("ping"), "msul1");
        Some(Self { lonc, peer, network })
    }

    /// Waits until a connection of lonc's cannot write, because its window is shut.
    fn await_shut_window(&self) {
        // The timer is that of window probes.
        self.await_column(5, |timers| timers.iter().any(|timer| timer.starts_with("04:")));
    }

    /// Waits until the states of lonc's connections satisfy `what`, those that are closed and not over yet among them.
    fn await_connections(&self, what: impl Fn(&[String]) -> bool) {
        self.await_column(3, what);
    }

    /// Waits for this column of the kernel's table of connections.
    fn await_column(&self, column: usize, what: impl Fn(&[String]) -> bool) {
        let connections = || fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
        wait_until("the near host's connections", || {
            let table = self.network.near.enter(connections);
            let lines = table.lines().skip(1);
            let fields = lines.filter_map(|line| line.split_whitespace().nth(column));
            what(&fields.map(str::to_owned).collect::<Vec<_>>())
        });
    }
}
