//! Every metric, once: its name, what it says, and where its value comes from.

use super::exposition::{Format, Kind, Number, Writer};
use super::{Reading, Told};
use crate::control::interface::{DelayedSummary, Histogram, Metrics};
use crate::standing::Standing;

mod secured;

/// A value, and what tells it from others of its family: a label and its value.
type Value = (Option<(&'static str, &'static str)>, Number);

/// Where the values of a family come from, for one instance.
enum Source {
    Counter(fn(&Metrics) -> Vec<Value>),
    Gauge(fn(&Metrics) -> Vec<Value>),
    Histogram(fn(&Metrics) -> &Histogram),
    /// A gauge of the messages on disk, which is known also of peers whose instance does not answer.
    Delayed(fn(DelayedSummary) -> Vec<Value>),
}

struct Family {
    name: &'static str,
    help: &'static str,
    source: Source,
}

const fn counter(name: &'static str, help: &'static str, read: fn(&Metrics) -> Vec<Value>) -> Family {
    let source = Source::Counter(read);
    Family { name, help, source }
}

const fn gauge(name: &'static str, help: &'static str, read: fn(&Metrics) -> Vec<Value>) -> Family {
    let source = Source::Gauge(read);
    Family { name, help, source }
}

const fn delayed(name: &'static str, help: &'static str, read: fn(DelayedSummary) -> Vec<Value>) -> Family {
    let source = Source::Delayed(read);
    Family { name, help, source }
}

const fn histogram(name: &'static str, help: &'static str, read: fn(&Metrics) -> &Histogram) -> Family {
    let source = Source::Histogram(read);
    Family { name, help, source }
}

/// Known of all peers, also of those whose instance does not answer.
const PEER: &str = "lonc_peer_state";
const PEER_HELP: &str = "State of the peer (1 for the one it is in), as loncctl status has it: down and disabled answer con_lost at once, not-started is usual until a client comes.";
const INSTANCE: &str = "lonc_instance_state";
const INSTANCE_HELP: &str = "Whether the instance of the peer answers (1 for the state it is in), or why not: not-started is usual until a client comes, off is not, as nobody listens; foreign is one that is not taken over from the Perl lonc.";
const SOUND: &str = "lonc_configuration_sound";
const SOUND_HELP: &str =
    "Whether the configuration is sound; if not, only peers whose instance runs may be told of.";
const COUNTED: &str = "lonc_spool_counted";
const COUNTED_HELP: &str =
    "Whether an instance answered that counts the messages of peers that are not served.";
const UNLISTED: &str = "lonc_delayed_unlisted_messages";
const UNLISTED_HELP: &str =
    "Delayed messages on disk of a host that is in no table: they are sent to nobody.";
const ANSWERING: &str = "answering";

