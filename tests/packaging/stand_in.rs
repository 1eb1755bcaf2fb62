//! `lonc-stand-in`, called as loncron calls the Perl lonc.

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use test_harness::programs::{installed, put_script};
use test_harness::source;

#[test]
fn where_systemd_does_not_run_it_says_so_and_ends_well() {
    if fs::exists("/run/systemd/system").unwrap() {
        return;
    }
    let output = Command::new(source("packaging/lonc-stand-in")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = line(&output);
    assert!(
        said.contains("systemd") && said.contains("nothing is started"),
        "{said}"
    );
}

#[test]
fn it_has_systemd_start_the_target_and_asks_no_password() {
    let systemd = Systemd::that("exit 0");
    let Some(output) = systemd.call() else { return };
    let said = line(&output);
    assert!(said.contains("lonc.target is active"), "{said}");
    let asked = systemd.asked();
    assert!(
        asked.starts_with("--no-ask-password --quiet start lonc.target lonc-usr1.service\n"),
        "{asked}"
    );
    for words in asked.lines() {
        assert!(words.starts_with("--no-ask-password "), "{words}");
        assert!(!words.contains("lonc@"), "{words}");
    }
}

#[test]
fn one_that_is_about_to_come_back_is_waited_for() {
    // As systemd tells it of a service that it restarts: at the third question it is there.
    let systemd = Systemd::that(
        "case $* in *is-active*usr1*) ;; *) exit 0;; esac\n\
         [ $(grep -c usr1 $(dirname $0)/asked) -gt 3 ] && echo active && exit 0\n\
         echo activating; exit 3",
    );
    let Some(output) = systemd.call() else { return };
    let said = line(&output);
    assert!(said.contains("lonc.target is active"), "{said}");
}

#[test]
fn where_it_may_not_it_says_who_is_to_do_what() {
    let systemd =
        Systemd::that("case $* in *is-active*target) exit 0;; esac; echo 'Access denied' >&2; exit 1");
    let Some(output) = systemd.call() else { return };
    let said = line(&output);
    assert!(
        said.ends_with("by root: systemctl start lonc-usr1.service\n"),
        "{said}"
    );
}

#[test]
fn a_systemd_that_does_not_answer_holds_it_up_for_a_while_only() {
    let systemd = Systemd::that("case $* in *start*) trap '' TERM; exec sleep 1000;; esac; exit 3");
    let begun = Instant::now();
    let Some(output) = systemd.call() else { return };
    assert!(begun.elapsed() < Duration::from_secs(60));
    let said = line(&output);
    assert!(
        said.ends_with("systemctl start lonc.target lonc-usr1.service\n"),
        "{said}"
    );
}

/// The one line that it says.
fn line(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(
        output.stderr.is_empty() && said.lines().count() == 1,
        "{said}{output:?}"
    );
    said
}

/// A `systemctl` that behaves as told, in front of the real one, and a machine that looks as if systemd had booted it.
struct Systemd(TempDir);

impl Systemd {
    fn that(does: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("systemctl");
        let asked = dir.path().join("asked");
        let script = format!("#!/bin/sh\necho \"$*\" >>{}\n{does}\n", asked.display());
        put_script(script, &path);
        Self(dir)
    }

    /// What it says; nothing where nobody may mount.
    fn call(&self) -> Option<Output> {
        let mut command = Command::new(installed("unshare")?);
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.0.path().display()));
        command.args(["-r", "-m", "sh", "-c"]).arg(format!(
            "mount -t tmpfs none /run && mkdir -p /run/systemd/system || exit 99\nexec {} </dev/null",
            source("packaging/lonc-stand-in").display()
        ));
        let output = command.output().unwrap();
        let is_possible = output.status.code() != Some(99) && !output.stderr.starts_with(b"unshare: ");
        if !is_possible {
            eprintln!("SKIPPED: nobody may mount here");
        }
        is_possible.then_some(output)
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.0.path().join("asked")).unwrap()
    }
}
