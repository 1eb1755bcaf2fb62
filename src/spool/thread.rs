//! The spool's thread: does its jobs one after the other.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use lonc_proto::request::Request;
use lonc_proto::session::MessageId;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{error, info, warn};

use super::desk::Shelf;
use super::disk::Unsendable;
use super::errands::Counted;
use super::names::Namer;
use super::permanent_log::Fate;
use super::{FromSpool, Job, Place};
use crate::journal::message;

/// Names kept at once; a fuller directory is looked at again when they are through.
const WINDOW: usize = 8192;
/// Bytes of messages given at once.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// A message that has no newline after this is reported.
const UNFINISHED: Duration = Duration::from_secs(60);

pub(super) struct SpoolThread {
    pub(super) place: Place,
    say: UnboundedSender<FromSpool>,
    pub(super) namer: Namer,
    /// The next names, and whether the directory holds more.
    pub(super) window: BTreeSet<OsString>,
    more: bool,
    /// The last name taken from the window since everything was looked at; those up to it had their turn.
    passed: Option<OsString>,
    /// Messages given to the driver, and what has been done with but could not be removed.
    pub(super) given: HashMap<MessageId, (OsString, Request)>,
    pub(super) busy: HashSet<OsString>,
    /// Of the busy those that are not to be sent and could not be set aside.
    pub(super) stuck: HashSet<OsString>,
    /// Seen without their newline, since when.
    pub(super) unfinished: HashMap<OsString, Instant>,
    /// Told of already.
    pub(super) reported: HashSet<OsString>,
    last_id: u64,
    unreadable: bool,
    /// The driver knows that there is something to ask for.
    told_fresh: bool,
    /// Messages set aside since the start.
    set_aside: Arc<AtomicU64>,
    /// What was counted last for an operator.
    pub(super) counted: Option<Counted>,
}

impl SpoolThread {
    pub(super) fn new(place: Place, say: UnboundedSender<FromSpool>, set_aside: Arc<AtomicU64>) -> Self {
        Self {
            place,
            say,
            namer: Namer::default(),
            window: BTreeSet::new(),
            more: false,
            passed: None,
            given: HashMap::new(),
            busy: HashSet::new(),
            stuck: HashSet::new(),
            unfinished: HashMap::new(),
            reported: HashSet::new(),
            last_id: 0,
            unreadable: false,
            told_fresh: false,
            set_aside,
            counted: None,
        }
    }

    pub(super) fn run(&mut self, jobs: &Receiver<Job>) {
        self.begin();
        let mut next = None;
        while let Some(job) = next.take().or_else(|| jobs.recv().ok()) {
            match job {
                Job::Look => self.look(),
                Job::Appeared(name) => self.appeared(name),
                Job::More(most) => self.give(most),
                Job::Delivered(id) => self.delivered(id),
                Job::SetAside(id) => self.set_aside(id),
                Job::Errand(errand) => self.run_errand(errand),
                Job::Store(ticket, request) => next = self.store(ticket, request, jobs),
                Job::Reconfigure(place) => {
                    self.place = *place;
                    self.begin();
                    self.look();
                }
                // Who waits for this is ending; if it has ended already all the better.
                Job::Finish(done) => drop(done.send(())),
            }
        }
    }

    fn begin(&mut self) {
        if let Err(fault) = self.place.directory.remove_leftovers() {
            self.directory_fault(&fault);
        }
        self.passed = None;
        self.refill();
    }

    /// Takes the next names from the directory.
    fn refill(&mut self) {
        let Self {
            namer, busy, passed, ..
        } = self;
        let skip =
            |name: &OsStr| passed.as_deref().is_some_and(|passed| name <= passed) || busy.contains(name);
        match self.place.directory.first(WINDOW, skip, |name| namer.heed(name)) {
            Ok((window, more)) => {
                (self.window, self.more) = (window, more);
                if std::mem::take(&mut self.unreadable) {
                    info!(
                        MESSAGE_ID = message::SPOOL,
                        "{}: is there again",
                        self.place.directory.path().display()
                    );
                }
            }
            Err(fault) => {
                self.window.clear();
                self.more = false;
                self.directory_fault(&fault);
            }
        }
    }

    fn directory_fault(&mut self, fault: &io::Error) {
        if !std::mem::replace(&mut self.unreadable, true) {
            error!(
                MESSAGE_ID = message::SPOOL,
                LONC_ERROR = %fault,
                "{}: spool_dir: {fault}; delayed messages can neither be sent nor stored until that is mended",
                self.place.directory.path().display()
            );
        }
    }

    fn look(&mut self) {
        self.passed = None;
        self.refill();
        self.remove_again();
        self.report_unfinished();
        self.tell_fresh();
    }

    pub(super) fn appeared(&mut self, name: OsString) {
        if !self.place.directory.owns(&name) || self.busy.contains(&name) {
            return;
        }
        self.namer.heed(&name);
        // Beyond the window it is found when the window is filled again.
        let end = self.window.last().max(self.passed.as_ref());
        if !self.more || end.is_some_and(|end| name <= *end) {
            self.window.insert(name);
        }
        self.tell_fresh();
    }

