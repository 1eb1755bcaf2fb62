//! What the instance knows, in the shapes of the interface.

use std::time::SystemTime;

use lonc_proto::handshake::Step;
use lonc_proto::session::{self, ConnectFault, LinkError, RECENT, Reached, Stage};
use lonc_proto::time::Instant;

use super::instance::Instance;
use super::tls;
use crate::control::interface::{
    Bucket, Cause, Client, ConfigurationKey, ConfigurationReply, Counters, DelayedSummary, Disabled,
    Displaced, Histogram, Link, LinkState, Metrics, Refused, RefusedReload, State, Status, Trouble,
    TroubleKind,
};
use crate::daemon::configuration::Configuration;
use crate::daemon::driver::ClientReport;
use crate::daemon::socket_watch::Reach;
use crate::daemon::status::Snapshot;
use crate::spool::Summary;
use crate::units::{micros, micros_since_1970};

/// The key that operators may change without the file, and how that is told.
const LOG_LEVEL: &str = "daemon.log_level";
const STEERED: &str = "loncctl log-level, until the next reload";

pub(super) fn status(
    instance: &Instance,
    snapshot: &Snapshot,
    delayed: Option<&Summary>,
    reach: &Reach,
) -> Status {
    let now = &snapshot.status;
    let links = now.links.iter().map(|one| link(one, snapshot));
    #[expect(
        clippy::cast_precision_loss,
        reason = "so many requests do not come in ten seconds"
    )]
    let recent = snapshot.recent_requests as f64;
    Status {
        peer: snapshot.peer.to_string(),
        host_id: snapshot.host_id.to_string(),
        address: snapshot.address.to_string(),
        state: state(now.state),
        since_usec: micros_since_1970(snapshot.since),
        draining: snapshot.draining,
        text: reach.with(snapshot) + &instance.configuration.borrow().beside(),
        refused_reload: refused_reload(&instance.configuration.borrow()),
        displaced: displaced(reach),
        disabled: snapshot.disabled.as_ref().map(|disabled| Disabled {
            reason: disabled.reason.clone(),
            since_usec: micros_since_1970(disabled.since),
            until_usec: disabled.until.map(micros_since_1970),
        }),
        silent_since_usec: silent_since(snapshot),
        last_error: now.last_error.clone(),
        next_try_usec: snapshot.next_try.map(micros_since_1970),
        rtt_usec: now.rtt.map(micros),
        links: links.collect(),
        max_links: now.max_links,
        refused: now.refused.as_ref().map(|one| refused(one, snapshot)),
        waiting_since_usec: now.waiting_since.map(|at| micros_since_1970(snapshot.date(at))),
        clients: now.clients,
        queued: now.queued,
        in_flight: now.in_flight,
        held_bytes: snapshot.memory.held,
        max_held_bytes: snapshot.memory.limit,
        request_rate: recent / RECENT.as_secs_f64(),
        sending: now.delayed,
        delayed: delayed.map(DelayedSummary::from),
        tls: tls::report(snapshot),
        counters: counters(snapshot, instance),
        peer_version: now.peer_version.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_usec: micros_since_1970(instance.started),
        taken_usec: micros_since_1970(snapshot.today),
        log_level: *instance.level.borrow(),
    }
}

pub(super) fn configuration(instance: &Instance) -> ConfigurationReply {
    let configuration = instance.configuration.borrow();
    let level = format!("\"{}\"", instance.level.borrow().as_str());
    let key = |(key, value, source): (&str, &str, &str)| {
        let is_steered = key == LOG_LEVEL && value != level;
        ConfigurationKey {
            key: key.to_owned(),
            value: if is_steered {
                level.clone()
            } else {
                value.to_owned()
            },
            source: if is_steered { STEERED } else { source }.to_owned(),
        }
    };
    ConfigurationReply {
        keys: configuration.report.settings().map(key).collect(),
        read_usec: micros_since_1970(configuration.read),
        refused: refused_reload(&configuration),
    }
}

fn refused_reload(configuration: &Configuration) -> Option<RefusedReload> {
    let (text, date) = configuration.refused.as_ref()?;
    Some(RefusedReload {
        text: text.clone(),
        date_usec: micros_since_1970(*date),
    })
}

