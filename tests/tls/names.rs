//! Whatever a host is called, its certificate is asked for that.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _};

use test_harness::tls::{Authority, Demands, Terminator, Wish};
use test_harness::{Peer, Site};
use test_network::Network;

use crate::secured::{put, toml};

/// Whether a link comes about to who listens at `address` and has shown a certificate for `shown`.
fn is_linked(address: IpAddr, shown: &str, tls: &str) -> bool {
    let (peer, authority) = (Peer::start(), Authority::new());
    let pair = authority.sign(&Wish::name(shown));
    let terminator = Terminator::at((address, 0).into(), peer.addr(), &pair, &Demands::default());
    let site = Site::new(terminator.addr(), &toml(tls));
    put(&site, "ca.pem", authority.pem());
    let lonc = site.start();
    let is_linked = lonc.client().ask("echo:1") == "1";
    if !is_linked {
        lonc.await_log("the peer's certificate is for");
        assert!(peer.commands().is_empty());
    }
    is_linked
}

#[test]
fn names_and_addresses() {
    let here = Ipv4Addr::LOCALHOST.into();
    for (shown, asked, is_it) in [
        ("zaphod_1.example.edu", "zaphod_1.example.edu", true),
        ("zaphod.example.edu", "ZAPHOD.example.EDU", true),
        ("zaphod.example.edu", "zaphod.example.edu.", true),
        ("*.example.edu", "zaphod.example.edu", true),
        ("*.example.edu", "a.zaphod.example.edu", false),
        ("*.example.edu", "example.edu", false),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.2", "127.0.0.1", false),
        ("::ffff:127.0.0.1", "127.0.0.1", false),
    ] {
        let tls = format!("server_name = '{asked}'");
        assert_eq!(is_linked(here, shown, &tls), is_it, "{shown} {asked}");
    }
}

#[test]
fn a_host_of_ipv6_has_its_address_in_its_certificate() {
    let here = Ipv6Addr::LOCALHOST;
    if TcpListener::bind((here, 0)).is_err() {
        eprintln!("SKIPPED: there is no IPv6 here");
        return;
    }
    assert!(is_linked(here.into(), "::1", ""));
    assert!(!is_linked(here.into(), "::2", ""));
    assert!(is_linked(
        here.into(),
        "msul1.example.edu",
        "server_name = 'msul1.example.edu'"
    ));
}

/// Of two addresses of a name, and of links to both, the one that cannot prove itself keeps nobody from the other.
#[test]
fn an_address_with_a_bad_certificate_stands_behind_the_others() {
    const HOST: &str = "zaphod.test";
    let Some(network) = Network::lay() else { return };
    let beside = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
    network.far.add_address(beside);
    network
        .near
        .know(&[(HOST, network.far.v4.into()), (HOST, beside)]);
    let resolved = network
        .near
        .enter(|| (HOST, 0).to_socket_addrs().unwrap().collect::<Vec<_>>());
    let [first, second] = resolved[..] else {
        panic!("not two addresses");
    };
    let (authority, peer) = (Authority::new(), network.far.enter(Peer::start));
    let shows = |address, pair| {
        let demands = Demands::default();
        network
            .far
            .enter(|| Terminator::at(address, peer.addr(), &pair, &demands))
    };
    for bad in [authority.good("another.test"), Authority::new().good(HOST)] {
        let bad = shows(first, bad);
        let good = shows(
            SocketAddr::new(second.ip(), bad.addr().port()),
            authority.good(HOST),
        );
        let site = Site::new(good.addr(), &toml(""));
        put(&site, "ca.pem", authority.pem());
        let own = format!("address = '{}'", second.ip());
        let text = fs::read_to_string(site.path("lonc.toml")).unwrap();
        site.write_config(&text.replace(&own, &format!("address = '{HOST}'")));
        let lonc = network.near.enter(|| site.start());
        let mut client = lonc.client();
        assert_eq!(client.ask("encrypt:echo:1"), "1");
        // It is remembered: a later try does not begin there.
        peer.drop_links();
        test_harness::wait_until("another link", || client.ask("echo:2") == "2");
        assert!(good.counts().1 >= 2);
        // Where a busy machine has the good one silent for too long, the bad one has another turn.
        let num_asked = bad.counts().0;
        let num_silent = lonc.log().matches("there is no answer at").count();
        assert!((1..=1 + num_silent).contains(&num_asked), "{}", lonc.log());
    }
}
