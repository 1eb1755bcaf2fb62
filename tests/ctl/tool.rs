//! `loncctl` as a process.

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use test_harness::Site;
use test_harness::programs::fed;

/// What it printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }

    /// The line that begins with this word, split at blanks.
    pub(crate) fn line(&self, first: &str) -> Vec<&str> {
        let mut lines = self
            .out
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines
            .find(|words| words.first() == Some(&first))
            .unwrap_or_else(|| panic!("no line {first}: {self:?}"))
    }

    pub(crate) fn must_say(&self, words: &str) {
        assert!(self.says(words), "nothing of {words:?}: {self:?}");
    }

    pub(crate) fn says(&self, words: &str) -> bool {
        let said = format!("{}{}", self.out, self.err);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        said.contains(words)
    }
}

/// What waits for a daemon's answer no longer than an idle machine needs, unless it is told how long.
const IMPATIENT: [&str; 7] = [
    "check",
    "clients",
    "config",
    "log-level",
    "metrics",
    "status",
    "why",
];

/// With the configuration of `site` and nobody at a terminal.
pub(crate) fn command(site: &Site, arguments: &[&str]) -> Command {
    let mut command = bare();
    command
        .arg("--config")
        .arg(site.path("lonc.toml"))
        .args(arguments);
    let is_impatient = arguments.starts_with(&["spool", "list"])
        || arguments.first().is_some_and(|first| IMPATIENT.contains(first));
    if is_impatient && !arguments.contains(&"--timeout") {
        command.args(["--timeout", "30s"]);
    }
    command
}

pub(crate) fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loncctl"));
    command.stdin(Stdio::null()).env("TZ", "UTC");
    command
}

pub(crate) fn run(mut command: Command) -> Ran {
    Ran::of(command.output().unwrap())
}

pub(crate) fn ctl(site: &Site, arguments: &[&str]) -> Ran {
    run(command(site, arguments))
}

/// The same with this on standard input.
pub(crate) fn ctl_with(site: &Site, arguments: &[&str], input: &str) -> Ran {
    Ran::of(fed(&mut command(site, arguments), input))
}
