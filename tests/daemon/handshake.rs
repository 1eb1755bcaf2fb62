//! The opening of a link, byte for byte.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use lonc_proto::cipher::Key;
use nix::sys::signal::Signal;
use stand_in_lond::cipher::LinkKey;
use stand_in_lond::{Behaviour, Step};
use test_harness::{Lonc, PATIENCE, Peer, QUICK, Site, wait_until};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_five_lines_come_one_by_one_in_the_fixed_order_and_then_the_clients() {
    the_lines_come_one_by_one(false);
}

#[test]
fn with_pong_there_are_six_of_them() {
    the_lines_come_one_by_one(true);
}

fn the_lines_come_one_by_one(pong: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let toml = format!("[daemon]\nlog_level = 'trace'\n[link]\npong = {pong}\n");
    let mut lonc = Site::new(listener.local_addr().unwrap(), &toml).start();
    let mut client = lonc.client();
    client.send("one\nencrypt:two\n");
    let (mut lond, _) = listener.accept().unwrap();
    let build_key = "54321AFE98700BCD1234598765";
    welcome(&mut lond, pong, " 12:a\0b\u{e9}\r", build_key);
    // The key of the first row of the vectors, and so libgcrypt's blocks for it.
    let key = Key::derive(b"msul1", b"msul2", build_key.as_bytes());
    let cipher = LinkKey::from_bytes(*key.as_bytes());
    let two = String::from_utf8(cipher.encrypt(b"two")).unwrap();
    // lonc's own question goes first, and the clients' do not wait for the answer to it.
    hear(&mut lond, &format!("ping\none\n{two}"));
    lond.write_all(b"msul1\nfirst\nsecond\n").unwrap();
    assert_eq!(
        (client.hear(), client.hear()),
        ("first".to_owned(), "second".to_owned())
    );
    lonc.signal(Signal::SIGTERM);
    let log = lonc.ended_well();
    assert!(!log.contains(build_key), "the build key is in the log: {log}");
}

#[test]
fn pong_is_asked_without_a_wait() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, &format!("{QUICK}pong = true\n"));
    let mut client = lonc.client();
    let openings = [1, 2, 3].map(|before| {
        let begun = Instant::now();
        peer.drop_links();
        peer.await_received(|lines| lines.iter().filter(|line| line.raw == b"pong").count() > before);
        wait_until("the link", || client.ask("echo:1") == "1");
        begun.elapsed()
    });
    // The machine may be busy once; the original sleeps five seconds each time.
    let quickest = openings.iter().min().unwrap();
    assert!(*quickest < Duration::from_secs(5), "{openings:?}");
}

#[test]
fn the_newline_of_the_build_key_is_no_part_of_the_key() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let lonc = Site::new(listener.local_addr().unwrap(), "").start();
    let mut client = lonc.client();
    client.say("encrypt:two");
    let (mut lond, _) = listener.accept().unwrap();
    // With both ids it fills no key, so that what is behind it counts.
    welcome(&mut lond, false, "challenge", "12345");
    let cipher = LinkKey::derive("msul1", "msul2", b"12345");
    let two = String::from_utf8(cipher.encrypt(b"two")).unwrap();
    hear(&mut lond, &format!("ping\n{two}"));
    lond.write_all(&[b"msul1\n", &cipher.encrypt(b"second")[..], b"\n"].concat())
        .unwrap();
    assert_eq!(client.hear(), "second");
}

#[test]
fn a_lond_that_knows_neither_sethost_nor_version_nor_pong_is_served() {
    for behaviour in [Behaviour::SoftFail, Behaviour::WrongPong] {
        let peer = Peer::that(behaviour);
        let lonc = Lonc::start(&peer, "[link]\npong = true\nmax_connections = 1\n");
        assert_eq!(lonc.client().ask("echo:plain"), "plain");
        assert_eq!(lonc.client().ask("encrypt:echo:secret"), "secret");
        assert_eq!(peer.connections(), 1);
        lonc.await_log("to pong; going on");
        if behaviour == Behaviour::SoftFail {
            lonc.await_log("to sethost; going on");
            lonc.await_log("to version; going on");
        }
    }
}

