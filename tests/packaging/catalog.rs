//! Every kind of event has an entry in the message catalog, and every entry an event.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use test_harness::programs::installed;
use test_harness::source;

use super::read;

/// Fields of journal records that entries may show.
const FIELDS: [&str; 4] = ["LONC_PEER", "LONC_ERROR", "LONC_CLIENT", "LONC_STATE"];

#[test]
fn each_event_has_an_entry_and_each_entry_an_event() {
    let ids = ids_in_code();
    assert!(ids.len() >= 16 && ids.iter().all(|id| id.len() == 32), "{ids:?}");
    assert_eq!(entries().into_keys().collect::<BTreeSet<_>>(), ids);
}

#[test]
fn entries_say_who_where_and_what_to_do() {
    for (id, entry) in entries() {
        let (headers, text) = entry.split_once("\n\n").unwrap();
        for header in [
            "Subject: ",
            "Defined-By: lonc",
            "Support: ",
            "Documentation: man:",
        ] {
            assert!(
                headers.lines().any(|line| line.starts_with(header)),
                "{id}: {header}"
            );
        }
        assert!(text.len() > 60, "{id}: {text}");
        let capitals = |word: &&str| word.starts_with("LONC_");
        for word in entry.split('@').filter(capitals) {
            assert!(FIELDS.contains(&word), "{id}: {word}");
        }
    }
}

#[test]
fn journalctl_takes_the_catalog() {
    if installed("journalctl").is_none() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("usr/lib/systemd/catalog");
    fs::create_dir_all(&place).unwrap();
    fs::copy(source("systemd/lonc.catalog"), place.join("lonc.catalog")).unwrap();
    let journalctl = |what: &str| {
        let root = format!("--root={}", root.path().display());
        Command::new("journalctl").args([&root, what]).output().unwrap()
    };
    let update = journalctl("--update-catalog");
    assert!(update.status.success() && update.stderr.is_empty(), "{update:?}");
    let listed = String::from_utf8(journalctl("--list-catalog").stdout).unwrap();
    assert_eq!(listed.lines().count(), ids_in_code().len(), "{listed}");
}

fn ids_in_code() -> BTreeSet<String> {
    let code = read("src/journal.rs");
    let constants = code
        .lines()
        .filter(|line| line.contains("pub const ") && line.contains("&str"));
    constants
        .map(|line| line.split('"').nth(1).unwrap().to_owned())
        .collect()
}

/// Entries by their ids: headers and text.
fn entries() -> BTreeMap<String, String> {
    let catalog = read("systemd/lonc.catalog");
    let parts = catalog.split("\n-- ").skip(1);
    let entry = |part: &str| {
        part.split_once('\n')
            .map(|(id, rest)| (id.to_owned(), rest.to_owned()))
            .unwrap()
    };
    parts.map(entry).collect()
}
