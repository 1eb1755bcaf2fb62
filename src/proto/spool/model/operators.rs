//! Operators, who find, move and list messages.

use std::panic;
use std::prelude::v1::*;

use super::disk::at;
use super::world::World;
use crate::script::Pick;
use crate::spool::{
    Errand, ErrandId, Found, Listing, MessageState, MoveError, Name, Place, Reply, Shelf, Summary,
};

/// One who waits for an answer.
#[derive(Clone, Debug)]
pub(super) enum Operator {
    /// To move it then. It may be on the link.
    Finds {
        name: Name,
        to: Shelf,
        is_busy: bool,
    },
    /// What was taken from the driver for it.
    Moves {
        name: Name,
        to: Shelf,
        withdrawn: Option<usize>,
    },
    /// So many, while nothing else happens, or not.
    Lists {
        most: usize,
        is_quiet: bool,
    },
    Counts {
        is_quiet: bool,
    },
}

impl World {
    pub(super) fn operate_on(&mut self, one: Pick, to: Shelf, is_busy: bool) {
        let places = self.disk.places();
        if places.is_empty() {
            return;
        }
        let name = places[one.index(places.len())].name.clone();
        self.bring(Errand::Find(name.clone()), Operator::Finds { name, to, is_busy });
    }

    pub(super) fn list(&mut self, most: usize) {
        let is_quiet = self.is_idle();
        let errand = Errand::List { most, failing: None };
        self.bring(errand, Operator::Lists { most, is_quiet });
        if is_quiet {
            self.rest();
        }
    }

    pub(super) fn count(&mut self) {
        let is_quiet = self.is_idle();
        self.bring(Errand::Summary, Operator::Counts { is_quiet });
        if is_quiet {
            self.rest();
        }
    }

    pub(super) fn answered(&mut self, id: ErrandId, reply: Reply) {
        let operator = self
            .errands
            .remove(&id)
            .expect("somebody who asked, and was not answered");
        match (operator, reply) {
            (Operator::Finds { name, to, is_busy }, Reply::Found(found)) => {
                self.found(name, to, is_busy, found);
            }
            (Operator::Moves { name, to, withdrawn }, Reply::Moved(moved)) => {
                assert!(moved.as_ref().is_ok_and(|place| place.shelf == to) || moved.is_err());
                self.moved(id, &name, withdrawn, moved);
            }
            (Operator::Lists { most, is_quiet }, Reply::Listing(listing)) => {
                if is_quiet {
                    self.check_listing(most, &listing);
                }
            }
            (Operator::Counts { is_quiet }, Reply::Summary(summary)) => {
                // It may be told again for a while.
                if is_quiet && self.counted != Some(summary) {
                    self.check_summary(summary);
                }
                self.counted = Some(summary);
            }
            (operator, reply) => panic!("{reply:?} for {operator:?}"),
        }
    }

    fn found(&mut self, name: Name, to: Shelf, is_busy: bool, found: Option<Found>) {
        let Some(found) = found else { return };
        assert_eq!(found.message.name, name);
        let given = found.given.filter(|_| to != found.shelf);
        let withdrawn = match given {
            Some(id) if is_busy || !self.given.contains_key(&id) => return,
            Some(id) => {
                let at = self.through(id);
                self.messages[at].is_withdrawn = true;
                Some((id, at))
            }
            None => None,
        };
        let errand = Errand::Move {
            name: name.clone(),
            to,
            withdrawn: withdrawn.map(|(id, _)| id),
        };
        let withdrawn = withdrawn.map(|(_, at)| at);
        self.bring(errand, Operator::Moves { name, to, withdrawn });
    }

    fn moved(
        &mut self,
        id: ErrandId,
        name: &Name,
        withdrawn: Option<usize>,
        moved: Result<Place, MoveError>,
    ) {
        if let Some(at) = withdrawn {
            self.messages[at].is_withdrawn = false;
        }
        match moved {
            Ok(place) => {
                assert!(self.disk.get(&place).is_some(), "{place:?} is told of");
                if place.shelf == Shelf::Queue {
                    self.is_wanted_again(id, &place);
                    self.announced.add(place.name);
                } else if self.disk.safe_content(&place).is_some() {
                    self.check_moved(&place);
                }
            }
            Err(MoveError::System(_)) => {
                self.is_wanted_again(id, &at(Shelf::Queue, name));
                self.announced.excuse(name.clone());
            }
            Err(MoveError::NoSuchMessage | MoveError::Busy) => {
                // It may have been there and not to be seen.
                if withdrawn.is_some() {
                    self.announced.forget(name);
                }
            }
        }
    }

    /// Whatever was found out about it before this errand is forgotten.
    fn is_wanted_again(&mut self, id: ErrandId, place: &Place) {
        self.stuck.remove(&place.name);
        self.left_alone.remove(&place.name);
        if let Some(at) = self.message_at(place) {
            let set_aside = &mut self.messages[at].set_aside;
            *set_aside = set_aside.filter(|after| *after >= id);
        }
    }

    fn check_listing(&self, most: usize, listing: &Listing) {
        assert_eq!(listing.fault, None);
        let all = Shelf::ALL.into_iter().flat_map(|shelf| {
            let names = self.disk.names(shelf).into_iter();
            names.filter(Self::is_ours).map(move |name| at(shelf, &name))
        });
        let all: Vec<_> = all.collect();
        assert_eq!(listing.total, all.len());
        assert_eq!(listing.messages.len(), all.len().min(most));
        for (place, message) in all.iter().zip(&listing.messages) {
            assert_eq!(place.name, message.name);
            let is_right = match message.state {
                MessageState::Held => place.shelf == Shelf::Held,
                MessageState::Failed => place.shelf == Shelf::Failed,
                MessageState::Sending => self.given.values().any(|name| *name == place.name),
                MessageState::Answered => {
                    let at = self.message_at(place).expect("what was answered is whole");
                    self.messages[at].delivered == Some(self.run)
                }
                MessageState::Unusable => {
                    self.stuck.contains(&place.name) || self.left_alone.contains(&place.name)
                }
                MessageState::Waiting | MessageState::Unfinished => {
                    !self.given.values().any(|name| *name == place.name) && place.shelf == Shelf::Queue
                }
            };
            assert!(is_right, "{message:?} at {place:?}");
        }
    }

    fn check_summary(&self, summary: Summary) {
        let count = |shelf| {
            self.disk
                .names(shelf)
                .iter()
                .filter(|name| Self::is_ours(name))
                .count()
        };
        let counts = (count(Shelf::Queue), count(Shelf::Held), count(Shelf::Failed));
        assert_eq!((summary.queued, summary.held, summary.failed), counts);
        assert_eq!(summary.oldest.is_some(), summary.queued > 0);
    }
}
