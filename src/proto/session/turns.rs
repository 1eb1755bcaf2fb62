//! Whose turn it is: one ring of all clients that ask.
//!
//! A client is served when its turn comes, by the first link that has room. While it has requests in flight it stays on
//! their link, so that it reads its own writes; there it takes its turns among the others all the same: turns are
//! numbered, and a link serves the lowest number of those it may serve.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::ids::{ClientId, LinkId};
use crate::time::Instant;

/// Where a client's turn will come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere: it asks nothing that could go now.
    #[default]
    None,
    /// On the first link that has room.
    Waiting,
    /// On this link, where it has requests in flight.
    On(LinkId),
}

#[derive(Clone, Copy)]
struct Turn {
    number: i64,
    client: ClientId,
    /// Since when it may come where it may now, or that of one behind it may.
    since: Instant,
}

#[derive(Clone, Copy, Default)]
struct Seat {
    /// Of the client it belongs to: slots are used again.
    serial: u64,
    place: Place,
    number: i64,
}

/// The turns of all clients. Each client has one at most, wherever it is.
#[derive(Default)]
pub(super) struct Turns {
    /// The first and the next number that nobody has.
    first: i64,
    next: i64,
    waiting: VecDeque<Turn>,
    /// Since when there is always somebody who waits.
    queue_since: Instant,
    /// By the link's index.
    bound: Vec<VecDeque<Turn>>,
    /// By the client's slot.
    seats: Vec<Seat>,
}

impl Turns {
    /// Gives a client its place. One that has a turn already keeps it, wherever it is to come now; a new one is the last.
    /// Who waited for one link begins to wait for any: until then no other would have let it go.
    pub(super) fn seat(&mut self, client: ClientId, place: Place, now: Instant) {
        let seat = self.seat_of(client);
        if seat.place == place {
            return;
        }
        let turn = self.take_out(client, seat);
        if place == Place::None {
            return;
        }
        self.note_queue(place, now);
        let number = turn.map_or_else(|| self.next_number(), |turn| turn.number);
        self.insert(
            Turn {
                number,
                client,
                since: now,
            },
            place,
        );
    }

    /// The same, but a new turn is the first: for requests that had their turn and could not go.
    pub(super) fn seat_first(&mut self, client: ClientId, place: Place, now: Instant) {
        let seat = self.seat_of(client);
        let turn = self.take_out(client, seat).filter(|_| seat.place == place);
        let since = turn.map_or(now, |turn| turn.since);
        if place == Place::None {
            return;
        }
        self.note_queue(place, now);
        let number = self.first;
        self.first -= 1;
        self.insert(
            Turn {
                number,
                client,
                since,
            },
            place,
        );
    }

    fn next_number(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// The client whose turn is the next on this link.
    pub(super) fn next_for(&self, link: LinkId) -> Option<ClientId> {
        let bound = self.bound.get(link.index()).and_then(VecDeque::front);
        let waiting = self.waiting.front();
        let first = match (bound, waiting) {
            (Some(bound), Some(waiting)) if bound.number < waiting.number => bound,
            (_, Some(waiting)) => waiting,
            (bound, None) => bound?,
        };
        Some(first.client)
    }

    /// The first of those who wait for any link; it has no turn afterwards.
    pub(super) fn take_waiting(&mut self) -> Option<ClientId> {
        let client = self.waiting.front()?.client;
        self.clear(client);
        Some(client)
    }

    /// So many wait for any link.
    pub(super) fn num_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Since when the one of those waits who has waited longest.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.waiting.front().map(|turn| turn.since)
    }

