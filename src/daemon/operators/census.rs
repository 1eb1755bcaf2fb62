//! Counts the messages of all hosts in the spool, for operators who want to know of those that no daemon serves. Beside the
//! spool's own thread: what is stored or sent waits for none of this.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::failure::Failure;
use crate::config::HostId;
use crate::spool::{Summary, census};

/// Of the time, counting may take one part in so many; until then the last count is told again.
const SHARE: u32 = 20;
/// Longest wait for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

type Counts = BTreeMap<HostId, Summary>;

/// Counts, one at a time.
#[derive(Clone)]
pub(crate) struct Census {
    queue: PathBuf,
    last: Arc<Mutex<Option<Last>>>,
}

struct Last {
    known: Vec<HostId>,
    counts: Counts,
    until: Instant,
}

impl Census {
    /// Of the spool whose messages to be sent are in `queue`.
    pub(crate) fn of(queue: PathBuf) -> Self {
        Self {
            queue,
            last: Arc::default(),
        }
    }

    /// What there is of each host; who asks knows of these.
    pub(super) async fn count(&self, known: Vec<HostId>) -> Result<Counts, Failure> {
        // The task holds the lock as long as the disk takes, so that a disk that hangs has one thread wait and no more.
        let mut last = timeout(PATIENCE, self.last.clone().lock_owned())
            .await
            .map_err(|_| Failure::NoAnswer)?;
        let begun = Instant::now();
        if let Some(last) = last
            .as_ref()
            .filter(|last| begun < last.until && last.known == known)
        {
            return Ok(last.counts.clone());
        }
        let queue = self.queue.clone();
        let counting = spawn_blocking(move || -> io::Result<Counts> {
            let counts = census(&queue, &known)?;
            *last = Some(Last {
                known,
                counts: counts.clone(),
                until: begun + begun.elapsed() * SHARE,
            });
            Ok(counts)
        });
        match timeout(PATIENCE, counting).await {
            Ok(Ok(Ok(counts))) => Ok(counts),
            Ok(Ok(Err(fault))) => Err(Failure::SpoolFault(fault.to_string())),
            Ok(Err(_)) | Err(_) => Err(Failure::NoAnswer),
        }
    }
}
