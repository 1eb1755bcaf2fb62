//! The structure of the code: no rings among modules, files and functions of a size that is read in one go, and walks
//! through it in `docs/structure.md` that lead where they say.
//!
//! A module needs another when it names something there: in a `use`, nested or renamed or of all that is in there, or
//! by a path in a signature, a body, a macro or an attribute. A name that a module only passes on (`pub use`) counts for
//! where it is defined; and for who passes it on as well, if that is no ancestor of who names it.
//!
//! Parent and child may need each other. What counts is the children of one parent among themselves, each with all that
//! is in it: where one needs another, that needs it by no way, whatever files of theirs name each other. So a ring
//! through a parent that only passes names on is found, and one between files deep in two folders.
//!
//! What is there for tests only (`#[cfg(test)]`, and the files of modules declared so) does not count, nor do method
//! calls, which name no module, nor links in comments.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too"
)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of what the syntax has, only some matters"
)]

mod by_hand;
mod figures;
mod names;
mod rings;
mod tree;
mod walks;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use figures::Length;
use tree::Tree;

/// Rings that are still there, to be undone; what is left of one counts as that one.
const KNOWN_RINGS: &[&[&str]] = &[];

/// Files and functions that are still too long.
const KNOWN_LONG_FILES: &[&str] = &[];
const KNOWN_LONG_FUNCTIONS: &[&str] = &[];

#[test]
fn no_modules_need_each_other_but_parent_and_child() {
    let trees = crates();
    let rings: Vec<_> = trees.iter().flat_map(rings::rings).collect();
    let is_known = |ring: &rings::Ring| KNOWN_RINGS.iter().any(|known| is_part(ring, known));
    let mut wrong = String::new();
    for ring in rings.iter().filter(|ring| !is_known(ring)) {
        writeln!(wrong, "{ring}").unwrap();
    }
    for known in KNOWN_RINGS {
        if !rings.iter().any(|ring| is_part(ring, known)) {
            writeln!(wrong, "{known:?} is no ring any more: take it from the list").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn files_are_short() {
    check_lengths(figures::files(&crates()), 160, 400, KNOWN_LONG_FILES);
}

#[test]
fn functions_are_short() {
    check_lengths(figures::functions(&crates()), 9, 60, KNOWN_LONG_FUNCTIONS);
}

fn crates() -> [Tree; 2] {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    [
        Tree::read(here, "lonc", "src/lib.rs"),
        Tree::read(here, "lonc_proto", "src/proto/lib.rs"),
    ]
}

fn is_part(ring: &rings::Ring, known: &[&str]) -> bool {
    ring.members.iter().all(|member| known.contains(&member.as_str()))
}

/// Half of them have `median` lines or less, and none but the known has more than `longest`.
fn check_lengths(mut lengths: Vec<Length>, median: usize, longest: usize, known: &[&str]) {
    lengths.sort();
    lengths.reverse();
    let middle = lengths[lengths.len() / 2].num_lines;
    let mut figures = format!(
        "{} in all, half of them of {middle} lines or less, the longest:\n",
        lengths.len()
    );
    for length in lengths.iter().take(10) {
        writeln!(figures, "    {:4} {}", length.num_lines, length.name).unwrap();
    }
    let long = lengths.iter().filter(|length| length.num_lines > longest);
    let long: BTreeSet<_> = long.map(|length| &*length.name).collect();
    assert!(middle <= median, "the median may be {median}; {figures}");
    assert_eq!(
        long,
        known.iter().copied().collect(),
        "{longest} are allowed; {figures}"
    );
}
