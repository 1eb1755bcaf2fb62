//! What the machine says, step by step.

mod desk;
mod queue;
mod taken;

use std::prelude::v1::*;
use std::{format, panic, vec};

use bytes::Bytes;
use core::time::Duration;

use super::*;
use crate::request::Asked;

const SECOND: Duration = Duration::from_secs(1);

/// What the system tells of a file that is there.
const STAT: Stat = Stat {
    size: 4,
    written: SECOND,
};

/// A machine that was started, and what time it is.
struct Rig {
    machine: Machine,
    now: Now,
}

impl Rig {
    /// With these names in the queue.
    fn new(names: &[&str]) -> Self {
        Self::settling(names, Duration::ZERO)
    }

    /// The same; messages of workers are left alone for so long.
    fn settling(names: &[&str], settle: Duration) -> Self {
        let mut rig = Self::unstarted(|config| config.settle = settle);
        rig.start(names);
        rig
    }

    /// One that has not begun.
    fn unstarted(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            peer: "msul1".into(),
            alike: vec![],
            max_request_bytes: 100,
            settle: Duration::ZERO,
            pid: 7,
            limits: Limits::default(),
        };
        change(&mut config);
        let now = Now {
            instant: Instant::after_origin(SECOND),
            epoch: 1_000,
        };
        Self {
            machine: Machine::new(config),
            now,
        }
    }

    /// Begins with these names in the queue.
    fn start(&mut self, names: &[&str]) {
        self.machine.handle_start(self.now);
        while let Some(command) = self.machine.next_command() {
            if let Command::Operate(Operation::List(Shelf::Queue)) = command {
                self.list(names);
            } else if let Command::Operate(Operation::Sync(Shelf::Queue)) = command {
                self.machine.handle_synced(Ok(()), self.now);
            } else {
                panic!("{command:?} at the start");
            }
        }
    }

    fn appear(&mut self, name: &str) {
        self.machine
            .handle_appeared(Name::from(name.to_owned()), self.now);
    }

    /// The driver wants so many messages.
    fn ask(&mut self, most: usize) {
        self.machine.handle_more(most, self.now);
    }

    /// A file is read; this is in it, and has been for long, or it cannot be.
    fn read(&mut self, name: &str, content: Result<&'static [u8], Unsendable>) {
        assert_eq!(self.next(), format!("Operate(Read({name}, 102))"));
        let content = content.map(|content| (Bytes::from_static(content), Duration::MAX));
        self.machine.handle_read(content, self.now);
    }

    /// What was answered comes into the permanent log, and the driver is told.
    fn record_sent(&mut self) {
        assert!(self.next().starts_with("Record(Sent"));
        self.machine.handle_recorded(Ok(()), self.now);
        assert_eq!(self.next(), "Tell(Removed)");
    }

    fn list(&mut self, names: &[&str]) {
        for name in names {
            self.machine.handle_entry(name.as_bytes());
        }
        self.machine.handle_listed(Ok(()), self.now);
    }

    fn pass(&mut self, span: Duration) {
        self.now.instant = self.now.instant + span;
    }

    /// The next command, as it is told.
    fn next(&mut self) -> String {
        let command = self.machine.next_command();
        command.map_or("nothing".into(), |command| format!("{command:?}"))
    }

    fn store(&mut self, ticket: u64, line: &'static str) {
        let Asked::Forward(request) = Asked::of(Bytes::from_static(line.as_bytes())) else {
            panic!("{line} is a command");
        };
        self.machine.handle_store(Ticket(ticket), request, self.now);
    }

    /// Writes the first file, up to its name.
    fn place_up_to_its_name(&mut self) {
        assert!(self.next().starts_with("Operate(Write"));
        self.machine.handle_written(Ok(()), self.now);
        assert_eq!(self.next(), "Operate(SyncFile)");
        self.machine.handle_synced(Ok(()), self.now);
    }

    /// Writes a file, up to its name.
    fn place(&mut self, name: &str, size: usize) {
        assert_eq!(
            self.next(),
            format!("Operate(Write(.storing-msul1-7.{name}.tmp, {size} bytes))")
        );
        self.machine.handle_written(Ok(()), self.now);
        assert_eq!(self.next(), "Operate(SyncFile)");
        self.machine.handle_synced(Ok(()), self.now);
        let Some(Command::Operate(Operation::Rename { from, to })) = self.machine.next_command() else {
            panic!("it is not renamed");
        };
        assert_eq!(from.name, Name::from(format!(".storing-msul1-7.{name}.tmp")));
        assert_eq!((to.shelf, to.name), (Shelf::Queue, Name::from(name.to_owned())));
        self.machine.handle_renamed(Ok(()), self.now);
    }
}

