//! Addresses at which no link comes about.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use stand_in_lond::{Behaviour, Blackhole};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::raw::{Raw, behaving, soon};

#[tokio::test]
async fn accept_then_close() {
    let lond = behaving(Behaviour::Refuse).await;
    for _ in 0..3 {
        Raw::connect(&lond).await.ends().await;
    }
    soon(lond.wait_for_connections(|accepted, open| accepted == 3 && open == 0)).await;
}

#[tokio::test]
async fn accept_then_silent() {
    let lond = behaving(Behaviour::Silent).await;
    let mut raw = Raw::connect(&lond).await;
    raw.send("init").await;
    soon(lond.wait_for_connections(|accepted, _| accepted == 1)).await;
    lond.inject(b"marker\n");
    assert_eq!(raw.text().await, "marker");
    assert_eq!(lond.received(), []);
}

#[tokio::test]
async fn a_blackhole_neither_takes_nor_refuses() {
    for host in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        let Ok(hole) = Blackhole::open(SocketAddr::new(host, 0)).await else {
            eprintln!("SKIPPED: no {host} here");
            continue;
        };
        let addr = hole.addr().unwrap();
        let mut tries = Vec::new();
        for _ in 0..3 {
            tries.push(tokio::spawn(TcpStream::connect(addr)));
        }
        for attempt in tries {
            timeout(Duration::from_millis(500), attempt).await.unwrap_err();
        }
        drop(hole);
        let refused = soon(TcpStream::connect(addr)).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
