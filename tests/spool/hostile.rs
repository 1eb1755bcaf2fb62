//! Files that whoever may write to the spool can put there to do harm.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::Uid;
use test_harness::spool::{check_received, name, settled, word};
use test_harness::{Peer, Site, Stop, another_user, wait_until};

/// Where what is damaged is set aside.
fn failed(site: &Site) -> Vec<OsString> {
    let entries = fs::read_dir(site.path("failed")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn a_name_of_any_bytes_is_a_name() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let end: &[u8] = b".1.4711.echo.msul1";
    // Not UTF-8, a control sequence, a line of its own, one that turns the text around, the longest there is.
    let fronts: [&[u8]; 5] = [
        b"1000000000.\xff\xfe",
        b"1000000001.\x1b[2J",
        b"1000000002.\n2026 CRITICAL forged",
        "1000000003.\u{202e}".as_bytes(),
        &[b'1'; 255 - 18],
    ];
    let path = |front: &[u8]| site.spool(OsString::from_vec([front, end].concat()));
    for (number, front) in fronts.iter().enumerate() {
        fs::write(path(front), word(number) + "\n").unwrap();
        settled(&path(front));
        // One behind it that is to be set aside, and so is told of.
        let damaged = path(&[b"9", &front[1..]].concat());
        fs::write(&damaged, "one\ntwo\n").unwrap();
        settled(&damaged);
    }
    let mut lonc = site.clone().start();
    wait_until("all are sent or set aside", || {
        lonc.site.path("delayed").read_dir().unwrap().count() == 1
    });
    assert_eq!(check_received(&peer, fronts.len()), 0);
    assert_eq!(failed(&lonc.site).len(), fronts.len());
    let log = lonc.log();
    assert!(!log.contains('\x1b') && !log.contains('\u{202e}'), "{log:?}");
    assert!(
        !log.lines().any(|line| line.starts_with("2026 CRITICAL forged")),
        "{log}"
    );
    // The place of the longest name is taken, and no longer one is possible.
    let longest = path(&[&b"9"[..], &[b'1'; 255 - 19]].concat());
    let aside = site.path("aside");
    fs::write(&aside, "three\nfour\n").unwrap();
    settled(&aside);
    fs::rename(&aside, &longest).unwrap();
    lonc.await_log("cannot be moved to failed/");
    lonc.site.put(7, "echo:behind");
    peer.await_command("echo:behind");
    assert_eq!(fs::read_to_string(&longest).unwrap(), "three\nfour\n");
    lonc.assert_alive();
}

#[test]
fn a_file_as_large_as_can_be_costs_the_memory_of_one_request() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    for number in 0..4 {
        let file = File::create(site.spool(name(number))).unwrap();
        file.set_len(1 << 40).unwrap();
        settled(&site.spool(name(number)));
    }
    site.put(5, &word(0));
    let mut lonc = site.start();
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 1), 0);
    assert_eq!(lonc.site.failed(), [0, 1, 2, 3].map(name));
    let peak = lonc.peak_memory();
    assert!(peak < 48, "{peak} MiB");
    lonc.assert_alive();
}

/// Only root can make them.
#[test]
fn devices_are_left_and_reported() {
    if !Uid::effective().is_root() {
        return;
    }
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    // /dev/zero and /dev/full, and a disk that nobody has.
    for (number, kind, device) in [
        (0, SFlag::S_IFCHR, makedev(1, 5)),
        (1, SFlag::S_IFCHR, makedev(1, 7)),
        (2, SFlag::S_IFBLK, makedev(240, 17)),
    ] {
        if mknod(&site.spool(name(number)), kind, Mode::S_IRUSR, device).is_err() {
            // A container may be kept from making any.
            return;
        }
    }
    site.put(3, &word(0));
    let mut lonc = site.start();
    let odd = [0, 1, 2].map(name);
    wait_until("only what is no message", || lonc.site.left() == odd);
    for odd in odd {
        lonc.await_log(&format!("{odd}: is no regular file"));
    }
    assert_eq!(check_received(&peer, 1), 0);
    lonc.assert_alive();
}

#[test]
fn a_second_name_of_anothers_file_is_all_that_goes() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    fs::write(site.path("others"), "echo:m0\n").unwrap();
    fs::set_permissions(site.path("others"), fs::Permissions::from_mode(0o600)).unwrap();
    settled(&site.path("others"));
    let before = fs::metadata(site.path("others")).unwrap();
    // Root's, and closed to the daemon, where it runs as another.
    let lonc = another_user::start(site);
    fs::hard_link(lonc.site.path("others"), lonc.site.spool(name(0))).unwrap();
    if another_user::is_possible() {
        lonc.await_log("cannot be read");
        assert_eq!(peer.count("echo:m0"), 0);
    } else {
        lonc.site.await_empty();
    }
    let now = fs::metadata(lonc.site.path("others")).unwrap();
    assert_eq!(now.permissions(), before.permissions());
    assert_eq!(fs::read_to_string(lonc.site.path("others")).unwrap(), "echo:m0\n");
}

/// It grows, shrinks and is replaced while it is read; what is sent was there, as a whole line.
#[test]
fn a_file_that_does_not_keep_still() {
    const ROUNDS: usize = 300;
    let peer = Peer::start();
    let lonc = Site::office(&peer, "[spool]\nsettle = '0s'\n").start();
    let over = Stop::default();
    let long = format!("echo:{}", "y".repeat(100_000));
    thread::scope(|scope| {
        scope.spawn(|| {
            let _at_last = over.at_last();
            let path = lonc.site.spool(name(1));
            for round in 0..ROUNDS {
                let mut file = File::create(&path).unwrap();
                let _ = file.write_all(long.as_bytes());
                match round % 4 {
                    0 => file.set_len(30_000).unwrap(),
                    1 => file.set_len(0).unwrap(),
                    2 => drop(fs::remove_file(&path)),
                    _ => {
                        fs::write(lonc.site.path("aside"), &long[..50_000]).unwrap();
                        fs::rename(lonc.site.path("aside"), &path).unwrap();
                    }
                }
                let _ = file.write_all(b"\n");
            }
            fs::write(&path, "echo:end\n").unwrap();
        });
        let mut client = lonc.client();
        let mut number = 0;
        while !over.is_set() {
            number += 1;
            assert_eq!(client.ask(&format!("echo:{number}")), number.to_string());
        }
    });
    wait_until("an end", || lonc.site.left().is_empty());
    wait_until("a direct reply", || {
        lonc.client().ask("critical:echo:live") == "live"
    });
    for line in peer.received() {
        assert!(!line.raw.contains(&b'\n'));
    }
    let commands = peer.commands();
    for body in commands
        .iter()
        .filter_map(|command| command.strip_prefix("echo:y"))
    {
        // Where it was cut behind what was read, the kernel fills in zeros.
        assert!(
            body.bytes().all(|byte| byte == b'y' || byte == 0),
            "{} bytes",
            body.len()
        );
    }
}
