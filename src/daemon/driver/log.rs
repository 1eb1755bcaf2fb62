//! What the session's events are to an operator. Never a request's body.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lonc_proto::request::Refusal;
use lonc_proto::session::{Cause, Event, LinkError, Lost, State, Stored};
use lonc_proto::time::Instant;
use tracing::{debug, error, info, warn};

use super::repeated::Repeated;
use crate::config::Address;
use crate::daemon::credentials::Credentials;
use crate::daemon::status::Snapshot;
use crate::journal::message;
use crate::units;

/// Tells of events, and keeps those that repeat from drowning the others.
#[derive(Default)]
pub(super) struct Log {
    last_failure: Option<LinkError>,
    never_sent: Repeated,
    /// By what asks for encryption, and by what would change the link.
    refused: [Repeated; 2],
    grown: Repeated,
    full: Repeated,
    turned_away: Repeated,
    accept_failed: Repeated,
}

impl Log {
    pub(super) fn event(
        &mut self,
        event: &Event,
        client: Option<Credentials>,
        address: &Address,
        remotes: &[Option<SocketAddr>],
        now: Instant,
    ) {
        match event {
            Event::StateChanged(state) => self.state_changed(*state, address),
            Event::HandshakeNote(note) => warn!(
                MESSAGE_ID = message::HANDSHAKE_NOTE,
                "lond at {address} answered \"{}\" to {}; going on", note.answer, note.step
            ),
            Event::LinkUp { link, version, cause } => {
                let remote = remotes.get(link.index()).copied().flatten();
                let place = place(address, remote);
                self.link_up(link.index(), version.as_deref(), *cause, &place, now);
            }
            Event::LinkRefused { link, why, retry_in } => {
                link_refused(link.index(), why, *retry_in, address);
            }
            Event::LinkRetired { link } => {
                debug!("link {} was not needed for long, and is closed", link.index());
            }
            Event::OtherHost { answer, .. } => warn!(
                MESSAGE_ID = message::HANDSHAKE_NOTE,
                "whoever answers at {address} calls itself \"{answer}\", not as the peer is called; going on"
            ),
            Event::TryFailed { link, why, retry_in } => {
                self.try_failed(link.index(), why, *retry_in, address);
            }
            Event::LinkLost {
                link,
                why,
                lost,
                requeued,
            } => link_lost(link.index(), why, *lost, *requeued, address),
            Event::Unanswered { count, lost, .. } => self.unanswered(*count, *lost, client, now),
            Event::NotStored { count, .. } => not_stored(*count),
            Event::StoredLate(outcome) => stored_late(*outcome),
            Event::Poison { attempts } => error!(
                MESSAGE_ID = message::SET_ASIDE,
                "a delayed message broke the link to {address} {attempts} times in a row, alone on it; it is set aside"
            ),
            Event::Refused { why, .. } => self.refused(*why, client, address, now),
            Event::MalformedReply { why, .. } => warn!(
                MESSAGE_ID = message::MALFORMED_REPLY,
                LONC_CLIENT = name(client),
                LONC_ERROR = %why,
                "an encrypted reply of {address} cannot be used ({why}); the client was told that none could be had"
            ),
        }
    }

    fn state_changed(&mut self, state: State, address: &Address) {
        match state {
            State::Connecting => debug!(LONC_STATE = %state, "connecting to {address}"),
            State::Down => warn!(
                MESSAGE_ID = message::PEER_DOWN,
                LONC_STATE = %state,
                "{address} is down: requests are answered con_lost at once until a try succeeds"
            ),
            State::Idle => debug!(LONC_STATE = %state, "nobody needs a link to {address}"),
            State::Disabled => info!(
                MESSAGE_ID = message::DISABLED,
                LONC_STATE = %state,
                "the peer at {address} is disabled by an administrator: requests are answered con_lost at once"
            ),
            State::Up => {
                let count = self.never_sent.end();
                if count > 0 {
                    tell_never_sent(count);
                }
            }
        }
    }

    /// Tells of the growth of links once in a while, and of each of them only to who wants details.
    fn link_up(&mut self, link: usize, version: Option<&str>, cause: Cause, address: &str, now: Instant) {
        self.last_failure = None;
        let version = version.unwrap_or("unknown");
        if cause == Cause::Demand {
            debug!("link {link} to {address} is up, since requests waited");
            if self.grown.add(1, now).is_some() {
                info!(
                    "requests wait for busy links to {address}: more links are opened, as link.max_connections allows"
                );
            }
            return;
        }
        info!(
            MESSAGE_ID = message::LINK_UP,
            LONC_STATE = "up",
            "link {link} to {address} is up, lond's version is {version}"
        );
    }

