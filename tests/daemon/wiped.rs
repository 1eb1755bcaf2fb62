//! What was asked or answered encrypted is nowhere in memory once it is answered.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

use memchr::memmem;
use stand_in_lond::{BadHex, Behaviour};
use test_harness::spool::name;
use test_harness::{Lonc, Peer, QUICK, Site, wait_until};

/// What all bodies are made of.
const MARK: &str = "of-this-no-trace";

/// A body of about so many bytes.
fn body(len: usize) -> String {
    MARK.repeat(len.div_ceil(MARK.len()))
}

/// How often it is in the memory of lonc: whatever can be read and written, heaps, stacks and all.
fn traces(lonc: &Lonc) -> usize {
    let directory = format!("/proc/{}", lonc.pid());
    let memory = File::open(format!("{directory}/mem")).unwrap();
    let maps = fs::read_to_string(format!("{directory}/maps")).unwrap();
    let mut found = 0;
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (range, _) = map.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // One that was given back since it was listed holds nothing.
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            found += memmem::find_iter(&bytes, MARK).count();
        }
    }
    found
}

fn await_no_trace(lonc: &Lonc) {
    wait_until("no trace", || traces(lonc) == 0);
}

/// One link, one request at a time on it, which may take so long, and a spool.
fn start(peer: &Peer, patience: &str) -> Lonc {
    let toml = format!(
        "{QUICK}request_timeout = '{patience}'\npipeline = 1\nmax_connections = 1\nmax_reply_bytes = '4MiB'\n[spool]\nsettle = '0s'\n"
    );
    let lonc = Site::office(peer, &toml).start();
    assert_eq!(lonc.client().ask("ping"), "msul1");
    lonc
}

#[test]
fn what_waits_is_there_and_what_is_answered_is_not() {
    let peer = Peer::start();
    let lonc = start(&peer, "60s");
    let mut first = lonc.client();
    first.say("hold:first");
    peer.await_command("hold:first");
    let mut waiting = lonc.client();
    waiting.say(format!("encrypt:echo:{}", body(1000)));
    wait_until("a trace", || traces(&lonc) > 0);
    peer.release();
    assert_eq!((first.hear(), waiting.hear()), ("first".into(), body(1000)));
    await_no_trace(&lonc);
    // The clients are still there.
    assert_eq!(
        (first.ask("echo:1"), waiting.ask("echo:2")),
        ("1".into(), "2".into())
    );
}

#[test]
fn small_ones_and_large_ones_in_every_form_and_company() {
    let peer = Peer::start();
    let lonc = start(&peer, "60s");
    let mut stays = lonc.client();
    for len in [16, 200, 5_000, 20_000, 100_000] {
        let body = body(len);
        for form in [
            "",
            "sethost:msul1:",
            "critical:",
            "critical:sethost:msul1:",
            "sethost:msul1:critical:",
        ] {
            assert_eq!(stays.ask(&format!("{form}encrypt:echo:{body}")), body);
        }
        for refused in ["encrypt:init:", "sethost:encrypt:x:", "whatever:encrypt:"] {
            assert_eq!(stays.ask(&format!("{refused}{body}")), "refused");
        }
        // Among others, in one piece and in two.
        let mixed = format!("echo:1\nencrypt:echo:{body}\necho:2\nencrypt:echo:3\necho:4").repeat(3);
        let (front, rest) = mixed.split_at(mixed.len() / 2);
        stays.send(front);
        stays.say(rest);
        for first in ["1", "4echo:1", "4echo:1"] {
            for expected in [first, &body, "2", "3"] {
                assert_eq!(stays.hear(), expected);
            }
        }
        assert_eq!(stays.hear(), "4");
        await_no_trace(&lonc);
    }
}

