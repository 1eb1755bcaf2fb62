//! Many connections at the sockets that systemd passes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use test_harness::exporter::serving;
use test_harness::{Lonc, PATIENCE, Peer, wait_until};

/// More than are served at a time.
const CROWD: usize = 300;
const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn those_who_ask_nothing_keep_nobody_out() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let _exporter = serving(&lonc.site, listener.into());
    let silent: Vec<_> = (0..CROWD).map(|_| TcpStream::connect(at).unwrap()).collect();
    let begun: Vec<_> = (0..CROWD)
        .map(|_| {
            let mut stream = TcpStream::connect(at).unwrap();
            // It may be cut off already.
            let _ = stream.write_all(&GET[..20]);
            stream
        })
        .collect();
    for _ in 0..3 {
        wait_until("the metrics", || {
            let stream = TcpStream::connect(at).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            is_told(stream)
        });
    }
    drop((silent, begun));
}

#[test]
fn at_a_socket_of_files_it_is_the_same() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let path = lonc.site.path("metrics");
    let _exporter = serving(&lonc.site, UnixListener::bind(&path).unwrap().into());
    for _ in 0..2 {
        wait_until("the metrics", || is_told(UnixStream::connect(&path).unwrap()));
    }
}

/// Whether msul1 answered in time; the exporter did in any case.
fn is_told(mut stream: impl Read + Write) -> bool {
    stream.write_all(GET).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    answer.contains("lonc_peer_state{peer=\"msul1\",state=\"up\"} 1\n")
}
