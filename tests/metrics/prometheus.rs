//! A real Prometheus scrapes the exporter as systemd starts it: with the first connection.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use test_harness::programs::{Running, installed};
use test_harness::{ABSENT, Lonc, PATIENCE, Peer, Site, wait_for, wait_until};

use test_harness::exporter::program as exporter;

#[test]
fn a_real_prometheus_reads_what_was_counted() {
    let (Some(server), Some(systemd)) = (installed("prometheus"), installed("systemd-socket-activate"))
    else {
        return;
    };
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, ABSENT);
    let mut client = lonc.client();
    for number in 0..50 {
        assert_eq!(client.ask(&format!("echo:{number}")), number.to_string());
    }
    let (target, at) = (free(), free());
    let _socket = activate(&lonc.site, target, systemd);
    let _prometheus = prometheus(&lonc.site, at, target, server);
    let scraped = |text: &str| wait_for(text, || query(at, text));
    // Those above, that of start_linked, and what else the harness asked.
    let counted = scraped("lonc_requests_total{peer=\"msul1\"}")
        .parse::<f64>()
        .unwrap();
    assert!(counted >= 51.0, "{counted}");
    wait_until("up", || query(at, "up").as_deref() == Some("1"));
    assert_eq!(scraped("lonc_peer_state{peer=\"msul1\",state=\"up\"}"), "1");
    assert_eq!(scraped("lonc_instance_state{peer=\"absent\",state=\"off\"}"), "1");
    let quick = scraped("lonc_reply_time_seconds_bucket{peer=\"msul1\",le=\"300.0\"}");
    assert!(quick.parse::<f64>().unwrap() >= 51.0, "{quick}");
    for _ in 0..7 {
        client.ask("echo:1");
    }
    let more = format!("{}", counted + 7.0);
    wait_until("seven more", || {
        query(at, "lonc_requests_total{peer=\"msul1\"}").as_deref() == Some(&more)
    });
    // Only in OpenMetrics is the family of a counter called so.
    let metadata = api(at, "metadata?metric=lonc_requests").unwrap();
    assert_eq!(metadata["lonc_requests"][0]["type"], "counter", "{metadata}");
    wait_until("a target without errors", || {
        api(at, "targets").is_some_and(|targets| {
            let target = &targets["activeTargets"][0];
            target["health"] == "up" && target["lastError"] == ""
        })
    });
}

/// An address where nobody listens, as long as nobody else is given it.
fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// lonc-metrics.socket and lonc-metrics.service.
fn activate(site: &Site, at: SocketAddr, systemd: PathBuf) -> Running {
    let mut command = Command::new(systemd);
    Site::clean(&mut command);
    command.args(["--listen", &at.to_string()]);
    command
        .arg(exporter().get_program())
        .arg("--config")
        .arg(site.path("lonc.toml"));
    Running::start(command.stderr(Stdio::null()))
}

fn prometheus(site: &Site, at: SocketAddr, target: SocketAddr, program: PathBuf) -> Running {
    let config = site.path("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 5s, scrape_timeout: 5s}}\nscrape_configs:\n  - job_name: lonc\n    static_configs:\n      \
         - targets: ['{target}']\n"
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(program);
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", site.path("tsdb").display()));
    command.arg(format!("--web.listen-address={at}"));
    let log = fs::File::create(site.path("prometheus.log")).unwrap();
    Running::start(command.stdin(Stdio::null()).stderr(log))
}

/// What the HTTP API answers; nothing while it does not.
fn api(at: SocketAddr, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(format!("GET /api/v1/{path} HTTP/1.0\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let mut answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
    (answer["status"] == "success").then(|| answer["data"].take())
}

/// The value that a query without spaces has now.
fn query(at: SocketAddr, query: &str) -> Option<String> {
    let query = query.replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
    let data = api(at, &format!("query?query={query}"))?;
    data["result"][0]["value"][1].as_str().map(str::to_owned)
}
