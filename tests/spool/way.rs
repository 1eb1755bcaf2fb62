//! The spool is the directory at the end of its path, whatever happens on the way there, and what is in it is sent at once
//! however it came there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use nix::unistd::Uid;
use test_harness::programs::installed;
use test_harness::spool::{await_messages, name, received, settled, word};
use test_harness::{Lonc, Peer, Site};

/// A message, there in one moment, in a spool that may be anywhere.
fn put(dir: &Path, number: usize) {
    let aside = dir.with_file_name(name(number));
    fs::write(&aside, word(number) + "\n").unwrap();
    settled(&aside);
    fs::rename(aside, dir.join(name(number))).unwrap();
}

/// An instance whose spool is at `real/delayed`, by way of a link `site/way` to `real`.
fn behind_a_link(peer: &Peer) -> Lonc {
    let site = Site::new(peer.addr(), "");
    for real in ["real", "other"] {
        fs::create_dir_all(site.path(real).join("delayed")).unwrap();
    }
    symlink("real", site.path("way")).unwrap();
    symlink("way/delayed", site.path("delayed")).unwrap();
    let lonc = site.start();
    // It is watched by now.
    put(&lonc.site.path("real/delayed"), 0);
    await_messages(peer, 1);
    lonc
}

#[test]
fn a_link_above_it_that_is_swapped_is_followed() {
    let peer = Peer::start();
    let lonc = behind_a_link(&peer);
    let site = &lonc.site;
    for (round, target) in ["other", "real", "other"].into_iter().enumerate() {
        let (before, number) = (round * 2 + 1, round * 2 + 2);
        // One is there before, and one comes later.
        put(&site.path(target).join("delayed"), before);
        symlink(target, site.path("new")).unwrap();
        fs::rename(site.path("new"), site.path("way")).unwrap();
        await_messages(&peer, before + 1);
        put(&site.path(target).join("delayed"), number);
        await_messages(&peer, number + 1);
    }
}

#[test]
fn a_directory_above_it_that_is_renamed_is_left() {
    let peer = Peer::start();
    let lonc = behind_a_link(&peer);
    let site = &lonc.site;
    fs::rename(site.path("real"), site.path("old")).unwrap();
    fs::rename(site.path("other"), site.path("real")).unwrap();
    put(&site.path("real/delayed"), 1);
    await_messages(&peer, 2);
    // Nor is anything sent of what is not at the path any more.
    put(&site.path("old/delayed"), 2);
    put(&site.path("real/delayed"), 3);
    await_messages(&peer, 3);
    let came: Vec<_> = received(&peer).iter().map(|(_, number)| *number).collect();
    assert_eq!(came, [0, 1, 3]);
}

#[test]
fn a_file_system_that_is_mounted_over_it_is_used_and_what_was_below_when_it_has_gone() {
    let Some(nsenter) = installed("nsenter") else {
        return;
    };
    if !Uid::effective().is_root() {
        eprintln!("SKIPPED: only root may mount");
        return;
    }
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private"]);
    let command = site.command_behind(unshare);
    let lonc = Lonc::spawn(site, command);
    lonc.await_socket();
    lonc.site.put(0, &word(0));
    await_messages(&peer, 1);
    let delayed = lonc.site.path("delayed");
    let within = |program: &str, arguments: &[&str]| {
        let status = Command::new(&nsenter)
            .args(["--mount", "--target", &lonc.pid().to_string(), program])
            .args(arguments)
            .arg(&delayed)
            .status();
        assert!(status.unwrap().success());
    };
    within("mount", &["-t", "tmpfs", "tmpfs"]);
    let inside = Path::new("/proc").join(lonc.pid().to_string()).join("root");
    let inside = inside.join(delayed.strip_prefix("/").unwrap());
    let aside = inside.join("aside");
    fs::write(&aside, word(1) + "\n").unwrap();
    settled(&aside);
    fs::rename(aside, inside.join(name(1))).unwrap();
    await_messages(&peer, 2);
    lonc.site.put(2, &word(2));
    within("umount", &["-l"]);
    await_messages(&peer, 3);
}

#[test]
fn a_link_to_a_file_is_sent_at_once_and_in_order() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    for number in 0..20 {
        let aside = lonc.site.path("aside");
        fs::write(&aside, word(number) + "\n").unwrap();
        settled(&aside);
        fs::hard_link(&aside, lonc.site.spool(name(number))).unwrap();
        fs::remove_file(aside).unwrap();
        await_messages(&peer, number + 1);
    }
}
