//! Records with their fields, as journald gets them.

use std::fs;

use lonc::internals::message;
use nix::sys::signal::Signal;
use test_harness::journal::Journal;
use test_harness::{Peer, SLOW, Site, wait_until};

use crate::demand::told;
use crate::log_stands_still::flood;

#[test]
fn records_carry_priority_message_id_and_what_an_operator_searches_for() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), SLOW);
    let Some((mut journal, mut lonc)) = Journal::with(site) else {
        return;
    };
    lonc.await_socket();
    let started = journal.await_record(message::STARTED);
    assert_eq!(started["PRIORITY"], "6");
    assert_eq!(started["SYSLOG_IDENTIFIER"], "lonc");
    assert!(started["MESSAGE"].contains("serves msul1"), "{started:?}");
    let up = journal.await_record(message::LINK_UP);
    assert_eq!((&up["PRIORITY"][..], &up["LONC_STATE"][..]), ("6", "up"));

    let mut client = lonc.client();
    client.say("hold:1");
    peer.await_command("hold:1");
    peer.kill();
    assert_eq!(client.hear(), "con_lost");
    let lost = journal.await_record(message::LINK_LOST);
    assert_eq!(lost["PRIORITY"], "2");
    assert!(lost["MESSAGE"].contains(&lost["LONC_ERROR"]), "{lost:?}");
    let sent = journal.await_record(message::SENT_NO_REPLY);
    assert_eq!(sent["PRIORITY"], "4");
    assert!(
        sent["LONC_CLIENT"].starts_with(&format!("{}/", std::process::id())),
        "{sent:?}"
    );

    lonc.signal(Signal::SIGUSR1);
    journal.await_record(message::STATUS);
    let down = journal.await_record(message::PEER_DOWN);
    assert_eq!((&down["PRIORITY"][..], &down["LONC_STATE"][..]), ("4", "down"));
    journal.await_record(message::TRY_FAILED);
    assert_eq!(client.ask("echo:1"), "con_lost");
    journal.await_record(message::NEVER_SENT);
    lonc.signal(Signal::SIGTERM);
    journal.await_record(message::STOPPING);
    lonc.ended_well();

    let own: Vec<_> = journal
        .records
        .iter()
        .filter(|record| record.contains_key("MESSAGE"))
        .collect();
    assert!(own.iter().all(|record| record["LONC_PEER"] == "msul1"), "{own:?}");
    assert_eq!(fs::read_to_string(lonc.site.path("run/stderr")).unwrap(), "");
}

#[test]
fn a_fault_in_the_configuration_is_a_record_too() {
    let site = Site::new(Peer::dead().addr(), "[link]\npipelin = 1\n");
    let Some((mut journal, mut lonc)) = Journal::with(site) else {
        return;
    };
    let fault = journal.await_record(message::CONFIG_FAULT);
    assert_eq!(fault["PRIORITY"], "2");
    assert!(fault["MESSAGE"].contains("pipelin"), "{fault:?}");
    assert_eq!(lonc.ended().0.code(), Some(78));
}

#[test]
fn a_journal_that_stands_still_costs_records_and_no_request() {
    let Some((mut journal, mut lonc)) = Journal::with(Site::new(Peer::dead().addr(), SLOW)) else {
        return;
    };
    // Nobody reads the journal from the first record on.
    lonc.await_socket();
    let mut client = lonc.client();
    client.await_down();
    let fixed = lonc.site.path("lonc.toml");
    let text = fs::read_to_string(&fixed).unwrap();
    fs::write(&fixed, format!("{text}\n[daemon]\nlog_level = 'debug'\n")).unwrap();
    lonc.signal(Signal::SIGHUP);
    wait_until("level debug", || told(&lonc)["status"]["logLevel"] == "debug");
    flood(&mut client, 3000);
    let gap = journal.await_record(message::LOG_GAP);
    assert_eq!(gap["PRIORITY"], "4");
    assert_eq!(
        (&gap["LONC_PEER"][..], &gap["SYSLOG_IDENTIFIER"][..]),
        ("msul1", "lonc")
    );
    // In order: the first of all is there, and the last.
    let first = journal
        .records
        .iter()
        .position(|record| record.contains_key("MESSAGE"));
    let started = &journal.records[first.unwrap()];
    assert_eq!(started["MESSAGE_ID"], message::STARTED, "{started:?}");
    lonc.signal(Signal::SIGTERM);
    journal.await_record(message::STOPPING);
    lonc.ended_well();
}
