//! One budget for every byte: whatever peers and workers do, an instance keeps at most twice `max_queued_bytes` and
//! `max_reply_bytes`, one request, and a small reserve for each client.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use stand_in_lond::Behaviour;
use test_harness::{Client, Lonc, Peer, QUICK, Site, wait_until};

const MIB: usize = 1 << 20;

/// What a case may hold, in MiB; `LONC_BUDGET=8` makes it that of the defaults, and all that is sent with it.
struct Scale(usize);

impl Scale {
    fn new() -> Self {
        Self(env::var("LONC_BUDGET").map_or(1, |scale| scale.parse().unwrap()))
    }

    /// So many bytes in place of so many MB.
    fn of(&self, mb: f64) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let bytes = mb * 1e6 / 8.0 * self.0 as f64;
        format!("{bytes:.0}")
    }

    fn toml(&self) -> String {
        let (queued, reply, request) = (8 * self.0, 8 * self.0, 2 * self.0);
        format!(
            "{QUICK}max_reply_bytes = '{reply}MiB'\n[client]\nmax_queued_bytes = '{queued}MiB'\nmax_client_bytes = '{}KiB'\n\
             max_request_bytes = '{request}MiB'\n",
            512 * self.0
        )
    }

    /// Checks the peak against what is promised.
    fn check(&self, lonc: &Lonc, clients: usize, case: &str) {
        let promised = 2 * (8 + 8) * self.0 + 2 * self.0 + clients / 16;
        // The program itself, and what the allocator keeps for larger ones to come.
        let most = 12 + promised + promised / 4;
        let peak = usize::try_from(lonc.peak_memory()).unwrap();
        eprintln!("{case}: peak {peak} MiB, promised {promised} MiB");
        assert!(peak <= most, "{case}: {peak} MiB, not {most}");
    }
}

fn start(peer: &Peer, scale: &Scale) -> Lonc {
    peer.keep_journal(false);
    Lonc::start_linked(peer, &scale.toml())
}

/// So many clients that have sent these lines, and read nothing.
fn asking(lonc: &Lonc, count: usize, lines: &str) -> Vec<Client> {
    let ask = |mut client: Client| {
        client.send(lines);
        client
    };
    (0..count).map(|_| ask(lonc.client())).collect()
}

/// Bytes that it says it keeps.
fn held(lonc: &Lonc) -> usize {
    told(lonc, "heldBytes")
}

/// A number of its status.
fn told(lonc: &Lonc, name: &str) -> usize {
    let mut stream = UnixStream::connect(lonc.site.control_socket()).unwrap();
    let call = "{\"method\":\"org.loncapa.lonc.GetStatus\",\"parameters\":{}}\0";
    stream.write_all(call.as_bytes()).unwrap();
    let mut reply = Vec::new();
    BufReader::new(stream).read_until(0, &mut reply).unwrap();
    reply.pop();
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    let number = reply["parameters"]["status"][name].as_u64();
    number.unwrap().try_into().unwrap()
}

/// Another one is served all the while.
fn assert_served(lonc: &Lonc) {
    for round in 0..20 {
        assert_eq!(lonc.client().ask(&format!("echo:{round}")), round.to_string());
    }
}

#[test]
fn one_client_that_pipelines_large_replies_and_reads_none() {
    let (peer, scale) = (Peer::start(), Scale::new());
    let lonc = start(&peer, &scale);
    let mut greedy = lonc.client();
    greedy.send(format!("big:{}\n", scale.of(30.0)).repeat(64));
    // By how many of them were on the link when the first reply came.
    wait_until("the client is cut off, or asks in vain", || {
        let is_left = held(&lonc) > 0 && told(&lonc, "inFlight") == 0 && told(&lonc, "queued") > 0;
        is_left || lonc.log().contains("a client was cut off")
    });
    assert_served(&lonc);
    scale.check(&lonc, 2, "64 × 30 MB, none read");
}

#[test]
fn many_clients_that_read_none_of_their_large_reply() {
    let (peer, scale) = (Peer::start(), Scale::new());
    let lonc = start(&peer, &scale);
    let _clients = asking(&lonc, 60, &format!("big:{}\n", scale.of(20.0)));
    lonc.await_log("a client was cut off");
    assert_served(&lonc);
    scale.check(&lonc, 61, "60 × 20 MB, none read");
}

#[test]
fn many_clients_that_read_none_of_their_large_encrypted_reply() {
    let (peer, scale) = (Peer::start(), Scale::new());
    let lonc = start(&peer, &scale);
    let _clients = asking(&lonc, 40, &format!("encbig:{}\n", scale.of(20.0)));
    lonc.await_log("a client was cut off");
    assert_served(&lonc);
    scale.check(&lonc, 41, "40 × 20 MB encrypted, none read");
}