fn refused() -> Fault {
    Fault {
        kind: FaultKind::Other,
        text: "no".into(),
    }
}

fn exists() -> Fault {
    let kind = FaultKind::Exists;
    Fault { kind, ..refused() }
}

fn not_found() -> Fault {
    let kind = FaultKind::NotFound;
    Fault { kind, ..refused() }
}

#[test]
fn what_waits_together_is_stored_with_one_sync_and_told_after_it() {
    let mut rig = Rig::new(&[]);
    rig.store(1, "critical:put:a");
    rig.store(2, "critical:encrypt:b");
    rig.machine.handle_more(5, rig.now);
    rig.store(3, "critical:c");
    rig.place("0000001000.000001.7.put.msul1", 6);
    rig.place("0000001000.000002.7.encrypt.msul1", 10);
    assert_eq!(rig.next(), "Operate(Sync(Queue))");
    assert_eq!(rig.next(), "nothing");
    rig.machine.handle_synced(Ok(()), rig.now);
    assert_eq!(rig.next(), "Tell(Fresh)");
    for (ticket, request) in [
        (1, "critical request of 5 bytes"),
        (2, "critical encrypted request of 1 bytes"),
    ] {
        assert_eq!(rig.next(), format!("Event(Stored({request}))"));
        assert_eq!(rig.next(), format!("Record(Stored, {request})"));
        rig.machine.handle_recorded(Ok(()), rig.now);
        assert_eq!(rig.next(), format!("Tell(Stored(Ticket({ticket}), Safe))"));
    }
    assert_eq!(rig.next(), "Operate(Read(0000001000.000001.7.put.msul1, 102))");
}

#[test]
fn no_more_are_stored_together_than_may_be() {
    let mut rig = Rig::unstarted(|config| config.limits.stores = 2);
    rig.start(&[]);
    for ticket in 1..4 {
        rig.store(ticket, "critical:put:a");
    }
    rig.place("0000001000.000001.7.put.msul1", 6);
    rig.place("0000001000.000002.7.put.msul1", 6);
    assert_eq!(rig.next(), "Operate(Sync(Queue))");
}

#[test]
fn a_failed_sync_takes_back_what_was_placed() {
    let mut rig = Rig::new(&["0000002000.1.msul1"]);
    rig.store(1, "critical:put:a");
    rig.place("0000002001.000001.7.put.msul1", 6);
    assert_eq!(rig.next(), "Operate(Sync(Queue))");
    rig.machine.handle_synced(Err(refused()), rig.now);
    assert_eq!(rig.next(), "Operate(Remove(0000002001.000001.7.put.msul1))");
    rig.machine.handle_removed(Ok(()), rig.now);
    let fault = format!("{:?}", refused());
    let request = "critical request of 5 bytes";
    assert_eq!(rig.next(), format!("Event(NotStored({request}, {fault}))"));
    assert_eq!(rig.next(), format!("Record(Failed, {request})"));
    rig.machine.handle_recorded(Err(refused()), rig.now);
    assert_eq!(rig.next(), format!("Event(NotRecorded({fault}))"));
    assert_eq!(rig.next(), "Tell(Stored(Ticket(1), Failed))");
}

#[test]
fn an_outcome_that_nobody_awaits_changes_nothing() {
    let mut rig = Rig::new(&["1.msul1"]);
    rig.machine.handle_more(1, rig.now);
    assert_eq!(rig.next(), "Operate(Read(1.msul1, 102))");
    rig.machine.handle_removed(Ok(()), rig.now);
    rig.machine.handle_synced(Err(refused()), rig.now);
    rig.list(&["2.msul1"]);
    assert_eq!(rig.next(), "nothing");
    rig.machine
        .handle_read(Ok((Bytes::from_static(b"put\n"), Duration::ZERO)), rig.now);
    assert_eq!(rig.next(), "Tell(Messages([(MessageId(1), request of 3 bytes)]))");
}

