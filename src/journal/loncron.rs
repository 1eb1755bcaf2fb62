//! `logs/lonc.log`, whose end LON-CAPA's loncron shows on its page: lines as the Perl lonc wrote them.
//!
//! ```text
//! <local time> (<pid>) [<peer>] [lonc]: <font color="green">INFO: …</font>
//! ```
//!
//! All instances append to the same file, and loncron renames it when it is large; so it is opened for each batch. That
//! may hang, and is done by a thread of its own, which there is only while the file is asked for.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::SystemTime;

use chrono::{DateTime, Local};
use nix::fcntl::OFlag;
use tracing::{Level, warn};

use super::{PATIENCE, message};
use crate::config::HostId;
use crate::config::text::short;
use crate::units;

/// So many records wait for the disk; what comes then is only counted.
const MAX_WAITING: usize = 256;
/// Longest text of a record, in characters: loncron shows whole lines.
const MAX_TEXT: usize = 500;
/// Where the records of this process go beside the journal, if anywhere.
#[derive(Clone, Default)]
pub(super) struct Switch(Arc<Mutex<Option<Writer>>>);

impl Switch {
    /// Appends all that comes to this file; with none, no longer.
    pub(super) fn set(&self, path: Option<&Path>, peer: &HostId) {
        if self.writer().as_ref().map(|writer| &*writer.path) == path {
            return;
        }
        let new = path.map(|path| Writer::start(path, peer)).transpose();
        let new = new.unwrap_or_else(|fault| {
            warn!(MESSAGE_ID = message::CONFIG_WARNING, LONC_ERROR = %fault, "loncron_log: cannot begin: {fault}");
            None
        });
        *self.writer() = new;
    }