#[test]
fn of_clients_that_leave_nothing_stays() {
    let peer = Peer::start();
    let mut lonc = start(&peer, "60s");
    let mut first = lonc.client();
    first.say("hold:first");
    peer.await_command("hold:first");
    let mut stays = lonc.client();
    for len in [1_000, 100_000] {
        // Half a line.
        let mut leaves = lonc.client();
        leaves.send(format!("encrypt:echo:{}", body(len)));
        wait_until("a trace", || traces(&lonc) > 0);
        drop(leaves);
        await_no_trace(&lonc);
        // Whole ones that wait, and half of one.
        let mut leaves = lonc.client();
        let line = format!("encrypt:echo:{}", body(len));
        leaves.send(format!("echo:plain\n{line}\n{line}\n{line}"));
        wait_until("a trace", || traces(&lonc) > 0);
        drop(leaves);
        await_no_trace(&lonc);
    }
    stays.say(format!("encrypt:echo:{}", body(100_000)));
    stays.half_close();
    peer.release();
    assert_eq!(first.hear(), "first");
    assert_eq!(stays.rest().len(), body(100_000).len() + 1);
    await_no_trace(&lonc);
    // Answers that nobody takes.
    let mut leaves = lonc.client();
    for _ in 0..20 {
        leaves.say(format!("encrypt:echo:{}", body(100_000)));
    }
    wait_until("a trace", || traces(&lonc) > 0);
    drop(leaves);
    await_no_trace(&lonc);
    lonc.assert_alive();
}

#[test]
fn of_what_is_lost_or_malformed_nothing_stays() {
    let peer = Peer::start();
    let lonc = start(&peer, "60s");
    let mut client = lonc.client();
    for len in [1_000, 100_000] {
        for behaviour in [
            Behaviour::HalfReply,
            Behaviour::ExtraReply,
            Behaviour::BadHex(BadHex::NonHex),
            Behaviour::BadHex(BadHex::NewlineInside),
        ] {
            peer.behave(behaviour);
            client.send(format!("encrypt:echo:{}\n", body(len)).repeat(2));
            client.answer();
            client.answer();
            await_no_trace(&lonc);
        }
        peer.behave(Behaviour::Normal);
        wait_until("recovery", || client.ask("ping") == "msul1");
    }
    let mut long = lonc.client();
    // It is refused before all is sent.
    let _ = long
        .stream()
        .write_all(format!("encrypt:echo:{}", body(17 << 20)).as_bytes());
    assert_eq!(long.hear(), "error: request too long");
    await_no_trace(&lonc);
    client.say("hold:lost");
    peer.await_command("hold:lost");
    client.send(format!("encrypt:echo:{}\n", body(100_000)).repeat(2));
    wait_until("a trace", || traces(&lonc) > 0);
    peer.kill();
    for _ in 0..3 {
        assert_eq!(client.hear(), "con_lost");
    }
    await_no_trace(&lonc);
}

#[test]
fn of_what_waits_on_disk_nothing_stays_in_memory() {
    let peer = Peer::start();
    let lonc = start(&peer, "60s");
    let mut client = lonc.client();
    peer.kill();
    client.await_down();
    let line = |len| format!("encrypt:echo:{}", body(len));
    for len in [1_000, 100_000] {
        assert_eq!(client.ask(&format!("critical:{}", line(len))), "con_delayed");
        assert_eq!(
            client.ask(&format!("sethost:msul1:critical:{}", line(len))),
            "con_delayed"
        );
    }
    await_no_trace(&lonc);
    lonc.site.put(0, &line(100_000));
    lonc.site.put(1, &format!("sethost:msul1:{}", line(1_000)));
    // One that grows in several writes, and one that is set aside.
    lonc.site.put(2, &format!("{}\nmore", line(100_000)));
    peer.revive();
    lonc.site.await_empty();
    assert_eq!(lonc.site.failed(), [name(2)]);
    await_no_trace(&lonc);
    assert_eq!(
        peer.received()
            .iter()
            .filter(|line| line.decrypted.is_some())
            .count(),
        6
    );
    // Nor of what cannot be stored.
    peer.kill();
    client.await_down();
    fs::rename(lonc.site.path("delayed"), lonc.site.path("away")).unwrap();
    assert_eq!(client.ask(&format!("critical:{}", line(100_000))), "con_failed");
    await_no_trace(&lonc);
}
