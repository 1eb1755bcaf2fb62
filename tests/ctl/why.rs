//! `loncctl why`: what stops a link, and what to do.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use nix::sys::signal::Signal;
use stand_in_lond::{Behaviour, Step};
use test_harness::{Lonc, Peer, SLOW, Site};

use crate::field::{listen, make_sockets, sections, start};
use crate::tool::{Ran, ctl};

/// One try: the second comes at any time within a year.
const ONCE: &str = "[link]\nbackoff_min = '365d'\nbackoff_max = '365d'\n";

#[test]
fn an_unknown_name() {
    let ran = why_at("no-such-host.invalid");
    ran.must_say("[!] name lookup [ ] TCP");
    ran.must_say("name lookup of no-such-host.invalid failed");
    ran.must_say("getent hosts no-such-host.invalid");
}

#[test]
fn a_refused_connection() {
    let peer = Peer::dead();
    let (_lonc, ran) = why(&Site::new(peer.addr(), ONCE));
    ran.must_say("[x] name lookup [!] TCP [ ] challenge");
    ran.must_say("Connection refused");
    ran.must_say("Start lond on msul1");
}

#[test]
fn an_unreachable_host() {
    // Nothing is sent: the kernel has no way for TCP to an address of many hosts.
    let ran = why_at("224.0.0.1");
    ran.must_say("unreachable");
    ran.must_say("There is no way to 224.0.0.1");
}

#[test]
fn a_stalled_challenge() {
    for (step, list, at) in [
        (
            Step::Accept,
            "[x] TCP [!] challenge [ ] ok",
            "no answer in time to init",
        ),
        (
            Step::Challenge,
            "[x] challenge [!] ok [ ] key",
            "no answer in time to challenge",
        ),
        (
            Step::BuildKey,
            "[x] ok [!] key [ ] up",
            "no answer in time to ekey",
        ),
    ] {
        let peer = Peer::that(Behaviour::StallAt(step));
        let (_lonc, ran) = why(&Site::new(
            peer.addr(),
            &format!("{ONCE}handshake_timeout = '2s'\n"),
        ));
        ran.must_say(list);
        ran.must_say(at);
        ran.must_say("takes connections and then says nothing");
    }
}

#[test]
fn a_lond_that_says_bye() {
    let lond = that_says(b"bye\n");
    let (_lonc, ran) = why(&Site::new(lond.local_addr().unwrap(), ONCE));
    ran.must_say("closed by lond in answer to challenge");
    ran.must_say("lond refuses our address");
    ran.must_say("hosts.tab must have msul2");
}

#[test]
fn a_lond_that_does_not_know_our_address() {
    let peer = Peer::that(Behaviour::Refuse);
    let (_lonc, ran) = why(&Site::new(peer.addr(), ONCE));
    ran.must_say("lond refuses our address");
    ran.must_say("londAllowInsecure is 0");
    let peer = Peer::that(Behaviour::RefuseInit);
    let (_lonc, ran) = why(&Site::new(peer.addr(), ONCE));
    ran.must_say("lond answered \"refused\" to its challenge");
    ran.must_say("host_id here (msul2)");
}

#[test]
fn a_strict_lond() {
    let peer = Peer::that(Behaviour::CloseAt(Step::Accept));
    both_causes(&Site::new(peer.addr(), ONCE));
    // One that closes before it has read all resets the connection.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut caller, _)) = listener.accept() {
            let _ = caller.read(&mut [0; 2]);
        }
    });
    both_causes(&Site::new(address, ONCE));
    // Who has given a challenge takes connections without TLS.
    let peer = Peer::that(Behaviour::CloseAt(Step::Challenge));
    let (_lonc, ran) = why(&Site::new(peer.addr(), ONCE));
    ran.must_say("lond refuses our address");
    assert!(!ran.out.contains("londAllowInsecure"), "{ran:?}");
    let peer = Peer::that(Behaviour::CloseAt(Step::BuildKey));
    let (_lonc, ran) = why(&Site::new(peer.addr(), ONCE));
    ran.must_say("lond took us");
    assert!(!ran.out.contains("londAllowInsecure"), "{ran:?}");
}

fn both_causes(site: &Site) {
    let (_lonc, ran) = why(site);
    ran.must_say("[x] TCP [!] challenge [ ] ok");
    for words in [
        "one of two causes, and logs/lond.log on msul1 tells which",
        "lond refuses our address",
        "hosts.tab must have msul2 with the address that we come from",
        "londAllowInsecure is 0 in the configuration of msul1",
        "grep londAllowInsecure /etc/httpd/conf/loncapa*.conf there",
        "it must be 1 there",
    ] {
        ran.must_say(words);
    }
}

