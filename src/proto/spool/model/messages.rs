//! The messages there are, and what is known of each from outside.

use std::prelude::v1::*;
use std::vec;

use crate::request::Request;
use crate::session::{MessageId, Stored, Ticket};
use crate::spool::{ErrandId, Fate, Name, Place};

#[derive(Debug)]
pub(super) struct Message {
    pub(super) request: Request,
    /// A worker put it there at once: after so many others, and when this had been read last.
    pub(super) born: Option<(usize, Option<Name>)>,
    /// It is to be stored, by this run.
    pub(super) ticket: Option<(u32, Ticket)>,
    pub(super) outcome: Option<Stored>,
    /// The driver has it.
    pub(super) given: Option<MessageId>,
    /// The run in which it was answered last.
    pub(super) delivered: Option<u32>,
    /// It was said to be removed, and then that no crash brings it back.
    pub(super) is_removed: bool,
    pub(super) is_gone: bool,
    /// It was found to break the link, after so many errands of this run.
    pub(super) set_aside: Option<ErrandId>,
    /// An operator, or the log, was told that it is there.
    pub(super) told: Option<Place>,
    /// An operator has taken it from the driver, and not put it anywhere yet.
    pub(super) is_withdrawn: bool,
    /// Lines in the permanent log, or tries, and in which run.
    pub(super) lines: Vec<(u32, Fate)>,
}

impl Message {
    pub(super) fn new(request: Request) -> Self {
        Self {
            request,
            born: None,
            ticket: None,
            outcome: None,
            given: None,
            delivered: None,
            is_removed: false,
            is_gone: false,
            set_aside: None,
            told: None,
            is_withdrawn: false,
            lines: vec![],
        }
    }

    /// It must not be lost.
    pub(super) fn is_promised(&self) -> bool {
        self.outcome == Some(Stored::Safe)
    }

    pub(super) fn asks(&self, request: &Request) -> bool {
        self.request.command() == request.command() && self.request.is_encrypted() == request.is_encrypted()
    }

    /// How many lines say this of it, in a run.
    pub(super) fn num_lines(&self, run: u32, fate: Fate) -> usize {
        self.lines.iter().filter(|line| **line == (run, fate)).count()
    }
}
