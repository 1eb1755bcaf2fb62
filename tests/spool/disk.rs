//! A disk that is full, read-only, gone, or forbidden: definite answers, a clear log, recovery without a restart.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::Uid;
use test_harness::programs::installed;
use test_harness::spool::{check_received, logged_in, name, names_in, received, word};
use test_harness::{Client, Lonc, Peer, QUICK, Site, another_user, wait_until};

#[test]
fn a_full_disk_is_told_and_survived() {
    let Some(mut run) = Mounted::start() else { return };
    assert_eq!(run.client.ask("critical:echo:m0"), "con_delayed");
    let ballast = run.inside().join("ballast");
    // Not even a page is left.
    let fill = || assert!(fs::write(&ballast, vec![0; 1 << 20]).is_err());
    fill();
    let mut failed = Vec::new();
    for number in 100..105 {
        assert_eq!(
            run.client.ask(&format!("critical:{}", word(number))),
            "con_failed"
        );
        failed.push(word(number));
    }
    run.lonc.await_log("its worker was told con_failed");
    run.lonc.await_log("No space left");
    assert_eq!(run.fates(), (vec![word(0)], vec![], failed));
    // No half of anything is left.
    assert_eq!(names_in(&run.inside()).len(), 2);
    // What is there is sent, full or not.
    run.peer.revive();
    wait_until("the old one", || names_in(&run.inside()) == ["ballast"]);
    wait_until("the link", || run.client.ask("critical:echo:m1") == "m1");
    run.peer.kill();
    run.client.await_down();
    fill();
    assert_eq!(run.client.ask("critical:echo:m106"), "con_failed");
    fs::remove_file(&ballast).unwrap();
    assert_eq!(run.client.ask("critical:echo:m2"), "con_delayed");
    run.peer.revive();
    wait_until("all sent", || names_in(&run.inside()).is_empty());
    check_received(&run.peer, 3);
    wait_until("the log", || run.fates().1.len() == 2);
    run.lonc.assert_alive();
}

#[test]
fn a_read_only_directory_is_told_and_survived() {
    let Some(mut run) = Mounted::start() else { return };
    if !Uid::effective().is_root() || installed("nsenter").is_none() {
        eprintln!("SKIPPED: only root may remount");
        return;
    }
    for number in 0..2 {
        assert_eq!(
            run.client.ask(&format!("critical:{}", word(number))),
            "con_delayed"
        );
    }
    run.remount("ro");
    assert_eq!(run.client.ask("critical:echo:m100"), "con_failed");
    run.lonc.await_log("Read-only file system");
    // What is there is sent once, and again only after it was not remembered any more.
    run.peer.revive();
    wait_until("both", || received(&run.peer).len() == 2);
    run.lonc.await_log("cannot be removed");
    wait_until("the link", || run.client.ask("echo:live") == "live");
    run.peer.drop_links();
    wait_until("the link", || run.client.ask("echo:live") == "live");
    assert_eq!(check_received(&run.peer, 2), 0);
    assert_eq!(names_in(&run.inside()).len(), 2);
    run.remount("rw");
    // With the next look, such as a new link brings.
    run.peer.drop_links();
    wait_until("an empty spool", || names_in(&run.inside()).is_empty());
    run.peer.kill();
    run.client.await_down();
    assert_eq!(run.client.ask("critical:echo:m2"), "con_delayed");
    run.peer.revive();
    wait_until("an empty spool", || names_in(&run.inside()).is_empty());
    assert_eq!(check_received(&run.peer, 3), 0);
    wait_until("the log", || run.fates().1.len() == 3);
    let (stored, sent, failed) = run.fates();
    assert_eq!(stored, sent);
    // The live one may have been on the link when that was dropped.
    assert_eq!(failed.first(), Some(&word(100)));
    assert!(
        failed.iter().skip(1).all(|command| command == "echo:live"),
        "{failed:?}"
    );
}

#[test]
fn a_directory_that_goes_and_comes_back_is_used_again() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, QUICK).start();
    let mut client = lonc.client();
    assert_eq!(client.ask("ping"), "msul1");
    let dir = lonc.site.path("delayed");
    for round in 0..2 {
        let number = 3 * round;
        if round == 0 {
            fs::remove_dir_all(&dir).unwrap();
        } else {
            fs::rename(&dir, lonc.site.path("moved")).unwrap();
        }
        // Nothing critical is in need of it while the link is up.
        wait_until("an answer", || {
            client.ask(&format!("critical:{}", word(number))) == format!("m{number}")
        });
        peer.kill();
        client.await_down();
        assert_eq!(client.ask("critical:echo:never"), "con_failed");
        lonc.await_log("delayed messages can neither be sent nor stored until that is mended");
        fs::create_dir(&dir).unwrap();
        assert_eq!(
            client.ask(&format!("critical:{}", word(number + 1))),
            "con_delayed"
        );
        peer.revive();
        lonc.site.await_empty();
        wait_until("up", || client.ask("echo:x") == "x");
        // What appears in it is seen.
        lonc.site.put(number, &word(number + 2));
        lonc.site.await_empty();
    }
    assert_eq!(
        received(&peer)
            .iter()
            .map(|(_, number)| *number)
            .collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5]
    );
    let failed = lonc.site.logged('F');
    assert_eq!(
        failed.iter().filter(|command| *command == "echo:never").count(),
        2
    );
    lonc.await_log("is there again");
}

