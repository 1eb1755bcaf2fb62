//! A start that fails, with a faulty configuration mostly: who waits at the socket is answered, and where starts fail one after the other
//! each takes longer, so that a fault costs neither the machine nor the log much. Meanwhile it is looked whether the
//! fault is mended.
//!
//! systemd can let the pace fall by itself only since 254.

use std::env;
use std::fmt::Display;
use std::fs;
use std::future::{Future, pending};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::config::{self, HostId, Loaded};
use crate::daemon::turned_away;
use crate::systemd;

/// Where the number of failed starts is kept, in `$RUNTIME_DIRECTORY`.
const FILE: &str = "faulty";
/// A start that comes later than this after the last is not systemd's next try, but somebody's who wants to know.
const NEXT_TRY: Duration = Duration::from_secs(10);
/// How long a start that failed for the first time listens to those who wait.
const BRIEFLY: Duration = Duration::from_millis(500);
/// How long one takes at most that failed many times.
const LONGEST: Duration = Duration::from_secs(60);
/// How often it is looked whether the fault is mended.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long those are listened to in the end who have just come.
const LAST: Duration = Duration::from_secs(2);
/// Most who are answered at a time.
const AT_A_TIME: usize = 256;
/// Longest line that is taken from them.
const MAX_LINE: usize = 1024 * 1024;

/// A start that failed, and those before it.
pub(super) struct Failure {
    file: Option<PathBuf>,
    fault: String,
    /// Failed starts in a row, with this one.
    count: u32,
    /// The last failed for another reason, or there was none.
    is_news: bool,
}

impl Failure {
    pub(super) fn of(fault: &dyn Display) -> Self {
        let fault = fault.to_string();
        let file = env::var_os("RUNTIME_DIRECTORY").map(|directory| Path::new(&directory).join(FILE));
        let last = file.as_deref().and_then(last);
        let is_news = last.is_none_or(|(_, print)| print != fingerprint(&fault));
        Self {
            file,
            fault,
            count: last.map_or(1, |(count, _)| count.saturating_add(1)),
            is_news,
        }
    }

    /// True if its fault is not the one that was told of last.
    pub(super) fn is_news(&self) -> bool {
        self.is_news
    }

    /// Answers those who wait at `clients`, for as long as this start is to take, where only another start can help.
    pub(super) fn turn_away(&self, clients: Option<&UnixListener>) {
        // Without a runtime nobody can be answered, and the next start may have better luck.
        let _ = self.listen(clients, pending());
        self.keep();
    }

    /// Answers those who wait at `clients`, for as long as this start is to take; the settings, once they are sound.
    pub(super) fn wait(
        &self,
        config: &Path,
        peer: &HostId,
        clients: Option<&UnixListener>,
    ) -> Option<Loaded> {
        let mended = self.listen(clients, mended(config, peer));
        // Without a runtime nobody can be answered, and the next start may have better luck.
        let mended = mended.ok().flatten();
        if mended.is_none() {
            self.keep();
        }
        mended
    }

    fn keep(&self) {
        if let Some(file) = &self.file {
            // Where it cannot be kept the next start takes itself for the first.
            let _ = fs::write(file, format!("{} {}", self.count, fingerprint(&self.fault)));
        }
    }

    fn listen(
        &self,
        clients: Option<&UnixListener>,
        mended: impl Future<Output = Loaded>,
    ) -> io::Result<Option<Loaded>> {
        if clients.is_none() && self.count < 2 {
            return Ok(None);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mended = runtime.block_on(async {
            // A status is one line.
            let first = self.fault.lines().next().unwrap_or_default();
            systemd::status(&format!("{}{first}", systemd::TURNED_AWAY));
            let clients = clients.map(listener).transpose()?;
            let (end, mut answering) = (Instant::now() + self.span(), JoinSet::new());
            let mended = tokio::select! {
                () = receive(clients, end, &mut answering) => None,
                mended = mended => Some(mended),
            };
            // Nobody else answers those who are in; only who asks on and on is cut off.
            let _ = timeout(LAST, answering.join_all()).await;
            Ok(mended)
        });
        // A file that hangs must not keep us from ending.
        runtime.shutdown_background();
        mended
    }

    /// How long this start takes.
    fn span(&self) -> Duration {
        match self.count {
            0 | 1 => BRIEFLY,
            count => Duration::from_secs(1 << (count - 2).min(16)).min(LONGEST),
        }
    }
}

/// How many starts failed up to now, and why the last did; nothing unless that was just now. Taken, it is forgotten: one
/// that is ended while it waits was ended by somebody who wants to know how the next begins.
fn last(file: &Path) -> Option<(u32, u64)> {
    let age = fs::metadata(file)
        .and_then(|data| data.modified())
        .ok()?
        .elapsed();
    let text = fs::read_to_string(file).ok()?;
    let _ = fs::remove_file(file);
    let (count, print) = text.split_once(' ')?;
    let last = (count.parse().ok()?, print.parse().ok()?);
    Some(last).filter(|_| age.is_ok_and(|age| age < NEXT_TRY))
}

fn fingerprint(fault: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    fault.hash(&mut hasher);
    hasher.finish()
}

fn listener(clients: &UnixListener) -> io::Result<net::UnixListener> {
    let clients = clients.try_clone()?;
    clients.set_nonblocking(true)?;
    net::UnixListener::from_std(clients)
}

/// The settings, when they are sound.
async fn mended(config: &Path, peer: &HostId) -> Loaded {
    loop {
        sleep(LOOK_EVERY).await;
        let (config, peer) = (config.to_owned(), peer.clone());
        if let Ok(Ok(loaded)) = spawn_blocking(move || config::load(&config, &peer)).await {
            return loaded;
        }
    }
}

/// Has all who come until `end` answered.
async fn receive(clients: Option<net::UnixListener>, end: Instant, answering: &mut JoinSet<()>) {
    let Some(clients) = clients else {
        return sleep_until(end).await;
    };
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    while let Ok(Ok(place)) = timeout_at(end, Arc::clone(&places).acquire_owned()).await {
        let Ok(accepted) = timeout_at(end, clients.accept()).await else {
            break;
        };
        match accepted {
            Ok((stream, _)) => {
                answering.spawn(async move {
                    turned_away::answer_all(stream, MAX_LINE).await;
                    drop(place);
                });
            }
            // There are no more files; those who leave free some.
            Err(_) => sleep(BRIEFLY / 5).await,
        }
    }
}