pub(super) fn metrics(
    instance: &Instance,
    snapshot: &Snapshot,
    delayed: Option<&Summary>,
    reach: &Reach,
) -> Metrics {
    let now = &snapshot.status;
    let open = |link: &&session::LinkStatus| {
        matches!(link.state, session::LinkState::Up | session::LinkState::Retiring)
    };
    let oldest = now.links.iter().filter_map(|link| link.oldest).min();
    Metrics {
        peer: snapshot.peer.to_string(),
        state: state(now.state),
        up: now.links.iter().filter(open).count(),
        links: now.links.len(),
        max_links: now.max_links,
        depth: now.links.iter().filter_map(|link| link.depth).sum(),
        oldest_usec: oldest.map(|at| micros_since_1970(snapshot.date(at))),
        silent_since_usec: silent_since(snapshot),
        clients: now.clients,
        queued: now.queued,
        in_flight: now.in_flight,
        held_bytes: snapshot.memory.held,
        max_held_bytes: snapshot.memory.limit,
        sending: now.delayed,
        delayed: delayed.map(DelayedSummary::from),
        draining: snapshot.draining,
        displaced: (*reach != Reach::Unknown).then(|| displaced(reach).is_some()),
        rtt_usec: now.rtt.map(micros),
        tls: tls::report(snapshot),
        counters: counters(snapshot, instance),
        reply_time: histogram(&now.histograms.reply_time),
        link_rtt: histogram(&now.histograms.rtt),
        started_usec: micros_since_1970(instance.started),
        taken_usec: micros_since_1970(snapshot.today),
    }
}

fn displaced(reach: &Reach) -> Option<Displaced> {
    match reach {
        Reach::Unknown | Reach::Ours => None,
        Reach::Displaced(displaced) => Some(Displaced {
            text: displaced.to_string(),
            pid: displaced.pid(),
            since_usec: micros_since_1970(displaced.since),
        }),
    }
}

/// Clients, the busiest first.
pub(super) fn clients(mut reports: Vec<ClientReport>, now: Instant) -> Vec<Client> {
    let busy = |report: &ClientReport| {
        let status = &report.status;
        (status.queued + status.in_flight, status.requests)
    };
    reports.sort_by_key(|report| std::cmp::Reverse(busy(report)));
    let today = SystemTime::now();
    let client = |report: ClientReport| Client {
        pid: report.credentials.pid(),
        uid: report.credentials.uid(),
        since_usec: micros_since_1970(today.checked_sub(now.since(report.since)).unwrap_or(today)),
        requests: report.status.requests,
        queued: report.status.queued,
        in_flight: report.status.in_flight,
        bytes_held: report.held,
    };
    reports.into_iter().map(client).collect()
}

fn silent_since(snapshot: &Snapshot) -> Option<u64> {
    let links = snapshot.status.links.iter();
    let links: Vec<_> = links.map(|link| (link.service.is_some(), link.oldest)).collect();
    silence(&links).map(|at| micros_since_1970(snapshot.date(at)))
}

/// Since when lond has been silent, by whether it has answered on each link, and the oldest in flight there: it answers
/// one after the other, so that one is as old as its silence there. A link on which it has answered nothing yet, as one
/// that was opened since, says nothing of others.
fn silence<T: Copy + Ord>(links: &[(bool, Option<T>)]) -> Option<T> {
    let last = links.iter().filter(|(has_answered, _)| *has_answered);
    let last = last.filter_map(|(_, oldest)| *oldest).max();
    last.or_else(|| links.iter().filter_map(|(_, oldest)| *oldest).min())
}

fn state(state: session::State) -> State {
    match state {
        session::State::Connecting => State::Connecting,
        session::State::Up => State::Up,
        session::State::Down => State::Down,
        session::State::Idle => State::Idle,
        session::State::Disabled => State::Disabled,
    }
}

fn link(link: &session::LinkStatus, snapshot: &Snapshot) -> Link {
    let remote = snapshot.remotes.get(link.link.index()).copied().flatten();
    let date = |then: Instant| micros_since_1970(snapshot.date(then));
    Link {
        index: link.link.index(),
        state: match link.state {
            session::LinkState::Opening(Stage::Lookup) => LinkState::Lookup,
            session::LinkState::Opening(Stage::Connect) => LinkState::Connect,
            session::LinkState::Handshake(step) => in_step(step),
            session::LinkState::Up => LinkState::Up,
            session::LinkState::Retiring => LinkState::Retiring,
            session::LinkState::Waiting => LinkState::Waiting,
        },
        since_usec: date(link.since),
        remote: remote.map(|address| address.to_string()),
        in_flight: link.in_flight,
        cause: cause(link.cause),
        depth: link.depth,
        service_usec: link.service.map(micros),
        oldest_usec: link.oldest.map(date),
        stalled: link.stalled,
        other_host: link.other_host.clone(),
        rtt_usec: link.rtt.map(micros),
        trouble: link.trouble.as_ref().map(|trouble| Trouble {
            kind: kind(&trouble.why),
            tls: tls::reason(&trouble.why),
            text: trouble.why.to_string(),
            reached: reached(trouble.reached),
            date_usec: date(trouble.at),
        }),
        failing_since_usec: link.failing_since.map(date),
        failed_tries: link.failed_tries,
        next_try_usec: link.next_try.map(date),
    }
}

