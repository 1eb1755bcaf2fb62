//! How the machine stands, for readers.

use alloc::string::ToString as _;

use super::Machine;
use crate::session::error::LinkError;
use crate::session::ids::LinkId;
use crate::session::status::Status;

impl Machine {
    pub(in crate::session) fn status(&self) -> Status {
        let ups = || self.links.iter().filter_map(|(_, link)| link.up());
        Status {
            state: self.state,
            since: self.since,
            last_error: self.last_error.as_ref().map(LinkError::to_string),
            next_try: self.links.iter().filter_map(|(_, link)| link.next_try()).min(),
            clients: self.clients.num(),
            queued: self.clients.num_queued(),
            in_flight: ups().map(|up| up.in_flight.len()).sum(),
            links: self
                .links
                .iter()
                .map(|(id, link)| link.status(LinkId(id), &self.config, self.now))
                .collect(),
            max_links: self.config.max_connections,
            refused: self.demand.last_refused().cloned(),
            waiting_since: self.turns.waiting_since(),
            rtt: ups().filter_map(|up| up.rtt).min(),
            peer_version: ups().find_map(|up| up.version.clone()),
            delayed: self.delayed.num(),
            failing: self.delayed.failing(),
            counters: self.counters,
            histograms: self.histograms,
        }
    }
}
