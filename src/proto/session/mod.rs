//! Everything between one remote host's clients and its links: queues, order, deadlines.
//!
//! The driver tells the [`Session`] what happened and when; the session answers with [`Command`]s, bytes to
//! send and the next deadline. It keeps these promises, whatever happens:
//!
//! * every request line gets exactly one answer, in the order of its client's requests;
//! * no answer reaches anybody but the client that asked: a link that was late is never used again;
//! * a request whose first byte was not written waits for the next link, one that was is answered `con_lost`;
//! * a client that does not take its answers is not served further, and holds up no other.
//!
//! ```text
//!   handle_lines ─► clients.rs (a queue each) ─► turns.rs (whose turn) ─► link.rs (in flight, in order) ─► unsent
//!   Command::Answer ◄──────────── owner of the oldest in flight ◄───────────────────────── handle_input
//! ```

mod client;
mod clients;
mod command;
mod delayed;
mod demand;
mod error;
mod grace;
mod held;
mod ids;
mod link;
mod machine;
mod metrics;
mod status;
mod trouble;
mod turns;

use bytes::BytesMut;
use core::time::Duration;

pub use self::command::{Answers, Command, Event, Lost};
pub use self::delayed::Stored;
pub use self::error::{ConnectFault, LinkError, TlsFault};
pub use self::ids::{ClientId, LinkId, MessageId, Ticket};
pub use self::metrics::{BOUNDS, Histogram, Histograms, RECENT};
pub use self::status::{
    Cause, ClientStatus, Counters, LinkState, LinkStatus, Others, Refused, Stage, State, Status, TlsFailures,
};
pub use self::trouble::{Reached, Trouble};

use self::machine::Machine;
use crate::backoff::Bounds;
use crate::handshake::Identity;
use crate::line::Lines;
use crate::request::Request;
use crate::time::Instant;

/// What a request costs beside its bytes, about.
pub const PER_REQUEST: usize = 64;

/// What a session goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Who talks to whom.
    pub identity: Identity,
    /// lond is asked for `pong` in the handshakes that begin from now on.
    pub pong: bool,
    /// Links to keep open; with none a link is opened when somebody needs one.
    pub connections: usize,
    /// Most links to have when requests wait, at least one and not fewer than `connections`.
    pub max_connections: usize,
    /// A link beyond `connections` that was not needed for so long is closed.
    pub idle_timeout: Duration,
    /// Requests in flight on one link, at least one; 1 is lock-step.
    pub pipeline: usize,
    /// How long each step of the handshake, and a probe, may take.
    pub handshake_timeout: Duration,
    /// How long all steps of a handshake together may take.
    pub opening_timeout: Duration,
    /// How long a request may take from when nothing is before it on its link.
    pub request_timeout: Duration,
    /// How long requests wait for a link that is opened the first time or was just lost.
    pub connect_wait: Duration,
    /// An idle link is probed after this; zero: never.
    pub probe_interval: Duration,
    /// Bounds of the wait between tries.
    pub backoff: Bounds,
    /// Longest reply line, in bytes on the wire.
    pub max_reply_bytes: usize,
    /// True if there is a spool: its messages go first, and critical requests can be stored.
    pub spool: bool,
    /// How long a delayed message may take from when nothing is before it on its link.
    pub message_timeout: Duration,
    /// A delayed message that breaks the link so many times in a row is set aside.
    pub max_attempts: u32,
    /// There is to be no link: requests are answered `con_lost` at once, critical ones stored.
    pub disabled: bool,
    /// How long requests that are in flight when the peer is disabled may take.
    pub drain_timeout: Duration,
    /// A client with so many bytes of answers not taken is not served further. Holds for those who come from now on.
    pub max_client_bytes: usize,
}

/// The machine behind its door. See the [module](self).
///
/// Whatever is told to it goes through `Session::told`, so nothing that happens can be forgotten when the requests are
/// put on the links.
pub struct Session {
    machine: Machine,
    /// Something happened that may put requests on links, or have them refused.
    stirred: bool,
}