fn cause(cause: session::Cause) -> Cause {
    match cause {
        session::Cause::Kept => Cause::Kept,
        session::Cause::Demand => Cause::Demand,
        session::Cause::Replacement => Cause::Replacement,
        session::Cause::Asked => Cause::Asked,
        session::Cause::Silence => Cause::Silence,
    }
}

fn refused(refused: &session::Refused, snapshot: &Snapshot) -> Refused {
    let date = |then: Instant| micros_since_1970(snapshot.date(then));
    Refused {
        text: refused.why.to_string(),
        date_usec: date(refused.at),
        open: refused.open,
        until_usec: date(refused.until),
    }
}

fn in_step(step: Step) -> LinkState {
    match step {
        Step::Tls => LinkState::Tls,
        Step::Init => LinkState::Init,
        Step::Challenge => LinkState::Challenge,
        Step::SetHost => LinkState::Sethost,
        Step::Version => LinkState::Version,
        Step::Pong => LinkState::Pong,
        Step::BuildKey => LinkState::Ekey,
    }
}

fn reached(reached: Reached) -> LinkState {
    match reached {
        Reached::Lookup => LinkState::Lookup,
        Reached::Connect => LinkState::Connect,
        Reached::Handshake(step) => in_step(step),
        Reached::Up => LinkState::Up,
    }
}

fn kind(why: &LinkError) -> TroubleKind {
    match why {
        LinkError::Lookup { .. } => TroubleKind::Lookup,
        LinkError::Connect { fault, .. } => match fault {
            ConnectFault::Refused => TroubleKind::Refused,
            ConnectFault::Unreachable => TroubleKind::Unreachable,
            ConnectFault::TimedOut => TroubleKind::ConnectTimeout,
            ConnectFault::Other => TroubleKind::Connect,
        },
        LinkError::Tls { .. } => TroubleKind::Tls,
        LinkError::ClosedInStep(_) => TroubleKind::ClosedInHandshake,
        LinkError::Closed => TroubleKind::Closed,
        LinkError::Io(_) => TroubleKind::Broken,
        LinkError::Handshake(_) => TroubleKind::Rejected,
        LinkError::StepTimeout(_) | LinkError::OpeningTimeout(_) => TroubleKind::StepTimeout,
        LinkError::EndlessLine(_) | LinkError::Unasked | LinkError::ReplyTooLong => TroubleKind::Protocol,
        LinkError::RequestTimeout | LinkError::MessageTimeout => TroubleKind::ReplyTimeout,
        LinkError::ProbeTimeout => TroubleKind::ProbeTimeout,
        LinkError::PathDead(_) => TroubleKind::PathDead,
        LinkError::Stopped | LinkError::Disabled => TroubleKind::Stopped,
    }
}

fn counters(snapshot: &Snapshot, instance: &Instance) -> Counters {
    let counters = &snapshot.status.counters;
    Counters {
        requests: counters.requests,
        replies: counters.replies,
        never_sent: counters.never_sent,
        sent_no_reply: counters.sent_no_reply,
        malformed: counters.malformed,
        stored: counters.delayed,
        not_stored: counters.not_stored,
        delivered: counters.delivered,
        set_aside: instance.desk.set_aside(),
        links_opened: counters.links_opened,
        links_on_demand: counters.links_on_demand,
        links_replacing: counters.links_replacing,
        links_retired: counters.links_retired,
        links_refused: counters.links_refused,
        tries_failed: counters.tries_failed,
        bytes_sent: counters.bytes_sent,
        bytes_received: counters.bytes_received,
        clients_cut: snapshot.memory.cut,
        log_lost: instance.log.num_lost(),
    }
}

fn histogram(histogram: &session::Histogram) -> Histogram {
    let bucket = |(bound, count)| Bucket {
        le_usec: micros(bound),
        count,
    };
    Histogram {
        buckets: histogram.buckets().map(bucket).collect(),
        count: histogram.count(),
        sum_usec: micros(histogram.sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_were_opened_while_lond_is_silent_do_not_hide_for_how_long_it_has_been() {
        assert_eq!(silence::<u32>(&[]), None);
        assert_eq!(silence(&[(true, None), (false, None::<u32>)]), None);
        assert_eq!(
            silence(&[(true, Some(3)), (false, Some(40)), (false, Some(50))]),
            Some(3)
        );
        // Where it answers on one of those that it knows, it is silent since then at most.
        assert_eq!(
            silence(&[(true, Some(3)), (true, Some(30)), (false, Some(50))]),
            Some(30)
        );
        // On none it has answered ever.
        assert_eq!(silence(&[(false, Some(40)), (false, Some(50))]), Some(40));
    }
}