/// Known of those that answer.
const FAMILIES: &[Family] = &[
    gauge("lonc_links", "TCP links to the peer, open or not.", |of| {
        one(of.links)
    }),
    gauge("lonc_links_open", "TCP links to the peer that are open.", |of| {
        one(of.up)
    }),
    gauge(
        "lonc_links_most",
        "Most TCP links to the peer there may be.",
        |of| one(of.max_links),
    ),
    gauge(
        "lonc_links_depth",
        "Requests that are put on the open links at a time, in all: what keeps the peer busy.",
        |of| one(of.depth),
    ),
    gauge(
        "lonc_oldest_in_flight_seconds",
        "For how long the oldest request in flight has been on its link; 0 where none is.",
        |of| {
            let since = of.oldest_usec.unwrap_or(of.taken_usec);
            vec![seconds(of.taken_usec.saturating_sub(since))]
        },
    ),
    gauge("lonc_clients", "Clients connected.", |of| one(of.clients)),
    gauge(
        "lonc_requests_queued",
        "Requests that are not yet on a link.",
        |of| one(of.queued),
    ),
    gauge(
        "lonc_requests_in_flight",
        "Requests and probes on a link without their reply.",
        |of| one(of.in_flight),
    ),
    gauge(
        "lonc_held_bytes",
        "Bytes kept for clients and messages: requests, answers, replies on their way, what is being stored.",
        |of| one(of.held_bytes),
    ),
    gauge(
        "lonc_held_bytes_most",
        "At so many of them no more is taken in but what completes what is there: client.max_queued_bytes.",
        |of| one(of.max_held_bytes),
    ),
    gauge(
        "lonc_rtt_seconds",
        "Round trip to the peer, as measured last; missing before the first.",
        |of| of.rtt_usec.map(seconds).into_iter().collect(),
    ),
    gauge(
        "lonc_draining",
        "Whether the instance takes no more clients, and is about to end.",
        |of| one(usize::from(of.draining)),
    ),
    gauge(
        "lonc_displaced",
        "Whether clients do not reach the instance: the file of its socket was removed, or is another's; missing where that cannot be seen.",
        |of| {
            of.displaced
                .map(|is| (None, Number::Whole(is.into())))
                .into_iter()
                .collect()
        },
    ),
    gauge(
        "lonc_start_time_seconds",
        "When the instance started, and began to count.",
        |of| vec![seconds(of.started_usec)],
    ),
    gauge(
        "lonc_spool_answering",
        "Whether the disk with the delayed messages answers in time.",
        |of| one(usize::from(of.delayed.is_some())),
    ),
    delayed(
        "lonc_delayed_messages",
        "Delayed messages on disk: queued, held by an operator, or set aside as failed; also those of peers that are not served now.",
        shelves,
    ),
    gauge(
        "lonc_delayed_sending",
        "Delayed messages handed over to the link.",
        |of| one(of.sending),
    ),
    delayed(
        "lonc_delayed_oldest_timestamp_seconds",
        "When the first of the queued messages was written; missing without any.",
        |delayed| delayed.oldest_usec.map(seconds).into_iter().collect(),
    ),
    counter("lonc_requests", "Requests of clients.", |of| {
        count(of.counters.requests)
    }),
    counter(
        "lonc_replies",
        "Replies of the peer, those to probes and delayed messages included.",
        |of| count(of.counters.replies),
    ),
    counter(
        "lonc_requests_lost",
        "Requests answered con_lost: not a byte was sent, or it was sent and no reply came.",
        |of| {
            vec![
                label("stage", "never_sent", of.counters.never_sent),
                label("stage", "after_sending", of.counters.sent_no_reply),
            ]
        },
    ),
    counter(
        "lonc_replies_malformed",
        "Encrypted replies that could not be used.",
        |of| count(of.counters.malformed),
    ),
    counter(
        "lonc_links_opened",
        "Links opened: those that are kept, with each reconnect; on demand, since requests waited; in place of others.",
        |of| {
            let counters = &of.counters;
            let special = counters.links_on_demand.saturating_add(counters.links_replacing);
            vec![
                label("cause", "kept", counters.links_opened.saturating_sub(special)),
                label("cause", "demand", counters.links_on_demand),
                label("cause", "replacement", counters.links_replacing),
            ]
        },
    ),
    counter(
        "lonc_links_retired",
        "Links closed because they were not needed any more.",
        |of| count(of.counters.links_retired),
    ),
    counter(
        "lonc_links_refused",
        "Links that the peer would not have beside those that were open.",
        |of| count(of.counters.links_refused),
    ),
    counter(
        "lonc_link_tries_failed",
        "Tries to open a link that failed.",
        |of| count(of.counters.tries_failed),
    ),
    gauge(
        "lonc_certificate_expiry_seconds",
        "When our certificate, the peer's, or the list of revoked ones expires, in seconds since 1970; missing without TLS.",
        secured::certificates,
    ),
    counter(
        "lonc_tls_failures",
        "Tries and links that ended because they could not be secured, or were so no longer; missing without TLS.",
        secured::failures,
    ),
    counter("lonc_delayed_stored", "Critical requests put on disk.", |of| {
        count(of.counters.stored)
    }),
    counter(
        "lonc_delayed_not_stored",
        "Critical requests answered con_failed: neither sent nor put on disk.",
        |of| count(of.counters.not_stored),
    ),
    counter(
        "lonc_delayed_delivered",
        "Delayed messages that were answered.",
        |of| count(of.counters.delivered),
    ),
    counter(
        "lonc_delayed_set_aside",
        "Delayed messages that cannot be sent, and went to failed/.",
        |of| count(of.counters.set_aside),
    ),
    counter(
        "lonc_clients_cut",
        "Clients cut off because they did not take their answers and memory ran out.",
        |of| count(of.counters.clients_cut),
    ),
    counter(
        "lonc_log_records_lost",
        "Records that are missing in the log, for it took none.",
        |of| count(of.counters.log_lost),
    ),
    counter("lonc_sent_bytes", "Bytes written to the peer.", |of| {
        count(of.counters.bytes_sent)
    }),
    counter("lonc_received_bytes", "Bytes of the peer's lines.", |of| {
        count(of.counters.bytes_received)
    }),
    histogram(
        "lonc_reply_time_seconds",
        "From when a client's request is put on a link to its reply.",
        |of| &of.reply_time,
    ),
    histogram(
        "lonc_link_rtt_seconds",
        "Round trips: the shortest of each handshake, and those of probes.",
        |of| &of.link_rtt,
    ),
];

