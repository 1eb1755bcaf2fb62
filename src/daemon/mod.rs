//! `lonc`: one instance, from its settings to its end. Here everything is put together; what it is made of:
//!
//! | module | what it does |
//! |---|---|
//! | [`command`] | the command line, and how the process ends |
//! | `acceptor` | takes those who connect |
//! | `client` | a task for each client: lines in, answers out in order, limits |
//! | `credentials` | who is at the other end of a UNIX socket |
//! | `driver` | owns the session, the links and the list of clients; one loop |
//! | `link` | one TCP connection: its opening, its bytes, its end |
//! | `stream` | its bytes, as they are or over TLS |
//! | `certificates` | whether what secures the links is still the same, and what of it expires |
//! | `dial` | opens the TCP connection to a peer that may have several addresses |
//! | `path` | whether the way to lond still carries anything |
//! | `process_name` | what the process is called in the process table |
//! | `socket_watch` | whether clients still find us at our path |
//! | `status` | the snapshot that readers get |
//! | `order` | what the daemon can be told while it runs |
//! | `signals` | signals, as orders |
//! | `steering` | obeys orders |
//! | `configuration` | what it goes by, for readers |
//! | `reading` | the configuration, read again beside all that |
//! | `operators` | the control socket, from the daemon's end |
//! | `reload` | `lonc --reload`, which waits until a reload is done |
//! | `supervision` | tells systemd how things stand, and that the work is done in time |
//! | [`listen`] | the listening sockets, where systemd passed none |
//! | `descriptors` | room for as many open files as there may be clients |
//! | `alarm` | a timer of the kernel's, that wakes the process once |
//! | `faulty` | a start with a faulty configuration |
//! | `turned_away` | the answers to those who cannot be served |
//! | `give_way` | lets the other tasks have their turn |

#[cfg(fuzzing)]
pub use self::operators::fuzzing::calls as fuzzed_calls;

mod acceptor;
mod alarm;
mod certificates;
mod client;
pub(crate) mod command;
mod configuration;
mod credentials;
mod descriptors;
mod dial;
mod driver;
mod faulty;
mod give_way;
mod link;
pub(crate) mod listen;
mod operators;
mod order;
mod path;
mod process_name;
mod reading;
pub(crate) mod reload;
mod signals;
mod socket_watch;
mod status;
mod steering;
mod stream;
mod supervision;
mod turned_away;

use std::io;
use std::panic;
use std::path::PathBuf;
use std::time::SystemTime;

use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;
use tracing::{info, warn};

use self::acceptor::Acceptor;
use self::alarm::Alarm;
use self::certificates::Certificates;
use self::configuration::Configuration;
use self::driver::{Driver, Questions};
use self::listen::{ListenError, ListenSocket};
use self::operators::{Census, Instance};
use self::signals::Signals;
use self::socket_watch::SocketWatch;
use self::steering::Steering;
use crate::config::{Loaded, Settings};
use crate::journal::{LogHandle, message};
use crate::spool;

/// Why an instance could not begin to serve.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no socket for clients.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Another instance sends the peer's delayed messages.
    #[error("{0}")]
    Spool(String),
    /// The system refused something that every process needs.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl StartError {
    #[expect(clippy::needless_pass_by_value, reason = "so map_err gives it")]
    fn taken(taken: spool::Taken) -> Self {
        Self::Spool(taken.to_string())
    }
}

/// What an instance is made of.
pub struct Daemon {
    /// The file to read again at SIGHUP.
    pub config: PathBuf,
    /// What was read from it at the start.
    pub loaded: Loaded,
    /// Where clients come in, if somebody made the socket for us; else we listen at `<socket_dir>/<peer>`.
    pub socket: Option<ListenSocket>,
    /// Where operators come in. Without it we listen at `<control_dir>/<peer>`, if `socket` is missing as well.
    pub control: Option<ListenSocket>,
    /// The log, whose settings a reload may change.
    pub log: LogHandle,
}

