//! The files around the program: units, message catalog, man pages, Debian package, the list of quirks.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests are tests too"
)]

mod catalog;
mod quirks;
mod stand_in;
mod units;

use std::fs;
use std::process::Command;

use test_harness::programs::installed;
use test_harness::source;

#[test]
fn man_pages_are_what_their_sources_make() {
    if installed("scdoc").is_some() {
        let mut build = Command::new(source("docs/man/build"));
        assert!(build.arg("--check").status().unwrap().success());
    }
}

#[test]
fn the_package_has_the_version_of_the_program() {
    let changelog = read("packaging/debian/changelog");
    let newest = changelog.split(['(', ')']).nth(1).unwrap();
    assert_eq!(newest, env!("CARGO_PKG_VERSION"));
}

fn read(path: &str) -> String {
    fs::read_to_string(source(path)).unwrap()
}
