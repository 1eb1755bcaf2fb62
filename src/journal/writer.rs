//! The thread that writes the records, and may be made to wait by journald, a pipe, or a terminal that is held.

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use tracing::callsite::{Callsite, Identifier};
use tracing::field::FieldSet;
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use super::queue::Item;
use super::record::Record;
use super::{Front, message};
use crate::config::HostId;
use crate::units;

/// Fields that only the journal has use for; on stderr the message says the same.
const JOURNAL_ONLY: [&str; 3] = ["MESSAGE_ID", "LONC_ERROR", "LONC_STATE"];

/// Begins to write what is left at `front`: to journald, if stderr goes there, with all fields.
pub(super) fn start(front: Front, peer: Option<&HostId>) {
    let to_journal = super::is_journald_on_stderr();
    let peer = peer.map(ToString::to_string);
    let write = move || {
        // Not before: to find out whether journald is there one waits for it.
        let journal = to_journal.then(|| journald(peer.as_deref())).and_then(Result::ok);
        let clock = Clock::default();
        let out: Box<dyn Subscriber> = match journal {
            Some(layer) => Box::new(registry().with(layer)),
            None => Box::new(stderr(clock.clone())),
        };
        loop {
            let record = match front.queue.next() {
                Item::Record(record) => record,
                Item::Lost(count) => lost(count),
                Item::Summary(record) => {
                    front.loncron.pass(&record);
                    record
                }
            };
            clock.set(record.at);
            record.replay(&*out);
        }
    };
    // Where there can be no thread nothing can serve either, and whoever starts the next one says so.
    let _ = thread::Builder::new().name("log".to_owned()).spawn(write);
}

fn journald(peer: Option<&str>) -> io::Result<tracing_journald::Layer> {
    let mappings = PriorityMappings {
        error: Priority::Critical,
        warn: Priority::Warning,
        info: Priority::Informational,
        debug: Priority::Debug,
        trace: Priority::Debug,
    };
    let layer = tracing_journald::layer()?
        .with_field_prefix(None)
        .with_priority_mappings(mappings);
    Ok(layer
        .with_syslog_identifier("lonc".to_owned())
        .with_custom_fields(peer.map(|peer| ("LONC_PEER", peer))))
}

fn stderr(clock: Clock) -> impl Subscriber {
    let fields = debug_fn(|out, field, value| match field.name() {
        "message" => write!(out, "{value:?}"),
        name if JOURNAL_ONLY.contains(&name) => Ok(()),
        name => write!(out, " {name}={value:?}"),
    });
    let layer = tracing_subscriber::fmt::layer()
        .fmt_fields(fields)
        .with_timer(clock)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    registry().with(layer)
}

/// When the record in hand was made: it may have waited since.
#[derive(Clone)]
struct Clock(Arc<Mutex<SystemTime>>);

impl Clock {
    fn set(&self, at: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(SystemTime::now())))
    }
}

impl FormatTime for Clock {
    fn format_time(&self, out: &mut Writer<'_>) -> std::fmt::Result {
        let at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write!(out, "{}", humantime::format_rfc3339_micros(at))
    }
}

/// What stands where records are missing.
fn lost(count: usize) -> Record {
    let text = format!(
        "{} {} missing here: the log took none",
        units::count(count, "record"),
        units::agree(count, "is", "are")
    );
    Record::made(
        &GAP,
        &[("message", text), ("MESSAGE_ID", message::LOG_GAP.to_owned())],
    )
}

/// The place in the code of such a record, which must not go through the queue.
struct Gap;

static GAP: Metadata<'static> = Metadata::new(
    "records lost",
    "lonc::journal",
    Level::WARN,
    Some(file!()),
    None,
    None,
    FieldSet::new(&["message", "MESSAGE_ID"], Identifier(&Gap)),
    Kind::EVENT,
);

impl Callsite for Gap {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &GAP
    }
}
