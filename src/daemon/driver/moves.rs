//! Looks now and then whether the peer is still where its links lead.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lonc_proto::session::LinkState;
use lonc_proto::time::Instant;
use tracing::debug;

use super::Driver;
use super::log;
use crate::config::{Address, LinkSettings};
use crate::daemon::dial;

/// While a link is up its names are looked up again after about so many probe intervals.
const PROBES: u32 = 5;
/// Two looks begin so far apart, however many are asked for.
const APART: Duration = Duration::from_secs(2);

/// When to look, and the look that is under way.
#[derive(Default)]
pub(super) struct Moves {
    next: Option<Instant>,
    begun: Option<Instant>,
    looking: Option<Look>,
}

/// Gives the addresses of the peer; nothing if they cannot be told.
type Look = Pin<Box<dyn Future<Output = Option<Vec<IpAddr>>> + Send>>;

impl Moves {
    /// Somebody wants to know now.
    pub(super) fn look_soon(&mut self, now: Instant) {
        let due = self.begun.map_or(now, |begun| now.max(begun + APART));
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
    }

    /// A link is up.
    pub(super) fn look_now_and_then(&mut self, settings: &LinkSettings, now: Instant) {
        if self.next.is_none() && !settings.probe_interval.is_zero() {
            // A cluster that was started as one should not ask its name server as one.
            let share = fastrand::f64().mul_add(0.2, 0.9);
            self.next = Some(now + (settings.probe_interval * PROBES).mul_f64(share));
        }
    }

    /// What is under way tells of an address that is none any more.
    pub(super) fn forget(&mut self) {
        self.looking = None;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next.filter(|_| self.looking.is_none())
    }

    fn begin(&mut self, address: Address, patience: Duration, now: Instant) {
        self.begun = Some(now);
        self.looking = Some(Box::pin(dial::whereabouts(address, patience)));
    }

    /// What came of the look, once.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<IpAddr>>> {
        let Some(looking) = &mut self.looking else {
            return Poll::Pending;
        };
        let found = ready!(looking.as_mut().poll(cx));
        self.looking = None;
        Poll::Ready(found)
    }
}

impl Driver {
    /// Begins to look if it is time to, and if a link leads to an address that a name stands for.
    pub(super) fn look_for_moves(&mut self, now: Instant) {
        if self.moves.deadline().is_none_or(|due| due > now) {
            return;
        }
        self.moves.next = None;
        let address = &self.settings.address;
        let literal: Option<IpAddr> = address.host.parse().ok();
        if literal.is_some() && address.alternative.is_none() {
            return;
        }
        let is_named = |remote: &SocketAddr| Some(remote.ip()) != literal;
        if self.links.remotes().iter().flatten().any(is_named) {
            let patience = self.settings.link.connect_timeout;
            self.moves.begin(address.clone(), patience, now);
            self.moves.look_now_and_then(&self.settings.link, now);
        }
    }

    /// Has links replaced that lead where the peer is no longer.
    pub(super) fn poll_moves(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Poll::Ready(found) = self.moves.poll(cx) else {
            return false;
        };
        let Some(found) = found else {
            debug!(
                "the name of {} cannot be resolved now: its links stay",
                self.settings.address
            );
            return true;
        };
        let links = self.session.status().links;
        for link in links.iter().filter(|link| link.state == LinkState::Up) {
            let remote = self.links.get_mut(link.link).and_then(|link| link.remote());
            if let Some(remote) = remote.filter(|remote| !found.contains(&remote.ip())) {
                log::moved(link.link.index(), remote, &self.settings.address);
                self.session.handle_moved(link.link, now);
            }
        }
        true
    }
}