    /// Since when there is always somebody who waits, if there is.
    pub(super) fn queue_since(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.queue_since)
    }

    /// Those who wait for any link, in their order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = ClientId> {
        self.waiting.iter().map(|turn| turn.client)
    }

    /// Takes a client's turn away.
    pub(super) fn clear(&mut self, client: ClientId) {
        let seat = self.seat_of(client);
        self.take_out(client, seat);
    }

    /// Those whose turn is to come on this link, in their order.
    pub(super) fn bound_to(&self, link: LinkId) -> Vec<ClientId> {
        let bound = self.bound.get(link.index()).into_iter().flatten();
        bound.map(|turn| turn.client).collect()
    }

    fn note_queue(&mut self, place: Place, now: Instant) {
        if place == Place::Waiting && self.waiting.is_empty() {
            self.queue_since = now;
        }
    }

    #[inline]
    fn seat_of(&self, client: ClientId) -> Seat {
        let seat = self.seats.get(client.slot()).copied();
        seat.filter(|seat| seat.serial == client.serial)
            .unwrap_or_default()
    }

    #[inline]
    fn queue(&mut self, place: Place) -> Option<&mut VecDeque<Turn>> {
        match place {
            Place::None => None,
            Place::Waiting => Some(&mut self.waiting),
            Place::On(link) => {
                if self.bound.len() <= link.index() {
                    self.bound.resize_with(link.index() + 1, VecDeque::new);
                }
                self.bound.get_mut(link.index())
            }
        }
    }

    #[inline]
    fn insert(&mut self, mut turn: Turn, place: Place) {
        if let Some(queue) = self.queue(place) {
            match queue.back() {
                Some(last) if last.number > turn.number => {
                    let at = queue.partition_point(|other| other.number < turn.number);
                    // Whoever is overtaken waits on, and longer.
                    turn.since = queue
                        .get(at)
                        .map_or(turn.since, |next| next.since.min(turn.since));
                    queue.insert(at, turn);
                }
                // Nearly always.
                Some(_) | None => queue.push_back(turn),
            }
        }
        self.set_seat(turn.client, place, turn.number);
    }

    #[inline]
    fn take_out(&mut self, client: ClientId, seat: Seat) -> Option<Turn> {
        let queue = self.queue(seat.place)?;
        let turn = if queue.front().is_some_and(|turn| turn.number == seat.number) {
            queue.pop_front()
        } else {
            let at = queue.partition_point(|other| other.number < seat.number);
            queue.remove(at)
        };
        self.set_seat(client, Place::None, 0);
        turn
    }

    fn set_seat(&mut self, client: ClientId, place: Place, number: i64) {
        if self.seats.len() <= client.slot() {
            self.seats.resize_with(client.slot() + 1, Seat::default);
        }
        if let Some(seat) = self.seats.get_mut(client.slot()) {
            *seat = Seat {
                serial: client.serial,
                place,
                number,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::prelude::v1::*;

    const NOW: Instant = Instant::after_origin(core::time::Duration::ZERO);

    #[test]
    fn a_link_serves_those_who_wait_and_its_own_in_one_order() {
        let mut turns = Turns::default();
        let places = [
            Place::Waiting,
            Place::On(LinkId(0)),
            Place::On(LinkId(1)),
            Place::Waiting,
            Place::On(LinkId(0)),
        ];
        for (slot, place) in places.into_iter().enumerate() {
            turns.seat(client(slot), place, NOW);
        }
        assert_eq!(served(&mut turns, 0), [0, 1, 3, 4]);
        assert_eq!(served(&mut turns, 1), [2]);
    }

    #[test]
    fn who_changes_place_keeps_the_turn_and_who_was_served_is_the_last() {
        let mut turns = Turns::default();
        for slot in 0..3 {
            turns.seat(client(slot), Place::On(LinkId(7)), NOW);
        }
        turns.seat(client(1), Place::Waiting, NOW);
        turns.seat(client(1), Place::Waiting, NOW);
        assert_eq!(turns.next_for(LinkId(7)), Some(client(0)));
        turns.clear(client(0));
        turns.seat(client(0), Place::Waiting, NOW);
        assert_eq!(served(&mut turns, 0), [1, 0]);
        assert_eq!(served(&mut turns, 7), [2]);
    }

    #[test]
    fn who_changes_place_comes_between_those_before_and_those_behind() {
        let mut turns = Turns::default();
        for slot in 0..5 {
            let is_other = slot == 2;
            let place = if is_other {
                Place::On(LinkId(0))
            } else {
                Place::Waiting
            };
            turns.seat(client(slot), place, NOW);
        }
        turns.seat(client(2), Place::Waiting, NOW);
        assert_eq!(served(&mut turns, 1), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn who_waited_for_one_link_begins_to_wait_for_any() {
        let mut turns = Turns::default();
        turns.seat(client(0), Place::On(LinkId(0)), NOW);
        turns.seat(client(0), Place::Waiting, after(1));
        assert_eq!(turns.waiting_since(), Some(after(1)));
        turns.seat(client(0), Place::Waiting, after(2));
        turns.seat_first(client(0), Place::Waiting, after(3));
        assert_eq!(turns.waiting_since(), Some(after(1)));
        turns.clear(client(0));
        turns.seat(client(1), Place::On(LinkId(0)), after(4));
        turns.seat_first(client(1), Place::Waiting, after(5));
        assert_eq!(turns.waiting_since(), Some(after(5)));
    }

    #[test]
    fn who_is_overtaken_has_waited_all_the_same() {
        let mut turns = Turns::default();
        turns.seat(client(0), Place::On(LinkId(0)), NOW);
        turns.seat(client(1), Place::Waiting, after(1));
        turns.seat(client(0), Place::Waiting, after(2));
        turns.seat_first(client(2), Place::Waiting, after(3));
        assert_eq!(turns.waiting_since(), Some(after(1)));
        assert_eq!(served(&mut turns, 1), [2, 0, 1]);
    }

    #[test]
    fn who_could_not_go_is_the_first() {
        let mut turns = Turns::default();
        for slot in 0..3 {
            turns.seat(client(slot), Place::Waiting, NOW);
        }
        turns.seat_first(client(3), Place::Waiting, NOW);
        turns.seat_first(client(2), Place::Waiting, NOW);
        turns.seat_first(client(4), Place::Waiting, NOW);
        turns.clear(client(3));
        assert_eq!(served(&mut turns, 0), [4, 2, 0, 1]);
    }

    #[test]
    fn what_is_said_of_one_who_left_is_nothing_to_the_next_in_its_slot() {
        let mut turns = Turns::default();
        let left = client(0);
        let next = ClientId { slot: 0, serial: 2 };
        turns.seat(next, Place::Waiting, NOW);
        turns.seat(left, Place::None, NOW);
        turns.seat_first(left, Place::None, NOW);
        assert_eq!(turns.take_waiting(), Some(next));
    }

    #[test]
    fn who_leaves_has_no_turn() {
        let mut turns = Turns::default();
        for slot in 0..3 {
            turns.seat(client(slot), Place::Waiting, NOW);
        }
        turns.seat(client(1), Place::None, NOW);
        assert_eq!(served(&mut turns, 0), [0, 2]);
        assert_eq!(turns.take_waiting(), None);
    }

    fn client(slot: usize) -> ClientId {
        ClientId { slot, serial: 1 }
    }

    fn after(seconds: u64) -> Instant {
        NOW + core::time::Duration::from_secs(seconds)
    }

    /// Those served by the link until nobody is left.
    fn served(turns: &mut Turns, link: usize) -> Vec<usize> {
        let serve = || {
            let next = turns.next_for(LinkId(link))?;
            turns.clear(next);
            Some(next.slot())
        };
        core::iter::from_fn(serve).collect()
    }
}
