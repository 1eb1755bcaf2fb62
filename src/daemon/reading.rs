//! Reads the configuration again, on a thread of its own: whoever can write its files, or the disk that they are on, must
//! not hold up what runs.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::{self, ConfigError, Disabled, HostId, Loaded};
use crate::systemd;

/// Longest wait for it; less than `lonc --reload` waits for the outcome.
const PATIENCE: Duration = Duration::from_secs(10);

/// What comes of it.
pub(super) struct Outcome {
    pub(super) loaded: Result<Loaded, ConfigError>,
    pub(super) word: Word,
}

/// The administrator's word on the link, whatever else is wrong.
pub(super) enum Word {
    Unread,
    Read(Option<Disabled>),
}

/// Who wants it read.
pub(super) enum Asker {
    /// Who signals, and may wait for `lonc --reload`.
    Signal,
    /// Who is told when what was read is in force, or why it is not.
    Operator(oneshot::Sender<Result<Vec<String>, ConfigError>>),
    /// Nobody now: a reload that was refused is tried again.
    Ourselves,
}

/// Reads once for each time it is asked, one after the other.
#[derive(Default)]
pub(super) struct Reading {
    askers: VecDeque<Asker>,
    under_way: Option<Pin<Box<dyn Future<Output = Outcome>>>>,
    last: Option<JoinHandle<()>>,
}

impl Reading {
    /// Have it read once more. What is under way may have been read before what `asker` wants to have read.
    pub(super) fn ask(&mut self, asker: Asker) {
        self.askers.push_back(asker);
    }

    /// What comes of it the next time, and who asked for that. Nothing is lost by not awaiting the end.
    pub(super) async fn next(&mut self, config: &Path, peer: &HostId) -> (Outcome, Asker) {
        let Some(first) = self.askers.front() else {
            return pending().await;
        };
        if self.under_way.is_none() {
            if !matches!(first, Asker::Ourselves) {
                systemd::reloading();
            }
            self.under_way = Some(self.begin(config, peer));
        }
        let outcome = match &mut self.under_way {
            Some(under_way) => under_way.await,
            None => pending().await,
        };
        self.under_way = None;
        (outcome, self.askers.pop_front().unwrap_or(Asker::Ourselves))
    }

    fn begin(&mut self, config: &Path, peer: &HostId) -> Pin<Box<dyn Future<Output = Outcome>>> {
        let (tell, told) = oneshot::channel();
        let (path, id) = (config.to_owned(), peer.clone());
        let begun = if self.last.as_ref().is_some_and(|last| !last.is_finished()) {
            Err(io::Error::from(io::ErrorKind::ResourceBusy))
        } else {
            let read = move || {
                let outcome = Outcome {
                    word: Word::Read(Disabled::read(&path, &id)),
                    loaded: config::load(&path, &id),
                };
                drop(tell.send(outcome));
            };
            thread::Builder::new().name("config".to_owned()).spawn(read)
        };
        let failed = begun.map(|thread| self.last = Some(thread)).err();
        Box::pin(outcome(config.to_owned(), failed, told))
    }
}

async fn outcome(path: PathBuf, failed: Option<io::Error>, told: oneshot::Receiver<Outcome>) -> Outcome {
    let fault = |error| Outcome {
        loaded: Err(ConfigError::Read {
            path: path.clone(),
            wanted_by: None,
            error,
        }),
        word: Word::Unread,
    };
    if let Some(error) = failed {
        return fault(error);
    }
    match timeout(PATIENCE, told).await {
        Ok(Ok(outcome)) => outcome,
        // A thread that panicked has said why.
        Ok(Err(_)) => fault(io::Error::other("the thread that read it has ended")),
        Err(_) => fault(io::Error::new(
            io::ErrorKind::TimedOut,
            format!(
                "it, or a file that it names, was not read within {} s",
                PATIENCE.as_secs()
            ),
        )),
    }
}
