//! Places that are taken, and what is there and cannot go.

use std::collections::BTreeSet;
use std::panic;

use super::*;

fn target(command: Option<Command>) -> String {
    match command {
        Some(Command::Operate(Operation::Rename { to, .. })) => to.name.to_string_lossy().into_owned(),
        other => panic!("{other:?} is no renaming"),
    }
}

#[test]
fn a_name_that_is_taken_is_left_to_its_owner() {
    let mut rig = Rig::new(&[]);
    rig.store(1, "critical:put:a");
    let write =
        |count| format!("Operate(Write(.storing-msul1-7.0000001000.{count:06}.7.put.msul1.tmp, 6 bytes))");
    assert_eq!(rig.next(), write(1));
    // Somebody has a file of that name; it is not removed.
    rig.machine.handle_written(Err(exists()), rig.now);
    assert_eq!(rig.next(), write(2));
    rig.machine.handle_written(Ok(()), rig.now);
    assert_eq!(rig.next(), "Operate(SyncFile)");
    rig.machine.handle_synced(Ok(()), rig.now);
    for count in 2..5 {
        let next = rig.machine.next_command();
        assert_eq!(target(next), format!("0000001000.{count:06}.7.put.msul1"));
        rig.machine.handle_renamed(Err(exists()), rig.now);
    }
    assert_eq!(
        target(rig.machine.next_command()),
        "0000001000.000005.7.put.msul1"
    );
    rig.machine.handle_renamed(Ok(()), rig.now);
    assert_eq!(rig.next(), "Operate(Sync(Queue))");
}

#[test]
fn where_all_names_are_taken_nothing_is_promised() {
    let mut rig = Rig::new(&[]);
    rig.store(1, "critical:put:a");
    rig.place_up_to_its_name();
    let mut tries = 0;
    while let Some(Command::Operate(Operation::Rename { .. })) = rig.machine.next_command() {
        tries += 1;
        rig.machine.handle_renamed(Err(exists()), rig.now);
    }
    assert_eq!(tries, 1 + 100);
    // What it had written itself it removes; that was the command that was no renaming.
    rig.machine.handle_removed(Ok(()), rig.now);
    assert_eq!(rig.next(), "Operate(Sync(Queue))");
    rig.machine.handle_synced(Ok(()), rig.now);
    assert!(rig.next().starts_with("Event(NotStored"));
}

/// Sets aside files of the same name until there are so many; how many operations the last took.
#[test]
fn thousands_of_the_same_name_are_set_aside_one_as_fast_as_the_other() {
    let mut taken = BTreeSet::new();
    for round in 0..6_000 {
        let mut rig = Rig::new(&["1.msul1"]);
        rig.machine.handle_more(1, rig.now);
        rig.next();
        let damaged = (Bytes::from_static(b"two\nlines\n"), Duration::ZERO);
        rig.machine.handle_read(Ok(damaged), rig.now);
        rig.next();
        rig.machine.handle_made(Ok(()), rig.now);
        let mut steps = 0;
        loop {
            steps += 1;
            match rig.machine.next_command() {
                Some(Command::Operate(Operation::Rename { to, .. })) => {
                    if taken.insert(to.name) {
                        break;
                    }
                    rig.machine.handle_renamed(Err(exists()), rig.now);
                }
                Some(Command::Operate(Operation::Stat(place))) => {
                    let is_taken = taken.contains(&place.name);
                    let stat = is_taken.then_some(STAT).ok_or(not_found());
                    rig.machine.handle_stat(stat, rig.now);
                }
                other => panic!("{other:?} while it is moved"),
            }
        }
        assert!(steps < 40, "{steps} steps for number {round}");
    }
}

#[test]
fn a_leftover_that_stays_keeps_nobody_from_the_others() {
    let leftover = |count| format!(".storing-msul1-7.0000001000.{count:06}.7.put.msul1.tmp");
    let mut rig = Rig::unstarted(|_| {});
    rig.machine.handle_start(rig.now);
    assert_eq!(rig.next(), "Operate(List(Queue))");
    let names = [leftover(1), leftover(2), leftover(3)];
    rig.list(&names.each_ref().map(String::as_str));
    for (count, outcome) in [(3, Err(refused())), (2, Err(refused())), (1, Ok(()))] {
        assert_eq!(rig.next(), format!("Operate(Remove({}))", leftover(count)));
        rig.machine.handle_removed(outcome, rig.now);
        if count == 3 {
            assert!(rig.next().starts_with("Event(LeftoverStays"));
        }
    }
    assert_eq!(rig.next(), "Operate(List(Queue))");
}

#[test]
fn what_is_known_of_a_file_goes_with_it() {
    let mut rig = Rig::new(&["1.msul1"]);
    for _ in 0..3 {
        rig.machine.handle_more(1, rig.now);
        assert_eq!(rig.next(), "Operate(Read(1.msul1, 102))");
        rig.machine.handle_read(Err(Unsendable::NotAFile), rig.now);
        assert!(rig.next().starts_with("Event(LeftAlone"));
        assert_eq!(rig.next(), "Tell(CaughtUp)");
        for names in [&["1.msul1"][..], &[]] {
            rig.machine.handle_look(rig.now);
            while let Some(Command::Operate(operation)) = rig.machine.next_command() {
                if let Operation::List(_) = operation {
                    rig.list(names);
                } else {
                    rig.machine.handle_read(Err(Unsendable::NotAFile), rig.now);
                }
            }
        }
        // There is another, of which nobody was told.
        rig.machine
            .handle_appeared(Name::from("1.msul1".to_owned()), rig.now);
        rig.machine.handle_more(1, rig.now);
        while rig.machine.next_command().is_some() {
            // It is read, as if it were gone, and looked at again.
            rig.machine.handle_read(Err(Unsendable::Gone), rig.now);
        }
        rig.machine
            .handle_appeared(Name::from("1.msul1".to_owned()), rig.now);
        assert_eq!(rig.next(), "Tell(Fresh)");
    }
}
