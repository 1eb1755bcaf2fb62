//! One request over HTTP/1, and its response. What is read is bounded, and so is the time for it.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use chrono::Utc;
use httparse::{EMPTY_HEADER, Error, Status};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// Longest request taken, in bytes.
const MAX_REQUEST: usize = if cfg!(fuzzing) { 512 } else { 8 * 1024 };
/// Most headers of a request.
const MAX_HEADERS: usize = if cfg!(fuzzing) { 8 } else { 64 };
/// How long a request may take to come.
const READING: Duration = Duration::from_secs(5);
/// How long a response may take to be read by the other side.
const WRITING: Duration = Duration::from_secs(10);
/// How long the other side has to hang up after the response. To close while it still sends would reset the connection,
/// and could take the response from it.
const LEAVING: Duration = Duration::from_secs(1);
/// Most bytes that it may still send then.
const MOST_LEFT: u64 = 1024 * 1024;

/// For browsers: nothing of another place is loaded, run, framed or told; nothing is kept.
const HARDENING: &str = "\
    Content-Security-Policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Referrer-Policy: no-referrer\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Cache-Control: no-store\r\n";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// As whom we are asked, with a port or without; whoever speaks HTTP/1.0 need not say.
    pub(super) host: Option<String>,
    /// Without the query.
    pub(super) path: String,
    /// Behind the question mark.
    pub(super) query: String,
    pub(super) accept: String,
    /// What Prometheus tells: it takes no response later than this.
    pub(super) scrape_timeout: Option<Duration>,
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    /// Code and phrase.
    pub(super) status: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: String,
    /// After so many seconds whoever shows it is to ask again.
    pub(super) refresh: Option<u32>,
}

impl Response {
    /// One that only says what its status is.
    pub(super) fn plain(status: &'static str, text: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{text}\n"),
            refresh: None,
        }
    }

    fn bytes(&self, with_body: bool) -> Vec<u8> {
        let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
        let mut head = format!(
            "HTTP/1.1 {}\r\nDate: {date}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n",
            self.status,
            self.content_type,
            self.body.len()
        );
        head.push_str(HARDENING);
        if self.status.starts_with("405") {
            head.push_str("Allow: GET, HEAD\r\n");
        }
        if let Some(seconds) = self.refresh {
            // Writing to a text does not fail.
            let _ = write!(head, "Refresh: {seconds}\r\n");
        }
        head.push_str("\r\n");
        if with_body {
            head.push_str(&self.body);
        }
        head.into_bytes()
    }
}