#[test]
fn another_host_at_the_address() {
    let peer = Peer::named("msul9");
    let site = Site::office(&peer, "");
    let _lonc = start(&site, "msul1", "up");
    let ran = ctl(&site, &["why", "msul1", "--timeout", "10s"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("the lond there says it is msul9");
    ran.must_say("Mend the address");
    ctl(&site, &["check"]).must_say("WRONG msul1: the lond there says it is msul9");
    let ran = ctl(&site, &["ping", "msul1"]);
    assert_eq!((ran.code, ran.line("msul1")[1]), (1, "msul9"), "{ran:?}");
}

#[test]
fn nothing_is_wrong() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let _lonc = start(&site, "msul1", "up");
    let ran = ctl(&site, &["why", "msul1", "--timeout", "10s"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("[x] key [x] up");
    ran.must_say("ping answered by msul1");
    ran.must_say("Nothing: requests go through");
}

#[test]
fn a_lost_link_and_what_waits() {
    let peer = Peer::start();
    let site = Site::office(&peer, SLOW);
    let lonc = start(&site, "msul1", "up");
    peer.kill();
    crate::field::await_state(&site, "msul1", "down");
    lonc.site.put_words(2);
    test_harness::wait_until("the messages", || {
        ctl(&site, &["why", "msul1", "--timeout", "10s"])
            .out
            .contains("2 delayed messages, the oldest for")
    });
}

#[test]
fn daemons_that_do_not_answer() {
    let peer = Peer::start();
    let site = Site::office(&peer, &sections(&[("idle", peer.addr()), ("off", peer.addr())]));
    make_sockets(&site);
    let ran = ctl(&site, &["why", "off"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    ran.must_say("off is off: nobody listens where its workers ask");
    let _idle = listen(&site, "idle");
    let ran = ctl(&site, &["why", "idle"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("idle is not started");
    ran.must_say("loncctl ping idle");
    let lonc = start(&site, "msul1", "up");
    lonc.signal(Signal::SIGSTOP);
    let ran = ctl(&site, &["why", "msul1", "--timeout", "300ms"]);
    lonc.signal(Signal::SIGCONT);
    assert_eq!(ran.code, 2, "{ran:?}");
    ran.must_say("its daemon hangs");
    ran.must_say("systemctl restart lonc@msul1");
}

#[test]
fn what_waits_for_one_that_does_not_run_and_for_a_host_in_no_table() {
    let peer = Peer::start();
    let site = Site::office(
        &peer,
        &format!(
            "hosts_tab = 'DIR/hosts.tab'\n{}",
            sections(&[("absent", peer.addr())])
        ),
    );
    site.write("hosts.tab", "msul9:msu:library:zaphod.msu.edu:\n");
    for name in [
        "1.000001.9.put.absent",
        "2.000001.9.put.absent",
        "1.000001.9.put.gone",
    ] {
        std::fs::write(site.spool(name), "x\n").unwrap();
    }
    make_sockets(&site);
    // Whoever may look into the directories tells it as well as a daemon that runs.
    for is_running in [false, true] {
        let _lonc = is_running.then(|| start(&site, "msul1", "up"));
        let ran = ctl(&site, &["why", "absent", "--timeout", "10s"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        ran.must_say("waiting 2 delayed messages, the oldest for ");
        let ran = ctl(&site, &["why", "gone", "--timeout", "10s"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        ran.must_say("gone is in no table any more, and messages for it are on disk");
        ran.must_say("waiting 1 delayed message, the oldest for ");
        ran.must_say("loncctl spool delete gone --queued");
        assert_eq!(ctl(&site, &["why", "nobody"]).code, 64);
    }
}

#[test]
fn a_daemon_that_ends() {
    let peer = Peer::start();
    let site = Site::office(&peer, "[daemon]\ndrain_timeout = '1h'\n");
    let lonc = start(&site, "msul1", "up");
    let mut client = lonc.client();
    client.send("hold:1\n");
    peer.await_command("hold:1");
    lonc.signal(Signal::SIGTERM);
    crate::field::await_state(&site, "msul1", "draining");
    let ran = ctl(&site, &["why", "msul1", "--timeout", "10s"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("msul1 is draining; up, since ");
    ran.must_say("1 in flight");
    ran.must_say("It finishes what is in flight and ends");
}

/// A daemon whose first try has failed, and what is told of it.
fn why(site: &Site) -> (Lonc, Ran) {
    let lonc = start(site, "msul1", "down");
    let ran = ctl(site, &["why", "msul1", "--timeout", "10s"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("msul1 is down, since ");
    ran.must_say("1 try failed");
    ran.must_say("next try in ");
    ran.must_say("What to do:");
    ran.must_say("loncctl reconnect msul1");
    (lonc, ran)
}

/// The same with this address in place of the peer's.
fn why_at(address: &str) -> Ran {
    let site = Site::new("127.0.0.1:1".parse().unwrap(), ONCE);
    let config = std::fs::read_to_string(site.path("lonc.toml")).unwrap();
    site.write_config(&config.replace("'127.0.0.1'", &format!("'{address}'")));
    why(&site).1
}

/// A lond that says this to whoever comes, and closes.
fn that_says(words: &'static [u8]) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let accepting = listener.try_clone().unwrap();
    thread::spawn(move || {
        while let Ok((mut caller, _)) = accepting.accept() {
            let _ = caller.read(&mut [0; 64]);
            let _ = caller.write_all(words);
        }
    });
    listener
}
