//! `loncctl check` on a host with LON-CAPA: what loncron would find, and a Perl lonc.

use std::fs;
use std::process::{Command, Stdio};

use test_harness::programs::{Running, built, installed};
use test_harness::{Peer, Site, wait_until};

use crate::tool::{Ran, command, ctl, run};

#[test]
fn without_loncapa_nothing_is_said_of_it() {
    let (_peer, site) = classic();
    fs::remove_dir(site.path("logs")).unwrap();
    assert!(!check(&site).out.contains("lonc.pid"));
}

#[test]
fn a_lonc_pid_without_process_is_told_with_what_follows() {
    let (_peer, site) = classic();
    let ended = ended();
    for (text, finding) in [
        (
            String::new(),
            "lonc.pid: names no process: loncron will end".to_owned(),
        ),
        ("nonsense\n".into(), "lonc.pid: names no process".into()),
        (
            format!("{ended}\n"),
            format!("lonc.pid: there is no process {ended}: loncron will end"),
        ),
    ] {
        site.write("logs/lonc.pid", &text);
        let ran = check(&site);
        ran.must_say(&finding);
        ran.must_say(&site.path("lonc").display().to_string());
        ran.must_say("-> systemctl restart lonc-usr1.service");
        assert_ne!(ran.code, 0);
    }
    fs::remove_file(site.path("logs/lonc.pid")).unwrap();
    check(&site).must_say("lonc.pid: names no process");
}

#[test]
fn a_perl_lonc_that_could_be_started_is_told_and_the_stand_in_is_not() {
    let (_peer, site) = classic();
    site.write("lonc", "#!/usr/bin/perl -w\n\nuse lib '/home/httpd/lib/perl/';\n");
    let path = site.path("lonc").display().to_string();
    // Where others have one running, that is told in its stead.
    let ran = alone(&site, "\"$@\"");
    if let Some(ran) = ran {
        ran.must_say(&format!("doubt {path}: is the Perl lonc"));
        ran.must_say(&format!(
            "-> mv {path} {path}.perl; ln -s /usr/lib/lonc/lonc-stand-in {path}"
        ));
    }
    fs::create_dir(site.path("taken-over")).unwrap();
    assert!(
        !check(&site).out.contains("is the Perl lonc"),
        "during a move it belongs there"
    );
    fs::remove_dir(site.path("taken-over")).unwrap();
    fs::remove_file(site.path("lonc")).unwrap();
    std::os::unix::fs::symlink(test_harness::source("packaging/lonc-stand-in"), site.path("lonc")).unwrap();
    assert!(!check(&site).out.contains("is the Perl lonc"));
}

#[test]
fn the_process_behind_it_is_judged() {
    let (_peer, site) = classic();
    let mut other = Running::start(Command::new("sleep").arg("60"));
    site.write("logs/lonc.pid", &format!("{}\n", other.id()));
    check(&site).must_say(&format!("WRONG {} is another program", of(&site, &other)));
    other.kill().unwrap();
    other.wait().unwrap();
    let mut command = Command::new(built("lonc-usr1"));
    Site::clean(&mut command);
    command.stderr(Stdio::null());
    command.arg("--config").arg(site.path("lonc.toml"));
    let own = Running::start(command.arg("--socket").arg(site.path("nobody")));
    wait_until("its number", || {
        fs::read_to_string(site.path("logs/lonc.pid")).is_ok_and(|text| text == format!("{}\n", own.id()))
    });
    check(&site).must_say(&format!("ok {}, lonc-usr1", of(&site, &own)));
}

#[test]
fn a_perl_lonc_that_runs_is_named_and_its_like_is_not() {
    let (_peer, site) = classic();
    let Some(ran) = installed("perl").and_then(|_| alone(&site, BESIDE)) else {
        return;
    };
    let pids = fs::read_to_string(site.path("pids")).unwrap();
    let (lonc, like) = pids.trim().split_once(' ').unwrap();
    ran.must_say(&format!("lonc.pid: process {lonc}, a Perl lonc"));
    let line = ran
        .out
        .lines()
        .find(|line| line.starts_with("doubt  Perl lonc: runs: "))
        .unwrap();
    assert!(
        line.ends_with(&format!(
            "runs: {lonc} (lonc: Parent keeping the \\u{{1b}}[2Jflock)"
        )),
        "{line}"
    );
    assert!(!line.contains(like), "{line}");
    ran.must_say("-> It serves the peers that have not been moved here");
}

/// Checks by way of a script, in a process table without what other tests have in theirs; nothing where that is not
/// possible.
fn alone(site: &Site, script: &str) -> Option<Ran> {
    let mut unshare = Command::new(installed("unshare")?);
    unshare.args(["-r", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    let check = command(site, &["check", "--timeout", "10s"]);
    unshare.args(["sh", "-c", script, "sh"]).arg(check.get_program());
    unshare.args(check.get_args()).current_dir(site.path(""));
    let ran = run(unshare);
    let is_possible = !ran.err.contains("unshare: ");
    if !is_possible {
        eprintln!("SKIPPED: {}", ran.err);
    }
    is_possible.then_some(ran)
}

/// Runs a command beside what calls itself as the Perl lonc does, and beside another program that is called so.
const BESIDE: &str = r#"
    perl -e '$0 = "lonc: Parent keeping the \e[2Jflock"; sleep 60' &
    lonc=$!
    perl -e 'exec {"sleep"} "lonc: Parent keeping the flock", 61' &
    like=$!
    for pid in $lonc $like; do
        until grep -q '^lonc: Parent' /proc/$pid/cmdline && ! grep -q perl /proc/$pid/cmdline; do sleep 0.01; done
    done
    echo $lonc >logs/lonc.pid
    echo $lonc $like >pids
    "$@"
"#;

/// A site with a directory of logs as LON-CAPA has it.
fn classic() -> (Peer, Site) {
    let peer = Peer::start();
    let site = Site::office(&peer, "usr1_pid_file = 'DIR/logs/lonc.pid'\n");
    fs::create_dir(site.path("logs")).unwrap();
    (peer, site)
}

fn check(site: &Site) -> Ran {
    ctl(site, &["check", "--timeout", "10s"])
}

fn of(site: &Site, process: &Running) -> String {
    format!(
        "{}: process {}",
        site.path("logs/lonc.pid").display(),
        process.id()
    )
}

/// The number of a process that has ended.
fn ended() -> u32 {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}
