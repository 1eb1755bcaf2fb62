//! Looks now and then whether the files that secure the links have changed, and tells of what expires.
//!
//! Whoever renews certificates replaces files one by one, perhaps through links: what counts is what the paths lead to,
//! once that stays as it is for a moment. The files are looked at on a thread of their own: a disk may hang.

use std::collections::BTreeMap;
use std::future::pending;
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tracing::warn;

use crate::config::Settings;
use crate::daemon::status::Snapshot;
use crate::journal::message;
use crate::tls::{Expiry, FileFault, Side, Stamp, Tls};
use crate::units;

/// How soon after the start, and how often.
const SOON: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_secs(10);
/// The files are to stay as they are for so long before they are read,
const SETTLE: Duration = Duration::from_secs(1);
/// if they do so within so many looks.
const LOOKS: usize = 10;
/// Of what expires is told so often.
const REMIND: Duration = Duration::from_secs(24 * 60 * 60);

/// What comes of other files: what they are now, to go by.
pub(super) type Renewed = Result<Tls, FileFault>;

/// The looks, and what was told.
pub(super) struct Certificates {
    timer: Interval,
    under_way: Option<JoinHandle<Option<(Stamp, Renewed)>>>,
    /// Files that could not be used, as they are.
    refused: Option<Stamp>,
    published: watch::Receiver<Snapshot>,
    told: BTreeMap<Side, SystemTime>,
}

impl Certificates {
    pub(super) fn new(published: watch::Receiver<Snapshot>) -> Self {
        let mut timer = interval_at(Instant::now() + SOON, EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            timer,
            under_way: None,
            refused: None,
            published,
            told: BTreeMap::new(),
        }
    }

    /// What the files of `tls` have become; nothing is lost by not awaiting the end. Without TLS there is no end.
    pub(super) async fn renewed(&mut self, tls: &Tls, settings: &Settings) -> Renewed {
        if !tls.is_required() {
            return pending().await;
        }
        loop {
            let under_way = if let Some(under_way) = &mut self.under_way {
                under_way
            } else {
                self.timer.tick().await;
                self.remind(settings.link.tls.expiry_warning);
                let known = self.refused.clone().or_else(|| tls.stamp());
                let (tls, settings) = (tls.clone(), settings.clone());
                let look = move || look(&tls, known.as_ref(), &settings);
                self.under_way.insert(spawn_blocking(look))
            };
            let found = under_way.await;
            self.under_way = None;
            if let Ok(Some((stamp, renewed))) = found {
                self.refused = renewed.is_err().then_some(stamp);
                return renewed;
            }
        }
    }

    /// Other settings hold, and files that were read for them: what a look under way brings was made for the old ones.
    pub(super) fn begin_anew(&mut self) {
        self.under_way = None;
        self.refused = None;
    }

    /// Tells what expires soon, or has expired, once a day.
    fn remind(&mut self, soon: Duration) {
        let now = SystemTime::now();
        let expiries = self.published.borrow().expiries.clone();
        for expiry in expiries {
            let left = expiry.at.duration_since(now);
            let is_soon = left
                .as_ref()
                .map_or(true, |left| *left <= soon && !soon.is_zero());
            let told = self.told.get(&expiry.side);
            let is_told = told.is_some_and(|at| now.duration_since(*at).is_ok_and(|ago| ago < REMIND));
            if is_soon && !is_told {
                self.told.insert(expiry.side, now);
                tell(&expiry, now);
            }
        }
    }
}

fn tell(expiry: &Expiry, now: SystemTime) {
    let at = units::date(units::micros_since_1970(expiry.at));
    let when = match expiry.at.duration_since(now) {
        Ok(left) => format!("expires in {}, at {at}", units::span(left)),
        Err(over) => format!("expired {} ago, at {at}", units::span(over.duration())),
    };
    warn!(MESSAGE_ID = message::CERTIFICATE, "{expiry} {when}");
}

/// What was made of the files, if they are others than those known.
fn look(tls: &Tls, known: Option<&Stamp>, settings: &Settings) -> Option<(Stamp, Renewed)> {
    let mut now = Stamp::of(&tls.files());
    if known == Some(&now) {
        return None;
    }
    for _ in 0..LOOKS {
        thread::sleep(SETTLE);
        let before = std::mem::replace(&mut now, Stamp::of(&tls.files()));
        if before == now {
            break;
        }
    }
    Some((now, Tls::load(&settings.link.tls, &settings.address.host)))
}
