//! What operators are told, and what they have done.

use std::panic;

use super::*;

impl Rig {
    fn bring(&mut self, errand: Errand) {
        self.machine.handle_errand(ErrandId(1), errand, self.now);
    }

    fn have_moved(&mut self, name: &str, to: Shelf) {
        let name = Name::from(name.to_owned());
        self.bring(Errand::Move {
            name,
            to,
            withdrawn: None,
        });
    }

    fn reply(&mut self) -> Reply {
        match self.machine.next_command() {
            Some(Command::Answer(_, reply)) => reply,
            other => panic!("{other:?} is no answer"),
        }
    }

    /// Where it is now.
    fn moved(&mut self) -> Result<Place, MoveError> {
        self.reply().moved().expect("an answer to a move")
    }

    /// It is looked for there.
    fn stat(&mut self, shelf: Shelf, name: &str, outcome: Result<Stat, Fault>) {
        let place = format!("Place {{ shelf: {shelf:?}, name: {name} }}");
        assert_eq!(self.next(), format!("Operate(Stat({place}))"));
        self.machine.handle_stat(outcome, self.now);
    }

    /// What a message in the queue is at.
    pub(super) fn state(&mut self, name: &str) -> MessageState {
        self.bring(Errand::Find(Name::from(name.to_owned())));
        self.stat(Shelf::Queue, name, Ok(STAT));
        let found = self.reply().found().flatten().expect("it is found");
        assert_eq!((found.shelf, found.message.stat), (Shelf::Queue, STAT));
        found.message.state
    }

    /// Listed are these, or nothing can be.
    fn list_shelf(&mut self, shelf: Shelf, names: Result<&[&str], Fault>) {
        assert_eq!(self.next(), format!("Operate(List({shelf:?}))"));
        match names {
            Ok(names) => self.list(names),
            Err(fault) => self.machine.handle_listed(Err(fault), self.now),
        }
    }

    fn rename(&mut self, outcome: Result<(), Fault>) {
        assert!(self.next().starts_with("Operate(Rename"));
        self.machine.handle_renamed(outcome, self.now);
    }
}

fn place(shelf: Shelf, name: &str) -> Place {
    let name = Name::from(name.to_owned());
    Place { shelf, name }
}

#[test]
fn a_listing_tells_what_each_message_is_at() {
    let mut rig = Rig::new(&["1.msul1", "2.msul1"]);
    rig.ask(1);
    rig.read("1.msul1", Ok(b"put\n"));
    assert!(rig.next().starts_with("Tell(Messages"));
    rig.bring(Errand::List {
        most: 3,
        failing: Some((MessageId(1), 5)),
    });
    rig.list_shelf(Shelf::Queue, Ok(&["2.msul1", "1.msul1", "1.other"]));
    rig.stat(Shelf::Queue, "1.msul1", Ok(STAT));
    rig.stat(Shelf::Queue, "2.msul1", Ok(STAT));
    // Mostly it is not there yet.
    rig.list_shelf(Shelf::Held, Err(not_found()));
    rig.list_shelf(Shelf::Failed, Ok(&["2.msul1.7", "1.msul1", "3.msul1"]));
    rig.stat(Shelf::Failed, "1.msul1", Ok(STAT));
    let listing = rig.reply().listing().expect("an answer to a list");
    let told = listing.messages.iter().map(|message| {
        let name = message.name.to_string_lossy().into_owned();
        (name, message.state, message.attempts)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("1.msul1".to_owned(), MessageState::Sending, 5),
            ("2.msul1".to_owned(), MessageState::Waiting, 0),
            ("1.msul1".to_owned(), MessageState::Failed, 0),
        ]
    );
    assert_eq!((listing.total, listing.fault), (5, None));
}