#[test]
fn many_large_delayed_messages() {
    let (peer, scale) = (Peer::start(), Scale::new());
    peer.keep_journal(false);
    let site = Site::office(&peer, &scale.toml());
    let command = format!("len:{}", "x".repeat(scale.of(15.0).parse().unwrap()));
    for number in 0..80 {
        site.put(number, &command);
    }
    let lonc = site.start();
    lonc.site.await_empty();
    assert_served(&lonc);
    scale.check(&lonc, 1, "80 delayed messages of 15 MB");
}

#[test]
fn clients_that_leave_behind_critical_requests() {
    let (peer, scale) = (Peer::start(), Scale::new());
    peer.keep_journal(false);
    let lonc = Site::office(&peer, &scale.toml()).start();
    let line = format!("critical:echo:{}\n", "x".repeat(980));
    let count = scale.of(3.5).parse::<usize>().unwrap() / line.len();
    thread::scope(|scope| {
        for _ in 0..150 {
            let (client, lines) = (lonc.client(), line.repeat(count));
            let patience = Duration::from_millis(500);
            client.stream().set_write_timeout(Some(patience)).unwrap();
            // Whoever is not read, since nobody takes answers, leaves.
            scope.spawn(move || client.stream().write_all(lines.as_bytes()));
        }
    });
    // What was not read when a client left is nobody's.
    wait_until("the end of what was", || held(&lonc) == 0);
    assert_served(&lonc);
    scale.check(&lonc, 150, "150 × 3.5 MB of critical requests left behind");
}

#[test]
fn clients_that_leave_behind_critical_requests_for_a_silent_lond() {
    let (peer, scale) = (Peer::start(), Scale::new());
    let lonc = Site::office(&peer, &scale.toml()).start();
    assert_served(&lonc);
    peer.behave(Behaviour::NeverReply);
    let line = format!("critical:echo:{}\n", "x".repeat(980));
    let count = scale.of(3.5).parse::<usize>().unwrap() / line.len();
    thread::scope(|scope| {
        for _ in 0..150 {
            let (client, lines) = (lonc.client(), line.repeat(count));
            // The most of them are not read, and wait until it ends.
            scope.spawn(move || drop(client.stream().write_all(lines.as_bytes())));
        }
        wait_until("what may be kept", || held(&lonc) >= 8 * scale.0 * MIB);
        for _ in 0..1000 {
            // A reserve for each beyond the budget.
            assert!(held(&lonc) <= (8 * scale.0 + 2 * scale.0 + 150 / 16 + 1) * MIB);
        }
        scale.check(
            &lonc,
            150,
            "150 × 3.5 MB of critical requests left behind, lond silent",
        );
        lonc.slay();
    });
}

#[test]
fn replies_on_all_links_that_stop_within() {
    let (peer, scale) = (Peer::start(), Scale::new());
    let lonc = start(&peer, &scale);
    // One link each, and none of the replies has an end.
    peer.behave(Behaviour::EndlessLine);
    let _clients = asking(&lonc, 10, "echo:x\n");
    lonc.await_log("a reply longer than max_reply_bytes");
    scale.check(&lonc, 10, "10 replies that have no end");
}

#[test]
fn a_thousand_ordinary_clients_lose_nothing_beside_greedy_ones() {
    let (peer, scale) = (Peer::start(), Scale::new());
    let lonc = start(&peer, &scale);
    let greedy = asking(&lonc, 3, &format!("big:{}\n", scale.of(30.0)).repeat(20));
    let mut clients: Vec<_> = (0..1000).map(|_| lonc.client()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            client.say("big:20000");
        }
        for client in &mut clients {
            assert_eq!(client.answer().len(), 20_000);
        }
    }
    drop(greedy);
    scale.check(&lonc, 1003, "1,000 ordinary clients beside 3 greedy ones");
}

#[test]
fn a_thousand_clients_that_read_none_of_their_small_replies() {
    let (peer, scale) = (Peer::start(), Scale::new());
    let lonc = start(&peer, &scale);
    let _clients = asking(&lonc, 1000, &"big:60000\n".repeat(10));
    wait_until("what may be kept", || held(&lonc) >= 8 * scale.0 * MIB);
    assert_served(&lonc);
    wait_until("a reply for each", || held(&lonc) >= 60 * MIB);
    assert_served(&lonc);
    scale.check(&lonc, 1001, "1,000 × 10 of 60 KB, none read");
}