#[test]
fn a_line_that_is_never_finished_is_told_of_once() {
    let mut rig = Rig::new(&["1.msul1"]);
    rig.ask(1);
    rig.read("1.msul1", Ok(b"pu"));
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    assert_eq!(rig.state("1.msul1"), MessageState::Unfinished);
    for told in [false, true, false] {
        rig.pass(31 * SECOND);
        rig.machine.handle_look(rig.now);
        let mut said = vec![];
        while let Some(command) = rig.machine.next_command() {
            if let Command::Operate(Operation::List(Shelf::Queue)) = command {
                rig.list(&["1.msul1"]);
            } else if let Command::Operate(Operation::Read(..)) = command {
                let unfinished = (Bytes::from_static(b"pu"), Duration::ZERO);
                rig.machine.handle_read(Ok(unfinished), rig.now);
            } else {
                // Nor is anybody asked for a link on which it could not go.
                said.push(format!("{command:?}"));
            }
        }
        let due = if told {
            vec!["Event(NeverFinished(1.msul1))"]
        } else {
            vec![]
        };
        assert_eq!(said, due);
    }
    assert_eq!(rig.state("1.msul1"), MessageState::Unusable);
}

#[test]
fn looks_that_have_not_begun_are_one() {
    let mut rig = Rig::new(&["1.msul1"]);
    let mut listed = 0;
    rig.machine.handle_look(rig.now);
    assert_eq!(rig.next(), "Operate(List(Queue))");
    for _ in 0..1000 {
        rig.machine.handle_look(rig.now);
    }
    rig.list(&["1.msul1", "2.msul1"]);
    while let Some(command) = rig.machine.next_command() {
        if let Command::Operate(Operation::List(Shelf::Queue)) = command {
            listed += 1;
            rig.list(&["1.msul1", "2.msul1"]);
        }
    }
    // The rest of the first, and another: each lists until nothing is new.
    assert_eq!(listed, 3);
}

#[test]
fn what_could_not_be_sent_is_asked_for_once_it_can_be_though_nobody_told_of_that() {
    let unreadable = || Err(Unsendable::Unreadable(refused()));
    let content = |content| Ok((Bytes::from_static(content), Duration::ZERO));
    for (before, after, is_asked_for) in [
        (content(b"pu"), content(b"put\n"), true),
        (content(b"pu"), content(b"put"), false),
        (content(b"pu"), content(b"two\nlines\n"), true),
        (content(b"pu"), Err(Unsendable::Gone), false),
        (unreadable(), content(b"put\n"), true),
        (unreadable(), unreadable(), false),
    ] {
        let mut rig = Rig::new(&["1.msul1"]);
        rig.machine.handle_more(1, rig.now);
        assert_eq!(rig.next(), "Operate(Read(1.msul1, 102))");
        rig.machine.handle_read(before, rig.now);
        while rig.next() != "nothing" {}
        rig.machine.handle_look(rig.now);
        for _ in 0..2 {
            assert_eq!(rig.next(), "Operate(List(Queue))");
            rig.list(&["1.msul1"]);
        }
        assert_eq!(rig.next(), "Operate(Read(1.msul1, 102))");
        let told = format!("{after:?}");
        rig.machine.handle_read(after, rig.now);
        let next = if is_asked_for { "Tell(Fresh)" } else { "nothing" };
        assert_eq!(rig.next(), next, "{told}");
    }
}

/// Has all three shelves listed; how long that takes.
fn count(rig: &mut Rig, queue: &[&str], cost: Duration) {
    assert_eq!(rig.next(), "Operate(List(Queue))");
    rig.pass(cost);
    rig.list(queue);
    assert_eq!(rig.next(), "Operate(Stat(Place { shelf: Queue, name: 1.msul1 }))");
    rig.machine.handle_stat(Ok(STAT), rig.now);
    for shelf in ["Held", "Failed"] {
        assert_eq!(rig.next(), format!("Operate(List({shelf}))"));
        rig.machine.handle_listed(Err(refused()), rig.now);
    }
}

#[test]
fn a_summary_that_was_costly_is_told_again_for_a_while() {
    let mut rig = Rig::new(&["1.msul1"]);
    let summary = |queued| {
        let answer = Summary {
            queued,
            oldest: Some(SECOND),
            ..Summary::default()
        };
        format!("Summary({answer:?})")
    };
    rig.machine.handle_errand(ErrandId(1), Errand::Summary, rig.now);
    count(&mut rig, &["1.msul1", "1.other"], 2 * SECOND);
    assert_eq!(rig.next(), format!("Answer(ErrandId(1), {})", summary(1)));
    rig.pass(39 * SECOND);
    rig.machine.handle_errand(ErrandId(2), Errand::Summary, rig.now);
    assert_eq!(rig.next(), format!("Answer(ErrandId(2), {})", summary(1)));
    rig.pass(SECOND);
    rig.machine.handle_errand(ErrandId(3), Errand::Summary, rig.now);
    count(&mut rig, &["1.msul1", "2.msul1"], Duration::ZERO);
    assert_eq!(rig.next(), format!("Answer(ErrandId(3), {})", summary(2)));
}

