//! What the machine tells the thread that does its work.

use alloc::vec::Vec;

use super::disk::{Fault, Place, Shelf};
use super::errand::{ErrandId, Reply};
use super::message::{Content, Unsendable};
use super::name::Name;
use crate::request::Request;
use crate::session::{MessageId, Stored, Ticket};

/// What is to be done next. Until the outcome of an operation is handed in there is no other command.
#[derive(Debug)]
pub enum Command {
    /// Do this on the disk, then hand in the outcome.
    Operate(Operation),
    /// Write a line into the permanent log; then `handle_recorded`.
    Record(Fate, Request),
    /// Tell the driver.
    Tell(FromSpool),
    /// Answer an errand.
    Answer(ErrandId, Reply),
    /// All that was asked for before `handle_reconfigure` is done: go by the other settings.
    Reconfigured,
    /// All that was asked for before `handle_finish` is done.
    Finished,
    /// For the log; nothing to do.
    Event(Event),
}

/// What is done on the disk.
#[derive(Debug)]
pub enum Operation {
    /// Hand in each name on the shelf as `handle_entry`, then `handle_listed`.
    List(Shelf),
    /// Look what the file is, itself and not what it links to; then `handle_stat`.
    Stat(Place),
    /// Read up to so many bytes of a file in the queue, if it is a regular one; then `handle_read`.
    Read(Name, usize),
    /// Make a file in the queue that was not there, and write this into it; then `handle_written`.
    Write(Name, Content),
    /// Have the content of the file written last survive a crash; then `handle_synced`.
    SyncFile,
    /// Have what was renamed and removed on the shelf survive a crash; then `handle_synced`.
    Sync(Shelf),
    /// Give a file another name, shelf or both, unless there is something of that name; then `handle_renamed`.
    Rename {
        /// Where it is.
        from: Place,
        /// Where it is to be.
        to: Place,
    },
    /// Remove a file from the queue; then `handle_removed`.
    Remove(Name),
    /// Make the directory of the shelf if it is missing; then `handle_made`.
    Make(Shelf),
}

/// What the spool has to say to the driver.
#[derive(Debug)]
pub enum FromSpool {
    /// The next messages; at least one.
    Messages(Vec<(MessageId, Request)>),
    /// There are no more messages.
    CaughtUp,
    /// There are messages that were not asked for yet.
    Fresh,
    /// A delivered message has been dealt with; a crash may bring it back.
    Removed,
    /// No crash brings those back that were told of as removed.
    RemovalsSafe,
    /// How storing went.
    Stored(Ticket, Stored),
}

/// What became of a message, for the permanent log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is stored, to be sent later.
    Stored,
    /// It was stored, and is sent.
    Sent,
    /// It could not be stored.
    Failed,
}

/// Why a message is set aside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// What is in its file.
    #[error(transparent)]
    Content(Unsendable),
    /// What the session found.
    #[error("breaks the link whenever it is sent")]
    BreaksTheLink,
}

/// What happened, for an operator.
#[derive(Debug)]
pub enum Event {
    /// The queue cannot be read.
    Unreadable(Fault),
    /// The queue can be read again.
    Readable,
    /// A file is left where it is.
    LeftAlone(Name, Unsendable),
    /// What an instance before had begun to store cannot be removed; others of that kind may be there, too.
    LeftoverStays(Name, Fault),
    /// A line has not been finished for long.
    NeverFinished(Name),
    /// It was answered and cannot be removed.
    NotRemoved(Name, Fault),
    /// A crash may bring back what was answered, and have it sent again.
    RemovalsUnsafe(Fault),
    /// A message is on the shelf of those that failed, by this name.
    SetAside {
        /// Its name in the queue.
        name: Name,
        /// Why.
        why: Why,
        /// Where it is now.
        to: Place,
        /// Why a crash may put it back.
        fault: Option<Fault>,
    },
    /// A message is to be set aside, and cannot be; it stays, and is not sent.
    NotSetAside {
        /// Its name in the queue.
        name: Name,
        /// Why it is to be set aside.
        why: Why,
        /// Why it stays.
        fault: Fault,
    },
    /// A request is stored.
    Stored(Request),
    /// A request is not stored.
    NotStored(Request, Fault),
    /// What may not last cannot be removed either.
    NotTakenBack(Name, Fault),
    /// A line is missing in the permanent log.
    NotRecorded(Fault),
}
