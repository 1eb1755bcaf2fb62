//! What a sound request is answered.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::http::{Request, Response};
use super::{PATIENCE, Reading, collect, negotiation, text};

/// Who asks within so much time after another is told the same: however many ask, the instances are not busy with it.
const FRESH: Duration = Duration::from_secs(1);

/// Asks the instances, for all who want to know.
pub(super) struct Desk {
    config: PathBuf,
    /// The names of this host by which it may be asked, beside `localhost` and any address.
    names: Vec<String>,
    /// What the instances told last.
    last: Mutex<Option<Told>>,
}

struct Told {
    at: Instant,
    /// Each was given so much time.
    limit: Duration,
    readings: Arc<Vec<Reading>>,
}

impl Desk {
    pub(super) fn new(config: PathBuf, names: Vec<String>) -> Self {
        Self {
            config,
            names,
            last: Mutex::default(),
        }
    }

    pub(super) async fn answer(&self, request: &Request) -> Response {
        if !request.host.as_deref().is_none_or(|host| self.is_ours(host)) {
            return Response::plain("421 Misdirected Request", "this host is asked by its address");
        }
        if request.path != "/metrics" {
            return Response::plain("404 Not Found", "the metrics are at /metrics");
        }
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Response::plain("405 Method Not Allowed", "the metrics can only be read");
        }
        // Half of Prometheus' time, so that a hung instance does not cost the others' metrics.
        let limit = request
            .scrape_timeout
            .map_or(PATIENCE, |span| PATIENCE.min(span / 2));
        let format = negotiation::format(&request.accept);
        match self.readings(limit).await {
            Ok(readings) => Response {
                status: "200 OK",
                content_type: format.content_type(),
                body: text(&readings, format),
            },
            Err(fault) => {
                super::say(&fault);
                Response::plain("500 Internal Server Error", &fault)
            }
        }
    }

    async fn readings(&self, limit: Duration) -> Result<Arc<Vec<Reading>>, String> {
        let mut last = self.last.lock().await;
        if let Some(told) = last.as_ref().filter(|told| told.serves(limit)) {
            return Ok(told.readings.clone());
        }
        let readings = collect(&self.config, limit).await;
        let readings = Arc::new(readings.map_err(|fault| fault.to_string())?);
        *last = Some(Told {
            at: Instant::now(),
            limit,
            readings: readings.clone(),
        });
        Ok(readings)
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

impl Told {
    /// True if one who grants the instances so much time can be told this.
    fn serves(&self, limit: Duration) -> bool {
        self.at.elapsed() < FRESH && self.limit >= limit
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

    #[tokio::test(start_paused = true)]
    async fn who_gave_the_instances_less_time_spoils_it_for_nobody() {
        let told = Told {
            at: Instant::now(),
            limit: Duration::from_millis(1),
            readings: Arc::default(),
        };
        assert!(told.serves(told.limit) && !told.serves(PATIENCE));
        tokio::time::advance(FRESH).await;
        assert!(!told.serves(told.limit));
    }
}
