//! How an instance ends, with a session that has something left or not.

use core::time::Duration;

use super::delayed::spooling;
use super::rig::{Rig, SECOND, config};
use crate::drain::Drain;
use crate::session::Stored;
use crate::time::Instant;

const MILLISECOND: Duration = Duration::from_millis(1);
const START: Instant = Instant::after_origin(Duration::from_secs(1000));

/// One that has begun, and when it is to end.
fn begun() -> (Drain, Instant) {
    let mut drain = Drain::default();
    let end = START + 20 * SECOND;
    drain.begin(end);
    (drain, end)
}

/// One that has ended: at this time.
fn stopped() -> (Drain, Instant) {
    let (mut drain, end) = begun();
    assert!(drain.is_to_stop(end, || false));
    (drain, end)
}

#[test]
fn nothing_ends_before_it_is_to() {
    let (rig, mut drain) = (Rig::up(config()), Drain::default());
    let much_later = START + 1000 * SECOND;
    assert!(!drain.is_on() && !drain.is_over(&rig.session, much_later));
    assert!(!drain.is_to_stop(much_later, || false) && !drain.is_to_give_up(much_later));
    assert_eq!(drain.deadline(START), None);
    assert_eq!(drain.rest(START), SECOND);
}

#[test]
fn the_session_is_stopped_once_and_that_at_its_end() {
    let (mut drain, end) = begun();
    assert!(drain.is_on());
    assert_eq!(drain.deadline(START), Some(end));
    assert!(!drain.is_to_stop(START + 19 * SECOND, || false));
    assert!(drain.is_to_stop(end, || false));
    assert!(!drain.is_to_stop(end + SECOND, || false));
    let (mut hurried, _) = begun();
    hurried.hurry(START);
    assert_eq!(hurried.deadline(START), Some(START));
    assert!(hurried.is_to_stop(START, || false));
}

#[test]
fn what_lies_unread_then_gets_a_moment_once() {
    let (mut drain, end) = begun();
    assert!(!drain.is_to_stop(end, || true));
    let then = end + 200 * MILLISECOND;
    assert_eq!(drain.deadline(end), Some(then));
    assert!(!drain.is_to_stop(end + 199 * MILLISECOND, || true));
    assert!(drain.is_to_stop(then, || true));
}

#[test]
fn the_disk_gets_half_a_second_from_when_the_session_was_stopped() {
    let (mut drain, end) = begun();
    let late = end + 5 * SECOND;
    assert!(!drain.is_to_give_up(late));
    assert!(drain.is_to_stop(late, || false));
    let then = late + 500 * MILLISECOND;
    assert_eq!(drain.deadline(late), Some(then));
    assert!(!drain.is_to_give_up(late + 499 * MILLISECOND));
    assert!(drain.is_to_give_up(then));
    assert!(!drain.is_to_give_up(then + SECOND));
    // Then it is only waited for what clients take.
    assert_eq!(drain.deadline(then), Some(late + SECOND));
    assert_eq!(drain.deadline(late + SECOND), None);
}

#[test]
fn the_rest_for_the_disk_is_what_is_left_and_never_nothing() {
    let (drain, end) = begun();
    assert_eq!(drain.rest(end), SECOND);
    assert_eq!(drain.rest(end + 300 * MILLISECOND), 700 * MILLISECOND);
    assert_eq!(drain.rest(end + 10 * SECOND), 500 * MILLISECOND);
}

#[test]
fn it_is_over_at_once_where_nobody_is_there() {
    for mut rig in [Rig::up(config()), Rig::new(config())] {
        let (drain, _) = begun();
        assert!(drain.is_over(&rig.session, START));
        rig.client();
        assert!(!drain.is_over(&rig.session, START));
    }
}

#[test]
fn clients_get_a_second_for_their_last_answers() {
    let mut rig = Rig::up(config());
    rig.client();
    let (drain, end) = begun();
    assert!(
        !drain.is_over(&rig.session, end + 2 * SECOND),
        "it is not stopped"
    );
    let (drain, end) = stopped();
    assert!(!drain.is_over(&rig.session, end + 999 * MILLISECOND));
    assert!(drain.is_over(&rig.session, end + SECOND));
}

#[test]
fn messages_are_sent_until_the_end_where_there_is_a_link() {
    let mut rig = Rig::up(spooling(8));
    rig.delay(1, "m1");
    let (drain, _) = begun();
    assert!(!drain.is_over(&rig.session, START));
    let (drain, end) = stopped();
    assert!(drain.is_over(&rig.session, end));
    let (drain, _) = begun();
    rig.fail(0);
    assert!(drain.is_over(&rig.session, START), "nothing can be sent");
}

#[test]
fn what_is_critical_is_waited_for_until_it_is_stored() {
    let mut rig = Rig::new(spooling(8));
    let client = rig.client();
    rig.say(client, "critical:a\n");
    rig.pass(11 * SECOND);
    let (drain, end) = stopped();
    assert!(!drain.is_over(&rig.session, end + 100 * SECOND));
    rig.store(Stored::Safe);
    assert!(drain.is_over(&rig.session, end + 100 * SECOND));
}
