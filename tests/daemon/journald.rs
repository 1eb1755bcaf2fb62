//! Records with their fields, as journald gets them.

use std::collections::HashMap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use lonc::internals::message;
use nix::sys::signal::Signal;
use test_harness::programs::installed;
use test_harness::{Lonc, Peer, SLOW, Site, wait_for};

use crate::log_stands_still::flood;

/// Puts the directory where journald's is, in a mount namespace of its own, with stderr as systemd would connect it.
const PRIVATE: &str = r#"
    dir=$1; shift
    [ -d /run/systemd ] || { mount -t tmpfs none /run && mkdir /run/systemd; } || exit 77
    mount --bind "$dir" /run/systemd || exit 77
    [ "$1" ] || exit 0
    JOURNAL_STREAM=$(stat -c %d:%i "$dir/stderr"); export JOURNAL_STREAM
    exec "$@" 2>"$dir/stderr"
"#;

#[test]
fn records_carry_priority_message_id_and_what_an_operator_searches_for() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), SLOW);
    let Some((mut journal, mut lonc)) = with_journal(site) else {
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
    let Some((mut journal, mut lonc)) = with_journal(site) else {
        return;
    };
    let fault = journal.await_record(message::CONFIG_FAULT);
    assert_eq!(fault["PRIORITY"], "2");
    assert!(fault["MESSAGE"].contains("pipelin"), "{fault:?}");
    assert_eq!(lonc.ended().0.code(), Some(78));
}

#[test]
fn a_journal_that_stands_still_costs_records_and_no_request() {
    let Some((mut journal, mut lonc)) = with_journal(Site::new(Peer::dead().addr(), SLOW)) else {
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

/// journald's end of its socket.
struct Journal {
    socket: UnixDatagram,
    records: Vec<HashMap<String, String>>,
}

/// lonc with a journal of its own; `None` if this machine does not let us.
fn with_journal(site: Site) -> Option<(Journal, Lonc)> {
    let unshare = installed("unshare")?;
    let dir = site.path("run");
    fs::create_dir_all(dir.join("journal")).unwrap();
    fs::write(dir.join("stderr"), "").unwrap();
    let private = || {
        let mut command = Command::new(&unshare);
        Site::clean(&mut command);
        command
            .args(["--map-root-user", "--mount", "sh", "-c", PRIVATE, "sh"])
            .arg(&dir);
        command
    };
    let tried = private().output().unwrap();
    if !tried.status.success() {
        eprintln!(
            "SKIPPED: no mount namespace: {}",
            String::from_utf8_lossy(&tried.stderr).trim()
        );
        return None;
    }
    let socket = UnixDatagram::bind(dir.join("journal/socket")).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let command = site.command_behind(private());
    let journal = Journal {
        socket,
        records: Vec::new(),
    };
    Some((journal, Lonc::spawn(site, command)))
}

impl Journal {
    /// Waits for a record with this id.
    fn await_record(&mut self, id: &str) -> HashMap<String, String> {
        wait_for(id, || {
            let mut room = vec![0; 1 << 16];
            if let Ok(count) = self.socket.recv(&mut room) {
                self.records.push(fields(&room[..count]));
            }
            let found = self
                .records
                .iter()
                .find(|record| record.get("MESSAGE_ID").is_some_and(|of| of == id));
            found.cloned()
        })
    }
}

/// The fields of journald's native protocol: `NAME=value`, or `NAME`, newline, length, value.
fn fields(mut bytes: &[u8]) -> HashMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut fields = HashMap::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
        if let Some(sign) = line.iter().position(|byte| *byte == b'=') {
            fields.insert(text(&line[..sign]), text(&line[sign + 1..]));
            bytes = rest;
        } else {
            let (length, rest) = rest.split_at(8);
            let length = u64::from_le_bytes(length.try_into().unwrap());
            let (value, rest) = rest.split_at(length.try_into().unwrap());
            fields.insert(text(line), text(value));
            bytes = &rest[1..];
        }
    }
    fields
}
