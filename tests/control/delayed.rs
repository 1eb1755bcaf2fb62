//! Delayed messages, as an operator sees and moves them.

use std::fs;

use serde_json::{Value, json};
use test_harness::spool::{name, received, word};
use test_harness::{Lonc, Peer, QUICK, SLOW, Site, wait_for};

use crate::operator::Operator;

#[test]
fn all_are_listed_with_age_and_size_and_no_body() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, SLOW).start();
    lonc.site.put(1, "echo:secret");
    lonc.site.put(0, "echo:older");
    fs::write(lonc.site.spool("2.other"), "echo:theirs\n").unwrap();
    let mut operator = Operator::of(&lonc);
    let messages = list(&mut operator, 2);
    assert_eq!(
        states(&messages),
        [(&name(0)[..], "waiting"), (&name(1), "waiting")]
    );
    assert_eq!(messages[1]["size"], "echo:secret\n".len());
    assert!(messages[0]["writtenUsec"].as_u64().unwrap() > 1_700_000_000_000_000);
    assert!(!Value::from(messages.clone()).to_string().contains("secret"));
    let status = operator.await_status("the summary", |status| status["delayed"]["queued"] == 2);
    assert_eq!(status["delayed"]["oldestUsec"], messages[0]["writtenUsec"]);
    let one = operator.call("ListDelayed", &json!({ "limit": 1 }));
    assert_eq!(
        (one["messages"].as_array().unwrap().len(), &one["total"]),
        (1, &2.into())
    );
}

#[test]
fn a_held_message_stays_behind_until_it_is_retried() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, SLOW).start();
    lonc.site.put_words(3);
    let mut operator = Operator::of(&lonc);
    list(&mut operator, 3);
    let held = json!({ "name": name(1) });
    let path = operator.call("HoldDelayed", &held)["path"].take();
    assert_eq!(path, lonc.site.path("held").join(name(1)).to_str().unwrap());
    assert_eq!(operator.call("HoldDelayed", &held)["path"], path);
    let messages = list(&mut operator, 3);
    assert_eq!(states(&messages)[2], (&name(1)[..], "held"));
    peer.revive();
    operator.call("RetryDelayed", &json!({}));
    lonc.site.await_empty();
    assert_eq!(received(&peer).len(), 2);
    operator.call("RetryDelayed", &held);
    peer.await_command(&word(1));
    lonc.site.await_empty();
    assert_eq!(peer.count(&word(1)), 1);
    assert!(lonc.site.failed().is_empty());
}

#[test]
fn a_dropped_message_is_kept_in_failed_and_can_be_sent_after_all() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, SLOW).start();
    lonc.site.put_words(2);
    let mut operator = Operator::of(&lonc);
    list(&mut operator, 2);
    let dropped = json!({ "name": name(0) });
    operator.call("DropDelayed", &dropped);
    assert_eq!(lonc.site.failed(), [name(0)]);
    let content = fs::read(lonc.site.path("failed").join(name(0))).unwrap();
    assert_eq!(content, [word(0).as_bytes(), b"\n"].concat());
    lonc.await_log("DropDelayed");
    operator.await_status("the summary", |status| status["delayed"]["failed"] == 1);
    peer.revive();
    operator.call("Reconnect", &json!({}));
    lonc.site.await_empty();
    assert_eq!(peer.count(&word(0)), 0);
    operator.call("RetryDelayed", &dropped);
    peer.await_command(&word(0));
    lonc.site.await_empty();
}

