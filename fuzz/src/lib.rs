//! What several targets stand on: files that are read as an administrator's, and what may be told of them.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use lonc::internals::config::ConfigError;

thread_local! {
    static FOLDER: OnceCell<PathBuf> = const { OnceCell::new() };
}

/// A folder of this process. `fuzz/run` takes it away.
fn folder() -> PathBuf {
    let make = || {
        let folder = env::temp_dir().join(format!("lonc-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        folder
    };
    FOLDER.with(|folder| folder.get_or_init(make).clone())
}

/// Puts a file there, in place of the one before.
pub fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, content).expect("a file");
    path
}

/// How many lines there are, the one without an end as well.
pub fn num_lines(content: &[u8]) -> usize {
    1 + content
        .iter()
        .filter(|byte| matches!(byte, b'\n' | b'\r'))
        .count()
}

/// Checks that a message is one line, which steers no terminal, and is not endless.
pub fn is_harmless(line: &str) {
    assert!(!line.is_empty() && line.len() < 20_000, "{} bytes", line.len());
    assert!(!line.chars().any(char::is_control), "{line:?}");
}

/// Checks that every fault is told in a line that names a file of ours; and, if it is in the content of `path`, a line there.
pub fn check_fault(fault: &ConfigError, path: &Path, content: &[u8]) {
    let own = path.to_str().expect("a path of ours");
    for line in fault.to_string().lines() {
        is_harmless(line);
        if let Some(behind) = line.strip_prefix(own).and_then(|rest| rest.strip_prefix(':')) {
            let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
            // Without a number it is about the whole file.
            if let Ok(number) = digits.parse::<usize>() {
                assert!((1..=num_lines(content)).contains(&number), "{line}");
            }
        }
    }
    let (file, line) = fault.place();
    assert!(file.is_some(), "{fault}");
    assert!(
        file.as_deref() != Some(own) || line.is_none_or(|line| line <= num_lines(content)),
        "{fault}"
    );
}
