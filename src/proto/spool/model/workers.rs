//! Workers, who put messages there.

use std::format;
use std::prelude::v1::*;

use forgetful_disk::FileId;

use super::disk::at;
use super::messages::Message;
use super::steps::Kind;
use super::world::{MAX_REQUEST, World, request};
use crate::script::Pick;
use crate::spool::{Name, Place, Shelf};

/// What a name claims that is later than anybody heeds.
pub(super) const FAR: u64 = 9_999_999_999;

/// A file that a worker has open.
pub(super) struct Open {
    file: FileId,
    name: Name,
    rest: Vec<u8>,
}

impl World {
    /// A name of a worker, so many seconds from now.
    fn name(&mut self, offset: i8, peer: &str) -> Name {
        let claimed = self.now.epoch.saturating_add_signed(offset.into());
        let epoch = if self.rng.u8(..16) == 0 { FAR } else { claimed };
        let number = self.messages.len();
        Name::from(format!("{epoch:010}.{number:06}.9.put.{peer}"))
    }

    pub(super) fn appear(&mut self, kind: Kind, offset: i8) {
        let number = self.messages.len();
        let peer = if kind == Kind::Others { "a.msul1" } else { "msul1" };
        let name = self.name(offset, peer);
        let command = format!("m{number:03}");
        let mut message = Message::new(request(&command));
        let content = match kind {
            Kind::Whole | Kind::Others => format!("{command}\n"),
            Kind::Piecemeal | Kind::NoFile => String::new(),
            Kind::TwoLines => format!("\n{command}\n"),
            Kind::TooLarge => "x".repeat(MAX_REQUEST) + &format!("x{command}\n"),
        };
        if kind == Kind::Whole {
            message.born = Some((number, self.last_read.clone()));
        }
        self.messages.push(message);
        let place = at(Shelf::Queue, &name);
        let file = self.disk.create(place, content.as_bytes(), kind != Kind::NoFile);
        let file = file.expect("a name of its own");
        if kind == Kind::Piecemeal {
            let rest = format!("{command}\n").into_bytes();
            self.open.push(Open { file, name, rest });
        } else {
            self.events.push_back(name);
        }
    }

    /// While nothing is under way.
    pub(super) fn appear_again(&mut self, one: Pick) {
        let used = self.disk.places().into_iter();
        let is_used =
            |place: &Place| place.shelf != Shelf::Queue && place.name.as_bytes().ends_with(b".msul1");
        let used: Vec<_> = used.filter(is_used).collect();
        if !self.is_idle() || used.is_empty() {
            return;
        }
        self.appear_at(at(Shelf::Queue, &used[one.index(used.len())].name));
    }

    /// There, unless there is something.
    pub(super) fn appear_at(&mut self, place: Place) {
        let command = format!("m{:03}", self.messages.len());
        let content = format!("{command}\n");
        if self.disk.create(place.clone(), content.as_bytes(), true).is_ok() {
            self.messages.push(Message::new(request(&command)));
            if place.shelf == Shelf::Queue {
                self.announced.forget(&place.name);
                self.events.push_back(place.name);
            }
        }
    }

    /// Workers have messages appear there at once, by names so many seconds from now.
    pub(super) fn appear_at_once(&mut self, offsets: &[i8]) {
        for offset in offsets {
            self.appear(Kind::Whole, *offset);
        }
    }

    pub(super) fn write(&mut self, one: Pick, part: u8) {
        if self.open.is_empty() {
            return;
        }
        let at = one.index(self.open.len());
        let open = &mut self.open[at];
        let some = (open.rest.len() * usize::from(part)).div_ceil(100);
        let bytes: Vec<_> = open.rest.drain(..some).collect();
        self.disk.append(open.file, &bytes);
        self.events.push_back(open.name.clone());
        if open.rest.is_empty() {
            self.open.remove(at);
        }
    }

    /// Workers end their lines, or have given up.
    pub(super) fn close(&mut self) {
        while let Some(open) = self.open.pop() {
            if self.rng.bool() {
                self.disk.append(open.file, &open.rest);
                self.events.push_back(open.name);
            }
        }
    }
}