#[test]
fn what_was_set_aside_says_nothing_of_another_file_of_its_name() {
    let mut rig = Rig::new(&["1.msul1"]);
    rig.ask(1);
    rig.read("1.msul1", Err(Unsendable::Unreadable(refused())));
    assert!(rig.next().starts_with("Event(LeftAlone(1.msul1"));
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    rig.appear("1.msul1");
    rig.ask(1);
    assert_eq!(rig.next(), "Tell(Fresh)");
    rig.read("1.msul1", Ok(b"two\nlines\n"));
    assert_eq!(rig.next(), "Operate(Make(Failed))");
    rig.machine.handle_made(Ok(()), rig.now);
    assert!(rig.next().starts_with("Operate(Rename"));
    rig.machine.handle_renamed(Ok(()), rig.now);
    assert_eq!(rig.next(), "Operate(Sync(Failed))");
    rig.machine.handle_synced(Ok(()), rig.now);
    assert!(rig.next().starts_with("Event(SetAside"));
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    // Another worker uses the name again.
    assert_eq!(rig.state("1.msul1"), MessageState::Waiting);
}

#[test]
fn a_message_that_its_worker_may_read_back_is_left_alone_and_so_is_what_is_behind_it() {
    let mut rig = Rig::settling(&["1.msul1", "2.msul1"], 3 * SECOND);
    let read = |rig: &mut Rig, content, age| {
        assert_eq!(rig.next(), "Operate(Read(1.msul1, 102))");
        rig.machine
            .handle_read(Ok((Bytes::from_static(content), age)), rig.now);
    };
    rig.machine.handle_more(8, rig.now);
    read(&mut rig, b"put\n", SECOND);
    // Nobody waits for it.
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    assert_eq!(rig.machine.poll_timeout(), Some(rig.now.instant + 2 * SECOND));
    rig.pass(SECOND);
    rig.machine.handle_timeout(rig.now);
    assert_eq!(rig.next(), "nothing");
    // Its worker writes on.
    rig.pass(SECOND);
    rig.machine.handle_timeout(rig.now);
    assert_eq!(rig.next(), "Tell(Fresh)");
    rig.machine.handle_more(8, rig.now);
    read(&mut rig, b"two\nlines\n", 2 * SECOND);
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    rig.pass(SECOND);
    rig.machine.handle_timeout(rig.now);
    assert_eq!(rig.next(), "Tell(Fresh)");
    rig.machine.handle_more(1, rig.now);
    read(&mut rig, b"put\n", 3 * SECOND);
    assert!(rig.next().starts_with("Tell(Messages"));
    assert_eq!(rig.machine.poll_timeout(), None);
}

#[test]
fn what_lonc_stored_is_given_at_once_and_what_has_no_end_holds_up_nothing() {
    let own = "0000001000.000001.8.put.msul1";
    for (name, is_ours) in [
        (own, true),
        ("0000001000.1.7.put.msul1", false),
        ("1000.1.7.put.msul1", false),
        ("00000001000.000001.8.put.msul1", false),
        ("000000100x.000001.8.put.msul1", false),
        ("0000001000.0000001.8.put.msul1", false),
        ("0000001000.100000.8.put.msul1", false),
        ("0000001000.00000x.8.put.msul1", false),
    ] {
        let mut rig = Rig::settling(&[name], 3 * SECOND);
        rig.machine.handle_more(8, rig.now);
        assert_eq!(rig.next(), format!("Operate(Read({name}, 102))"));
        let young = (Bytes::from_static(b"put\n"), Duration::ZERO);
        rig.machine.handle_read(Ok(young), rig.now);
        assert_eq!(rig.next().starts_with("Tell(Messages"), is_ours, "{name}");
    }
    let mut rig = Rig::settling(&["1.msul1", "2.msul1"], 3 * SECOND);
    rig.machine.handle_more(8, rig.now);
    assert_eq!(rig.next(), "Operate(Read(1.msul1, 102))");
    rig.machine
        .handle_read(Ok((Bytes::from_static(b"pu"), Duration::ZERO)), rig.now);
    assert_eq!(rig.next(), "Operate(Read(2.msul1, 102))");
}
