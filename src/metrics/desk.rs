//! What a sound request is answered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::fresh::Fresh;
use super::http::{Request, Response};
use super::page::{self, Close, Crowd};
use super::{PATIENCE, Told, collect, negotiation, text};
use crate::config::HostId;

/// How long an instance may take to answer for a page: somebody looks at an empty window meanwhile.
const BROWSING: Duration = Duration::from_secs(2);
/// Of so many peers the last answers are kept at a time.
const MOST_KEPT: usize = 64;

/// Asks the instances, for all who want to know.
pub(super) struct Desk {
    config: PathBuf,
    /// The names of this host by which it may be asked, beside `localhost` and any address.
    names: Vec<String>,
    /// What the instances told last.
    last: Fresh<Told>,
    crowd: Fresh<Crowd>,
    close: Mutex<HashMap<HostId, Arc<Fresh<Option<Close>>>>>,
}

impl Desk {
    pub(super) fn new(config: PathBuf, names: Vec<String>) -> Self {
        Self {
            config,
            names,
            last: Fresh::default(),
            crowd: Fresh::default(),
            close: Mutex::default(),
        }
    }

    pub(super) async fn answer(&self, request: &Request) -> Response {
        if !request.host.as_deref().is_none_or(|host| self.is_ours(host)) {
            return Response::plain("421 Misdirected Request", "this host is asked by its address");
        }
        let Some(place) = Place::of(&request.path) else {
            return Response::plain("404 Not Found", "the metrics are at /metrics, the peers at /");
        };
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Response::plain("405 Method Not Allowed", "this can only be read");
        }
        match place {
            Place::Metrics => self.metrics(request).await,
            Place::Style => page::style(),
            Place::Peers => self.peers(request).await,
            Place::Peer(id) => self.peer(request, &id).await,
        }
    }

    async fn metrics(&self, request: &Request) -> Response {
        // Half of Prometheus' time, so that a hung instance does not cost the others' metrics.
        let limit = request
            .scrape_timeout
            .map_or(PATIENCE, |span| PATIENCE.min(span / 2));
        let format = negotiation::format(&request.accept);
        match self.last.get(limit, collect(&self.config, limit)).await {
            Ok(told) => Response {
                status: "200 OK",
                content_type: format.content_type(),
                body: text(&told, format),
                refresh: None,
            },
            Err(never) => match never {},
        }
    }

    async fn peers(&self, request: &Request) -> Response {
        let asking = page::crowd(&self.config, BROWSING);
        match self.crowd.get(BROWSING, asking).await {
            Ok(crowd) => page::of_all(request, &crowd),
            Err(fault) => page::of_fault(request, "./", &fault.to_string()),
        }
    }

    async fn peer(&self, request: &Request, id: &HostId) -> Response {
        let asking = page::close(&self.config, id, BROWSING);
        match self.place_of(id).await.get(BROWSING, asking).await {
            Ok(close) => page::of_one(request, id, close.as_ref().as_ref()),
            Err(fault) => page::of_fault(request, "../", &fault.to_string()),
        }
    }

    /// Where the last answer of this peer is kept.
    async fn place_of(&self, id: &HostId) -> Arc<Fresh<Option<Close>>> {
        let mut places = self.close.lock().await;
        if places.len() >= MOST_KEPT && !places.contains_key(id) {
            places.clear();
        }
        places.entry(id.clone()).or_default().clone()
    }

    /// A page that somebody's browser has loaded from elsewhere asks by the name of that place, wherever that may lead.
    fn is_ours(&self, host: &str) -> bool {
        let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let name = host
            .rsplit_once(':')
            .filter(|(_, port)| is_port(port))
            .map_or(host, |(name, _)| name);
        let address = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        let is_name = |known: &String| known.eq_ignore_ascii_case(name);
        address.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.names.iter().any(is_name)
    }
}

/// What can be asked for.
enum Place {
    Metrics,
    Style,
    Peers,
    Peer(HostId),
}

impl Place {
    fn of(path: &str) -> Option<Self> {
        match path {
            "/metrics" => Some(Self::Metrics),
            "/" => Some(Self::Peers),
            page::STYLE_PATH => Some(Self::Style),
            _ => path.strip_prefix("/peer/")?.parse().ok().map(Self::Peer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_which_names_it_may_be_asked() {
        let desk = Desk::new(PathBuf::new(), vec!["monitored.example".into()]);
        for host in [
            "localhost",
            "LOCALHOST:15663",
            "127.0.0.1:15663",
            "[::1]:1",
            "[::1]",
            "Monitored.example:1",
        ] {
            assert!(desk.is_ours(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:15663",
            "localhost.evil.example",
            "127.0.0.1.evil",
            "::x",
        ] {
            assert!(!desk.is_ours(host), "{host}");
        }
    }
}
