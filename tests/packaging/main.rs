//! The files around the program: units, message catalog, man pages, Debian package.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests are tests too"
)]

mod catalog;
mod units;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A path in this tree.
fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(here(path)).unwrap()
}

/// Whether a program is there; says so if not, for the test then shows nothing.
fn have(program: &str) -> bool {
    let mut command = Command::new(program);
    // Some end at once, some want a file: it matters only that they can be started.
    let started = command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if started.is_err() {
        eprintln!("SKIPPED: {program} is not installed");
    }
    started.is_ok()
}

#[test]
fn man_pages_are_what_their_sources_make() {
    if have("scdoc") {
        let status = Command::new(here("docs/man/build"))
            .arg("--check")
            .status()
            .unwrap();
        assert!(status.success());
    }
}

#[test]
fn the_package_has_the_version_of_the_program() {
    let changelog = read("packaging/debian/changelog");
    let newest = changelog.split(['(', ')']).nth(1).unwrap();
    assert_eq!(newest, env!("CARGO_PKG_VERSION"));
}
