//! Obeys orders: does what is the daemon's to do, and tells the driver what is the driver's.

use std::future::pending;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;
use tracing::{error, info, warn};

use crate::config::{ConfigError, Disabled, Loaded, LogLevel, Seen, Settings};
use crate::daemon::certificates::{Certificates, Renewed};
use crate::daemon::configuration::Configuration;
use crate::daemon::descriptors;
use crate::daemon::driver::ToDriver;
use crate::daemon::order::Order;
use crate::daemon::reading::{Asker, Outcome, Reading, Word};
use crate::daemon::reload;
use crate::daemon::signals::Signals;
use crate::journal::{LogHandle, message};
use crate::systemd;
use crate::tls::Tls;

/// How often the clock is looked at while a date is waited for.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// What orders compare with and act on.
pub(super) struct Steering {
    pub(super) config: PathBuf,
    pub(super) settings: Settings,
    /// The table of servers that they come from.
    pub(super) seen: Seen,
    /// What secures the links.
    pub(super) tls: Tls,
    pub(super) certificates: Certificates,
    /// A reload was refused for a fault of files that are looked at: it is tried again when they are mended.
    pub(super) waits_for_files: bool,
    pub(super) log: LogHandle,
    /// The log's level in force, as operators are told.
    pub(super) in_force: watch::Sender<LogLevel>,
    /// What is in force, for readers.
    pub(super) goes_by: watch::Sender<Configuration>,
    pub(super) to_driver: mpsc::Sender<ToDriver>,
}

impl Steering {
    /// Obeys signals and `orders` for as long as it is let; also while the configuration is read.
    pub(super) async fn run(mut self, mut signals: Signals, mut orders: mpsc::Receiver<Order>) {
        let mut reading = Reading::default();
        loop {
            let order = tokio::select! {
                order = signals.next() => order,
                // Once nobody can give any, signals remain.
                Some(order) = orders.recv() => order,
                (outcome, asker) = reading.next(&self.config, &self.settings.peer) => {
                    let outcome = self.reload(outcome, &asker).await;
                    if let Asker::Operator(asker) = asker {
                        let _ = asker.send(outcome);
                    }
                    continue;
                }
                () = ended(self.settings.disabled.as_ref()) => {
                    self.put_back().await;
                    continue;
                }
                renewed = self.certificates.renewed(&self.tls, &self.settings) => {
                    self.renew(renewed, &mut reading).await;
                    continue;
                }
            };
            self.obey(order, &mut reading).await;
        }
    }

    async fn obey(&mut self, order: Order, reading: &mut Reading) {
        match order {
            Order::Stop => self.tell(ToDriver::Drain).await,
            Order::Reconnect { cycle, answer } => self.tell(ToDriver::Reconnect { cycle, answer }).await,
            Order::Withdraw(id, answer) => self.tell(ToDriver::Withdraw(id, answer)).await,
            Order::Reload(asker) => reading.ask(asker.map_or(Asker::Signal, Asker::Operator)),
            Order::LogLevel(level, answer) => {
                let is_free = !self.log.is_fixed();
                if is_free {
                    self.set_level(level);
                }
                let _ = answer.send(is_free);
            }
        }
    }

    async fn tell(&self, word: ToDriver) {
        // A driver that has just ended needs no word.
        let _ = self.to_driver.send(word).await;
    }

    fn set_level(&self, level: LogLevel) {
        self.log.set_level(level);
        self.in_force.send_replace(level);
    }

    /// Has the driver go by what was read; on a fault the old configuration stays in force.
    async fn reload(&mut self, outcome: Outcome, asker: &Asker) -> Result<Vec<String>, ConfigError> {
        let Outcome { loaded, word } = outcome;
        let (result, told) = match loaded.and_then(|loaded| loaded.in_place_of(&self.settings, &self.seen)) {
            Ok(loaded) => (Ok(self.replace(loaded, asker).await), String::new()),
            Err(fault) => {
                let told = self.refuse(&fault, word, asker).await;
                (Err(fault), told)
            }
        };
        // Whoever waits for this may look into the log next.
        self.log.written().await;
        // Who waits for `lonc --reload` waits for what came of that.
        if !matches!(asker, Asker::Ourselves) {
            reload::answer(&told);
        }
        result
    }

