//! Messages go to the driver, in order.

use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

use super::message::{most_read, parse};
use super::names::is_made_by_lonc;
use super::{Awaited, Event, FromSpool, Machine, Name, Operation, Task, Unsendable, Why};
use crate::request::Request;
use crate::session::MessageId;

/// Messages that are read, to be given together.
#[derive(Debug)]
pub(super) struct Giving {
    most: usize,
    batch: Vec<(MessageId, Request)>,
    bytes: usize,
}

impl Machine {
    /// Gives the driver the next messages, or tells that there are none.
    pub(super) fn more(&mut self, most: usize) {
        self.has_told_fresh = false;
        self.give(Giving {
            most,
            batch: Vec::new(),
            bytes: 0,
        });
    }

    pub(super) fn give(&mut self, giving: Giving) {
        if giving.batch.len() >= giving.most || giving.bytes >= self.config.limits.batch_bytes {
            self.tell(FromSpool::Messages(giving.batch));
        } else if self.window.is_used_up() {
            self.then([Task::Refill, Task::Give(giving)]);
        } else if let Some(name) = self.window.take() {
            let most = most_read(self.config.max_request_bytes);
            self.operate(Operation::Read(name.clone(), most), Awaited::Read(name, giving));
        } else {
            self.give_what_there_is(giving);
        }
    }

    fn give_what_there_is(&mut self, giving: Giving) {
        if giving.batch.is_empty() {
            self.tell(FromSpool::CaughtUp);
        } else {
            self.tell(FromSpool::Messages(giving.batch));
        }
    }

    pub(super) fn read(
        &mut self,
        name: Name,
        mut giving: Giving,
        outcome: Result<(Bytes, Duration), Unsendable>,
    ) {
        let (content, age) = match outcome {
            Ok((content, age)) => (Ok(content), age),
            Err(fault) => (Err(fault), Duration::MAX),
        };
        match content.and_then(|content| parse(content, self.config.max_request_bytes)) {
            // What has no end may never get one, and nothing waits for that.
            Ok(_) | Err(Unsendable::Damaged | Unsendable::Refused(_) | Unsendable::TooLarge)
                if age < self.config.settle && !is_made_by_lonc(&name) =>
            {
                self.settles_at = Some(self.now.instant + (self.config.settle.saturating_sub(age)));
                self.book.changed(&name);
                self.window.put_back(name);
                self.give_what_there_is(giving);
            }
            Ok(request) => {
                giving.bytes += request.command().len();
                let id = self.book.give(name, request.clone());
                giving.batch.push((id, request));
                self.give(giving);
            }
            Err(fault) => {
                self.then([Task::Give(giving)]);
                self.pass_over(name, fault);
            }
        }
    }

    /// What was too young for the driver is so no longer.
    pub(super) fn settled(&mut self) {
        self.has_told_fresh = false;
        self.tell_fresh();
    }

    fn pass_over(&mut self, name: Name, fault: Unsendable) {
        match fault {
            Unsendable::Gone => self.book.forget(&name),
            Unsendable::Unfinished => self.book.unfinished(name, self.now.instant),
            Unsendable::Damaged | Unsendable::Refused(_) | Unsendable::TooLarge => {
                self.move_aside(name, Why::Content(fault));
            }
            Unsendable::NotAFile | Unsendable::Unreadable(_) => {
                if self.book.leave_alone(name.clone()) {
                    self.event(Event::LeftAlone(name, fault));
                }
            }
        }
    }

    pub(super) fn set_aside(&mut self, id: MessageId) {
        if let Some(name) = self.book.take_back(id) {
            self.move_aside(name, Why::BreaksTheLink);
        }
    }
}
