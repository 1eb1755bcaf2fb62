//! A peer with several addresses, of which some do not work; and one that moves.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use stand_in_lond::{Behaviour, Step};
use test_harness::{Lonc, Peer, Site, wait_until};
use test_network::Network;

/// All is over long before one address is given up.
const SOON: Duration = Duration::from_secs(30);
const PATIENT: &str = "[link]\nconnect_timeout = '40s'\nconnect_wait = '40s'\nbackoff_max = '1s'\n";
/// An address that the far host has besides.
const BESIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
const NAME: &str = "zaphod.test";

#[test]
fn a_first_address_that_refuses_costs_nothing() {
    let Some(run) = Run::start() else { return };
    run.first.kill();
    let begun = Instant::now();
    let lonc = run.lonc(PATIENT);
    assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(run.second.connections(), 1);
}

#[test]
fn a_first_address_that_leads_nowhere_costs_a_moment() {
    let Some(run) = Run::start() else { return };
    let [nobody, _] = Network::NOBODY;
    run.network.blackhole(nobody);
    run.know(&[nobody, run.first.addr().ip()]);
    assert_eq!(run.resolve()[0].ip(), nobody);
    let begun = Instant::now();
    let lonc = run.lonc(PATIENT);
    assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn a_first_address_that_closes_in_the_opening_stands_behind_the_others() {
    for step in [Step::Accept, Step::Challenge, Step::BuildKey] {
        let (run, _lonc) = loop {
            let Some(run) = Run::start() else { return };
            run.first.behave(Behaviour::CloseAt(step));
            let lonc = run.lonc(PATIENT);
            assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
            // On a busy machine one may have been silent for too long.
            if !lonc.log().contains("there is no answer at") {
                break (run, lonc);
            }
        };
        assert_eq!((run.first.connections(), run.second.connections()), (1, 1));
        // It is remembered: a later try does not begin there.
        run.second.drop_links();
        run.second
            .await_links(|accepted, open| (accepted, open) == (2, 1));
        assert_eq!(run.first.connections(), 1);
    }
}

#[test]
fn a_first_address_that_accepts_and_is_silent_stands_behind_the_others() {
    let (run, lonc) = loop {
        let Some(run) = Run::start() else { return };
        run.first.behave(Behaviour::StallAt(Step::Accept));
        let begun = Instant::now();
        let lonc = run.lonc(PATIENT);
        assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        // On a busy machine the other may have had its turn before this one was found to be silent.
        if lonc.log().contains("link 1 to") {
            break (run, lonc);
        }
    };
    assert_eq!((run.first.connections(), run.second.connections()), (1, 1));
    lonc.await_log("there is no answer at");
    // When that one fails, too, the first has its turn again.
    run.first.behave(Behaviour::Normal);
    run.second.behave(Behaviour::CloseAt(Step::Accept));
    run.second.drop_links();
    wait_until("the first", || lonc.client().ask("encrypt:echo:2") == "2");
    assert_eq!(run.first.count("echo:2"), 1);
}

#[test]
fn whoever_is_silent_in_any_step_and_however_many_are_costs_seconds() {
    for step in [Step::Challenge, Step::Version, Step::BuildKey] {
        let Some(run) = Run::start() else { return };
        run.first.behave(Behaviour::StallAt(step));
        let lonc = run.lonc(&format!("{PATIENT}connections = 3\n"));
        let begun = Instant::now();
        let mut clients: Vec<_> = (0..20).map(|_| lonc.client()).collect();
        for client in &mut clients {
            client.say("encrypt:echo:1");
        }
        for client in &mut clients {
            assert_eq!(client.hear(), "1");
        }
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
}

/// One address is silent for good, and the other one refuses at first: the silent one does not keep it from the next try.
#[test]
fn a_silent_address_keeps_nobody_from_one_that_comes_back() {
    let Some(run) = Run::start() else { return };
    run.first.behave(Behaviour::StallAt(Step::Accept));
    run.second.behave(Behaviour::CloseAt(Step::Accept));
    let lonc = run.lonc(PATIENT);
    let mut client = lonc.client();
    client.say("encrypt:echo:1");
    wait_until("tries at the other", || run.second.connections() >= 3);
    assert!(run.first.connections() <= 2, "{}", run.first.connections());
    run.second.behave(Behaviour::Normal);
    let begun = Instant::now();
    assert_eq!(client.hear(), "1");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn a_dead_address_of_the_table_is_followed_by_the_name_beside_it() {
    let Some(run) = Run::start() else { return };
    let [_, nobody] = Network::NOBODY;
    run.network.blackhole(nobody);
    run.second.kill();
    run.know(&[run.first.addr().ip()]);
    for dead in [nobody, run.second.addr().ip()] {
        let begun = Instant::now();
        let lonc = run.lonc_by_table(dead);
        assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
}

#[test]
fn an_address_of_the_table_whose_lond_closes_is_followed_by_the_name_beside_it() {
    let Some(run) = Run::start() else { return };
    run.first.behave(Behaviour::CloseAt(Step::SetHost));
    run.know(&[run.second.addr().ip()]);
    let lonc = run.lonc_by_table(run.first.addr().ip());
    assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
    assert_eq!(run.second.count("echo:1"), 1);
}

#[test]
fn addresses_that_all_fail_are_told_each() {
    let Some(run) = Run::start() else { return };
    run.first.kill();
    run.second.kill();
    let lonc = run.lonc(PATIENT);
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    for peer in [&run.first, &run.second] {
        lonc.await_log(&format!("{}: Connection refused", peer.addr()));
    }
}

#[test]
fn a_link_follows_its_host_and_loses_nothing_whoever_has_it_look() {
    for (toml, signal) in [
        ("[link]\nprobe_interval = '100ms'\n", None),
        ("[link]\nprobe_interval = '1h'\n", Some(Signal::SIGUSR1)),
        ("[link]\nprobe_interval = '0s'\n", Some(Signal::SIGHUP)),
    ] {
        let Some(run) = Run::start() else { return };
        let (old, new) = (&run.first, &run.second);
        run.know(&[old.addr().ip()]);
        let lonc = run.lonc(toml);
        let mut client = lonc.client();
        assert_eq!(client.ask("echo:old"), "old");
        client.say("hold:old");
        old.await_command("hold:old");
        run.know(&[new.addr().ip()]);
        if let Some(signal) = signal {
            lonc.signal(signal);
        }
        lonc.await_log("has moved");
        // Until then requests go behind what is held on the old one.
        lonc.await_log("link 1 to");
        new.await_links(|_, open| open == 1);
        wait_until("the new one", || {
            lonc.client().ask("echo:new") == "new" && new.count("echo:new") > 0
        });
        assert_eq!(old.open_connections(), 1);
        old.release();
        assert_eq!(client.hear(), "old");
        old.await_links(|_, open| open == 0);
        assert_eq!(new.connections(), 1);
    }
}

#[test]
fn a_name_that_cannot_be_resolved_any_more_changes_nothing() {
    let Some(run) = Run::start() else { return };
    // The other might be connected to where this one is slow.
    run.know(&[run.first.addr().ip()]);
    let lonc = run.lonc("[link]\nprobe_interval = '100ms'\n[daemon]\nlog_level = 'debug'\n");
    assert_eq!(lonc.client().ask("echo:1"), "1");
    run.know(&[]);
    lonc.await_log("cannot be resolved now");
    lonc.signal(Signal::SIGUSR1);
    assert_eq!(lonc.client().ask("echo:2"), "2");
    assert_eq!((run.first.connections(), run.second.connections()), (1, 0));
    assert!(!lonc.log().contains("has moved"), "{}", lonc.log());
}

/// A name with two addresses, and a lond at each, at the same port.
struct Run {
    /// At the address that the resolver has first.
    first: Peer,
    second: Peer,
    network: Network,
}

impl Run {
    fn start() -> Option<Self> {
        let network = Network::lay()?;
        network.far.add_address(BESIDE);
        network
            .near
            .know(&[(NAME, network.far.v4.into()), (NAME, BESIDE)]);
        let [first, second] = network.near.enter(|| resolve(0))[..] else {
            panic!("not two addresses");
        };
        let first = network.far.enter(|| Peer::on(first));
        let second = SocketAddr::new(second.ip(), first.port());
        let second = network.far.enter(|| Peer::on(second));
        Some(Self {
            first,
            second,
            network,
        })
    }

    /// From now on the name has these addresses.
    fn know(&self, addresses: &[IpAddr]) {
        let names: Vec<_> = addresses.iter().map(|address| (NAME, *address)).collect();
        self.network.near.know(&names);
    }

    /// The name's addresses, in the order in which lonc gets them.
    fn resolve(&self) -> Vec<SocketAddr> {
        self.network.near.enter(|| resolve(self.first.port()))
    }

    /// lonc, which has the peer's name in its configuration.
    fn lonc(&self, toml: &str) -> Lonc {
        let site = Site::new(self.first.addr(), toml);
        let own = format!("address = '{}'", self.first.addr().ip());
        let text = fs::read_to_string(site.path("lonc.toml")).unwrap();
        site.write_config(&text.replace(&own, &format!("address = '{NAME}'")));
        self.network.near.enter(|| site.start())
    }

    /// lonc, which finds the peer at this address and with its name in the table.
    fn lonc_by_table(&self, address: IpAddr) -> Lonc {
        let site = Site::new(self.first.addr(), PATIENT);
        let own = format!("address = '{}'\n", self.first.addr().ip());
        let text = fs::read_to_string(site.path("lonc.toml")).unwrap();
        site.write_config(&format!(
            "hosts_tab = 'DIR/hosts.tab'\n{}",
            text.replace(&own, "")
        ));
        site.write("hosts.tab", &format!("msul1:msu:library:{NAME}:{address}\n"));
        self.network.near.enter(|| site.start())
    }
}

fn resolve(port: u16) -> Vec<SocketAddr> {
    (NAME, port).to_socket_addrs().unwrap().collect()
}
