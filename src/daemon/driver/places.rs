//! Who gets a place when all are taken: who comes, before one that has asked for nothing for long.
//!
//! Those who come then wait in the lobby, and are not read. The one that has been idle for longest is asked to leave: it
//! is read to the end of what it has sent, answered, and ends. Nobody waits there for longer than a request waits for a
//! link; then it is told that all it asks came to nothing. A few places are for root and the service's own user alone.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lonc_proto::time::Instant;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::{BATCH, Driver};
use crate::daemon::credentials::Credentials;
use crate::daemon::turned_away;

/// Most who wait; whoever waits for longest, and for a moment at least, makes room for the next.
const LOBBY: usize = 32;
/// In it those who are asked to leave have left.
const MOMENT: Duration = Duration::from_millis(200);
/// Most who are turned away at a time.
const LEAVING: usize = 32;
/// Most places that are for root and the service's own user alone, beside `client.max_clients`.
const RESERVED: usize = 8;
/// Who was not heard of for less is not idle: it may be about to ask.
const IDLE: Duration = Duration::from_secs(1);

/// How often one that is idle is looked for while there is none.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Those who wait for a place.
pub(super) struct Lobby {
    guests: VecDeque<Guest>,
    doors: Arc<Semaphore>,
    /// When the list of clients is looked through again for one that is idle.
    next_look: Option<Instant>,
}

struct Guest {
    credentials: Credentials,
    stream: UnixStream,
    since: Instant,
}

impl Default for Lobby {
    fn default() -> Self {
        Self {
            guests: VecDeque::new(),
            doors: Arc::new(Semaphore::new(LEAVING)),
            next_look: None,
        }
    }
}

impl Lobby {
    fn is_full(&self) -> bool {
        self.guests.len() >= LOBBY
    }

    /// True if somebody has been here for so long.
    fn has_waited(&self, span: Duration, now: Instant) -> bool {
        self.guests.front().is_some_and(|first| first.since + span <= now)
    }

    /// Has the guest at `index` answered that nothing comes of what it asks; false if too many are being answered so.
    fn turn_away(&mut self, index: usize, longest: usize) -> bool {
        let Ok(door) = Arc::clone(&self.doors).try_acquire_owned() else {
            return false;
        };
        if let Some(guest) = self.guests.remove(index) {
            tokio::spawn(async move {
                turned_away::answer_all(guest.stream, longest).await;
                drop(door);
            });
        }
        true
    }

    /// When somebody has waited for long enough, or may have a place.
    pub(super) fn deadline(&self, patience: Duration) -> Option<Instant> {
        let first = self.guests.front()?;
        let end = Some(first.since + patience).filter(|_| self.doors.available_permits() > 0);
        end.into_iter().chain(self.next_look).min()
    }

    /// All who wait.
    pub(super) fn leave(&mut self) -> impl Iterator<Item = UnixStream> + use<> {
        std::mem::take(&mut self.guests)
            .into_iter()
            .map(|guest| guest.stream)
    }
}

impl Driver {
    pub(super) fn poll_acceptor(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut progress = self.poll_lobby(now);
        for _ in 0..BATCH {
            if self.lobby.is_full() && !(self.lobby.has_waited(MOMENT, now) && self.shorten_lobby(now)) {
                break;
            }
            let Some(acceptor) = &mut self.acceptor else {
                break;
            };
            let Poll::Ready(accepted) = acceptor.poll_accept(cx) else {
                break;
            };
            progress = true;
            self.receive(accepted, now);
        }
        progress
    }

    /// How long who comes waits for a place: where requests wait for no link, long enough for an idle one to leave.
    pub(super) fn patience(&self) -> Duration {
        self.settings.link.connect_wait.max(2 * IDLE)
    }

    /// Gives who comes a place, or has it wait for one.
    fn receive(&mut self, accepted: io::Result<UnixStream>, now: Instant) {
        match accepted.and_then(|stream| Ok((Credentials::of(&stream)?, stream))) {
            Ok((credentials, stream)) if self.has_place(credentials) && self.lobby.guests.is_empty() => {
                self.seat(credentials, stream, now);
            }
            Ok((credentials, stream)) => {
                self.log.full(self.settings.client.max_clients, now);
                self.lobby.guests.push_back(Guest {
                    credentials,
                    stream,
                    since: now,
                });
                self.poll_lobby(now);
            }
            Err(error) => self.log.accept_failed(&error, now),
        }
    }

    /// One that gets a place whether or not there is one.
    pub(super) fn admit(&mut self, stream: UnixStream, now: Instant) {
        match Credentials::of(&stream) {
            Ok(credentials) => self.seat(credentials, stream, now),
            Err(error) => self.log.accept_failed(&error.into(), now),
        }
    }

    fn seat(&mut self, credentials: Credentials, stream: UnixStream, now: Instant) {
        let id = self
            .session
            .handle_client_joined(credentials.is_privileged(), now);
        self.clients
            .welcome(id, credentials, stream, &self.settings.client, now);
        self.stale = true;
    }

    /// Seats those who can be seated, and makes room for the others; true if any was.
    fn poll_lobby(&mut self, now: Instant) -> bool {
        let mut seated = false;
        while let Some(index) = self.next_guest() {
            if let Some(guest) = self.lobby.guests.remove(index) {
                seated = true;
                self.seat(guest.credentials, guest.stream, now);
            }
        }
        let patience = self.patience();
        while self.lobby.has_waited(patience, now) && self.turn_away(0, now) {}
        self.ask_idle_to_leave(now);
        seated
    }

    /// The first of those who wait for whom there is a place.
    fn next_guest(&self) -> Option<usize> {
        let guests = self.lobby.guests.iter();
        guests
            .map(|guest| guest.credentials)
            .position(|who| self.has_place(who))
    }

    /// Has whoever waits for longest wait no longer, of those who have no places of their own before those who do; false
    /// if it must.
    fn shorten_lobby(&mut self, now: Instant) -> bool {
        let mut guests = self.lobby.guests.iter();
        let ordinary = guests.position(|guest| !guest.credentials.is_privileged());
        self.turn_away(ordinary.unwrap_or_default(), now)
    }

    fn turn_away(&mut self, index: usize, now: Instant) -> bool {
        let turned = self
            .lobby
            .turn_away(index, self.settings.client.max_request_bytes);
        if turned {
            self.log.turned_away(now);
        }
        turned
    }

    /// While memory is scarce those who have left something behind keep their places: each who comes may hold more.
    fn has_place(&self, credentials: Credentials) -> bool {
        let is_scarce = self.memory.budget.is_spent();
        let taken = self.session.num_clients() + if is_scarce { self.session.num_departed() } else { 0 };
        let max = self.settings.client.max_clients;
        taken < max
            || (credentials.is_privileged() && self.clients.num_privileged() < (max / 2).clamp(1, RESERVED))
    }

    fn ask_idle_to_leave(&mut self, now: Instant) {
        let wanted = self.lobby.guests.len();
        if wanted == 0 {
            self.lobby.next_look = None;
        } else if self.lobby.next_look.is_none_or(|look| look <= now) {
            let is_enough = self.clients.ask_idle_to_leave(wanted, IDLE, now);
            // Those who leave are heard of; who becomes idle is not.
            self.lobby.next_look = Some(now + LOOK_EVERY).filter(|_| !is_enough);
        }
    }
}
