//! Log records to journald when systemd started us, to stderr otherwise; and to a file where loncron looks for it.
//!
//! Whoever logs never waits for that: records go through a queue to a thread that writes them. What finds no room there
//! is counted, and so is what is told again and again.
//!
//! The original's three grades become levels and priorities: CRITICAL is `error` (2), WARNING is `warn` (4), INFO is
//! `info` (6); `debug` and `trace` are 7. `RUST_LOG` wins over the configured level.

mod loncron;
mod queue;
mod record;
mod repeats;
mod writer;

use std::env;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::panic;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tracing::{Event, Subscriber, error};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use self::queue::Queue;
use self::record::Record;

use crate::config::{HostId, LogLevel};

/// Message ids, one for each kind of event an operator searches for: `journalctl MESSAGE_ID=…`.
pub mod message {
    /// An instance started.
    pub const STARTED: &str = "d9abf5df384647928bd63324d35c1079";
    /// An instance is about to stop.
    pub const STOPPING: &str = "e82804599d3745a6bc94d7f4d0ed36e2";
    /// A link finished its handshake.
    pub const LINK_UP: &str = "6edafe2e934240d6b380f0be7c8db83b";
    /// A link that was up is lost.
    pub const LINK_LOST: &str = "5d5b63621fe54200ad510f55da4bf446";
    /// A link was reset because lond broke the protocol.
    pub const PROTOCOL_FAULT: &str = "72b87e7b575d4169ad646c6d6c4b19ed";
    /// A try to open a link failed.
    pub const TRY_FAILED: &str = "556ce79ceeb64d1ca1c9caaa8e5c8f84";
    /// The peer is down: requests are refused at once.
    pub const PEER_DOWN: &str = "8d78f1cba93c4004a8928aee684fb1aa";
    /// An administrator has disabled the peer.
    pub const DISABLED: &str = "537f2f93cd9c43b48896cd4f0d0c058a";
    /// A request was sent and got no reply.
    pub const SENT_NO_REPLY: &str = "3935f00758964e7489d778e02cf68d3b";
    /// Requests were answered that no link was there to send them.
    pub const NEVER_SENT: &str = "5f43c7aa41384b32ad80fed748c86579";
    /// A client's line was answered `refused`, and not sent.
    pub const REFUSED: &str = "9d0b4f536254480f951164af5e2734da";
    /// An encrypted reply could not be used.
    pub const MALFORMED_REPLY: &str = "1cb709dfd8d945ccb409831a144dd4cc";
    /// lond answered a step of the handshake in an unexpected way.
    pub const HANDSHAKE_NOTE: &str = "ce9faa140f5e465792ea23838ec19c59";
    /// The configuration was read anew.
    pub const RELOADED: &str = "262e9d7057dc41af8b57d0f58e937c96";
    /// The configuration is faulty; the old one, if there is one, stays in force.
    pub const CONFIG_FAULT: &str = "460c093364e94670804a253009f6760c";
    /// Clients do not find the socket any more, or find it again.
    pub const DISPLACED: &str = "c3ecaa8a438a45d5bf57742ff72c1e60";
    /// Clients cannot be accepted, or no more of them.
    pub const ACCEPT_FAILED: &str = "2461efeb3c3649cb865bddc9273fced7";
    /// A critical request is stored, to be sent when the link is up.
    pub const DELAYED: &str = "07e92284d57a43e6a240bad69bc7f9e1";
    /// A critical request got no reply and could not be stored.
    pub const NOT_STORED: &str = "f65b633e0fed4b2f9bc834c43920d161";
    /// A delayed message was set aside in `failed/`.
    pub const SET_ASIDE: &str = "2bc6c41448804271b7388bf956ab8fdf";
    /// A client was cut off, for it took up memory that others need.
    pub const CLIENT_CUT: &str = "2fa708e8e3de430c88739af9e85becd2";
    /// Something is wrong with the spool or the permanent log.
    pub const SPOOL: &str = "75e1024b93104c48844df6bbed6fd184";
    /// How things stand, asked for by SIGUSR1.
    pub const STATUS: &str = "0f5f37ab396c438d992dcab10b154319";
    /// An operator changed something by way of the control socket.
    pub const STEERED: &str = "55b65f3a95ed4ce79b83d3b07e3b1f51";
    /// Something in the configuration is odd but can be lived with.
    pub const CONFIG_WARNING: &str = "96b3036385c54c3789f8a837e3b419d7";
    /// A certificate, or a list of revoked ones, expires soon, or has expired.
    pub const CERTIFICATE: &str = "4f6b21c0a2de4d0d9ef2b5d8e7c1a943";
    /// Records are missing, for the log took none.
    pub const LOG_GAP: &str = "954cdb2e2df34a04aad7f2e169f70356";
}