    /// Warns once of each kind of failure in a row; tries go on for days when a host is away.
    fn try_failed(&mut self, link: usize, why: &LinkError, retry_in: Option<Duration>, address: &Address) {
        let next = retry_in.map_or_else(
            || "another try is under way".to_owned(),
            |wait| format!("next try in {:.1} s", wait.as_secs_f64()),
        );
        macro_rules! tell {
            ($level:ident) => {
                $level!(
                    MESSAGE_ID = message::TRY_FAILED,
                    LONC_ERROR = %why,
                    cause = %why,
                    "cannot open link {link} to {address}: {why}; {next}"
                )
            };
        }
        if matches!(why, LinkError::Stopped | LinkError::Disabled) {
            return;
        }
        if self.last_failure.as_ref() == Some(why) {
            tell!(info);
        } else {
            tell!(warn);
            self.last_failure = Some(why.clone());
        }
    }

    fn refused(&mut self, why: Refusal, client: Option<Credentials>, address: &Address, now: Instant) {
        let [encryption, link] = &mut self.refused;
        let refused = match why {
            Refusal::Encryption => encryption,
            Refusal::Link => link,
        };
        if let Some(count) = refused.add(1, now) {
            warn!(
                MESSAGE_ID = message::REFUSED,
                LONC_CLIENT = name(client),
                LONC_ERROR = %why,
                "{} for {address} {} refused, not sent: {why}",
                units::count(count, "request"),
                units::agree(count, "was", "were")
            );
        }
    }

    fn unanswered(&mut self, count: usize, lost: Lost, client: Option<Credentials>, now: Instant) {
        match lost {
            Lost::SentNoReply => warn!(
                MESSAGE_ID = message::SENT_NO_REPLY,
                LONC_CLIENT = name(client),
                "{}: {lost}; the peer may have carried {} out",
                answered_con_lost(count),
                units::agree(count, "it", "them")
            ),
            Lost::NeverSent => {
                debug!(LONC_CLIENT = name(client), "{}: {lost}", answered_con_lost(count));
                if let Some(count) = self.never_sent.add(count, now) {
                    tell_never_sent(count);
                }
            }
        }
    }

    /// Somebody came when the number of clients was at its limit.
    pub(super) fn full(&mut self, max_clients: usize, now: Instant) {
        if self.full.add(1, now).is_some() {
            warn!(
                MESSAGE_ID = message::ACCEPT_FAILED,
                "{} {} connected, which is client.max_clients; who comes now gets the place of one that has asked for \
                 nothing, or waits until one leaves",
                units::count(max_clients, "client"),
                units::agree(max_clients, "is", "are")
            );
        }
    }

    /// Somebody waited in vain for a place.
    pub(super) fn turned_away(&mut self, now: Instant) {
        if let Some(count) = self.turned_away.add(1, now) {
            warn!(
                MESSAGE_ID = message::ACCEPT_FAILED,
                "{} had no place in time, since all clients were busy: {} answered con_lost",
                units::count(count, "client"),
                units::agree(count, "its requests were", "their requests were")
            );
        }
    }

    pub(super) fn accept_failed(&mut self, error: &io::Error, now: Instant) {
        if self.accept_failed.add(1, now).is_some() {
            error!(
                MESSAGE_ID = message::ACCEPT_FAILED,
                LONC_ERROR = %error,
                "cannot accept a client: {error}; those who connect wait until it works again"
            );
        }
    }
}

/// The peer as it is configured, and the address that its name led to.
fn place(address: &Address, remote: Option<SocketAddr>) -> String {
    let configured = address.to_string();
    match remote.map(|remote| remote.to_string()) {
        Some(remote) if remote != configured => format!("{configured} ({remote})"),
        Some(_) | None => configured,
    }
}

/// lond would not have one more link: that is its right, and worth a word, but no warning.
fn link_refused(link: usize, why: &LinkError, retry_in: Option<Duration>, address: &Address) {
    let pause = retry_in.map_or_else(String::new, |pause| {
        format!(", no other is tried for {} s", pause.as_secs())
    });
    info!(
        LONC_ERROR = %why,
        cause = %why,
        "one more link to {address} (link {link}) could not be opened: {why}; those that are open go on{pause}"
    );
}

