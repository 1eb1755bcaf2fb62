//! The file that LON-CAPA's loncron shows.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use stand_in_lond::Behaviour;
use test_harness::programs::{Running, installed};
use test_harness::{Lonc, Peer, SLOW, Site, wait_for, wait_until};

const KEY: &str = "loncron_log = 'DIR/lonc.log'\n";

#[test]
fn it_has_the_three_grades_as_the_original_wrote_them() {
    let peer = Peer::start();
    let mut lonc = Site::new(peer.addr(), &format!("{KEY}{SLOW}")).start();
    let mut client = lonc.client();
    client.say("hold:1");
    peer.await_command("hold:1");
    peer.kill();
    assert_eq!(client.hear(), "con_lost");
    client.await_down();
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
    let text = read(&lonc.site);
    for (grade, words) in [
        ("<font color=\"green\">INFO: ", "serves msul1 at "),
        ("<font color=\"red\">CRITICAL: ", "link 0 to "),
        (
            "<font color=\"blue\">WARNING: ",
            "is down: requests are answered con_lost",
        ),
        // What is said last is there, too.
        ("<font color=\"green\">INFO: ", "has finished"),
    ] {
        let line = text
            .lines()
            .find(|line| line.contains(grade) && line.contains(words));
        let line = line.unwrap_or_else(|| panic!("{words} not in\n{text}"));
        assert!(
            line.contains(&format!(" ({}) [msul1] [lonc]: ", lonc.pid())),
            "{line}"
        );
        assert!(line.ends_with("</font>"), "{line}");
    }
    assert!(!text.contains("hold:1"), "{text}");
}

#[test]
fn what_lond_says_is_no_markup_there() {
    let peer = Peer::that(Behaviour::RefuseInit);
    let lonc = Site::new(peer.addr(), &format!("{KEY}{SLOW}")).start();
    wait_until("the failure", || {
        read(&lonc.site).contains("lond answered \"refused\" to its challenge")
    });
    for line in read(&lonc.site).lines() {
        assert_eq!(line.matches('<').count(), 2, "{line}");
    }
}

#[test]
fn several_append_to_it_and_a_renamed_or_removed_one_is_made_anew() {
    let peer = Peer::start();
    let first = Site::new(
        peer.addr(),
        &format!("{KEY}[peer.other]\naddress = '127.0.0.1'\nport = 1\n"),
    )
    .start();
    let other = Lonc::spawn(first.site.clone(), first.site.command_for("other"));
    let path = first.site.path("lonc.log");
    wait_until("both", || {
        let text = read(&first.site);
        text.contains("[msul1]") && text.contains("[other]")
    });
    fs::rename(&path, first.site.path("lonc.log.1")).unwrap();
    status_is_told(&first, &path);
    fs::remove_file(&path).unwrap();
    status_is_told(&other, &path);
    status_is_told(&first, &path);
    for name in ["lonc.log", "lonc.log.1"] {
        let text = fs::read_to_string(first.site.path(name)).unwrap();
        for line in text.lines() {
            assert_eq!(line.matches("] [lonc]: <font").count(), 1, "{line}");
            assert!(line.ends_with("</font>"), "{line}");
        }
    }
}

#[test]
fn it_is_off_by_default_and_a_reload_turns_it_on_and_off() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let path = lonc.site.path("lonc.log");
    assert!(!path.exists());
    assert!(!threads(&lonc).contains(&"loncron-log".to_owned()));
    lonc.site.configure(peer.addr(), KEY);
    reload(&lonc, 1);
    status_is_told(&lonc, &path);
    lonc.site.configure(peer.addr(), "");
    reload(&lonc, 2);
    wait_until("the end of its thread", || {
        !threads(&lonc).contains(&"loncron-log".to_owned())
    });
    let length = fs::metadata(&path).unwrap().len();
    lonc.signal(Signal::SIGUSR1);
    lonc.await_log("since the start");
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
}

