//! Lines are bytes: what comes out is what went in.

use std::process::{Command, Stdio};

use stand_in_lond::EncryptedReplies;
use test_harness::programs::installed;
use test_harness::{Lonc, Peer, wait_until};

#[test]
fn any_byte_but_the_newline_passes_through_both_ways() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut client = lonc.client();
    let every: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    for how in ["", "encrypt:", "critical:", "critical:encrypt:"] {
        client.say([how.as_bytes(), b"echo:", &every].concat());
        assert_eq!(client.answer(), every, "{how}");
    }
    for odd in [
        &b"\r"[..],
        b"\0",
        b"\xff",
        b" ",
        b"text\r",
        b":encrypt:",
        b"encore",
        b"enc:",
        b"enc:x:",
    ] {
        client.say([b"echo:", odd].concat());
        assert_eq!(client.answer(), odd);
        client.say([b"encrypt:echo:", odd].concat());
        assert_eq!(client.answer(), odd);
    }
    let sent = peer.received();
    assert!(
        sent.iter()
            .any(|line| line.raw == [b"echo:", &every[..]].concat())
    );
}

#[test]
fn what_is_asked_in_the_clear_goes_in_the_clear_and_what_is_asked_encrypted_does_not() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:open"), "open");
    assert_eq!(client.ask("encrypt:echo:shut"), "shut");
    // Both forms may answer either.
    assert_eq!(client.ask("encecho:shut"), "shut");
    for replies in [EncryptedReplies::UpperHex, EncryptedReplies::Plain] {
        peer.encrypted_replies(replies);
        assert_eq!(client.ask("encrypt:echo:shut"), "shut");
    }
    let raw: Vec<_> = peer.received().into_iter().map(|line| line.raw).collect();
    assert!(raw.contains(&b"echo:open".to_vec()));
    assert_eq!(raw.iter().filter(|line| line.starts_with(b"enc:9:")).count(), 3);
    assert!(!raw.contains(&b"echo:shut".to_vec()));
}

#[test]
fn encrypted_commands_grow_by_one_to_eight_spaces() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut client = lonc.client();
    for length in "echo:".len()..=24 {
        let text = "x".repeat(length - "echo:".len());
        assert_eq!(client.ask(&format!("encrypt:echo:{text}")), text);
        let sent = peer.received().pop().unwrap();
        let line = String::from_utf8(sent.raw).unwrap();
        let digits = line.strip_prefix(&format!("enc:{length}:")).unwrap();
        // Two for each byte of whole blocks of eight.
        assert_eq!(digits.len(), 16 * (length / 8 + 1), "{line}");
    }
}

#[test]
fn a_newline_in_an_encrypted_reply_is_dropped_at_the_end_and_malformed_elsewhere() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut client = lonc.client();
    // `a\n`, `a\nb`, `a\n\n`, `\n`
    for (reply, answer) in [
        ("610a", "a"),
        ("610a62", "con_lost"),
        ("610a0a", "con_lost"),
        ("0a", ""),
    ] {
        client.send(format!("encrypt:hex:{reply}\nencrypt:echo:behind\n"));
        assert_eq!((client.hear().as_str(), &*client.hear()), (answer, "behind"));
    }
    client.assert_nothing();
    lonc.await_log("a newline within the plain text");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn an_empty_line_asks_nothing_and_keeps_its_place() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut client = lonc.client();
    client.send("\necho:1\n\n\necho:2\ncritical:\n");
    for answer in [
        "unknown_cmd",
        "1",
        "unknown_cmd",
        "unknown_cmd",
        "2",
        "unknown_cmd",
    ] {
        assert_eq!(client.hear(), answer);
    }
    assert!(peer.received().iter().all(|line| !line.raw.is_empty()));
}

#[test]
fn an_empty_reply_is_a_reply() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut client = lonc.client();
    client.send("echo:\nencrypt:echo:\necho:1\n");
    assert_eq!(
        (client.hear(), client.hear(), client.hear()),
        (String::new(), String::new(), "1".into())
    );
}

#[test]
fn requests_may_come_in_pieces_or_all_at_once() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut client = lonc.client();
    for byte in b"echo:piece by piece\nencrypt:echo:and" {
        client.send([*byte]);
    }
    assert_eq!(client.hear(), "piece by piece");
    client.send(" whole\necho:x\n");
    assert_eq!((client.hear(), client.hear()), ("and whole".into(), "x".into()));
}

#[test]
fn after_end_of_file_all_is_answered_and_the_partial_line_dropped() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut client = lonc.client();
    client.send("hold:1\nencrypt:echo:2\necho:3\necho:partial");
    client.half_close();
    peer.await_command("hold:1");
    peer.release();
    assert_eq!(client.rest(), b"1\n2\n3\n");
    assert_eq!(lonc.client().ask("echo:4"), "4");
    assert_eq!(peer.count("echo:partial"), 0);
}

#[test]
fn critical_messages_get_the_reply_while_the_link_is_up_and_con_failed_while_there_is_none() {
    let peer = Peer::start();
    let lonc = Lonc::start(
        &peer,
        "[link]\nbackoff_min = '1h'\nbackoff_max = '1h'\nconnect_wait = '0s'\n",
    );
    lonc.await_log("is up");
    let mut client = lonc.client();
    // Clients are let in once the spool has said that nothing waits there.
    wait_until("it is let in", || client.ask("echo:0") == "0");
    assert_eq!(client.ask("critical:echo:1"), "1");
    assert_eq!(client.ask("critical:encrypt:echo:2"), "2");
    peer.kill();
    lonc.await_log("is lost");
    assert_eq!(client.ask("critical:echo:3"), "con_failed");
    assert_eq!(client.ask("critical:encrypt:echo:4"), "con_failed");
    assert_eq!(client.ask("encrypt:echo:5"), "con_lost");
}

#[test]
fn a_shell_script_gets_its_two_lines_and_the_end() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let Some(socat) = installed("socat") else { return };
    let mut echo = Command::new("printf")
        .arg("ping\\nencrypt:ping\\n")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Command::new(socat)
        .args(["-t", "60", "-"])
        .arg(format!("UNIX-CONNECT:{}", lonc.site.socket().display()))
        .stdin(echo.stdout.take().unwrap())
        .output()
        .unwrap();
    echo.wait().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "msul1\nmsul1\n");
}

#[test]
fn two_lines_from_a_client_that_sends_no_more_are_answered_and_then_it_ends() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut client = lonc.client();
    client.send("ping\nencrypt:ping\n");
    client.half_close();
    assert_eq!(client.rest(), b"msul1\nmsul1\n");
}