fn one(number: usize) -> Vec<Value> {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

fn count(number: u64) -> Vec<Value> {
    vec![(None, Number::Whole(number))]
}

fn seconds(micros: u64) -> Value {
    (None, Number::Seconds(micros))
}

fn label(name: &'static str, value: &'static str, number: u64) -> Value {
    (Some((name, value)), Number::Whole(number))
}

fn shelves(delayed: DelayedSummary) -> Vec<Value> {
    let shelf = |(word, number): (_, usize)| label("state", word, number.try_into().unwrap_or(u64::MAX));
    [
        ("queued", delayed.queued),
        ("held", delayed.held),
        ("failed", delayed.failed),
    ]
    .map(shelf)
    .to_vec()
}

/// All families of all instances.
pub(super) fn write(told: &Told, format: Format) -> String {
    let readings = &told.readings[..];
    let mut writer = Writer::new(format);
    host(told, &mut writer);
    writer.family(PEER, Kind::Gauge, PEER_HELP);
    for Reading { peer, standing, .. } in readings {
        for state in Standing::ALL {
            let labels = [("peer", peer.as_ref()), ("state", state.name())];
            writer.sample(PEER, &labels, Number::Whole(u64::from(state == *standing)));
        }
    }
    writer.family(INSTANCE, Kind::Gauge, INSTANCE_HELP);
    for reading in readings {
        let now = reading.instance().map_or(ANSWERING, Standing::name);
        let words = Standing::SILENT.iter().map(|silent| silent.name());
        for state in [ANSWERING].into_iter().chain(words) {
            let labels = [("peer", reading.peer.as_ref()), ("state", state)];
            writer.sample(INSTANCE, &labels, Number::Whole(u64::from(state == now)));
        }
    }
    for family in FAMILIES {
        family.write(told, &mut writer);
    }
    writer.end()
}

/// What is told of the host, and of hosts that are none of its peers.
fn host(told: &Told, writer: &mut Writer) {
    writer.family(SOUND, Kind::Gauge, SOUND_HELP);
    writer.sample(SOUND, &[], Number::Whole(told.is_sound.into()));
    writer.family(COUNTED, Kind::Gauge, COUNTED_HELP);
    writer.sample(COUNTED, &[], Number::Whole(told.counts.is_some().into()));
    writer.family(UNLISTED, Kind::Gauge, UNLISTED_HELP);
    for waiting in told.counts.iter().flatten().filter(|one| !one.is_listed) {
        let delayed = waiting.delayed;
        let number = delayed.queued + delayed.held + delayed.failed;
        let labels = [("peer", waiting.peer.as_ref())];
        writer.sample(
            UNLISTED,
            &labels,
            Number::Whole(number.try_into().unwrap_or(u64::MAX)),
        );
    }
}

impl Family {
    fn write(&self, told: &Told, writer: &mut Writer) {
        let kind = match self.source {
            Source::Counter(_) => Kind::Counter,
            Source::Gauge(_) | Source::Delayed(_) => Kind::Gauge,
            Source::Histogram(_) => Kind::Histogram,
        };
        writer.family(self.name, kind, self.help);
        for Reading { peer, outcome, .. } in &told.readings {
            let Ok(metrics) = outcome else { continue };
            match self.source {
                Source::Counter(read) => plain(
                    &format!("{}_total", self.name),
                    peer.as_ref(),
                    &read(metrics),
                    writer,
                ),
                Source::Gauge(read) => plain(self.name, peer.as_ref(), &read(metrics), writer),
                Source::Histogram(read) => buckets(self.name, peer.as_ref(), read(metrics), writer),
                Source::Delayed(read) => {
                    let values = metrics.delayed.map(read).unwrap_or_default();
                    plain(self.name, peer.as_ref(), &values, writer);
                }
            }
        }
        if let Source::Delayed(read) = self.source {
            for waiting in told.counts.iter().flatten() {
                plain(self.name, waiting.peer.as_ref(), &read(waiting.delayed), writer);
            }
        }
    }
}

fn plain(name: &str, peer: &str, values: &[Value], writer: &mut Writer) {
    for (label, value) in values {
        let labels: Vec<_> = std::iter::once(("peer", peer)).chain(*label).collect();
        writer.sample(name, &labels, *value);
    }
}

fn buckets(name: &str, peer: &str, histogram: &Histogram, writer: &mut Writer) {
    let mut bucket = |bound: &str, count| {
        let labels = [("peer", peer), ("le", bound)];
        writer.sample(&format!("{name}_bucket"), &labels, Number::Whole(count));
    };
    for one in &histogram.buckets {
        bucket(&Number::Seconds(one.le_usec).to_string(), one.count);
    }
    bucket("+Inf", histogram.count);
    let labels = [("peer", peer)];
    writer.sample(
        &format!("{name}_sum"),
        &labels,
        Number::Seconds(histogram.sum_usec),
    );
    writer.sample(&format!("{name}_count"), &labels, Number::Whole(histogram.count));
}
