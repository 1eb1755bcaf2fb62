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
        ran.must_say("lonc-stand-in");
        assert_ne!(ran.code, 0);
    }
    fs::remove_file(site.path("logs/lonc.pid")).unwrap();
    check(&site).must_say("lonc.pid: names no process");
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
    // Other tests may have some of their own: this is a process table that is not theirs.
    let Some(unshare) = installed("unshare").filter(|_| installed("perl").is_some()) else {
        return;
    };
    let mut unshare = Command::new(unshare);
    unshare.args([
        "-r",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "sh",
        "-c",
        BESIDE,
        "sh",
    ]);
    let check = command(&site, &["check", "--timeout", "10s"]);
    unshare
        .current_dir(site.path(""))
        .arg(check.get_program())
        .args(check.get_args());
    let ran = run(unshare);
    if ran.err.contains("unshare: ") {
        eprintln!("SKIPPED: {}", ran.err);
        return;
    }
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
