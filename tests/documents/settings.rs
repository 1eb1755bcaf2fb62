//! Every example of a configuration in the documents is one.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use test_harness::programs::built;

use crate::text::Parts;
use crate::{files, markdown, read};

/// A document that is no Markdown, and has an example.
const UNITS: &str = "systemd/examples/README";
/// Where there must be some: an example that is not found is not looked at.
const LEAST: [(&str, usize); 5] = [
    ("README.md", 1),
    ("docs/operating.md", 1),
    ("docs/tls.md", 2),
    ("docs/man/lonc.toml.5.scd", 1),
    (UNITS, 2),
];

#[test]
fn every_example_of_a_configuration_is_taken() {
    let examples = examples();
    for (document, least) in LEAST {
        let found = examples.get(document).map_or(0, Vec::len);
        assert!(
            found >= least,
            "{document}: {found} examples are found, and there are {least}"
        );
    }
    let wrong: Vec<_> = examples
        .iter()
        .flat_map(|(document, all)| all.iter().map(move |example| (document, example)))
        .filter_map(|(document, example)| Some(format!("{document}:\n{example}\n{}", fault(example)?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_wrong_with_one_is_found() {
    for wrong in [
        "[link]\npipelin = 3\n",
        "port = 'x'\n",
        "[nonsense]\n",
        "[link.tls]\nmode = 'of'\n",
    ] {
        assert!(fault(wrong).is_some(), "{wrong}");
    }
}

/// By the documents that they are in.
fn examples() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for path in markdown() {
        let parts = Parts::of(&read(&path));
        let name = path.to_str().unwrap().trim_start_matches("./").to_owned();
        let plain = parts.blocks.into_iter().filter(|block| is_toml(block));
        found.entry(name).or_default().extend(plain.chain(parts.toml));
    }
    for path in files("docs/man", ".scd") {
        let text = read(&path);
        let blocks = text
            .split("\n```\n")
            .skip(1)
            .step_by(2)
            .filter(|block| is_toml(block));
        let name = path.to_str().unwrap().to_owned();
        found.entry(name).or_default().extend(blocks.map(str::to_owned));
    }
    found
        .entry(UNITS.to_owned())
        .or_default()
        .extend(indented(&read(UNITS)));
    found
}

/// Commands, units and the settings of other programs are none.
fn is_toml(block: &str) -> bool {
    block.parse::<toml::Table>().is_ok_and(|table| !table.is_empty())
}

/// The keys that stand on indented lines, each with the lines that go on with it.
fn indented(text: &str) -> Vec<String> {
    let mut found = Vec::<String>::new();
    for line in text.lines().filter(|line| line.starts_with(' ')) {
        match found.last_mut().filter(|last| !is_toml(last)) {
            Some(open) => open.extend(["\n", line]),
            None if line.contains(" = ") => found.push(line.to_owned()),
            None => {}
        }
    }
    found
}

/// Why lonc does not take it, if it does not. Files that it names are not there.
fn fault(example: &str) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lonc.toml");
    let is_named = example.contains("host_id") || example.contains("loncapa_conf");
    let own = if is_named { "" } else { "host_id = \"msul2\"\n" };
    fs::write(&path, format!("{own}{example}")).unwrap();
    let output = Command::new(built("lonc"))
        .arg("--check")
        .arg("--config")
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let is_missing = |line: &str| line.contains("No such file or directory");
    let is_taken = output.status.success() || said.lines().all(is_missing);
    (!is_taken).then_some(said)
}
