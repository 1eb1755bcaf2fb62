//! The spool's thread stores critical requests.

use std::io;
use std::sync::mpsc::Receiver;
use std::time::{SystemTime, UNIX_EPOCH};

use lonc_proto::request::Request;
use lonc_proto::session::{Stored, Ticket};
use tracing::{error, info};

use super::permanent_log::Fate;
use super::thread::SpoolThread;
use super::{FromSpool, Job};
use crate::journal::message;

/// Requests that are stored with one sync of the directory.
const STORE_BATCH: usize = 64;

impl SpoolThread {
    /// Stores a request, and those that wait to be stored as well; the first job that is another one.
    pub(super) fn store(&mut self, ticket: Ticket, request: Request, jobs: &Receiver<Job>) -> Option<Job> {
        let mut batch = vec![(ticket, request)];
        let mut next = None;
        while batch.len() < STORE_BATCH && next.is_none() {
            match jobs.try_recv() {
                Ok(Job::Store(ticket, request)) => batch.push((ticket, request)),
                Ok(other) => next = Some(other),
                Err(_) => break,
            }
        }
        let written: Vec<_> = batch.iter().map(|(_, request)| self.write(request)).collect();
        let synced = self.place.directory.sync();
        for ((ticket, request), written) in batch.into_iter().zip(written) {
            let fault = written.as_ref().err().or(synced.as_ref().err());
            if let Ok(name) = &written {
                self.placed(name, synced.is_ok());
            }
            let outcome = self.stored(&request, fault);
            self.tell(FromSpool::Stored(ticket, outcome));
        }
        next
    }

    fn write(&mut self, request: &Request) -> io::Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let name = self.namer.name(now, request, &self.place.settings.peer);
        self.place.directory.write(&name, request)?;
        Ok(name)
    }

    fn placed(&mut self, name: &str, is_safe: bool) {
        if is_safe {
            self.appeared(name.into());
        } else if let Err(fault) = self.place.directory.remove(name.as_ref()) {
            let path = self.place.directory.path().join(name);
            error!(
                MESSAGE_ID = message::SPOOL,
                LONC_ERROR = %fault,
                "{}: may not last, and cannot be removed: {fault}; it is sent although its worker is told con_failed",
                path.display()
            );
        }
    }

    fn stored(&mut self, request: &Request, fault: Option<&io::Error>) -> Stored {
        match fault {
            None => {
                info!(
                    MESSAGE_ID = message::DELAYED,
                    "a {request} is stored until the link is up"
                );
                self.record(Fate::Delayed, request);
                Stored::Safe
            }
            Some(fault) => {
                error!(
                    MESSAGE_ID = message::NOT_STORED,
                    LONC_ERROR = %fault,
                    "a {request} got no reply and cannot be stored in {}: {fault}; its worker was told con_failed",
                    self.place.directory.path().display()
                );
                self.record(Fate::Failed, request);
                Stored::Failed
            }
        }
    }
}
