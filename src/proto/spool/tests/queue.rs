//! What is in the queue: what is given, left alone and told of, and when what was removed is made safe.

use std::panic;

use super::*;

impl Rig {
    /// Has everything looked at while these are there, or nothing can be seen; what it says.
    fn look(&mut self, there: Option<&[&str]>) -> Vec<String> {
        self.machine.handle_look(self.now);
        let mut said = vec![];
        while let Some(command) = self.machine.next_command() {
            match (command, there) {
                (Command::Operate(Operation::List(Shelf::Queue)), Some(names)) => self.list(names),
                (Command::Operate(Operation::List(Shelf::Queue)), None) => {
                    self.machine.handle_listed(Err(refused()), self.now);
                }
                // What could not be sent is read again, and is what it was.
                (Command::Operate(Operation::Read(..)), _) => {
                    self.machine.handle_read(Err(Unsendable::NotAFile), self.now);
                }
                (other, _) => said.push(format!("{other:?}")),
            }
        }
        said
    }
}

#[test]
fn a_batch_ends_behind_the_message_that_fills_it() {
    let mut rig = Rig::unstarted(|config| config.limits.batch_bytes = 5);
    rig.start(&["1.msul1", "2.msul1", "3.msul1"]);
    rig.ask(9);
    rig.read("1.msul1", Ok(b"put\n"));
    rig.read("2.msul1", Ok(b"put\n"));
    assert!(rig.next().starts_with("Tell(Messages([(MessageId(1),"));
    assert_eq!(rig.next(), "nothing");
    rig.ask(9);
    rig.read("3.msul1", Ok(b"put\n"));
    assert!(rig.next().starts_with("Tell(Messages([(MessageId(3),"));
}

#[test]
fn a_directory_is_listed_until_nothing_is_new() {
    let mut rig = Rig::new(&[]);
    rig.machine.handle_look(rig.now);
    for names in [&["2.msul1"][..], &["1.msul1", "2.msul1"], &["1.msul1", "2.msul1"]] {
        assert_eq!(rig.next(), "Operate(List(Queue))");
        rig.list(names);
    }
    assert_eq!(rig.next(), "Tell(Fresh)");
    rig.ask(1);
    rig.read("1.msul1", Err(Unsendable::Gone));
}

#[test]
fn that_the_queue_cannot_be_read_is_told_once_and_so_is_that_it_can() {
    let mut rig = Rig::new(&[]);
    let fault = format!("Event(Unreadable({:?}))", refused());
    assert_eq!(rig.look(None), [fault]);
    assert!(rig.look(None).is_empty());
    assert_eq!(rig.look(Some(&["1.msul1"])), ["Event(Readable)", "Tell(Fresh)"]);
    assert!(rig.look(Some(&["1.msul1"])).is_empty());
}

#[test]
fn what_is_left_alone_is_told_of_once_and_so_is_another_of_its_name() {
    let mut rig = Rig::new(&["1.msul1"]);
    for is_told in [true, false] {
        rig.ask(1);
        rig.read("1.msul1", Err(Unsendable::NotAFile));
        if is_told {
            assert_eq!(rig.next(), "Event(LeftAlone(1.msul1, NotAFile))");
        }
        assert_eq!(rig.next(), "Tell(CaughtUp)");
        assert_eq!(rig.state("1.msul1"), MessageState::Unusable);
        assert!(rig.look(Some(&["1.msul1"])).is_empty());
    }
    assert!(rig.look(Some(&[])).is_empty());
    rig.appear("1.msul1");
    assert_eq!(rig.next(), "Tell(Fresh)");
    rig.ask(1);
    rig.read("1.msul1", Err(Unsendable::NotAFile));
    assert_eq!(rig.next(), "Event(LeftAlone(1.msul1, NotAFile))");
}