impl Daemon {
    /// Serves until a signal or a client ends it.
    pub fn run(self) -> Result<(), StartError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let log = self.log.clone();
        let outcome = runtime.block_on(self.serve());
        // A name lookup that hangs must not keep us from ending.
        runtime.shutdown_background();
        log.close();
        outcome
    }

    async fn serve(self) -> Result<(), StartError> {
        let settings = self.loaded.settings;
        let peer = settings.peer.clone();
        self.log.set_level(settings.daemon.log_level);
        self.log.set_loncron_log(settings.loncron_log.as_deref(), &peer);
        steering::tell_warnings(&self.loaded.warnings);
        descriptors::make_room(settings.client.max_clients);
        let signals = Signals::serve();
        let lock = spool::claim(&settings).await.map_err(StartError::taken)?;
        // Only now, when no signal can end us between making a socket's file and knowing that it is ours to remove.
        let (acceptor, control) = open_sockets(self.socket, self.control, &settings)?;
        tell_start(&settings);
        let (to_driver, words) = mpsc::channel(8);
        let socket = SocketWatch::start(acceptor.place(), &peer)?;
        let (driver, published) =
            Driver::new(settings.clone(), self.loaded.tls.clone(), acceptor, words, lock)?;
        let questions = Questions::new(to_driver.clone());
        let (goes_by, configuration) = watch::channel(Configuration::of(self.loaded.report));
        let told = (published.clone(), socket.seen.clone(), configuration.clone());
        supervision::begin(told, Alarm::new()?, questions.clone());
        let (orders, given) = mpsc::channel(8);
        let certificates = Certificates::new(published.clone());
        let (in_force, level) = watch::channel(settings.daemon.log_level);
        if let Some(acceptor) = control {
            let instance = Instance {
                questions,
                orders,
                desk: driver.desk(),
                census: Census::of(settings.spool_dir.clone()),
                socket,
                published,
                level,
                configuration,
                log: self.log.clone(),
                started: SystemTime::now(),
            };
            tokio::spawn(operators::serve(acceptor, instance));
        }
        let steering = Steering {
            config: self.config,
            settings,
            seen: self.loaded.seen,
            tls: self.loaded.tls,
            certificates,
            waits_for_files: false,
            log: self.log,
            in_force,
            goes_by,
            to_driver,
        };
        // As a task of its own: the runtime looks for new input before it turns to its main future, and so would once
        // more for each batch of requests.
        let driver = tokio::spawn(driver.run());
        tokio::select! {
            ended = driver => resume_panic(ended),
            () = steering.run(signals, given) => {}
        }
        info!(MESSAGE_ID = message::STOPPING, "lonc for {peer} has finished");
        Ok(())
    }
}

fn tell_start(settings: &Settings) {
    info!(
        MESSAGE_ID = message::STARTED,
        "lonc {} serves {} at {}{}",
        env!("CARGO_PKG_VERSION"),
        settings.peer,
        settings.address,
        if settings.link.tls.required {
            ", over TLS"
        } else {
            ""
        }
    );
}

/// Panics as the task did, if it did.
fn resume_panic(ended: Result<(), JoinError>) {
    if let Err(fault) = ended
        && fault.is_panic()
    {
        panic::resume_unwind(fault.into_panic());
    }
}

/// Where clients come in, and where operators do: at the sockets that were passed, or else at our own. Where only that
/// for clients was passed, there is to be none for operators.
fn open_sockets(
    client: Option<ListenSocket>,
    control: Option<ListenSocket>,
    settings: &Settings,
) -> Result<(Acceptor, Option<Acceptor>), StartError> {
    let is_passed = client.is_some();
    let control = control.or_else(|| (!is_passed).then(|| bind_control(settings)).flatten());
    let client = client.map_or_else(|| listen::bind(&settings.socket_dir, &settings.peer), Ok)?;
    let control = control.map(Acceptor::new).transpose()?;
    let mut client = Acceptor::new(client)?;
    client.go_by(&settings.alias);
    Ok((client, control))
}

/// The socket for operators. Without it requests are carried all the same.
fn bind_control(settings: &Settings) -> Option<ListenSocket> {
    match listen::bind_control(&settings.control_dir, &settings.peer) {
        Ok(socket) => Some(socket),
        Err(fault) => {
            warn!(MESSAGE_ID = message::CONFIG_WARNING, LONC_ERROR = %fault, "nobody can ask or steer: {fault}");
            None
        }
    }
}