#[test]
fn a_queue_that_cannot_be_listed_hides_nothing_else() {
    let mut rig = Rig::new(&[]);
    let most = 3;
    rig.bring(Errand::List { most, failing: None });
    rig.machine.handle_entry(b"1.msul1");
    rig.list_shelf(Shelf::Queue, Err(refused()));
    rig.list_shelf(Shelf::Held, Ok(&["2.msul1"]));
    rig.stat(Shelf::Held, "2.msul1", Ok(STAT));
    rig.list_shelf(Shelf::Failed, Ok(&[]));
    let listing = rig.reply().listing().expect("an answer to a list");
    assert_eq!((listing.total, listing.fault), (1, Some(refused())));
    assert_eq!(listing.messages.len(), 1);
}

#[test]
fn what_cannot_be_counted_is_not_there_and_what_costs_nothing_is_counted_each_time() {
    let mut rig = Rig::new(&[]);
    rig.bring(Errand::Summary);
    assert_eq!(rig.next(), "Operate(List(Queue))");
    rig.machine.handle_entry(b"1.msul1");
    rig.machine.handle_listed(Err(refused()), rig.now);
    rig.list_shelf(Shelf::Held, Ok(&["1.msul1", "2.msul1", "2.other"]));
    rig.list_shelf(Shelf::Failed, Ok(&["1.msul1~2"]));
    let summary = Summary {
        held: 2,
        failed: 1,
        ..Summary::default()
    };
    assert_eq!(rig.reply().summary(), Some(summary));
    rig.bring(Errand::Summary);
    rig.list_shelf(Shelf::Queue, Ok(&["2.msul1", "1.msul1"]));
    rig.stat(Shelf::Queue, "1.msul1", Ok(STAT));
    rig.list_shelf(Shelf::Held, Ok(&[]));
    rig.list_shelf(Shelf::Failed, Ok(&[]));
    let summary = Summary {
        queued: 2,
        oldest: Some(STAT.written),
        ..Summary::default()
    };
    assert_eq!(rig.reply().summary(), Some(summary));
}

#[test]
fn what_was_moved_is_not_sent_and_known_no_more() {
    let mut rig = Rig::new(&["1.msul1"]);
    rig.ask(1);
    rig.read("1.msul1", Ok(b"pu"));
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    assert_eq!(rig.state("1.msul1"), MessageState::Unfinished);
    rig.appear("1.msul1");
    assert_eq!(rig.next(), "Tell(Fresh)");
    rig.have_moved("1.msul1", Shelf::Held);
    rig.stat(Shelf::Queue, "1.msul1", Ok(STAT));
    assert_eq!(rig.next(), "Operate(Make(Held))");
    rig.machine.handle_made(Ok(()), rig.now);
    rig.rename(Ok(()));
    assert_eq!(rig.next(), "Operate(Sync(Held))");
    rig.machine.handle_synced(Ok(()), rig.now);
    assert_eq!(rig.moved(), Ok(place(Shelf::Held, "1.msul1")));
    rig.ask(1);
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    // Another file of that name.
    assert_eq!(rig.state("1.msul1"), MessageState::Waiting);
    // What is there already stays.
    rig.have_moved("1.msul1", Shelf::Held);
    rig.stat(Shelf::Queue, "1.msul1", Err(not_found()));
    rig.stat(Shelf::Held, "1.msul1", Ok(STAT));
    assert_eq!(rig.moved(), Ok(place(Shelf::Held, "1.msul1")));
}

