//! Every command of the documents is tried, or has a reason why it cannot be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::text::Parts;
use crate::{files, read, root};

const TABLE: &str = "tests/documents/commands.toml";
/// Within a line of prose, these begin a command.
const PROGRAMS: [&str; 12] = [
    "loncctl",
    "lonc",
    "systemctl",
    "journalctl",
    "cargo",
    "apt",
    "usermod",
    "ssh",
    "sysctl",
    "varlinkctl",
    "mkdir",
    "ls",
];
/// Words that stand for something of the reader's.
const PLACEHOLDERS: [(&str, &str); 4] = [
    ("PEER", "msul1"),
    ("<peer>", "msul1"),
    ("_peer_", "msul1"),
    ("HOST", "host"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// First lines of blocks that are no commands: files, output, drawings.
    other: Vec<String>,
    command: Vec<Entry>,
}

/// Where a command is tried: one of these.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    text: String,
    /// In the container: how, or empty if as it stands.
    host: Option<String>,
    /// Its exit status there is one of these, if not 0.
    #[serde(default)]
    status: Vec<i32>,
    /// Something that it says there.
    says: Option<String>,
    /// By this file, which holds `words`.
    by: Option<PathBuf>,
    words: Option<String>,
    /// Nowhere, and why.
    not: Option<String>,
}

#[test]
fn every_command_of_the_documents_is_tried() {
    let table = table();
    let known: BTreeSet<_> = table.command.iter().map(|entry| plain(&entry.text)).collect();
    let mut found = BTreeMap::new();
    for (document, command) in in_documents(&table) {
        found.entry(plain(&command)).or_insert((document, command));
    }
    let mut wrong = Vec::new();
    for (plain, (document, command)) in &found {
        if !known.contains(plain) {
            wrong.push(format!("{}: `{command}` is tried nowhere", document.display()));
        }
    }
    for entry in &table.command {
        if !found.contains_key(&plain(&entry.text)) {
            wrong.push(format!("{TABLE}: `{}` is in no document any more", entry.text));
        }
    }
    assert!(
        wrong.is_empty(),
        "{TABLE} says where each is tried:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn what_is_said_to_try_them_does() {
    for entry in table().command {
        let ways = [entry.host.is_some(), entry.by.is_some(), entry.not.is_some()];
        let number = ways.iter().filter(|is| **is).count();
        assert_eq!(number, 1, "`{}` needs one of host, by and not", entry.text);
        assert!(
            entry.host.is_some() || entry.status.is_empty() && entry.says.is_none(),
            "{}",
            entry.text
        );
        assert!(
            entry.not.is_none_or(|reason| reason.len() > 10),
            "`{}` needs a reason",
            entry.text
        );
        if let Some(by) = entry.by {
            let words = entry.words.unwrap_or_else(|| entry.text.clone());
            assert!(root().join(&by).exists(), "{} is not there", by.display());
            assert!(
                read(&by).contains(&words),
                "{} does not hold {words}",
                by.display()
            );
        }
    }
}

fn table() -> Table {
    toml::from_str(&read(TABLE)).unwrap()
}

/// As it is compared: with what stands for something, without what may be left out.
fn plain(command: &str) -> String {
    let mut plain = command.to_owned();
    while let Some((before, rest)) = plain.split_once('[') {
        let (_, after) = rest.split_once(']').unwrap_or_default();
        plain = format!("{before}{after}");
    }
    for (placeholder, example) in PLACEHOLDERS {
        plain = plain.replace(placeholder, example);
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The documents for users and the commands in them.
fn in_documents(table: &Table) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut documents = files("docs", ".md");
    documents.extend(["README.md", "CONTRIBUTING.md"].map(PathBuf::from));
    for document in documents {
        let parts = Parts::of(&read(&document));
        for block in &parts.blocks {
            found.extend(in_block(&document, block, table));
        }
        let commands = parts.spans.into_iter().filter(|span| is_command(span));
        found.extend(commands.map(|command| (document.clone(), command)));
    }
    for document in files("docs/man", ".scd") {
        let text = read(&document);
        let mut parts = text.split("\n```\n");
        while let (Some(prose), block) = (parts.next(), parts.next()) {
            // Bold, with what is special to the source escaped.
            let bold = prose
                .replace("\\*", "\u{0}")
                .replace("*_peer_*", "PEER")
                .replace("*_peer_", "PEER*");
            let bold = bold
                .split('*')
                .skip(1)
                .step_by(2)
                .map(|span| span.replace('\u{0}', "*"));
            let commands = bold.filter(|span| is_command(span));
            found.extend(commands.map(|command| (document.clone(), command)));
            if let Some(block) = block {
                found.extend(in_block(&document, block, table));
            }
        }
    }
    found
}

fn is_command(span: &str) -> bool {
    span.split_once(' ')
        .is_some_and(|(program, _)| PROGRAMS.contains(&program))
}

/// The commands of a block. Where some lines have a prompt, the others are what it printed.
fn in_block(document: &Path, block: &str, table: &Table) -> Vec<(PathBuf, String)> {
    let first = block.lines().next().unwrap_or_default().trim();
    if table.other.iter().any(|other| first == other) {
        return Vec::new();
    }
    let prompted = |line: &&str| line.starts_with("$ ") || line.starts_with("# ");
    let has_prompt = block.lines().any(|line| prompted(&line));
    let lines = block.lines().filter(|line| !has_prompt || prompted(line));
    let lines = lines.map(|line| line.trim_start_matches(['$', '#', ' ']));
    // A remark stands behind blanks.
    let commands = lines.map(|line| {
        line.split("  #")
            .next()
            .unwrap_or(line)
            .split(" # ")
            .next()
            .unwrap_or(line)
            .trim()
    });
    let commands = commands.filter(|line| !line.is_empty());
    commands
        .map(|command| (document.to_owned(), command.to_owned()))
        .collect()
}