#[test]
fn a_directory_missing_at_the_start_is_used_once_it_is_there() {
    let peer = Peer::start();
    let lonc = Site::new(peer.addr(), QUICK).start();
    assert_eq!(lonc.client().ask("critical:echo:live"), "live");
    lonc.await_log("spool_dir");
    fs::create_dir(lonc.site.path("delayed")).unwrap();
    lonc.site.put(0, &word(0));
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 1), 0);
}

#[test]
fn lost_permissions_are_told_and_survived() {
    let peer = Peer::dead();
    let mut lonc = another_user::start(Site::office(&peer, QUICK));
    let mut client = lonc.client();
    client.await_down();
    let dir = lonc.site.path("delayed");
    let allow = |mode| fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(client.ask("critical:echo:m0"), "con_delayed");
    // Neither list, nor read, nor write.
    allow(0o000);
    assert_eq!(client.ask("critical:echo:m100"), "con_failed");
    lonc.await_log("Permission denied");
    peer.revive();
    wait_until("up", || client.ask("echo:live") == "live");
    assert!(received(&peer).is_empty());
    allow(0o700);
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 1), 0);
    // List and read, but not remove.
    lonc.site.put(1, &word(1));
    lonc.site.await_empty();
    lonc.site.put(2, "hold:x");
    peer.await_command("hold:x");
    allow(0o500);
    peer.release();
    lonc.await_log("cannot be removed");
    peer.drop_links();
    wait_until("up", || client.ask("echo:live") == "live");
    assert_eq!(lonc.site.left(), [name(2)]);
    allow(0o700);
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 2), 0);
    assert_eq!(peer.count("hold:x"), 1);
    assert_eq!(lonc.site.logged('F'), [word(100)]);
    lonc.assert_alive();
}

#[test]
fn a_permanent_log_that_cannot_be_written_costs_no_message() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    fs::create_dir(site.path("perm.log")).unwrap();
    site.put_words(3);
    let lonc = site.start();
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 3), 0);
    lonc.await_log("permanent_log");
    fs::remove_dir(lonc.site.path("perm.log")).unwrap();
    lonc.site.put(3, &word(3));
    wait_until("the log", || lonc.site.logged('S').last() == Some(&word(3)));
}

/// lonc whose spool is a small file system of its own, in a mount namespace that goes with it.
struct Mounted {
    peer: Peer,
    lonc: Lonc,
    client: Client,
}

impl Mounted {
    fn start() -> Option<Self> {
        let unshare = installed("unshare")?;
        let peer = Peer::dead();
        let site = Site::office(&peer, QUICK);
        let mut command = Command::new(unshare);
        command.arg("--mount");
        if !Uid::effective().is_root() {
            command.arg("--map-root-user");
        }
        command
            .args([
                "sh",
                "-c",
                "mount -t tmpfs -o size=64k tmpfs \"$0\" && exec \"$@\"",
            ])
            .arg(site.path("delayed"));
        let command = site.command_behind(command);
        let probe = Command::new("unshare").args(["--mount", "true"]).output();
        if Uid::effective().is_root() && !probe.is_ok_and(|probe| probe.status.success()) {
            eprintln!("SKIPPED: no mount namespaces here");
            return None;
        }
        let lonc = Lonc::spawn(site, command);
        wait_until("lonc or its failure", || {
            lonc.site.socket().exists() || lonc.log().contains("unshare") || lonc.log().contains("mount")
        });
        if !lonc.site.socket().exists() {
            eprintln!("SKIPPED: {}", lonc.log());
            return None;
        }
        lonc.await_socket();
        let mut client = lonc.client();
        client.await_down();
        Some(Self { peer, lonc, client })
    }

    /// The spool as lonc sees it.
    fn inside(&self) -> PathBuf {
        let outside = self.lonc.site.path("delayed");
        Path::new("/proc")
            .join(self.lonc.pid().to_string())
            .join("root")
            .join(outside.strip_prefix("/").unwrap())
    }

    fn remount(&self, how: &str) {
        let status = Command::new("nsenter")
            .args(["-t", &self.lonc.pid().to_string(), "-m", "mount", "-o"])
            .arg(format!("remount,{how}"))
            .arg(self.lonc.site.path("delayed"))
            .status();
        assert!(status.unwrap().success());
    }

    fn fates(&self) -> (Vec<String>, Vec<String>, Vec<String>) {
        let log = self.lonc.site.path("perm.log");
        (logged_in(&log, 'D'), logged_in(&log, 'S'), logged_in(&log, 'F'))
    }
}
