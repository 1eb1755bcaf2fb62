//! What has a message's name and is none: never followed, never sent, and no obstacle.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use test_harness::spool::{check_received, name, word};
use test_harness::{Peer, Site, another_user, wait_until};

#[test]
fn links_fifos_and_directories_are_left_and_reported() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    fs::write(site.path("elsewhere"), "echo:followed\n").unwrap();
    symlink(site.path("elsewhere"), site.spool(name(0))).unwrap();
    symlink(site.path("nowhere"), site.spool(name(1))).unwrap();
    mkfifo(&site.spool(name(2)), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    fs::create_dir(site.spool(name(3))).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(site.spool(name(4)));
    site.put(5, &word(0));
    let mut lonc = site.start();
    let odd: Vec<_> = (0..5).map(name).collect();
    wait_until("only what is no message", || lonc.site.left() == odd);
    assert_eq!(lonc.client().ask("echo:live"), "live");
    // A FIFO that appears while lonc is up.
    let fifo = lonc.site.spool(name(6));
    mkfifo(&lonc.site.path("fifo"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    fs::rename(lonc.site.path("fifo"), &fifo).unwrap();
    symlink(lonc.site.path("elsewhere"), lonc.site.path("link")).unwrap();
    fs::rename(lonc.site.path("link"), lonc.site.spool(name(7))).unwrap();
    lonc.site.put(8, &word(1));
    wait_until("the second message", || !lonc.site.spool(name(8)).exists());
    assert_eq!(check_received(&peer, 2), 0);
    assert_eq!(peer.count("echo:followed"), 0);
    assert_eq!(
        fs::read_to_string(lonc.site.path("elsewhere")).unwrap(),
        "echo:followed\n"
    );
    for number in [0, 1, 2, 3, 4, 6, 7] {
        let path = lonc.site.spool(name(number));
        lonc.await_log(&format!("{}: ", path.display()));
    }
    assert!(lonc.site.failed().is_empty());
    let mut client = lonc.client();
    wait_until("a direct reply", || client.ask("critical:echo:live") == "live");
    lonc.assert_alive();
    drop(listener);
}

#[test]
fn what_is_not_one_command_is_set_aside_unchanged() {
    let peer = Peer::start();
    let site = Site::office(&peer, "[client]\nmax_request_bytes = '64KiB'\n");
    let large = format!("echo:{}\n", "x".repeat(64 << 10));
    let damaged = [
        (0, "echo:one\necho:two\n"),
        (1, "\n"),
        (2, &large),
        (3, "echo:one\n\n"),
        (4, "close_connection_exit\n"),
        (5, "critical:\n"),
        (6, "echo:one\necho:unfin"),
    ];
    for (number, content) in damaged {
        fs::write(site.spool(name(number)), content).unwrap();
    }
    fs::create_dir(site.path("failed")).unwrap();
    fs::write(site.path("failed").join(name(1)), "of old\n").unwrap();
    site.put(7, &word(0));
    let largest = format!("echo:{}", "y".repeat((64 << 10) - 5));
    site.put(8, &largest);
    let lonc = site.start();
    lonc.site.await_empty();
    peer.await_command(&largest);
    assert_eq!(check_received(&peer, 1), 0);
    assert!(peer.count("echo:one") + peer.count("echo:two") + peer.count("") == 0);
    assert_eq!(lonc.client().ask("echo:live"), "live");
    for (number, content) in damaged {
        let failed = if number == 1 { name(1) + "~1" } else { name(number) };
        let is = fs::read_to_string(lonc.site.path("failed").join(&failed)).unwrap();
        assert_eq!(is, content, "{failed}");
        lonc.await_log(&format!("{}: ", lonc.site.spool(name(number)).display()));
    }
    let of_old = fs::read_to_string(lonc.site.path("failed").join(name(1))).unwrap();
    assert_eq!(of_old, "of old\n");
    assert_eq!(lonc.site.failed().len(), damaged.len() + 1);
}

#[test]
fn bytes_of_any_kind_go_as_they_are() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let mut odd: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    odd.splice(0..0, *b"echo:");
    fs::write(site.spool(name(0)), [&odd[..], b"\n"].concat()).unwrap();
    let lonc = site.start();
    lonc.site.await_empty();
    peer.await_received(|lines| lines.iter().any(|line| line.raw == odd));
    wait_until("the log", || {
        let log = fs::read(lonc.site.path("perm.log")).unwrap_or_default();
        log.windows(odd.len()).any(|window| window == odd)
    });
}

/// More than are looked at in one go, so that those behind them depend on them being passed over.
#[test]
fn ten_thousand_that_cannot_be_sent_hold_up_nobody() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    for number in 0..10_000 {
        fs::write(site.spool(name(number)), "unfinished").unwrap();
    }
    site.put(20_000, &word(0));
    let mut lonc = site.start();
    wait_until("the message behind them", || {
        !lonc.site.spool(name(20_000)).exists()
    });
    assert_eq!(check_received(&peer, 1), 0);
    wait_until("a direct reply", || lonc.client().ask("critical:echo:m1") == "m1");
    // One of them is finished.
    fs::write(lonc.site.spool(name(17)), "echo:m2\n").unwrap();
    wait_until("the finished one", || !lonc.site.spool(name(17)).exists());
    peer.kill();
    lonc.client().await_down();
    assert_eq!(lonc.client().ask("critical:echo:m3"), "con_delayed");
    lonc.assert_alive();
}

#[test]
fn a_file_that_may_be_read_later_is_sent_then() {
    let peer = Peer::start();
    let lonc = another_user::start(Site::office(&peer, ""));
    let path = lonc.site.spool(name(0));
    fs::write(lonc.site.path("aside"), "echo:m0\n").unwrap();
    fs::set_permissions(lonc.site.path("aside"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::rename(lonc.site.path("aside"), &path).unwrap();
    lonc.await_log("cannot be read");
    lonc.site.put(1, "echo:other");
    peer.await_command("echo:other");
    wait_until("only the other", || lonc.site.left() == [name(0)]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 1), 0);
}

#[test]
fn what_other_hosts_are_storing_is_left_to_them() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let storing = |host: &str| format!(".storing-{host}-77.1700000000.000001.77.put.{host}.tmp");
    let others = [
        "msul1-1.b",
        "msul1-1.msul1",
        "msul1-7",
        "other",
        "1.msul1",
        "msul10",
    ];
    let mut theirs: Vec<_> = others.map(storing).into();
    theirs.sort();
    for name in theirs.iter().chain([&storing("msul1")]) {
        fs::write(site.spool(name), "put:half").unwrap();
    }
    let lonc = site.start();
    wait_until("only what is others'", || lonc.site.left() == theirs);
    lonc.site.put(0, &word(0));
    wait_until("the message", || lonc.site.left() == theirs);
    assert_eq!(check_received(&peer, 1), 0);
}