#[test]
fn what_could_not_be_moved_is_where_it_was_and_has_its_turn_there() {
    let mut rig = Rig::new(&["1.msul1"]);
    rig.have_moved("1.msul1", Shelf::Failed);
    rig.stat(Shelf::Queue, "1.msul1", Ok(STAT));
    assert_eq!(rig.next(), "Operate(Make(Failed))");
    rig.machine.handle_made(Ok(()), rig.now);
    rig.rename(Err(refused()));
    assert_eq!(rig.next(), "Tell(Fresh)");
    assert_eq!(rig.moved(), Err(MoveError::System(refused())));
    rig.ask(1);
    rig.read("1.msul1", Err(Unsendable::Gone));
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    for fault in [refused(), exists()] {
        rig.have_moved("1.msul1", Shelf::Queue);
        rig.stat(Shelf::Queue, "1.msul1", Err(not_found()));
        rig.stat(Shelf::Held, "1.msul1", Ok(STAT));
        rig.rename(Err(fault.clone()));
        assert_eq!(rig.moved(), Err(MoveError::System(fault)));
        rig.ask(1);
        assert_eq!(rig.next(), "Tell(CaughtUp)");
    }
    // Whether it is there cannot be told; then it is not looked for anywhere else.
    rig.have_moved("1.msul1", Shelf::Held);
    rig.stat(Shelf::Queue, "1.msul1", Err(refused()));
    assert_eq!(rig.next(), "Tell(Fresh)");
    assert_eq!(rig.moved(), Err(MoveError::System(refused())));
    // Who only looks is told of what can be seen.
    rig.bring(Errand::Find(Name::from("1.msul1".to_owned())));
    rig.stat(Shelf::Queue, "1.msul1", Err(refused()));
    rig.stat(Shelf::Held, "1.msul1", Ok(STAT));
    let found = rig.reply().found().flatten().expect("it is found");
    assert_eq!(found.shelf, Shelf::Held);
    assert_eq!(found.message.state, MessageState::Held);
}

#[test]
fn what_is_sent_or_answered_stays_in_the_queue() {
    let mut rig = Rig::new(&["1.msul1"]);
    rig.ask(1);
    rig.read("1.msul1", Ok(b"put\n"));
    assert!(rig.next().starts_with("Tell(Messages"));
    for (to, outcome) in [
        (Shelf::Queue, Ok(place(Shelf::Queue, "1.msul1"))),
        (Shelf::Held, Err(MoveError::Busy)),
    ] {
        rig.have_moved("1.msul1", to);
        rig.stat(Shelf::Queue, "1.msul1", Ok(STAT));
        assert_eq!(rig.moved(), outcome);
    }
    rig.machine.handle_delivered(MessageId(1), rig.now);
    assert_eq!(rig.next(), "Operate(Remove(1.msul1))");
    rig.machine.handle_removed(Err(refused()), rig.now);
    assert!(rig.next().starts_with("Event(NotRemoved(1.msul1"));
    rig.record_sent();
    assert_eq!(rig.state("1.msul1"), MessageState::Answered);
    for to in [Shelf::Queue, Shelf::Held] {
        rig.have_moved("1.msul1", to);
        rig.stat(Shelf::Queue, "1.msul1", Ok(STAT));
        assert_eq!(rig.moved(), Err(MoveError::Busy));
    }
}

#[test]
fn what_comes_back_is_not_taken_for_what_had_its_name() {
    let mut rig = Rig::new(&["1.msul1"]);
    rig.ask(1);
    rig.read("1.msul1", Ok(b"two\nlines\n"));
    assert_eq!(rig.next(), "Operate(Make(Failed))");
    rig.machine.handle_made(Err(refused()), rig.now);
    assert!(rig.next().starts_with("Event(NotSetAside"));
    assert_eq!(rig.next(), "Tell(CaughtUp)");
    assert_eq!(rig.state("1.msul1"), MessageState::Unusable);
    // Somebody removes it, and has another sent of that name.
    rig.have_moved("1.msul1", Shelf::Queue);
    rig.stat(Shelf::Queue, "1.msul1", Err(not_found()));
    rig.stat(Shelf::Held, "1.msul1", Ok(STAT));
    rig.rename(Ok(()));
    assert_eq!(rig.next(), "Operate(Sync(Queue))");
    rig.machine.handle_synced(Ok(()), rig.now);
    assert_eq!(rig.next(), "Tell(Fresh)");
    assert_eq!(rig.moved(), Ok(place(Shelf::Queue, "1.msul1")));
    rig.ask(1);
    rig.read("1.msul1", Ok(b"put\n"));
    assert!(rig.next().starts_with("Tell(Messages"));
}