#[test]
fn removals_are_made_safe_when_the_driver_has_nothing_more() {
    let mut rig = Rig::new(&["1.msul1", "2.msul1"]);
    rig.ask(2);
    rig.read("1.msul1", Ok(b"put\n"));
    rig.read("2.msul1", Ok(b"put\n"));
    assert!(rig.next().starts_with("Tell(Messages"));
    for (id, then) in [(1, "nothing"), (2, "Operate(Sync(Queue))")] {
        rig.machine.handle_delivered(MessageId(id), rig.now);
        assert_eq!(rig.next(), format!("Operate(Remove({id}.msul1))"));
        rig.machine.handle_removed(Ok(()), rig.now);
        rig.record_sent();
        assert_eq!(rig.next(), then);
    }
    rig.machine.handle_synced(Ok(()), rig.now);
    assert_eq!(rig.next(), "Tell(RemovalsSafe)");
    assert_eq!(rig.next(), "nothing");
}

#[test]
fn many_removals_are_made_safe_while_the_driver_has_more() {
    let mut rig = Rig::unstarted(|config| config.limits.removals = 2);
    rig.start(&["1.msul1", "2.msul1", "3.msul1"]);
    rig.ask(3);
    for name in ["1.msul1", "2.msul1", "3.msul1"] {
        rig.read(name, Ok(b"put\n"));
    }
    assert!(rig.next().starts_with("Tell(Messages"));
    rig.machine.handle_delivered(MessageId(1), rig.now);
    rig.machine.handle_delivered(MessageId(2), rig.now);
    rig.ask(1);
    for name in ["1.msul1", "2.msul1"] {
        assert_eq!(rig.next(), format!("Operate(Remove({name}))"));
        rig.machine.handle_removed(Ok(()), rig.now);
        rig.record_sent();
    }
    assert_eq!(rig.next(), "Operate(Sync(Queue))");
    rig.machine.handle_synced(Ok(()), rig.now);
    assert_eq!(rig.next(), "Tell(RemovalsSafe)");
    assert_eq!(rig.next(), "Tell(CaughtUp)");
}

/// Has a damaged message set aside up to its renaming.
fn set_aside() -> Rig {
    let mut rig = Rig::new(&["1.msul1"]);
    rig.ask(1);
    rig.read("1.msul1", Ok(b"two\nlines\n"));
    assert_eq!(rig.next(), "Operate(Make(Failed))");
    rig.machine.handle_made(Ok(()), rig.now);
    assert!(rig.next().starts_with("Operate(Rename"));
    rig
}

/// It was not set aside, as is told now, and is not sent.
fn assert_stuck(rig: &mut Rig) {
    assert!(rig.next().starts_with("Event(NotSetAside"));
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    assert_eq!(rig.state("1.msul1"), MessageState::Unusable);
    assert!(rig.look(Some(&["1.msul1"])).is_empty());
    rig.ask(1);
    assert_eq!(rig.next(), "Tell(CaughtUp)");
}

#[test]
fn what_cannot_be_set_aside_stays_and_is_not_sent() {
    let mut rig = set_aside();
    rig.machine.handle_renamed(Err(refused()), rig.now);
    assert_stuck(&mut rig);
    // Its place is taken, and whether another is cannot be told.
    let mut rig = set_aside();
    rig.machine.handle_renamed(Err(exists()), rig.now);
    assert!(rig.next().starts_with("Operate(Stat"));
    rig.machine.handle_stat(Err(refused()), rig.now);
    assert_stuck(&mut rig);
    // So are all others.
    let mut rig = set_aside();
    rig.machine.handle_renamed(Err(exists()), rig.now);
    for _ in 0..33 {
        assert!(rig.next().starts_with("Operate(Stat"));
        rig.machine.handle_stat(Ok(STAT), rig.now);
    }
    assert!(rig.next().starts_with("Operate(Rename"));
    rig.machine.handle_renamed(Err(exists()), rig.now);
    assert_stuck(&mut rig);
}

#[test]
fn what_is_set_aside_and_may_come_back_is_told_of_as_that() {
    let mut rig = set_aside();
    rig.machine.handle_renamed(Ok(()), rig.now);
    assert_eq!(rig.next(), "Operate(Sync(Failed))");
    rig.machine.handle_synced(Err(refused()), rig.now);
    let Some(Command::Event(Event::SetAside { to, fault, .. })) = rig.machine.next_command() else {
        panic!("it is not set aside");
    };
    assert_eq!((to.shelf, fault), (Shelf::Failed, Some(refused())));
}