#[test]
fn where_it_cannot_be_written_that_is_told_once_and_what_is_missing_is_counted() {
    let peer = Peer::start();
    let lonc = Site::new(peer.addr(), "loncron_log = 'DIR/logs/lonc.log'\n").start();
    lonc.await_log("No such file");
    lonc.signal(Signal::SIGUSR1);
    lonc.await_log("since the start");
    fs::create_dir(lonc.site.path("logs")).unwrap();
    let path = lonc.site.path("logs/lonc.log");
    status_is_told(&lonc, &path);
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.lines()
            .next()
            .unwrap()
            .contains(" missing here; the journal has them"),
        "{text}"
    );
    assert_eq!(lonc.log().matches("loncron_log: ").count(), 1, "{}", lonc.log());
}

#[test]
fn neither_a_link_nor_a_pipe_in_its_place_is_written_to() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), KEY);
    site.write("another", "");
    std::os::unix::fs::symlink(site.path("another"), site.path("lonc.log")).unwrap();
    let lonc = site.start();
    lonc.await_log("loncron_log: ");
    assert_eq!(fs::read(lonc.site.path("another")).unwrap(), b"");
    // In one moment: where there is nothing it makes a file.
    let aside = lonc.site.path("aside");
    nix::unistd::mkfifo(&aside, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::rename(&aside, lonc.site.path("lonc.log")).unwrap();
    lonc.signal(Signal::SIGUSR1);
    assert_eq!(lonc.client().ask("ping"), "msul1");
    fs::remove_file(lonc.site.path("lonc.log")).unwrap();
    status_is_told(&lonc, &lonc.site.path("lonc.log"));
}

#[test]
fn a_disk_that_hangs_costs_records_and_not_service() {
    let Some(strace) = installed("strace") else { return };
    let peer = Peer::start();
    let mut lonc = Site::new(peer.addr(), KEY).start();
    let path = lonc.site.path("lonc.log");
    wait_until("its beginning", || path.exists());
    let mut command = Command::new(strace);
    command.args(["-q", "-e", "trace=openat", "-e", "inject=openat:delay_enter=100s"]);
    command.args(["-o", "/dev/null", "-p", &thread(&lonc)]);
    let hang = Running::start(command.stderr(Stdio::null()));
    let status = format!("/proc/{}/task/{}/status", lonc.pid(), thread(&lonc));
    wait_until("the hang", || {
        fs::read_to_string(&status).is_ok_and(|text| !text.contains("TracerPid:\t0\n"))
    });
    let length = fs::metadata(&path).unwrap().len();
    // More than may wait.
    for _ in 0..300 {
        lonc.signal(Signal::SIGUSR1);
        assert_eq!(lonc.client().ask("ping"), "msul1");
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
    lonc.signal(Signal::SIGTERM);
    lonc.await_log("the disk hangs: the last records are missing");
    // Only who makes it hang keeps the process from being gone.
    drop(hang);
    lonc.ended_well();
}

fn read(site: &Site) -> String {
    fs::read_to_string(site.path("lonc.log")).unwrap_or_default()
}

/// Has it log something, until that is in the file.
fn status_is_told(lonc: &Lonc, path: &Path) {
    let own = format!("({})", lonc.pid());
    wait_until("the status in the file", || {
        lonc.signal(Signal::SIGUSR1);
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .any(|line| line.contains(&own) && line.contains("since the start"))
    });
}

fn reload(lonc: &Lonc, count: usize) {
    lonc.signal(Signal::SIGHUP);
    wait_until("the reload", || {
        lonc.log().matches("configuration read anew").count() == count
    });
}

fn threads(lonc: &Lonc) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", lonc.pid()))
        .unwrap()
        .flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// The number of the one that writes.
fn thread(lonc: &Lonc) -> String {
    wait_for("the thread", || {
        let mut tasks = fs::read_dir(format!("/proc/{}/task", lonc.pid()))
            .unwrap()
            .flatten();
        let task = tasks.find(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "loncron-log\n")
        })?;
        task.file_name().into_string().ok()
    })
}