/// The answer to SIGUSR1: the peer, and each of its links.
pub(super) fn status(snapshot: &Snapshot) {
    let status = &snapshot.status;
    let counters = status.counters;
    info!(
        MESSAGE_ID = message::STATUS,
        LONC_STATE = %status.state,
        "{snapshot}; {} queued, {} in flight; since the start {}, {}, {} never sent, {} sent without reply, {} opened, \
         {} failed",
        units::count(status.queued, "request"),
        status.in_flight,
        units::count(counters.requests, "request"),
        units::count(counters.replies, "reply"),
        counters.never_sent,
        counters.sent_no_reply,
        units::count(counters.links_opened, "link"),
        units::count(counters.tries_failed, "try"),
    );
    for link in &status.links {
        let seconds = snapshot.taken.since(link.since).as_secs();
        info!(
            MESSAGE_ID = message::STATUS,
            LONC_STATE = %link.state,
            "link {}: {} for {seconds} s, {} in flight",
            link.link.index(),
            link.state,
            link.in_flight
        );
    }
}

fn not_stored(count: usize) {
    error!(
        MESSAGE_ID = message::NOT_STORED,
        "{} could not be stored in time and {} answered con_failed: the disk of the spool hangs; what it stores later is \
         sent all the same",
        units::count(count, "critical request"),
        were(count)
    );
}

/// Of a critical request whose worker was told `con_failed`.
fn stored_late(outcome: Stored) {
    match outcome {
        Stored::Safe => warn!(
            MESSAGE_ID = message::DELAYED,
            "a critical request that was answered con_failed is stored after all, and is sent"
        ),
        Stored::Failed => info!("a critical request that was answered con_failed could not be stored"),
    }
}

/// The instance ends although the spool has not finished.
pub(super) fn disk_hangs() {
    warn!(
        MESSAGE_ID = message::SPOOL,
        "the disk of the spool hangs: what was delivered last may be on it still, and be sent again"
    );
}

/// lond does not answer in an opening, and other addresses have their turn.
pub(super) fn silent(link: usize, remote: Option<SocketAddr>) {
    if let Some(remote) = remote {
        info!("there is no answer at {remote}, where link {link} leads: the other addresses come first");
    }
}

/// A link leads where the peer is no longer.
pub(super) fn moved(link: usize, from: SocketAddr, address: &Address) {
    info!("{address} has moved: link {link} leads to {from}, where it is no longer, and is replaced");
}

/// A client is cut off.
pub(super) fn cut(client: Credentials, bytes: usize) {
    warn!(
        MESSAGE_ID = message::CLIENT_CUT,
        LONC_CLIENT = %client,
        "a client was cut off: it did not take its answers, {bytes} bytes, and memory for others ran out (client.max_queued_bytes)"
    );
}

fn link_lost(link: usize, why: &LinkError, lost: usize, requeued: usize, address: &Address) {
    macro_rules! tell {
        ($level:ident, $id:expr) => {
            $level!(
                MESSAGE_ID = $id,
                LONC_ERROR = %why,
                cause = %why,
                "link {link} to {address} is lost: {why}; {} {} sent and got no reply, {requeued} {} never sent",
                units::count(lost, "request"),
                were(lost),
                were(requeued)
            )
        };
    }
    match why {
        LinkError::Stopped | LinkError::Disabled => tell!(info, message::LINK_LOST),
        LinkError::Unasked | LinkError::ReplyTooLong => tell!(error, message::PROTOCOL_FAULT),
        LinkError::Lookup { .. }
        | LinkError::Connect { .. }
        | LinkError::Tls { .. }
        | LinkError::Closed
        | LinkError::Io(_)
        | LinkError::ClosedInStep(_)
        | LinkError::StepTimeout(_)
        | LinkError::OpeningTimeout(_)
        | LinkError::Handshake(_)
        | LinkError::EndlessLine(_)
        | LinkError::RequestTimeout
        | LinkError::MessageTimeout
        | LinkError::ProbeTimeout
        | LinkError::PathDead(_) => tell!(error, message::LINK_LOST),
    }
}

fn tell_never_sent(count: usize) {
    warn!(
        MESSAGE_ID = message::NEVER_SENT,
        "{}: never sent, there was no link",
        answered_con_lost(count)
    );
}

fn answered_con_lost(count: usize) -> String {
    let requests = units::count(count, "request");
    format!("{requests} {} answered con_lost", were(count))
}

fn were(count: usize) -> &'static str {
    units::agree(count, "was", "were")
}

fn name(client: Option<Credentials>) -> Option<tracing::field::DisplayValue<impl Display>> {
    client.map(tracing::field::display)
}
