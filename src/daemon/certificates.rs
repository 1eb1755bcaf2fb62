//! Looks now and then whether the files that secure the links have changed, and tells of what expires.
//!
//! Whoever renews certificates replaces files one by one, perhaps through links: what counts is what the paths lead to,
//! once that stays as it is for a moment. The files are looked at on a thread of their own: a disk may hang.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::pending;
use std::mem;
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
    /// They are to be read at the next look, whatever they are.
    is_doubtful: bool,
    published: watch::Receiver<Snapshot>,
    reminders: Reminders,
}

/// When of what was told last: of each certificate by itself, though of a side there may be several, one after the other.
#[derive(Default)]
struct Reminders(BTreeMap<(Side, SystemTime), SystemTime>);

impl Certificates {
    pub(super) fn new(published: watch::Receiver<Snapshot>) -> Self {
        let mut timer = interval_at(Instant::now() + SOON, EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            timer,
            under_way: None,
            refused: None,
            is_doubtful: false,
            published,
            reminders: Reminders::default(),
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
                let known = if mem::take(&mut self.is_doubtful) {
                    None
                } else {
                    self.refused.clone().or_else(|| tls.stamp())
                };
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
        self.is_doubtful = false;
    }

    /// A reload found them faulty: what they are at the next look may be what they were before it.
    pub(super) fn look_anew(&mut self) {
        self.under_way = None;
        self.is_doubtful = true;
    }

    /// Tells what expires soon, or has expired, once a day.
    fn remind(&mut self, soon: Duration) {
        let now = SystemTime::now();
        let expiries = self.published.borrow().expiries.clone();
        for expiry in expiries {
            if self.reminders.is_due(&expiry, soon, now) {
                tell(&expiry, now);
            }
        }
    }
}

impl Reminders {
    /// Whether it is to be told now; it counts as told then.
    fn is_due(&mut self, expiry: &Expiry, soon: Duration, now: SystemTime) -> bool {
        let is_fresh = |at: &SystemTime| now.duration_since(*at).is_ok_and(|ago| ago < REMIND);
        self.0.retain(|_, told| is_fresh(told));
        let left = expiry.at.duration_since(now);
        let is_soon = left.map_or(true, |left| left <= soon && !soon.is_zero());
        if !is_soon {
            return false;
        }
        match self.0.entry((expiry.side, expiry.at)) {
            Entry::Vacant(place) => {
                place.insert(now);
                true
            }
            // It is kept while it is fresh.
            Entry::Occupied(_) => false,
        }
    }
}

fn tell(expiry: &Expiry, now: SystemTime) {
    let at = units::date_of(expiry.at);
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
        let before = mem::replace(&mut now, Stamp::of(&tls.files()));
        if before == now {
            break;
        }
    }
    Some((now, Tls::load(&settings.link.tls, &settings.address.host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = REMIND;

    #[test]
    fn each_is_told_when_it_becomes_due_and_once_a_day() {
        let start = SystemTime::UNIX_EPOCH + DAY * 20_000;
        let expiry = |side, days: u32| Expiry {
            side,
            at: start + DAY * days,
            file: None,
        };
        let (first, second, ours) = (
            expiry(Side::Theirs, 5),
            expiry(Side::Theirs, 6),
            expiry(Side::Ours, 30),
        );
        let mut reminders = Reminders::default();
        let mut is_due = |expiry, hours: u32| reminders.is_due(expiry, DAY * 21, start + DAY / 24 * hours);
        assert!(is_due(&first, 0));
        // Another of the same side, an hour later: not a day late; and the first again is no news.
        assert!(is_due(&second, 1));
        assert!(!is_due(&first, 2) && !is_due(&second, 23));
        assert!(is_due(&first, 24));
        assert!(!is_due(&second, 24));
        assert!(is_due(&second, 25));
        // Not soon yet; then it is.
        assert!(!is_due(&ours, 24 * 8) && is_due(&ours, 24 * 9));
    }

    #[test]
    fn without_a_warning_only_what_has_expired_is_told() {
        let now = SystemTime::UNIX_EPOCH + DAY * 20_000;
        let expiry = Expiry {
            side: Side::Crl,
            at: now + DAY,
            file: None,
        };
        let mut reminders = Reminders::default();
        assert!(!reminders.is_due(&expiry, Duration::ZERO, now));
        assert!(reminders.is_due(&expiry, Duration::ZERO, now + DAY * 2));
        // A clock that is set back tells it again, once.
        assert!(reminders.is_due(&expiry, DAY * 3, now));
        assert!(!reminders.is_due(&expiry, DAY * 3, now));
    }
}