    /// Ends it, when what waits is written or after a moment.
    pub(super) fn close(&self) {
        let writer = self.writer().take();
        if let Some(Writer { records, ended, .. }) = writer {
            drop(records);
            // Nobody ever sends anything: it is the thread's end that ends this.
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                warn!("loncron_log: the disk hangs: the last records are missing there");
            }
        }
    }

    /// Has this record appended as well, if it is one of those that loncron shows.
    pub(super) fn pass(&self, record: &super::Record) {
        let Some(grade) = Grade::of(record.level()) else {
            return;
        };
        if let Some(writer) = &*self.writer() {
            let record = Record {
                at: record.at,
                grade,
                text: record.message().to_owned(),
            };
            if writer.records.try_send(record).is_err() {
                writer.missing.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The grades of the original, which loncron counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Critical,
    Warning,
    Info,
}

impl Grade {
    /// Details are for the journal alone.
    fn of(level: Level) -> Option<Self> {
        match level {
            Level::ERROR => Some(Self::Critical),
            Level::WARN => Some(Self::Warning),
            Level::INFO => Some(Self::Info),
            _ => None,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Critical => ("red", "CRITICAL"),
            Self::Warning => ("blue", "WARNING"),
            Self::Info => ("green", "INFO"),
        }
    }
}

struct Record {
    at: SystemTime,
    grade: Grade,
    text: String,
}

impl Record {
    fn line(&self, peer: &HostId) -> String {
        let date = DateTime::<Local>::from(self.at).format("%a %b %e %H:%M:%S %Y");
        let (colour, word) = self.grade.words();
        let pid = std::process::id();
        format!(
            "{date} ({pid}) [{peer}] [lonc]: <font color=\"{colour}\">{word}: {}</font>\n",
            markup(&self.text)
        )
    }
}

/// `text` as loncron may put it into its page: short, without control characters and markup.
fn markup(text: &str) -> String {
    short(text, MAX_TEXT)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The end of the thread that is within the process.
struct Writer {
    path: Arc<Path>,
    records: SyncSender<Record>,
    /// Records that found no room, and are not told of yet.
    missing: Arc<AtomicUsize>,
    ended: Receiver<()>,
}

impl Writer {
    fn start(path: &Path, peer: &HostId) -> io::Result<Self> {
        let (records, waiting) = sync_channel(MAX_WAITING);
        let (lives, ended) = channel();
        let missing = Arc::new(AtomicUsize::new(0));
        let mut file = Appended {
            path: path.to_owned(),
            peer: peer.clone(),
            missing: missing.clone(),
            is_torn: false,
            is_failing: false,
        };
        thread::Builder::new()
            .name("loncron-log".to_owned())
            .spawn(move || {
                while let Ok(record) = waiting.recv() {
                    file.append(std::iter::once(record).chain(waiting.try_iter()));
                }
                drop(lives);
            })?;
        Ok(Self {
            path: path.into(),
            records,
            missing,
            ended,
        })
    }
}

/// The file, from the thread's end.
struct Appended {
    path: PathBuf,
    peer: HostId,
    missing: Arc<AtomicUsize>,
    /// The last line may be there in part.
    is_torn: bool,
    /// It was told that nothing can be written.
    is_failing: bool,
}

impl Appended {
    /// Lines, in one piece: others append as well.
    fn append(&mut self, records: impl Iterator<Item = Record>) {
        // No more than there can be at a time.
        let records: Vec<_> = records.take(MAX_WAITING).collect();
        let mut lines = if self.is_torn {
            "\n".to_owned()
        } else {
            String::new()
        };
        let missing = self.missing.swap(0, Ordering::Relaxed);
        if missing > 0 {
            lines += &Record::missing(missing).line(&self.peer);
        }
        lines.extend(records.iter().map(|record| record.line(&self.peer)));
        match self.write(&lines) {
            Ok(()) => self.is_failing = false,
            Err(fault) => {
                self.missing.fetch_add(missing + records.len(), Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_failing, true) {
                    warn!(
                        MESSAGE_ID = message::CONFIG_WARNING,
                        LONC_ERROR = %fault,
                        "loncron_log: {}: {fault}; records are missing there until that is mended",
                        self.path.display()
                    );
                }
            }
        }
    }

    fn write(&mut self, lines: &str) -> io::Result<()> {
        // Only a file that is where it seems to be: its directory is not ours alone. Nor does a pipe hold us up.
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o644);
        let mut file = options.custom_flags(flags.bits()).open(&self.path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("is no regular file"));
        }
        self.is_torn = true;
        file.write_all(lines.as_bytes())?;
        self.is_torn = false;
        Ok(())
    }
}

impl Record {
    fn missing(count: usize) -> Self {
        Self {
            at: SystemTime::now(),
            grade: Grade::Warning,
            text: format!(
                "{} {} missing here; the journal has them",
                units::count(count, "record"),
                units::agree(count, "is", "are")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn lines_are_as_the_original_wrote_them() {
        for (level, colour, word) in [
            (Level::ERROR, "red", "CRITICAL"),
            (Level::WARN, "blue", "WARNING"),
            (Level::INFO, "green", "INFO"),
        ] {
            let record = Record {
                at: Local.with_ymd_and_hms(2026, 11, 6, 4, 5, 6).unwrap().into(),
                grade: Grade::of(level).unwrap(),
                text: "link 0 is up".to_owned(),
            };
            assert_eq!(
                record.line(&"msul1".parse().unwrap()),
                format!(
                    "Fri Nov  6 04:05:06 2026 ({}) [msul1] [lonc]: <font color=\"{colour}\">{word}: link 0 is up</font>\n",
                    std::process::id()
                )
            );
        }
        assert_eq!(Grade::of(Level::DEBUG), None);
    }

    #[test]
    fn what_others_wrote_is_text_on_a_page() {
        assert_eq!(markup("a\n<script>\x1b&\"ä"), "a\\n&lt;script&gt;\\u{1b}&amp;\"ä");
        assert_eq!(markup(&"ä".repeat(501)).chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn a_record_in_part_is_finished_before_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lonc.log");
        std::fs::write(&path, "half a li").unwrap();
        let mut file = Appended {
            path: path.clone(),
            peer: "msul1".parse().unwrap(),
            missing: Arc::new(AtomicUsize::new(3)),
            is_torn: true,
            is_failing: true,
        };
        file.append(std::iter::empty());
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (2, "half a li"), "{text}");
        assert!(lines[1].contains("WARNING: 3 records are missing here"), "{text}");
    }
}
