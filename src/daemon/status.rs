//! What readers get to see: a snapshot, never a lock.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use lonc_proto::session::{LinkState, State, Status};
use lonc_proto::time::Instant;

use crate::config::{Address, Disabled, HostId, Settings};
use crate::tls::Expiry;
use crate::units;

/// How the peer stood at one moment. Displays as the one line `systemctl status` shows.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// Id of the remote host.
    pub peer: HostId,
    /// Id of this host.
    pub host_id: HostId,
    /// Where its lond is.
    pub address: Address,
    /// Since when the state is what it is.
    pub since: SystemTime,
    /// When the next try begins, if none is under way.
    pub next_try: Option<SystemTime>,
    /// The instance takes no more clients and is about to end.
    pub draining: bool,
    /// There is to be no link.
    pub disabled: Option<Disabled>,
    /// When this was so, as the session counts time.
    pub taken: Instant,
    /// When this was so, by the calendar.
    pub today: SystemTime,
    /// Requests that came in the last [`RECENT`](lonc_proto::session::RECENT).
    pub recent_requests: u64,
    /// The addresses that the links are connected to, by their indices.
    pub(crate) remotes: Vec<Option<SocketAddr>>,
    /// How it stands with memory.
    pub(crate) memory: MemoryReport,
    /// What expires, of all that secures the links.
    pub(crate) expiries: Vec<Expiry>,
    /// The links are secured; how long before it expires that is told.
    pub(crate) secured: Option<Duration>,
    /// The session's own view.
    pub status: Status,
}

/// How it stands with memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MemoryReport {
    /// Bytes kept for clients and messages.
    pub(crate) held: usize,
    /// At so many no more is taken in but what completes what is there.
    pub(crate) limit: usize,
    /// Clients cut off since the start, because they did not take their answers.
    pub(crate) cut: u64,
}

impl Snapshot {
    /// What `status` says at `now`, which by the calendar is `today`.
    #[must_use]
    pub(super) fn new(settings: &Settings, status: Status, now: Instant, today: SystemTime) -> Self {
        Self {
            peer: settings.peer.clone(),
            host_id: settings.host_id.clone(),
            address: settings.address.clone(),
            since: today.checked_sub(now.since(status.since)).unwrap_or(today),
            draining: false,
            disabled: settings.disabled.clone(),
            taken: now,
            today,
            recent_requests: 0,
            remotes: Vec::new(),
            memory: MemoryReport::default(),
            expiries: Vec::new(),
            secured: None,
            next_try: status.next_try.and_then(|at| today.checked_add(at.since(now))),
            status,
        }
    }

    /// What the calendar said, or will say, at `then`.
    #[must_use]
    pub(super) fn date(&self, then: Instant) -> SystemTime {
        let date = if then >= self.taken {
            self.today.checked_add(then.since(self.taken))
        } else {
            self.today.checked_sub(self.taken.since(then))
        };
        date.unwrap_or(self.today)
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status {
            state,
            clients,
            rtt,
            last_error,
            ..
        } = &self.status;
        if self.draining {
            out.write_str("draining; ")?;
        }
        let open = self.status.links.iter().any(|link| link.state == LinkState::Up);
        if open && *state != State::Up {
            out.write_str("sending delayed messages first; ")?;
        }
        write!(
            out,
            "{state}: {} ({}) since {}, {}",
            self.peer,
            self.address,
            units::date_of(self.since),
            units::count(*clients, "client")
        )?;
        if self.status.delayed > 0 {
            let delayed = units::count(self.status.delayed, "delayed message");
            write!(out, ", {delayed} being sent")?;
        }
        if let Some(rtt) = rtt {
            write!(out, ", rtt {}", units::round_trip(units::micros(*rtt)))?;
        }
        if let Some(disabled) = &self.disabled {
            if let Some(until) = disabled.until {
                write!(out, "; until {}", units::date_of(until))?;
            }
            if !disabled.reason.is_empty() {
                write!(out, "; {}", disabled.reason)?;
            }
        }
        let tries_go_on = !matches!(state, State::Up | State::Disabled);
        if let Some(error) = last_error.as_ref().filter(|_| tries_go_on) {
            write!(out, "; {error}")?;
        }
        if let Some(next) = self.next_try.filter(|_| tries_go_on) {
            write!(out, "; next try {}", units::date_of(next))?;
        }
        Ok(())
    }
}