#[test]
fn who_calls_itself_otherwise_is_served_with_a_warning() {
    let peer = Peer::that(Behaviour::WrongPing);
    let lonc = Lonc::start(&peer, "[link]\nmax_connections = 1\n");
    assert_eq!(lonc.client().ask("encrypt:echo:secret"), "secret");
    lonc.await_log("calls itself \"not-msul1\"");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn not_one_byte_of_a_client_goes_out_before_the_build_key() {
    for (number, step) in Step::ALL.into_iter().enumerate() {
        let peer = Peer::that(Behaviour::StallAt(step));
        let lonc = Lonc::start(
            &peer,
            "[link]\npong = true\nconnect_wait = '400ms'\nbackoff_min = '365d'\nbackoff_max = '365d'\n",
        );
        let mut clients: Vec<_> = (0..3).map(|_| lonc.client()).collect();
        for client in &mut clients {
            client.send("echo:early\nencrypt:echo:early\n");
        }
        // That they are answered shows that lonc had their requests while lond was silent.
        for client in &mut clients {
            assert_eq!(
                (client.hear(), client.hear()),
                ("con_lost".to_owned(), "con_lost".to_owned())
            );
        }
        peer.await_received(|lines| lines.len() > number);
        peer.drop_links();
        peer.await_links(|_, open| open == 0);
        let received = peer.received();
        let challenge = peer.commands().get(1).cloned().unwrap_or_default();
        assert_eq!(peer.commands(), lines(true, &challenge)[..=number], "{step:?}");
        assert!(received.iter().all(|line| line.complete), "{step:?}");
    }
}

#[test]
fn requests_that_came_during_a_slow_handshake_are_served_when_it_is_done() {
    let peer = Peer::that(Behaviour::StallAt(Step::Pong));
    let lonc = Lonc::start(&peer, &format!("{QUICK}pong = true\n"));
    let mut client = lonc.client();
    client.send("echo:1\nencrypt:echo:2\necho:3\n");
    peer.await_command("pong");
    peer.behave(Behaviour::Normal);
    peer.drop_links();
    // The first try has failed: those that waited for it are told so, or were quick enough to wait for the second.
    for answer in ["1", "2", "3"] {
        let heard = client.hear();
        assert!(heard == answer || heard == "con_lost", "{heard}");
    }
    wait_until("recovery", || client.ask("echo:again") == "again");
}

#[test]
fn a_lond_that_writes_byte_by_byte_is_understood() {
    let peer = Peer::that(Behaviour::ByteByByte);
    let lonc = Lonc::start(&peer, "");
    assert_eq!(lonc.client().ask("encrypt:echo:every byte"), "every byte");
    assert_eq!(peer.connections(), 1);
}

/// Plays lond's part in the opening.
fn welcome(lond: &mut TcpStream, pong: bool, challenge: &str, build_key: &str) {
    let mut answers = vec![challenge, "ok", "ok", "version:2.11"];
    if pong {
        answers.push("msul1:msul2");
    }
    answers.push(build_key);
    for (line, answer) in lines(pong, challenge).iter().zip(answers) {
        hear(lond, line);
        lond.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
}

/// The lines lonc says up to the build key, given the challenge.
fn lines(pong: bool, challenge: &str) -> Vec<String> {
    let mut lines = vec![
        "init".to_owned(),
        challenge.to_owned(),
        "sethost:msul1".to_owned(),
        format!("version:{VERSION}"),
    ];
    if pong {
        lines.push("pong".to_owned());
    }
    lines.push("ekey".to_owned());
    lines
}

/// Reads exactly `line`, and finds that nothing follows for a while.
fn hear(stream: &mut TcpStream, line: &str) {
    let mut heard = vec![0; line.len() + 1];
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), format!("{line}\n"));
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let more = stream.read(&mut [0]).map_err(|error| error.kind());
    assert!(
        matches!(more, Err(ErrorKind::WouldBlock)),
        "{more:?} behind {line}"
    );
}
