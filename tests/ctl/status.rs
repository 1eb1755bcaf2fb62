//! `loncctl status`: a line for each peer, whatever its daemon is at.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::Value;
use stand_in_lond::{Behaviour, Step};
use test_harness::programs::Running;
use test_harness::{AS_MANY_AS_NEEDED, Lonc, Peer, QUICK, Site};

use crate::field::{await_state, listen, make_sockets, sections, start};
use crate::tool::{bare, command, ctl, run};

#[test]
fn each_state_has_its_line() {
    let (site, loncs, _peers) = all_states();
    site.put(1, "echo:1");
    let _idle = listen(&site, "idle");
    let ran = ctl(&site, &["status", "--timeout", "10s"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let columns = ran.line("PEER").len();
    for (peer, state) in [
        ("msul1", "up"),
        ("dead", "down"),
        ("stalled", "connecting"),
        ("drained", "draining"),
        ("idle", "not-started"),
    ] {
        let line = ran.line(peer);
        assert_eq!(line[1], state, "{ran:?}");
        assert!(line.len() >= columns - 1, "{ran:?}");
    }
    ran.must_say("Connection refused");
    assert!(!ran.out.contains('\x1b'), "colours in a pipe");
    assert_eq!(
        ctl(&site, &["status", "msul1", "idle", "--timeout", "10s"]).code,
        0
    );
    loncs[0].signal(Signal::SIGSTOP);
    let ran = ctl(&site, &["status", "--timeout", "20s"]);
    loncs[0].signal(Signal::SIGCONT);
    assert_eq!((ran.code, ran.line("msul1")[1]), (2, "hung"), "{ran:?}");
    // The others are told as they are.
    assert_eq!(ran.line("drained")[1], "draining", "{ran:?}");
    ran.must_say("no answer within 20s");
}

#[test]
fn programs_get_all_that_the_daemon_tells() {
    let peer = Peer::start();
    let at: SocketAddr = "192.0.2.1:1".parse().unwrap();
    let site = Site::office(&peer, &sections(&[("idle", at)]));
    let _lonc = start(&site, "msul1", "up");
    let _idle = listen(&site, "idle");
    let json = ctl(&site, &["status", "--json", "--timeout", "10s"]).json();
    assert_eq!(json[0]["peer"], "idle");
    assert_eq!(json[0]["state"], "not-started");
    assert!(
        json[0]["status"].is_null() && json[0]["error"].is_string(),
        "{json}"
    );
    assert_eq!(json[0]["address"], "192.0.2.1:1");
    assert_eq!(json[1]["status"]["counters"]["linksOpened"], 1);
    assert!(json[1]["error"].is_null(), "{json}");
}

#[test]
fn what_waits_for_peers_that_do_not_run_and_for_hosts_in_no_table_is_counted() {
    let (peer, at) = (Peer::start(), "192.0.2.1:1".parse().unwrap());
    let site = Site::office(&peer, &sections(&[("idle", at)]));
    let _idle = listen(&site, "idle");
    for name in [
        "1.000001.9.put.idle",
        "2.000001.9.put.idle",
        "1.000001.9.put.gone",
    ] {
        fs::write(site.spool(name), "x\n").unwrap();
    }
    let told = |daemon: &str| {
        let ran = ctl(&site, &["status", "--timeout", "10s"]);
        assert_eq!(ran.line("idle")[1], "not-started", "{daemon}: {ran:?}");
        assert_eq!(ran.line("idle")[8], "2", "{daemon}: {ran:?}");
        assert_eq!(
            (ran.line("gone")[1], ran.line("gone")[8]),
            ("unlisted", "1"),
            "{daemon}: {ran:?}"
        );
        ran.must_say("loncctl spool list gone");
        ran.code
    };
    // Nobody listens for msul1.
    assert_eq!(told("the directories"), 2);
    let _lonc = start(&site, "msul1", "up");
    assert_eq!(told("another's daemon"), 1);
    let json = ctl(&site, &["status", "--json", "--timeout", "10s"]).json();
    assert_eq!(
        (&json[0]["peer"], &json[0]["delayed"]["queued"]),
        (&"idle".into(), &2.into()),
        "{json}"
    );
    assert_eq!(
        (&json[2]["peer"], &json[2]["state"]),
        (&"gone".into(), &"unlisted".into()),
        "{json}"
    );
    let json = ctl(&site, &["status", "--json", "idle"]).json();
    assert_eq!(json.as_array().unwrap().len(), 1, "{json}");
}

#[test]
fn a_daemon_that_was_killed_is_dead_and_not_unstarted() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let mut lonc = start(&site, "msul1", "up");
    lonc.signal(Signal::SIGKILL);
    lonc.ended();
    let ran = ctl(&site, &["status"]);
    assert_eq!((ran.code, ran.line("msul1")[1]), (2, "dead"), "{ran:?}");
    ctl(&site, &["why", "msul1"]).must_say("systemctl restart lonc@msul1");
}

#[test]
fn a_watch_shows_what_changes() {
    let peer = Peer::dead();
    let site = Site::office(&peer, QUICK);
    make_sockets(&site);
    let mut command = command(
        &site,
        &[
            "status",
            "--watch",
            "--json",
            "--interval",
            "20ms",
            "--timeout",
            "10s",
        ],
    );
    let mut watching = Running::start(command.stdout(Stdio::piped()));
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut await_state = |state: &str| {
        lines
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .find(|json| json[0]["state"] == state)
            .unwrap();
    };
    await_state("off");
    let _lonc = start(&site, "msul1", "down");
    await_state("down");
    peer.revive();
    await_state("up");
}

#[test]
fn forty_daemons_answer_together() {
    let peer = Peer::start();
    peer.any_caller();
    let ids: Vec<_> = (0..40).map(|number| format!("host{number}")).collect();
    let peers: Vec<_> = ids.iter().map(|id| (id.as_str(), peer.addr())).collect();
    let site = Site::office(&peer, &sections(&peers));
    let loncs: Vec<_> = ids
        .iter()
        .map(|id| Lonc::spawn(site.clone(), site.command_for(id)))
        .collect();
    for id in &ids {
        await_state(&site, id, "up");
    }
    let _msul1 = listen(&site, "msul1");
    let begun = Instant::now();
    let ran = ctl(&site, &["status", "--timeout", "30s"]);
    eprintln!("40 daemons answered in {:?}", begun.elapsed());
    assert_eq!((ran.code, ran.out.lines().count()), (0, 42), "{ran:?}");
    loncs[7].signal(Signal::SIGSTOP);
    let ran = ctl(&site, &["status", "--timeout", "20s"]);
    assert_eq!(ran.out.matches(" hung ").count(), 1, "{ran:?}");
    assert_eq!(ran.out.matches(" up ").count(), 39, "{ran:?}");
}

#[test]
fn without_a_table_of_servers_it_says_so() {
    let site = Site::new("127.0.0.1:1".parse().unwrap(), "");
    site.write_config("host_id = 'msul2'\nhosts_tab = '/nowhere/hosts.tab'\n");
    let ran = ctl(&site, &["status"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    ran.must_say("/nowhere/hosts.tab: cannot be read");
    ran.must_say("there are no peers");
    let ran = ctl(&site, &["status", "nobody"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    let mut command = bare();
    command.args(["--config", "/nowhere/lonc.toml", "status"]);
    let ran = run(command);
    assert_eq!(ran.code, 78, "{ran:?}");
    ran.must_say("/nowhere/lonc.toml: cannot be read");
}

#[test]
fn links_on_demand_and_what_lond_would_not_have_are_told() {
    let peer = Peer::start();
    peer.limit_links(1, Behaviour::Refuse);
    let site = Site::office(&peer, AS_MANY_AS_NEEDED);
    let lonc = start(&site, "msul1", "up");
    let mut slow = lonc.client();
    slow.send("hold:1\n");
    peer.await_command("hold:1");
    // It waits behind the slow one, and for another link.
    let mut waiting = lonc.client();
    waiting.send("echo:x\n");
    let status = |words: &str| {
        test_harness::wait_until(words, || {
            let ran = ctl(&site, &["status", "--timeout", "10s"]);
            // The slow one may have lasted so long by now that it counts as stuck.
            assert!(["up", "stuck"].contains(&ran.line("msul1")[1]), "{ran:?}");
            ran.out.contains(words)
        });
    };
    // Whether it shows as closed or reset depends on what lond had not read.
    status("lond takes no more than 1 link: c");
    status("; next try in ");
    status("oldest in flight for ");
    status(" 1/10 ");
    let why = || ctl(&site, &["why", "msul1", "--timeout", "300ms"]);
    // From when on it counts as slow is the session's to say.
    test_harness::wait_until("slow", || {
        let ran = why();
        ran.says("which is slow, so nothing is put behind it")
            && ran.says("1 open of at most 10; 1 kept open")
            && ran.says("one more than 1 link: c")
    });
    peer.unlimit_links();
    assert_eq!(ctl(&site, &["reconnect", "msul1"]).code, 0);
    assert_eq!(waiting.hear(), "x");
    let ran = ctl(&site, &["why", "msul1", "--timeout", "10s"]);
    ran.must_say("2 open of at most 10; 1 kept open; 1 on demand, since requests waited");
    let text = ctl(&site, &["metrics", "msul1", "--timeout", "10s"]).out;
    for sample in [
        "lonc_links_open{peer=\"msul1\"} 2",
        "lonc_links_most{peer=\"msul1\"} 10",
        "lonc_links_opened_total{peer=\"msul1\",cause=\"kept\"} 1",
        "lonc_links_opened_total{peer=\"msul1\",cause=\"demand\"} 1",
    ] {
        assert!(text.contains(sample), "{sample} not in\n{text}");
    }
    assert!(
        !text.contains("lonc_links_refused_total{peer=\"msul1\"} 0"),
        "{text}"
    );
    peer.release();
    assert_eq!(slow.hear(), "1");
}

#[test]
fn a_peer_whom_nobody_needs_is_idle_and_well() {
    let peer = Peer::start();
    let site = Site::office(&peer, "[link]\nconnections = 0\nidle_timeout = '100ms'\n");
    let _lonc = start(&site, "msul1", "idle");
    let ran = ctl(&site, &["status", "--timeout", "10s"]);
    assert_eq!((ran.code, ran.line("msul1")[5]), (0, "0/10"), "{ran:?}");
    let ran = ctl(&site, &["why", "msul1", "--timeout", "10s"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("msul1 is idle, since ");
    ran.must_say("0 open of at most 10");
    ran.must_say("the next request opens one");
}

/// A site with a daemon in each state but hung: the peer is that of `msul1`, which is up.
fn all_states() -> (Site, Vec<Lonc>, Vec<Peer>) {
    let (up, dead, stalled, drained) = (
        Peer::start(),
        Peer::dead(),
        Peer::that(Behaviour::StallAt(Step::Accept)),
        Peer::named("drained"),
    );
    let peers = [
        ("dead", dead.addr()),
        ("stalled", stalled.addr()),
        ("drained", drained.addr()),
        ("idle", dead.addr()),
    ];
    let toml = "[link]\nconnect_wait = '1h'\n[daemon]\ndrain_timeout = '1h'\n".to_owned();
    let site = Site::office(&up, &(toml + &sections(&peers)));
    let loncs = vec![
        start(&site, "msul1", "up"),
        start(&site, "dead", "down"),
        start(&site, "stalled", "connecting"),
        start(&site, "drained", "up"),
    ];
    let mut client = test_harness::Client::connect(&site.path("sockets/drained"));
    client.send("hold:1\n");
    drained.await_command("hold:1");
    loncs[3].signal(Signal::SIGTERM);
    await_state(&site, "drained", "draining");
    // Its request holds the daemon, not its client.
    drop(client);
    (site, loncs, vec![up, dead, stalled, drained])
}
