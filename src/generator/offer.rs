//! `lonc-generator --read`: the unprivileged step, which reads what others can write when it has come to rest, and prints
//! what there is to follow.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::watch;
use crate::config::{self, DoubtKind, Offer};

/// So many times the rest that is waited for; then what changes all the time is left alone.
const MAX_RESTS: u32 = 6;

/// What the files say when they have not changed for `rest`, and what to tell about it.
pub(super) fn offer(config: &Path, rest: Duration) -> (Offer, Vec<String>) {
    let begun = Instant::now();
    loop {
        let sources = config::sources(config);
        let state = state(&sources, config);
        if !has_rested(&state, rest) {
            thread::sleep(rest);
        }
        let offered = config::offer(config, watch::paths(sources, config));
        if self::state(&config::sources(config), config) == state {
            return offered;
        }
        if begun.elapsed() >= rest.saturating_mul(MAX_RESTS) {
            let watched = offered.0.snapshot.watched;
            let why = "the configuration or the table of servers changes all the time".to_owned();
            return (Offer::nothing(DoubtKind::Unsettled, why, watched), Vec::new());
        }
    }
}

/// Which file it is, how large, and when it was changed: the time at which that was noted, which nobody can set.
#[derive(PartialEq, Eq)]
struct State {
    file: (u64, u64, u64),
    changed: (i64, i64),
}

fn state(sources: &[PathBuf], config: &Path) -> Vec<Option<State>> {
    let of = |file: &Metadata| State {
        file: (file.dev(), file.ino(), file.size()),
        changed: (file.ctime(), file.ctime_nsec()),
    };
    let files = sources.iter().map(PathBuf::as_path).chain([config]);
    files
        .map(|path| fs::metadata(path).ok().as_ref().map(of))
        .collect()
}

/// Whether all of them were changed longer ago than `rest`. One that is missing may be about to come.
fn has_rested(state: &[Option<State>], rest: Duration) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let is_old = |state: &State| {
        let seconds = u64::try_from(state.changed.0).unwrap_or_default();
        Duration::from_secs(seconds.saturating_add(1)) + rest < now
    };
    state.iter().all(|state| state.as_ref().is_some_and(is_old))
}
