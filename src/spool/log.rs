//! What the machine tells of, in the log.

use std::fmt;
use std::path::Path;

use lonc_proto::request::Request;
use lonc_proto::spool::{Event, Fault, Name, Shelf, Why};
use tracing::{error, info, warn};

use super::paths::Paths;
use crate::journal::message;

/// Puts an event into the log.
pub(super) fn tell(event: &Event, paths: &Paths, permanent_log: &Path) {
    let queue = paths.shelf(Shelf::Queue);
    let path = |name: &Name| paths.file(Shelf::Queue, name);
    match event {
        Event::Unreadable(fault) => mishap(
            &queue,
            fault,
            format_args!(
                "spool_dir: {fault}; delayed messages can neither be sent nor stored until that is mended"
            ),
        ),
        Event::Readable => info!(MESSAGE_ID = message::SPOOL, "{}: is there again", queue.display()),
        Event::LeftAlone(name, fault) => {
            mishap(&path(name), fault, format_args!("{fault}; it is left alone"));
        }
        Event::LeftoverStays(name, fault) => leftover_stays(&path(name), fault),
        Event::NeverFinished(name) => warn!(
            MESSAGE_ID = message::SPOOL,
            "{}: its line has not been finished for a minute; it is not sent until it is",
            path(name).display()
        ),
        Event::NotRemoved(name, fault) => mishap(
            &path(name),
            fault,
            format_args!(
                "was sent and answered but cannot be removed: {fault}; after a restart it is sent again"
            ),
        ),
        Event::RemovalsUnsafe(fault) => removals_unsafe(&queue, fault),
        Event::NotTakenBack(name, fault) => mishap(
            &path(name),
            fault,
            format_args!(
                "may not last, and cannot be removed: {fault}; it is sent although its worker is told con_failed"
            ),
        ),
        Event::NotRecorded(fault) => mishap(
            permanent_log,
            fault,
            format_args!("permanent_log: {fault}; a line about a message is missing there"),
        ),
        Event::SetAside { name, why, to, fault } => {
            let to = paths.place(to);
            not_to_be_sent(&path(name), why, format_args!("it is now {}", to.display()));
            may_come_back(&to, fault.as_ref());
        }
        Event::NotSetAside { name, why, fault } => not_to_be_sent(
            &path(name),
            why,
            format_args!("it cannot be moved to failed/: {fault}; it stays, and is not sent"),
        ),
        Event::Stored(request) => info!(
            MESSAGE_ID = message::DELAYED,
            "a {request} is stored until the link is up"
        ),
        Event::NotStored(request, fault) => not_stored(&queue, request, fault),
    }
}

fn not_stored(queue: &Path, request: &Request, fault: &Fault) {
    error!(
        MESSAGE_ID = message::NOT_STORED,
        LONC_ERROR = %fault,
        "a {request} got no reply and cannot be stored in {}: {fault}; its worker was told con_failed",
        queue.display()
    );
}

fn removals_unsafe(queue: &Path, fault: &Fault) {
    let words = format_args!("cannot be synced: {fault}; after a crash messages may be sent a second time");
    mishap(queue, fault, words);
}

fn leftover_stays(path: &Path, fault: &Fault) {
    let words = format_args!("was never stored to its end, and cannot be removed: {fault}; it is left alone");
    mishap(path, fault, words);
}

fn may_come_back(path: &Path, fault: Option<&Fault>) {
    if let Some(fault) = fault {
        mishap(path, fault, format_args!("a crash may put it back: {fault}"));
    }
}

fn mishap(path: &Path, fault: &dyn fmt::Display, words: fmt::Arguments<'_>) {
    error!(MESSAGE_ID = message::SPOOL, LONC_ERROR = %fault, "{}: {words}", path.display());
}

fn not_to_be_sent(path: &Path, why: &Why, words: fmt::Arguments<'_>) {
    error!(MESSAGE_ID = message::SET_ASIDE, LONC_ERROR = %why, "{}: {why}; {words}", path.display());
}