/// Answers one request; `answer` is asked only about those that are sound.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    answer: impl AsyncFnOnce(&Request) -> Response,
) -> io::Result<()> {
    let read = timeout(READING, read(stream)).await.unwrap_or(Err(Fault::Slow));
    let (response, with_body) = match read {
        Ok(request) => (answer(&request).await, request.method != "HEAD"),
        Err(Fault::Gone) => return Ok(()),
        Err(Fault::Io(fault)) => return Err(fault),
        Err(fault) => (fault.response(), true),
    };
    let writing = async {
        stream.write_all(&response.bytes(with_body)).await?;
        stream.shutdown().await
    };
    timeout(WRITING, writing).await??;
    let mut rest = stream.take(MOST_LEFT);
    // Whether it hangs up or not, that was all.
    let _ = timeout(LEAVING, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    Ok(())
}

/// Why there is no request.
#[derive(Debug)]
enum Fault {
    /// Nobody asked for anything.
    Gone,
    Io(io::Error),
    Slow,
    TooLong,
    Version,
    Malformed,
}

impl Fault {
    fn response(&self) -> Response {
        match self {
            Self::Slow => Response::plain("408 Request Timeout", "the request took too long to come"),
            Self::TooLong => {
                Response::plain("431 Request Header Fields Too Large", "the request is too long")
            }
            Self::Version => Response::plain("505 HTTP Version Not Supported", "this is HTTP/1.1"),
            Self::Gone | Self::Io(_) | Self::Malformed => {
                Response::plain("400 Bad Request", "this is no request of HTTP/1.1")
            }
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Request, Fault> {
    let mut input = Vec::with_capacity(MAX_REQUEST);
    loop {
        if let Some(request) = parse(&input)? {
            return Ok(request);
        }
        let room = MAX_REQUEST.saturating_sub(input.len());
        if room == 0 {
            return Err(Fault::TooLong);
        }
        match (&mut *stream).take(room as u64).read_buf(&mut input).await {
            Ok(0) if input.is_empty() => return Err(Fault::Gone),
            Ok(0) => return Err(Fault::Malformed),
            Ok(_) => {}
            Err(fault) => return Err(Fault::Io(fault)),
        }
    }
}

/// The request, once all of its head is there. A body is not read: none of ours has a meaning for one.
fn parse(input: &[u8]) -> Result<Option<Request>, Fault> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(input) {
        Ok(Status::Partial) => return Ok(None),
        Ok(Status::Complete(_)) => {}
        Err(Error::TooManyHeaders) => return Err(Fault::TooLong),
        Err(Error::Version) => return Err(Fault::Version),
        Err(_) => return Err(Fault::Malformed),
    }
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(Fault::Malformed);
    };
    let hosts: Vec<_> = values(parsed.headers, "host").collect();
    if version == 1 && hosts.len() != 1 {
        return Err(Fault::Malformed);
    }
    // A target in full, as proxies have it, says more than the header.
    let (host, target) = match authority(target) {
        Some(("", _)) => return Err(Fault::Malformed),
        Some((host, path)) => (Some(host), path),
        None => (hosts.first().copied(), target),
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let accept: Vec<_> = values(parsed.headers, "accept").collect();
    let scrape_timeout = values(parsed.headers, "x-prometheus-scrape-timeout-seconds").next();
    Ok(Some(Request {
        method: method.to_owned(),
        host: host.map(str::to_owned),
        path: path.to_owned(),
        query: query.to_owned(),
        accept: accept.join(","),
        scrape_timeout: scrape_timeout.and_then(seconds),
    }))
}

/// Host and path of a target that is a whole address.
fn authority(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let path = if path.is_empty() { "/" } else { path };
    scheme.eq_ignore_ascii_case("http").then_some((host, path))
}

fn values<'a>(headers: &'a [httparse::Header<'a>], name: &'a str) -> impl Iterator<Item = &'a str> {
    let of_name = headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name));
    of_name.map(|header| str::from_utf8(header.value).unwrap_or_default())
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;
    use tokio::time::Instant;

    #[tokio::test]
    async fn a_request_is_answered() {
        let request = b"GET /metrics?a=b HTTP/1.1\r\nhost: x\r\nACCEPT: a\r\nAccept: b;q=0.1\r\n\r\n";
        let answer = answer(request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nDate: "), "{head}");
        let length = format!("\r\nContent-Length: {}\r\nConnection: close", body.len());
        assert!(head.contains(&length), "{head}");
        assert_eq!(body, "/metrics: a,b;q=0.1\n");
    }

    #[tokio::test]
    async fn a_head_has_no_body_and_its_length() {
        let answer = answer(b"HEAD /metrics HTTP/1.0\r\n\r\n").await;
        assert!(
            answer.contains("\r\nContent-Length: 11\r\n") && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused() {
        for (bytes, code) in [
            (&b"GET /metrics HTTP/1.1\r\n\r\n"[..], "400"),
            (b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400"),
            (b"GET /metrics HTTP/1.1\r\nHost: x\r\n", "400"),
            (b"\x16\x03\x01\x02\x00\x01", "400"),
            (b"GET /metrics HTTP/2.0\r\n\r\n", "505"),
            (
                &[b"GET / HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(65)].concat(),
                "431",
            ),
            (&[b"GET /".to_vec(), b"x".repeat(20_000)].concat(), "431"),
        ] {
            let status = status(bytes).await;
            assert!(status.starts_with(&format!("HTTP/1.1 {code} ")), "{status}");
        }
        assert_eq!(answer(b"").await, "");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_is_told_so() {
        let (mut theirs, mut ours) = duplex(1024);
        theirs.write_all(b"GET /metrics HT").await.unwrap();
        let begun = Instant::now();
        let nobody = async |_: &Request| panic!("nothing was asked");
        serve(&mut ours, nobody).await.unwrap();
        assert_eq!(begun.elapsed(), READING + LEAVING);
        drop(ours);
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_left() {
        let (mut theirs, mut ours) = duplex(64);
        theirs.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        let much = async |_: &Request| Response::plain("200 OK", &"x".repeat(1000));
        let fault = serve(&mut ours, much).await.unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn as_whom_we_are_asked() {
        let request = |text: &str| parse(text.as_bytes()).unwrap().unwrap();
        for (text, host, path) in [
            (
                "GET /metrics HTTP/1.1\r\nHost: a:1\r\n\r\n",
                Some("a:1"),
                "/metrics",
            ),
            (
                "GET http://b:2/metrics?x HTTP/1.1\r\nHost: a\r\n\r\n",
                Some("b:2"),
                "/metrics",
            ),
            ("GET HTTP://b HTTP/1.0\r\n\r\n", Some("b"), "/"),
            ("GET /metrics HTTP/1.0\r\n\r\n", None, "/metrics"),
        ] {
            let request = request(text);
            assert_eq!((request.host.as_deref(), &*request.path), (host, path), "{text}");
        }
        for text in [
            "GET http:///metrics HTTP/1.0\r\n\r\n",
            "GET http://?x HTTP/1.0\r\n\r\n",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_prometheus_tells() {
        let request = |value: &str| {
            let text = format!("GET / HTTP/1.0\r\nX-Prometheus-Scrape-Timeout-Seconds: {value}\r\n\r\n");
            parse(text.as_bytes()).unwrap().unwrap().scrape_timeout
        };
        assert_eq!(request("10"), Some(Duration::from_secs(10)));
        assert_eq!(request("0.5"), Some(Duration::from_millis(500)));
        for nonsense in ["", "-1", "NaN", "inf", "x"] {
            assert_eq!(request(nonsense), None, "{nonsense}");
        }
    }

    /// What is answered to these bytes by one who has `path: accept` for everything.
    async fn answer(bytes: &[u8]) -> String {
        let (mut theirs, mut ours) = duplex(64 * 1024);
        theirs.write_all(bytes).await.unwrap();
        theirs.shutdown().await.unwrap();
        let told = async |request: &Request| {
            Response::plain("200 OK", &format!("{}: {}", request.path, request.accept))
        };
        serve(&mut ours, told).await.unwrap();
        drop(ours);
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        text
    }

    async fn status(bytes: &[u8]) -> String {
        let answer = answer(bytes).await;
        answer.split("\r\n").next().unwrap().to_owned()
    }
}
