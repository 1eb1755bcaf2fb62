//! One instance, from its settings to its end.

use std::io;
use std::panic;
use std::path::PathBuf;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use crate::client::Acceptor;
use crate::config::{self, Loaded, Settings};
use crate::driver::{Control, Driver};
use crate::journal::{Level, message};
use crate::listen::{self, ListenError, ListenSocket};
use crate::reload;
use crate::systemd;

/// Why an instance could not begin to serve.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no socket for clients.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system refused something that every process needs.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// What an instance is made of.
pub struct Daemon {
    /// The file to read again at SIGHUP.
    pub config: PathBuf,
    /// What was read from it at the start.
    pub loaded: Loaded,
    /// Where clients come in, if somebody made the socket for us; else we listen at `<socket_dir>/<peer>`.
    pub socket: Option<ListenSocket>,
    /// The log's level, to be changed by a reload.
    pub level: Level,
}

impl Daemon {
    /// Serves until a signal or a client ends it.
    pub fn run(self) -> Result<(), StartError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let outcome = runtime.block_on(self.serve());
        // A name lookup that hangs must not keep us from ending.
        runtime.shutdown_background();
        outcome
    }

    async fn serve(self) -> Result<(), StartError> {
        let settings = self.loaded.settings;
        let peer = settings.peer.clone();
        self.level.set(settings.daemon.log_level);
        tell_warnings(&self.loaded.warnings);
        let mut signals = Signals::new()?;
        // Only now that no signal can end us in the middle of it.
        let socket = self
            .socket
            .map_or_else(|| listen::bind(&settings.socket_dir, &peer), Ok)?;
        let acceptor = Acceptor::new(socket)?;
        let (control, orders) = mpsc::channel(8);
        info!(
            MESSAGE_ID = message::STARTED,
            "lonc {} serves {peer} at {}",
            env!("CARGO_PKG_VERSION"),
            settings.address
        );
        let (driver, status) = Driver::new(settings.clone(), acceptor, orders)?;
        tokio::spawn(systemd::pass_on(status));
        let probe = control.clone();
        tokio::spawn(systemd::ping_watchdog(move || works(probe.clone())));
        let mut reload = Reload {
            config: self.config,
            settings,
            level: self.level,
        };
        let steer = async {
            loop {
                signals.next().await.obey(&control, &mut reload).await;
            }
        };
        // As a task of its own: the runtime looks for new input before it turns to its main future, and so would once
        // more for each batch of requests.
        let driver = tokio::spawn(driver.run());
        tokio::select! {
            ended = driver => if let Err(fault) = ended && fault.is_panic() {
                panic::resume_unwind(fault.into_panic());
            },
            () = steer => {}
        }
        info!(MESSAGE_ID = message::STOPPING, "lonc for {peer} has finished");
        Ok(())
    }
}

/// Asks the driver for proof that its loop turns and its work is done in time.
async fn works(control: mpsc::Sender<Control>) -> bool {
    let (answer, answered) = oneshot::channel();
    control.send(Control::Probe(answer)).await.is_ok() && answered.await.unwrap_or(false)
}

fn tell_warnings(warnings: &[String]) {
    for warning in warnings {
        warn!(MESSAGE_ID = message::CONFIG_WARNING, "{warning}");
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
}

/// What a signal asks for.
enum Order {
    Stop,
    Reload,
    Reconnect,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.terminate.recv() => Order::Stop,
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.hangup.recv() => Order::Reload,
            _ = self.user1.recv() => Order::Reconnect,
        }
    }
}

impl Order {
    async fn obey(self, control: &mpsc::Sender<Control>, reload: &mut Reload) {
        let word = match self {
            Self::Stop => Control::Drain,
            Self::Reconnect => Control::Reconnect,
            Self::Reload => return reload.run(control).await,
        };
        // A driver that has just ended needs no word.
        let _ = control.send(word).await;
    }
}

/// What a reload compares with and acts on.
struct Reload {
    config: PathBuf,
    settings: Settings,
    level: Level,
}

impl Reload {
    /// Reads the configuration anew and has the driver go by it; on a fault the old one stays in force.
    async fn run(&mut self, control: &mpsc::Sender<Control>) {
        systemd::reloading();
        match config::load(&self.config, &self.settings.peer) {
            Ok(Loaded {
                mut settings,
                warnings,
                ..
            }) => {
                tell_warnings(&warnings);
                self.keep_places(&mut settings);
                self.level.set(settings.daemon.log_level);
                self.settings = settings.clone();
                // The answer to the probe tells that the driver has come as far; one that ends needs no settings.
                let _ = control.send(Control::Reconfigure(Box::new(settings))).await;
                works(control.clone()).await;
                info!(
                    MESSAGE_ID = message::RELOADED,
                    "configuration read anew from {}",
                    self.config.display()
                );
                systemd::reloaded(None);
                reload::answer("");
            }
            Err(fault) => {
                let outcome = format!("reload failed, the old configuration stays in force: {fault}");
                error!(MESSAGE_ID = message::CONFIG_FAULT, LONC_ERROR = %fault, "{outcome}");
                systemd::reloaded(Some(&outcome));
                reload::answer(&outcome);
            }
        }
    }

    /// What is in use cannot be changed without a restart.
    fn keep_places(&self, settings: &mut Settings) {
        let old = &self.settings;
        for (key, now, before) in [
            ("socket_dir", &mut settings.socket_dir, &old.socket_dir),
            ("spool_dir", &mut settings.spool_dir, &old.spool_dir),
        ] {
            if now != before {
                warn!(
                    MESSAGE_ID = message::CONFIG_WARNING,
                    "{key} has changed: that needs a restart"
                );
                now.clone_from(before);
            }
        }
        // A table that cannot be read just now must not make other hosts' messages ours.
        for host in &old.alike {
            if !settings.alike.contains(host) {
                settings.alike.push(host.clone());
            }
        }
    }
}
