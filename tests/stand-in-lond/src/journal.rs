//! What has been received, on all links together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// One line as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Number of the connection it came on; the first accepted is 1.
    pub connection: usize,
    /// The bytes on the wire, without the newline.
    pub raw: Vec<u8>,
    /// What a well-formed `enc:` line says, or what is behind `sethost:<id>:` if that is one, exactly: a newline at its end is kept.
    pub decrypted: Option<Vec<u8>>,
    /// False for the bytes after the last newline, recorded when the link ends.
    pub complete: bool,
}

impl Received {
    /// The command asked for: the decrypted text if there is one, else the line; without `sethost:<id>:` before it.
    #[must_use]
    pub fn command(&self) -> &[u8] {
        self.decrypted
            .as_deref()
            .unwrap_or_else(|| behind_host(&self.raw))
    }
}

/// What is behind `sethost:<id>:` in a line, or all of it.
pub(crate) fn behind_host(line: &[u8]) -> &[u8] {
    let id = line.strip_prefix(b"sethost:").unwrap_or_default();
    let end = id.iter().position(|byte| *byte == b':');
    end.and_then(|end| id.get(end + 1..)).unwrap_or(line)
}

pub(crate) struct Journal {
    keep: AtomicBool,
    entries: watch::Sender<Vec<Received>>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            keep: AtomicBool::new(true),
            entries: watch::Sender::default(),
        }
    }

    pub(crate) fn keep(&self, keep: bool) {
        self.keep.store(keep, Ordering::Relaxed);
    }

    pub(crate) fn record<'a>(&self, lines: impl Iterator<Item = &'a Received>) {
        if self.keep.load(Ordering::Relaxed) {
            self.entries.send_modify(|entries| entries.extend(lines.cloned()));
        }
    }

    pub(crate) fn entries(&self) -> Vec<Received> {
        self.entries.borrow().clone()
    }

    /// By connection, what came behind `ekey`.
    pub(crate) fn requests(&self) -> BTreeMap<usize, Vec<Received>> {
        let mut up = BTreeMap::<usize, Vec<Received>>::new();
        for line in self.entries.borrow().iter().filter(|line| line.complete) {
            if let Some(requests) = up.get_mut(&line.connection) {
                requests.push(line.clone());
            } else if line.raw == b"ekey" {
                up.insert(line.connection, Vec::new());
            }
        }
        up.retain(|_, requests| !requests.is_empty());
        up
    }

    pub(crate) async fn wait_for(&self, what: impl Fn(&[Received]) -> bool) {
        // The sender is ours, so waiting cannot fail.
        let _ = self.entries.subscribe().wait_for(|entries| what(entries)).await;
    }
}
