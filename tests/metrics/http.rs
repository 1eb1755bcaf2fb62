//! The exporter's HTTP.

use std::io::Read as _;
use std::process::Stdio;

use test_harness::exporter::program;
use test_harness::{Lonc, Peer, Site, wait_until};

use crate::exporter::Exporter;

#[test]
fn each_asks_for_the_format_it_reads() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    for (accept, kind, end) in [
        (
            "Accept: */*\r\n",
            "text/plain; version=0.0.4; charset=utf-8",
            false,
        ),
        ("", "text/plain; version=0.0.4; charset=utf-8", false),
        (
            "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            true,
        ),
    ] {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n");
        let (head, body) = Exporter::of(&lonc.site).answer(request.as_bytes());
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains(&format!("\r\nContent-Type: {kind}\r\n")), "{head}");
        assert!(
            head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())),
            "{head}"
        );
        assert_eq!(body.ends_with("\n# EOF\n"), end, "{accept}");
    }
}

#[test]
fn what_is_not_there_is_refused() {
    let site = idle();
    for (request, status) in [
        (
            "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "404 Not Found",
        ),
        (
            "GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "404 Not Found",
        ),
        (
            "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
            "405 Method Not Allowed",
        ),
        ("nonsense\r\n\r\n", "400 Bad Request"),
        (
            "GET /metrics HTTP/1.1\r\nHost: evil.example:15663\r\n\r\n",
            "421 Misdirected Request",
        ),
        (
            "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "421 Misdirected Request",
        ),
    ] {
        let (head, body) = Exporter::of(&site).answer(request.as_bytes());
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        assert_eq!(
            head.contains("\r\nAllow: GET, HEAD"),
            status.starts_with("405"),
            "{head}"
        );
        assert!(body.ends_with('\n'), "{body}");
    }
}

#[test]
fn a_head_is_that_of_a_get() {
    let (head, body) = Exporter::of(&idle()).answer(b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && body.is_empty(),
        "{head}"
    );
}

#[test]
fn a_faulty_configuration_is_told_and_hides_no_instance_that_runs() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let site = &lonc.site;
    let sound = std::fs::read_to_string(site.path("lonc.toml")).unwrap();
    site.write_config(&format!(
        "no_such_key = 1\n{}",
        sound.replace("[peer.msul1]", "[peers.msul1]")
    ));
    wait_until("both samples", || {
        let (head, body) = Exporter::of(site).answer(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        [
            "\nlonc_configuration_sound 0\n",
            "\nlonc_peer_state{peer=\"msul1\",state=\"up\"} 1\n",
        ]
        .iter()
        .all(|sample| body.contains(sample))
    });
}

#[test]
fn who_asks_nothing_leaves_no_process() {
    let mut exporter = Exporter::of(&idle());
    exporter.stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut nothing = Vec::new();
    exporter.stream.read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty() && exporter.ended().success());
}

#[test]
fn without_a_socket_it_says_so() {
    let mut command = program();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("lonc-metrics.socket"), "{said}");
}

/// A site where nothing runs.
fn idle() -> Site {
    Site::new(([127, 0, 0, 1], 1).into(), "")
}
