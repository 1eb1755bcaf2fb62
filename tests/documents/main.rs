//! The documents: every command in them is tried somewhere, every link leads somewhere, and manual pages look as they
//! are meant to.
//!
//! `commands.toml` says of each command where it is tried. Those of hosts are run in a container, in the order of that
//! file, by the system tests' scenario `documents`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests are tests too"
)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of what the syntax has, only some matters"
)]

mod commands;
mod links;
mod manuals;
mod settings;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

/// Where the project is.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// The files of a folder with this ending, by their paths from the root; sorted.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let path = |entry: std::io::Result<fs::DirEntry>| Path::new(folder).join(entry.unwrap().file_name());
    let mut files: Vec<_> = entries
        .map(path)
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    files.sort();
    files
}

/// All that is written in Markdown.
fn markdown() -> Vec<PathBuf> {
    let folders = [".", "docs", "tests/system", "tests/machine", "systemd/examples"];
    folders.iter().flat_map(|folder| files(folder, ".md")).collect()
}
