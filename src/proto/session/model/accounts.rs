//! What the session accounts for: each request of each client, and each byte.

use std::prelude::v1::*;

use super::world::{Asker, World};
use crate::session::{ClientStatus, LinkState};

impl World {
    pub(super) fn check_accounts(&self) {
        let (session, status) = (&self.rig.session, self.rig.session.status());
        let here: Vec<_> = self.askers.iter().filter(|asker| asker.here).collect();
        let clients = session.client_statuses();
        assert_eq!((clients.len(), session.num_clients()), (here.len(), here.len()));
        for asker in &here {
            let client = clients.iter().find(|one| one.client == asker.id);
            self.check_account(asker, client.expect("one that is here"));
        }
        let queued: usize = clients.iter().map(|one| one.queued).sum();
        assert_eq!(status.queued, queued);
        let ids: Vec<_> = session.link_ids().collect();
        assert!(status.links.iter().all(|link| ids.contains(&link.link)));
        let in_flight: usize = status.links.iter().map(|link| link.in_flight).sum();
        assert_eq!(status.in_flight, in_flight);
        // Without a spool nothing is kept for those who have left, and no answer waits for another.
        assert_eq!((session.num_departed(), session.weight()), (0, 0));
        let is_carrying = session.is_carrying();
        assert!(is_carrying || clients.iter().all(|one| one.in_flight == 0));
        assert!(!is_carrying || status.in_flight > 0);
        assert_eq!(session.is_at_rest(), here.is_empty() && !is_carrying);
        let is_up = status.links.iter().any(|link| link.state == LinkState::Up);
        assert_eq!(session.can_send(), is_up);
    }

    /// Each request waits, is in flight or is answered.
    fn check_account(&self, asker: &Asker, client: &ClientStatus) {
        assert_eq!(client.requests, asker.asks.len() as u64);
        assert_eq!(
            client.queued + client.in_flight + asker.answered,
            asker.asks.len(),
            "{}: {client:?}",
            asker.number
        );
        let answered: usize = asker.line_lens[..asker.answered].iter().sum();
        let retired = self.rig.retired.get(&asker.id).copied();
        assert_eq!(retired.unwrap_or_default(), answered, "{}", asker.number);
    }
}