/// How long the end waits for a log that stands still.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it is looked whether the log is written, where somebody waits for that.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Changes what is logged, and where, while the daemon runs. The default one changes nothing: nothing is logged.
#[derive(Clone, Default)]
pub struct LogHandle {
    level: Option<Handle<Targets, Registry>>,
    front: Front,
}

impl LogHandle {
    /// True if [`LogHandle::set_level`] changes nothing, since `RUST_LOG` has the say.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        wish().is_some()
    }

    /// Logs at `level` from now on, unless `RUST_LOG` has the say.
    pub fn set_level(&self, level: LogLevel) {
        if let Some(handle) = &self.level {
            // The only failure is that the subscriber is gone, and then nobody logs.
            let _ = handle.reload(filter(level));
        }
    }

    /// From now on the records go to the file that loncron shows as well, as those of `peer`; without a path they do
    /// not. Waits for no disk.
    pub fn set_loncron_log(&self, path: Option<&Path>, peer: &HostId) {
        self.front.loncron.set(path, peer);
    }

    /// Records of this process that are lost, for the log took none.
    #[must_use]
    pub fn num_lost(&self) -> u64 {
        self.front.queue.num_lost()
    }

    /// Waits until what was logged is written, and for a log that stands still for a moment only.
    pub(crate) async fn written(&self) {
        let begun = Instant::now();
        while !self.front.queue.is_written() && begun.elapsed() < PATIENCE {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Has a panic told as a record: the way to stderr may be blocked, and whoever panics is to end.
    pub(crate) fn take_panics(&self) {
        let log = self.clone();
        panic::set_hook(Box::new(move |panic| {
            error!("{panic}");
            log.close();
        }));
    }

    /// What is logged last is written; waits for a log that stands still, and a disk that hangs, for a moment only.
    pub fn close(&self) {
        self.front.loncron.close();
        self.front.queue.flush(PATIENCE);
    }
}

/// Where records leave the code that makes them.
#[derive(Clone, Default)]
struct Front {
    queue: Arc<Queue>,
    loncron: loncron::Switch,
}

impl<S: Subscriber> Layer<S> for Front {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.queue
            .leave(Record::of(event), |record| self.loncron.pass(record));
    }
}

/// Sends the log records of this process to journald or to stderr. Only the first call in a process has an effect.
#[must_use]
pub fn init(peer: Option<&HostId>) -> LogHandle {
    let (filter, handle) = reload::Layer::new(filter(LogLevel::Info));
    let front = Front::default();
    let registry = tracing_subscriber::registry().with(filter).with(front.clone());
    let level = registry.try_init().is_ok().then_some(handle);
    if level.is_some() {
        writer::start(front.clone(), peer);
    }
    LogHandle { level, front }
}

/// True if stderr goes to journald; then records better go there with all their fields.
#[must_use]
pub(crate) fn is_journald_on_stderr() -> bool {
    let Some(stream) = env::var("JOURNAL_STREAM").ok() else {
        return false;
    };
    let named = stream
        .split_once(':')
        .and_then(|(dev, ino)| Some((dev.parse().ok()?, ino.parse().ok()?)));
    let stderr = io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|fd| std::fs::File::from(fd).metadata());
    stderr.is_ok_and(|stderr| named == Some((stderr.dev(), stderr.ino())))
}

fn filter(level: LogLevel) -> Targets {
    wish().unwrap_or_else(|| level.as_str().parse().unwrap_or_default())
}

/// What `RUST_LOG` asks for.
fn wish() -> Option<Targets> {
    let wish = env::var("RUST_LOG").ok()?;
    let filter = wish.parse().ok()?;
    (!wish.is_empty()).then_some(filter)
}
