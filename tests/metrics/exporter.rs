//! `lonc-metrics`, given a connection as systemd gives it one.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus, Stdio};

use test_harness::exporter::program;
use test_harness::{Lonc, PATIENCE, Site, wait_for};

/// A connection that it serves.
pub(crate) struct Exporter {
    pub(crate) stream: TcpStream,
    child: Child,
}

impl Exporter {
    /// For the configuration of `site`.
    pub(crate) fn of(site: &Site) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let accepted = OwnedFd::from(listener.accept().unwrap().0);
        let mut command = program();
        command.arg("--config").arg(site.path("lonc.toml"));
        command.stdout(Stdio::from(accepted.try_clone().unwrap()));
        let child = command.stdin(Stdio::from(accepted)).spawn().unwrap();
        Self { stream, child }
    }

    /// Head and body of the answer to these bytes.
    pub(crate) fn answer(mut self, request: &[u8]) -> (String, String) {
        self.stream.write_all(request).unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).unwrap();
        drop(self.stream.shutdown(std::net::Shutdown::Both));
        assert!(self.ended().success());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        (head.to_owned(), body.to_owned())
    }

    /// Waits until its process ends.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("the end of lonc-metrics", || self.child.try_wait().unwrap())
    }
}

/// The body that a `GET` with this `Accept` gets.
pub(crate) fn get(site: &Site, accept: &str) -> String {
    let request = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n");
    let (head, body) = Exporter::of(site).answer(request.as_bytes());
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    body
}

/// What Prometheus reads, once msul1 was not too slow to answer.
pub(crate) fn open_metrics(lonc: &Lonc) -> String {
    wait_for("metrics of msul1", || {
        let text = get(&lonc.site, "application/openmetrics-text");
        let is_hung = text.contains("lonc_instance_state{peer=\"msul1\",state=\"hung\"} 1\n");
        (!is_hung).then_some(text)
    })
}