impl Session {
    /// A session that opens its links now. `seed` makes the back-off's jitter.
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Instant) -> Self {
        Self {
            machine: Machine::new(config, seed, now),
            stirred: false,
        }
    }

    /// The one way to the machine for whatever happens.
    fn told(&mut self, now: Instant) -> &mut Machine {
        self.stirred = true;
        self.machine.now = now;
        &mut self.machine
    }

    /// A client came; `privileged` if it may stop the instance.
    pub fn handle_client_joined(&mut self, privileged: bool, now: Instant) -> ClientId {
        self.told(now).client_joined(privileged)
    }

    /// A client vanished: what it had queued is dropped, but for critical requests, which go, or are stored, as if it were
    /// there; what is in flight keeps its place for nobody.
    pub fn handle_client_left(&mut self, client: ClientId, now: Instant) {
        self.told(now).client_left(client);
    }

    /// A client sent whole lines.
    pub fn handle_lines(&mut self, client: ClientId, lines: Lines, now: Instant) {
        self.told(now).lines(client, lines);
    }

    /// A client took so many bytes of its answers.
    pub fn handle_taken(&mut self, client: ClientId, bytes: usize, now: Instant) {
        // Of one who asks nothing this changes nothing, and it is told all the time.
        if self.machine.taken(client, bytes) {
            self.told(now).seat(client);
        }
    }

    /// With `is_scarce` each client has at most one request in flight, and is served only while it takes its answers:
    /// for when answers that are not taken use up all memory there is.
    pub fn handle_memory(&mut self, is_scarce: bool, now: Instant) {
        if self.machine.sparing != is_scarce {
            self.told(now).spare(is_scarce);
        }
    }

    /// A try has come as far as this.
    pub fn handle_stage(&mut self, link: LinkId, stage: Stage, now: Instant) {
        self.told(now).stage(link, stage);
    }

    /// The TCP connection asked for is there.
    pub fn handle_connected(&mut self, link: LinkId, now: Instant) {
        self.told(now).connected(link);
    }

    /// The TCP connection asked for is there, and is to be secured before anything is said on it: say
    /// [`Session::handle_secured`] once it is. The time-outs of the handshake hold from now on.
    pub fn handle_securing(&mut self, link: LinkId, now: Instant) {
        self.told(now).securing(link);
    }

    /// It is secured.
    pub fn handle_secured(&mut self, link: LinkId, now: Instant) {
        self.told(now).secured(link);
    }

    /// Besides the address that this try is connected to, others may do: if lond is silent there, another try begins
    /// beside this one; if its opening fails and one of them is untried, the next begins at once, and what waits for it
    /// waits on.
    pub fn handle_others(&mut self, link: LinkId, others: Others, now: Instant) {
        self.told(now).others(link, others);
    }

    /// The try or the link ended, by the driver's word.
    pub fn handle_failed(&mut self, link: LinkId, why: LinkError, now: Instant) {
        self.told(now).failed(link, why);
    }

    /// Bytes came in on a link; those of complete lines are taken from `input`.
    pub fn handle_input(&mut self, link: LinkId, input: &mut BytesMut, now: Instant) {
        self.told(now).input(link, input);
    }

    /// Bytes that have arrived on this link are not read yet, and something may be due: what they are the answer to is
    /// not given up before they are read, for at most a second. To be told before [`Session::handle_timeout`].
    pub fn handle_unread(&mut self, link: LinkId, now: Instant) {
        self.told(now).unread(link);
    }

    /// So many bytes of [`Session::unsent`] were written.
    pub fn handle_written(&mut self, link: LinkId, bytes: usize, now: Instant) {
        self.told(now).written(link, bytes);
    }

    /// Tries again now, without waiting for the back-off; requests wait for it as at the start.
    pub fn handle_reconnect(&mut self, now: Instant) {
        self.told(now).reconnect();
    }

    /// Goes by another configuration from now on. The links are replaced only if `reopen` (another address) or
    /// the identity asks for it; what is in flight is finished on the old ones.
    pub fn handle_reconfigure(&mut self, config: Config, reopen: bool, now: Instant) {
        self.told(now).reconfigure(config, reopen);
    }

    /// Answers everything that has no answer yet, closes the links, and refuses all that comes after.
    pub fn handle_stop(&mut self, now: Instant) {
        self.told(now).stop();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.told(now).timeout();
    }

    /// The host has left the address of this link, or an operator wants it replaced: another link is opened, and takes
    /// this one's place when it is up.
    pub fn handle_moved(&mut self, link: LinkId, now: Instant) {
        self.told(now).moved(link);
    }

    /// Hands in a delayed message; it is sent as soon as a link is open, after those handed in before.
    pub fn handle_message(&mut self, id: MessageId, request: Request, now: Instant) {
        self.told(now).message(id, request);
    }

    /// Takes back a message that was handed in; false if it is in flight or no longer here. It is not reported.
    pub fn handle_withdraw(&mut self, id: MessageId, now: Instant) -> bool {
        self.told(now).withdraw(id)
    }

    /// Nothing that was found on disk is left to be handed in.
    pub fn handle_caught_up(&mut self, now: Instant) {
        self.told(now).caught_up();
    }

    /// Something on disk may be new, and is to be handed in.
    pub fn handle_fell_behind(&mut self, now: Instant) {
        self.told(now).fell_behind();
    }

    /// A delivered message is no longer on disk, or cannot be removed; a crash may bring it back.
    pub fn handle_removed(&mut self, now: Instant) {
        self.told(now).removed();
    }

    /// No crash brings those back that were told of as removed.
    pub fn handle_removals_safe(&mut self, now: Instant) {
        self.told(now).removals_safe();
    }

    /// How the storing of a critical request went.
    pub fn handle_stored(&mut self, ticket: Ticket, outcome: Stored, now: Instant) {
        self.told(now).stored(ticket, outcome);
    }

    /// The disk is waited for no longer: critical requests that are not stored are answered `con_failed`.
    pub fn handle_no_disk(&mut self, now: Instant) {
        self.told(now).give_up_stores();
    }

    /// The next thing the driver is to do.
    ///
    /// What happened since the last call is put on the links here, and so all at once: the driver tells of all that it
    /// knows, then asks until there is no more to do, then writes.
    pub fn next_command(&mut self, now: Instant) -> Option<Command> {
        if core::mem::take(&mut self.stirred) {
            self.machine.now = now;
            self.machine.pump();
        }
        self.machine.next_command()
    }

    /// When [`Session::handle_timeout`] is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    /// What is to be sent on a link now.
    #[must_use]
    pub fn unsent(&self, link: LinkId) -> &[u8] {
        self.machine.unsent(link)
    }

    /// The names of all links there may be now.
    pub fn link_ids(&self) -> impl Iterator<Item = LinkId> + use<> {
        self.machine.link_ids()
    }

    /// How many clients there are.
    #[must_use]
    pub fn num_clients(&self) -> usize {
        self.machine.clients.num()
    }

    /// Clients that have left, and something critical of theirs is to be done.
    #[must_use]
    pub fn num_departed(&self) -> usize {
        self.machine.clients.num_departed()
    }

    /// True if there are messages on disk that could be sent now.
    #[must_use]
    pub fn wants_messages(&self) -> bool {
        self.machine.wants_messages()
    }

    /// True if a link is open, so that messages handed in get sent.
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.machine.any_up()
    }

    /// Bytes kept beside what clients hold themselves and what has come of replies: answers that cannot be handed out yet,
    /// requests of those who have left, delayed messages handed in, and what the disk has of requests that were given up.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.machine.clients.weight() + self.machine.delayed.weight()
    }

    /// Bytes of a reply that has come in part and encrypted, besides those that are still in the input.
    #[must_use]
    pub fn decrypted(&self, link: LinkId) -> usize {
        self.machine.decrypted(link)
    }

    /// Bytes of the delayed messages handed in and not reported.
    #[must_use]
    pub fn message_bytes(&self) -> usize {
        self.machine.delayed.bytes
    }

    /// So many messages are handed in and not reported.
    #[must_use]
    pub fn num_messages(&self) -> usize {
        self.machine.delayed.num()
    }

    /// Requests that are being stored.
    #[must_use]
    pub fn num_storing(&self) -> usize {
        self.machine.delayed.num_storing()
    }

    /// True if critical requests are being stored, or wait for that or for what is older, or for nobody who is still there.
    #[must_use]
    pub fn has_critical_waiting(&self) -> bool {
        self.machine.delayed.num_storing() > 0
            || !self.machine.delayed.behind.is_empty()
            || self.machine.clients.num_departed() > 0
    }

    /// True if nobody is connected, and nothing is delayed as far as is known, being stored, or in flight but what lonc
    /// itself asks.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.machine.is_at_rest()
    }

    /// True if anything is in flight besides what lonc itself asks.
    #[must_use]
    pub fn is_carrying(&self) -> bool {
        self.machine.is_carrying()
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> Status {
        self.machine.status()
    }

    /// Each of the clients.
    #[must_use]
    pub fn client_statuses(&self) -> alloc::vec::Vec<ClientStatus> {
        self.machine.clients.statuses()
    }

    /// Requests that came in the last [`RECENT`].
    #[must_use]
    pub fn recent_requests(&self, now: Instant) -> u64 {
        self.machine.rate.recent(now)
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) mod model;
#[cfg(any(test, fuzzing))]
mod tests;
