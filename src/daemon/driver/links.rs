//! The driver's links, what they learn together of the peer's addresses, and their bytes.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use lonc_proto::session::{LinkError, LinkId, Stage};
use lonc_proto::time::Instant;

use super::Driver;
use crate::config::Settings;
use crate::daemon::dial::Addresses;
use crate::daemon::link::{Link, Progress};
use crate::tls::{Expiry, Side, Tls};

/// One for each link that the session has, or once had.
#[derive(Default)]
pub(super) struct Links {
    places: Vec<Place>,
    addresses: Addresses,
    /// What secures them.
    tls: Tls,
}

#[derive(Default)]
struct Place {
    link: Link,
    /// Its opening is done.
    is_up: bool,
    /// And lond has answered on it since.
    works: bool,
    /// Or lond does not answer in its opening, so far.
    is_silent: bool,
}

impl Links {
    /// None yet.
    pub(super) fn secured_with(tls: Tls) -> Self {
        Self {
            tls,
            ..Self::default()
        }
    }

    /// Begins a try to open it.
    pub(super) fn open(&mut self, id: LinkId, settings: &Settings) {
        self.close(id);
        if self.places.len() <= id.index() {
            self.places.resize_with(id.index() + 1, Place::default);
        }
        let mut addresses = self.addresses.clone();
        let silent = self.places.iter().filter(|place| place.is_silent && !place.works);
        for remote in silent.filter_map(|place| place.link.remote()) {
            addresses.failed(remote);
        }
        if let Some(place) = self.places.get_mut(id.index()) {
            let address = settings.address.clone();
            place.link.open(address, addresses, &settings.link, &self.tls);
        }
    }

    /// Drops it. If nothing came of its connection, nor of others to that address, the other addresses have
    /// their turn before it.
    pub(super) fn close(&mut self, id: LinkId) {
        let Some(place) = self.places.get_mut(id.index()) else {
            return;
        };
        let remote = place.link.remote();
        let has_worked = place.works;
        *place = Place::default();
        let works_elsewhere = |place: &Place| place.works && place.link.remote() == remote;
        if let Some(remote) = remote
            && !has_worked
            && !self.places.iter().any(works_elsewhere)
        {
            self.addresses.failed(remote);
        }
    }

    /// lond does not answer there: while there are others, they come first. Gives the address.
    pub(super) fn pass_by(&mut self, id: LinkId) -> Option<SocketAddr> {
        let place = self.places.get_mut(id.index())?;
        place.is_silent = true;
        place.link.remote()
    }

    /// The session says that its opening is done.
    pub(super) fn is_now_up(&mut self, id: LinkId) {
        if let Some(place) = self.places.get_mut(id.index()) {
            place.is_up = true;
        }
    }

    /// True once its opening is done.
    pub(super) fn is_up(&self, id: LinkId) -> bool {
        self.places.get(id.index()).is_some_and(|place| place.is_up)
    }

    /// lond has answered on it, and it goes on.
    pub(super) fn works(&mut self, id: LinkId) {
        if let Some(place) = self.places.get_mut(id.index())
            && !place.works
            && let Some(remote) = place.link.remote()
        {
            place.works = true;
            self.addresses.works(remote);
        }
    }

    pub(super) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.places.get_mut(id.index()).map(|place| &mut place.link)
    }

    /// Bytes that were read and not taken.
    pub(super) fn num_unread(&self, id: LinkId) -> usize {
        self.places
            .get(id.index())
            .map_or(0, |place| place.link.input.len())
    }

    /// Whether bytes of lond's lie unread anywhere.
    pub(super) fn any_unread(&self) -> bool {
        self.places.iter().any(|place| place.link.has_unread())
    }

    /// The addresses that the links are connected to, by their indices.
    pub(super) fn remotes(&self) -> Vec<Option<SocketAddr>> {
        self.places.iter().map(|place| place.link.remote()).collect()
    }

    /// What secures those that open from now on.
    pub(super) fn secure_with(&mut self, tls: Tls) {
        self.tls = tls;
    }

    /// What secures them.
    pub(super) fn tls(&self) -> &Tls {
        &self.tls
    }

    /// The next is secured from the beginning, whatever could be resumed.
    fn resume_nothing(&mut self) {
        self.tls = self.tls.without_sessions();
    }

    /// What expires, of all that secures them: of the certificates that the peer has shown the first.
    pub(super) fn expiries(&self) -> Vec<Expiry> {
        let shown = self.places.iter().filter_map(|place| place.link.expires());
        let theirs = shown.min().map(|at| Expiry {
            side: Side::Theirs,
            at,
            file: None,
        });
        self.tls.expiries().iter().cloned().chain(theirs).collect()
    }

    /// The peer has other addresses from now on.
    pub(super) fn forget_addresses(&mut self) {
        self.addresses = Addresses::default();
    }
}

impl Driver {
    /// Opens and reads; true if anything came of it.
    pub(super) fn poll_links(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut progress = false;
        self.account();
        for id in self.session.link_ids() {
            if !self.may_read(id, now) {
                continue;
            }
            let was_up = self.links.is_up(id);
            let Some(link) = self.links.get_mut(id) else {
                continue;
            };
            let Poll::Ready(moved) = link.poll_progress(cx) else {
                continue;
            };
            progress = true;
            match moved {
                Ok(Progress::Resolved) => self.session.handle_stage(id, Stage::Connect, now),
                Ok(Progress::Connected { others, is_secured }) => {
                    if is_secured {
                        self.session.handle_connected(id, now);
                    } else {
                        self.session.handle_securing(id, now);
                    }
                    self.session.handle_others(id, others, now);
                }
                Ok(Progress::Secured) => self.session.handle_secured(id, now),
                Ok(Progress::Read) => self.session.handle_input(id, &mut link.input, now),
                Err(why) => {
                    if matches!(why, LinkError::Tls { .. }) {
                        self.links.resume_nothing();
                    }
                    self.session.handle_failed(id, why, now);
                }
            }
            self.obey(now);
            if was_up {
                self.links.works(id);
            }
        }
        progress
    }

    /// If anything is due tells where bytes lie unread, before it is given up although they are the answer. One read may
    /// take a part of them only, and the runtime may not know of them yet.
    pub(super) fn look_for_unread(&mut self, now: Instant) {
        if self.session.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        for id in self.session.link_ids() {
            if self.links.get_mut(id).is_some_and(|link| link.has_unread()) {
                self.session.handle_unread(id, now);
            }
        }
    }

    /// Writes what the session has for them; true if anything could be written.
    pub(super) fn poll_writes(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut progress = false;
        for id in self.session.link_ids() {
            let unsent = self.session.unsent(id);
            let Some(link) = self.links.get_mut(id) else {
                continue;
            };
            if unsent.is_empty() {
                progress |= link.poll_flush(cx);
                continue;
            }
            let Poll::Ready(written) = link.poll_write(cx, unsent) else {
                continue;
            };
            progress = true;
            self.session.handle_written(id, written, now);
        }
        // What lonc itself asks is not waited for so long.
        if progress && self.rounds.deadline().is_none() && self.session.is_carrying() {
            self.rounds.begin(now);
        }
        progress
    }
}