    fn tell_fresh(&mut self) {
        if !self.window.is_empty() && !self.told_fresh {
            self.told_fresh = true;
            self.tell(FromSpool::Fresh);
        }
    }

    /// Gives the driver the next messages, or tells that there are none.
    fn give(&mut self, most: usize) {
        self.told_fresh = false;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < most && bytes < BATCH_BYTES {
            if self.window.is_empty() && self.more {
                self.refill();
            }
            let Some(name) = self.window.pop_first() else {
                break;
            };
            if self.passed.as_ref().is_none_or(|passed| *passed < name) {
                self.passed = Some(name.clone());
            }
            if let Some(request) = self.open(&name) {
                self.last_id += 1;
                let id = MessageId(self.last_id);
                bytes += request.command().len();
                batch.push((id, request.clone()));
                self.busy.insert(name.clone());
                self.given.insert(id, (name, request));
            }
        }
        self.tell(if batch.is_empty() {
            FromSpool::CaughtUp
        } else {
            FromSpool::Messages(batch)
        });
    }

    fn open(&mut self, name: &OsStr) -> Option<Request> {
        let fault = match self.place.directory.read(name) {
            Ok(request) => {
                self.unfinished.remove(name);
                return Some(request);
            }
            Err(fault) => fault,
        };
        match fault {
            Unsendable::Gone => {}
            Unsendable::Unfinished => {
                self.unfinished
                    .entry(name.to_owned())
                    .or_insert_with(Instant::now);
            }
            Unsendable::Damaged | Unsendable::TooLarge => self.move_aside(name, &fault.to_string()),
            Unsendable::NotAFile | Unsendable::Unreadable(_) => self.report(name, &fault),
        }
        None
    }

    /// Tells once of a file that is left where it is.
    fn report(&mut self, name: &OsStr, fault: &Unsendable) {
        if self.reported.insert(name.to_owned()) {
            let path = self.place.directory.path().join(name);
            error!(MESSAGE_ID = message::SPOOL, LONC_ERROR = %fault, "{}: {fault}; it is left alone", path.display());
        }
    }

    fn report_unfinished(&mut self) {
        let Self { place, reported, .. } = self;
        self.unfinished.retain(|name, since| {
            let path = place.directory.path().join(name);
            if since.elapsed() >= UNFINISHED && path.exists() && reported.insert(name.clone()) {
                warn!(
                    MESSAGE_ID = message::SPOOL,
                    "{}: its line has not been finished for a minute; it is not sent until it is",
                    path.display()
                );
            }
            path.exists()
        });
    }

    fn delivered(&mut self, id: MessageId) {
        let Some((name, request)) = self.given.remove(&id) else {
            return;
        };
        match self.place.directory.remove(&name) {
            Ok(()) => {
                self.busy.remove(&name);
            }
            Err(fault) => {
                let path = self.place.directory.path().join(&name);
                error!(
                    MESSAGE_ID = message::SPOOL,
                    LONC_ERROR = %fault,
                    "{}: was sent and answered but cannot be removed: {fault}; after a restart it is sent again",
                    path.display()
                );
            }
        }
        self.record(Fate::Sent, &request);
        self.tell(FromSpool::Removed);
    }

    /// Tries again to remove what was answered long ago.
    fn remove_again(&mut self) {
        let Self {
            busy,
            stuck,
            given,
            place,
            ..
        } = self;
        let waiting: HashSet<&OsString> = given.values().map(|(name, _)| name).collect();
        busy.retain(|name| {
            waiting.contains(name) || stuck.contains(name) || place.directory.remove(name).is_err()
        });
    }

    fn set_aside(&mut self, id: MessageId) {
        if let Some((name, _)) = self.given.remove(&id) {
            self.busy.remove(&name);
            self.move_aside(&name, "breaks the link whenever it is sent");
        }
    }

    fn move_aside(&mut self, name: &OsStr, fault: &str) {
        let path = self.place.directory.path().join(name);
        match self
            .place
            .directory
            .move_between(name, Shelf::Queue, Shelf::Failed)
        {
            Ok(aside) => {
                self.set_aside.fetch_add(1, Relaxed);
                error!(
                    MESSAGE_ID = message::SET_ASIDE,
                    LONC_ERROR = fault,
                    "{}: {fault}; it is now {}",
                    path.display(),
                    aside.display()
                );
            }
            Err(why) => {
                // Not to be sent again by this instance.
                self.busy.insert(name.to_owned());
                self.stuck.insert(name.to_owned());
                error!(
                    MESSAGE_ID = message::SET_ASIDE,
                    LONC_ERROR = fault,
                    "{}: {fault}; it cannot be moved to failed/: {why}; it stays, and is not sent",
                    path.display()
                );
            }
        }
    }

    pub(super) fn record(&self, fate: Fate, request: &Request) {
        let Place { log, settings, .. } = &self.place;
        if let Err(fault) = log.record(fate, &settings.peer, request) {
            error!(
                MESSAGE_ID = message::SPOOL,
                LONC_ERROR = %fault,
                "{}: permanent_log: {fault}; a line about a message is missing there",
                log.path().display()
            );
        }
    }

    pub(super) fn tell(&self, word: FromSpool) {
        // A driver that has ended needs no word; what is on disk stays for the next.
        let _ = self.say.send(word);
    }
}