#[test]
fn one_that_breaks_the_link_tells_its_attempts_and_can_be_taken_away() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, &format!("{QUICK}[spool]\nmax_attempts = 1000\n")).start();
    lonc.site.put(0, "die");
    lonc.site.put(1, &word(1));
    let mut operator = Operator::of(&lonc);
    wait_for("attempts", || {
        let list = operator.call("ListDelayed", &json!({}));
        let first = &list["messages"][0];
        (first["attempts"].as_u64() >= Some(3)).then(|| assert_eq!(first["state"], "sending"))
    });
    wait_for("a moment when it is not on the link", || {
        let reply = operator.call_raw("org.loncapa.lonc.DropDelayed", &json!({ "name": name(0) }));
        let busy = reply["error"] == "org.loncapa.lonc.MessageBusy";
        assert!(busy || reply.get("error").is_none(), "{reply}");
        (!busy).then_some(())
    });
    lonc.site.await_empty();
    assert!(peer.count(&word(1)) >= 1);
    assert_eq!(lonc.site.failed(), [name(0)]);
    // The clients are let in.
    operator.await_status("up", |status| status["state"] == "up");
    assert_eq!(lonc.client().ask("echo:1"), "1");
}

#[test]
fn one_that_is_on_the_link_is_busy() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    lonc.site.put(0, "hold:x");
    peer.await_command("hold:x");
    let mut operator = Operator::of(&lonc);
    for method in ["HoldDelayed", "DropDelayed"] {
        let (error, told) = operator.fail(method, &json!({ "name": name(0) }));
        assert_eq!(error, "org.loncapa.lonc.MessageBusy");
        assert_eq!(told["name"], name(0));
    }
    peer.release();
    lonc.site.await_empty();
}

#[test]
fn names_lead_nowhere_else() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, SLOW).start();
    fs::write(lonc.site.path("outside.msul1"), "echo:x\n").unwrap();
    fs::write(lonc.site.spool("1.other"), "echo:x\n").unwrap();
    let mut operator = Operator::of(&lonc);
    for name in [
        "../outside.msul1",
        "1.other",
        "none.msul1",
        "",
        ".",
        "..",
        "a\0.msul1",
        "/etc/passwd",
    ] {
        for method in ["RetryDelayed", "HoldDelayed", "DropDelayed"] {
            let (error, told) = operator.fail(method, &json!({ "name": name }));
            assert_eq!(
                (&error[..], &told["name"]),
                ("org.loncapa.lonc.NoSuchMessage", &name.into())
            );
        }
    }
    assert!(lonc.site.path("outside.msul1").exists() && lonc.site.spool("1.other").exists());
}

#[test]
fn what_cannot_be_moved_stays_and_is_sent() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, SLOW).start();
    lonc.site.put_words(1);
    fs::write(lonc.site.path("held"), "in the way").unwrap();
    let mut operator = Operator::of(&lonc);
    wait_for("a refusal", || {
        let (error, told) = operator.fail("HoldDelayed", &json!({ "name": name(0) }));
        assert_eq!(error, "org.loncapa.lonc.SpoolFault", "{told}");
        Some(())
    });
    peer.revive();
    operator.call("Reconnect", &json!({}));
    peer.await_command(&word(0));
    lonc.site.await_empty();
}

#[test]
fn what_cannot_be_set_aside_is_kept_through_another_look() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    fs::write(site.path("failed"), "in the way").unwrap();
    fs::write(site.spool(name(0)), "two\nlines\n").unwrap();
    let lonc: Lonc = site.start();
    lonc.await_log("it stays, and is not sent");
    let mut operator = Operator::of(&lonc);
    for _ in 0..3 {
        operator.call("RetryDelayed", &json!({}));
        let messages = list(&mut operator, 1);
        assert_eq!(states(&messages), [(&name(0)[..], "unusable")]);
    }
    assert!(lonc.site.spool(name(0)).exists());
}

/// The messages, once there are so many.
fn list(operator: &mut Operator, count: usize) -> Vec<Value> {
    let list = wait_for("the messages", || {
        Some(operator.call("ListDelayed", &json!({}))).filter(|list| list["total"] == count)
    });
    list["messages"].as_array().unwrap().clone()
}

fn states(messages: &[Value]) -> Vec<(&str, &str)> {
    messages
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["state"].as_str().unwrap()))
        .collect()
}