    /// What was read is in force from now on; what is odd about it.
    async fn replace(&mut self, loaded: Loaded, asker: &Asker) -> Vec<String> {
        let Loaded {
            settings,
            warnings,
            report,
            seen,
            tls,
        } = loaded;
        tell_warnings(&warnings);
        descriptors::make_room(settings.client.max_clients);
        self.seen = seen;
        self.certificates.begin_anew();
        self.waits_for_files = false;
        // The level that an operator has set holds until a reload that somebody orders.
        let is_ordered = !matches!(asker, Asker::Ourselves);
        if is_ordered || settings.daemon.log_level != self.settings.daemon.log_level {
            self.set_level(settings.daemon.log_level);
        }
        let kept = self.take(settings, tls).await;
        self.goes_by
            .send_modify(|before| *before = before.replaced(report, &kept));
        info!(
            MESSAGE_ID = message::RELOADED,
            "configuration read anew from {}",
            self.config.display()
        );
        systemd::reloaded(None);
        warnings
    }

    /// What was read is not to be in force; that in words.
    async fn refuse(&mut self, fault: &ConfigError, word: Word, asker: &Asker) -> String {
        // The administrator's word on the link is heeded all the same.
        if let Word::Read(disabled) = word
            && disabled != self.settings.disabled
        {
            let settings = Settings {
                disabled,
                ..self.settings.clone()
            };
            self.go_by(settings, self.tls.clone()).await;
        }
        self.waits_for_files = self.tls.files().iter().any(|file| fault.is_about(file));
        if self.waits_for_files && !matches!(asker, Asker::Ourselves) {
            self.certificates.look_anew();
        }
        let told = format!(
            "reload failed, the old configuration stays in force: {}",
            fault.brief()
        );
        let refused = Some((fault.brief(), SystemTime::now()));
        self.goes_by.send_modify(|before| before.refused = refused);
        // Whoever ordered it is to find it: it repeats no other.
        error!(
            MESSAGE_ID = message::CONFIG_FAULT,
            LONC_ERROR = %fault.brief(),
            cause = ?Instant::now(),
            "{told}"
        );
        systemd::reloaded(Some(&told));
        told
    }

    /// The time for which the peer was disabled has ended.
    async fn put_back(&mut self) {
        let settings = Settings {
            disabled: None,
            ..self.settings.clone()
        };
        info!(
            MESSAGE_ID = message::STEERED,
            "{} was disabled until now, and is enabled again", settings.peer
        );
        self.go_by(settings, self.tls.clone()).await;
    }

    /// Has new links secured by what the files have become; on a fault what was there stays in force.
    async fn renew(&mut self, renewed: Renewed, reading: &mut Reading) {
        match renewed {
            Ok(tls) => {
                let is_new = tls.stamp() != self.tls.stamp();
                self.go_by(self.settings.clone(), tls).await;
                if is_new {
                    info!(
                        MESSAGE_ID = message::RELOADED,
                        "the certificates have changed, and were read anew"
                    );
                }
                // What else the configuration said when it was refused is not in force yet.
                if self.waits_for_files {
                    reading.ask(Asker::Ourselves);
                }
            }
            Err(fault) => {
                let fault = ConfigError::of_tls(fault, &self.config);
                error!(
                    MESSAGE_ID = message::CONFIG_FAULT,
                    LONC_ERROR = %fault,
                    "the certificates have changed and cannot be used, the old ones stay in force: {fault}"
                );
            }
        }
    }

    /// Which keys stay as they are, for that needs a restart.
    async fn take(&mut self, mut settings: Settings, tls: Tls) -> Vec<&'static str> {
        let kept = settings.keep_what_is_in_use(&self.settings);
        for key in &kept {
            warn!(
                MESSAGE_ID = message::CONFIG_WARNING,
                "{key} has changed: that needs a restart"
            );
        }
        self.log
            .set_loncron_log(settings.loncron_log.as_deref(), &settings.peer);
        self.go_by(settings, tls).await;
        kept
    }

    async fn go_by(&mut self, settings: Settings, tls: Tls) {
        self.settings = settings.clone();
        let (answer, taken) = oneshot::channel();
        // What has not changed keeps its sessions.
        if tls != self.tls || tls.stamp() != self.tls.stamp() {
            self.tls = tls;
        }
        self.tell(ToDriver::Reconfigure(
            Box::new(settings),
            self.tls.clone(),
            answer,
        ))
        .await;
        // One that has ended needs no settings.
        let _ = taken.await;
    }
}

/// Waits until the time has ended for which the peer is disabled; the clock may be set meanwhile.
async fn ended(disabled: Option<&Disabled>) {
    let Some(disabled) = disabled.filter(|disabled| disabled.until.is_some()) else {
        return pending().await;
    };
    while let Some(left) = disabled.left(SystemTime::now()) {
        sleep(left.min(LOOK_EVERY)).await;
    }
}

/// Logs what is odd about the configuration.
pub(super) fn tell_warnings(warnings: &[String]) {
    for warning in warnings {
        warn!(MESSAGE_ID = message::CONFIG_WARNING, "{warning}");
    }
}
