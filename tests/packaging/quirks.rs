//! Each odd way of the original that `docs/quirks.md` tells of is pinned by tests.

use std::fs;

use test_harness::source;

use super::read;

#[test]
fn each_names_the_tests_that_pin_it_and_they_are_there() {
    let text = read("docs/quirks.md");
    let (table, kept) = text.split_once("\nKept, though odd:\n").unwrap();
    // Behind the head.
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let pinned = rows.map(|row| row.rsplit(" | ").next().unwrap());
    let all: Vec<_> = pinned.chain(kept.split("\n- ").skip(1)).collect();
    assert!(all.len() >= 18, "{all:?}");
    for tests in all {
        let names: Vec<_> = names(tests).collect();
        assert!(!names.is_empty(), "no test for {tests}");
        for name in names {
            assert!(is_test(name), "there is no test {name}");
        }
    }
}

/// What looks like the path of a test.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.contains("::"))
}

/// Whether there is this test: its program, its file if that has several, its name.
fn is_test(path: &str) -> bool {
    let (file, name) = path.rsplit_once("::").unwrap();
    let file = file.replace("::", "/");
    let code = [format!("{file}.rs"), format!("{file}/main.rs")]
        .iter()
        .find_map(|file| fs::read_to_string(source("tests").join(file)).ok());
    code.is_some_and(|code| code.contains(&format!("#[test]\nfn {name}() {{")))
}
