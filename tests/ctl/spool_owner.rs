//! `loncctl spool` as root, in directories that a worker owns: nothing that he puts there, and no race that he wins, gives
//! him what is root's. `LONC_RACES=1000` has each run more often.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::thread;

use nix::unistd::Uid;
use test_harness::spool::{name, names_in, word};
use test_harness::{Peer, SLOW, Site, Stop};

use crate::tool::{Ran, ctl};

/// The worker, whose groups are not root's.
const WORKER: u32 = 65534;

/// A site in a directory of the worker's, and one of root's beside it; nothing unless we are root.
fn site() -> Option<(Site, tempfile::TempDir)> {
    if !Uid::effective().is_root() {
        eprintln!("SKIPPED: only root has something to lose");
        return None;
    }
    let site = Site::office(&Peer::dead(), SLOW);
    for path in [site.path("."), site.path("delayed")] {
        chown(&path, Some(WORKER), Some(WORKER)).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    let roots = tempfile::tempdir().unwrap();
    fs::set_permissions(roots.path(), Permissions::from_mode(0o700)).unwrap();
    fs::write(roots.path().join(name(0)), "echo:secret\n").unwrap();
    Some((site, roots))
}

fn races() -> usize {
    let races = std::env::var("LONC_RACES").ok();
    races.and_then(|races| races.parse().ok()).unwrap_or(50)
}

fn spool(site: &Site, what: &[&str]) -> Ran {
    ctl(site, &[&["spool"], what].concat())
}

/// A message of the worker's.
fn put(site: &Site, number: usize) {
    site.put(number, &word(number));
    chown(site.spool(name(number)), Some(WORKER), Some(WORKER)).unwrap();
}

/// Runs `race` as often as it is to be, while a worker does something in turn as fast as he can; what he does may fail.
fn race(worker: impl Fn() + Sync, mut race: impl FnMut(usize)) {
    let stop = Stop::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.is_set() {
                worker();
            }
        });
        let _at_last = stop.at_last();
        (0..races()).for_each(&mut race);
    });
}

fn owner(path: &Path) -> u32 {
    fs::metadata(path).unwrap().uid()
}

#[test]
fn a_worker_without_tricks_is_served_and_what_is_made_is_his() {
    let Some((site, _)) = site() else { return };
    put(&site, 0);
    let ran = spool(&site, &["hold", "msul1", &name(0)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let held = site.path("held");
    assert_eq!((owner(&held), owner(&held.join(name(0)))), (WORKER, WORKER));
    let ran = spool(&site, &["show", "msul1", &name(0), "--body"]);
    assert_eq!((ran.code, &ran.out[..]), (0, "echo:m0\n"), "{ran:?}");
    let ran = spool(&site, &["retry", "msul1", &name(0)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(site.left(), [name(0)]);
}

#[test]
fn a_link_that_was_prepared_moves_nothing_into_a_directory_of_roots() {
    let Some((site, roots)) = site() else { return };
    symlink(roots.path(), site.path("failed")).unwrap();
    for _ in 0..races() {
        put(&site, 1);
        let ran = spool(&site, &["drop", "--yes", "msul1", &name(1)]);
        assert_ne!(ran.code, 0, "{ran:?}");
        assert_eq!(names_in(roots.path()), [name(0)]);
        assert_eq!(site.left(), [name(1)]);
    }
}

#[test]
fn no_race_gives_a_worker_a_file_of_roots() {
    let Some((site, roots)) = site() else { return };
    let (held, target) = (site.path("held"), roots.path().to_owned());
    let worker = || {
        // What is a directory now is a link to a directory of root's a moment later.
        let _ = fs::remove_dir(&held).or_else(|_| fs::remove_file(&held));
        let _ = symlink(&target, &held);
        let _ = fs::remove_file(&held);
    };
    race(worker, |_| {
        put(&site, 1);
        spool(&site, &["hold", "msul1", &name(1)]);
        assert_eq!(owner(&target), 0);
        assert_eq!(owner(&target.join(name(0))), 0);
        assert_eq!(names_in(&target), [name(0)]);
        let _ = fs::remove_dir_all(&held);
    });
}

#[test]
fn no_race_shows_or_moves_a_file_of_roots() {
    let Some((site, roots)) = site() else { return };
    let (delayed, aside) = (site.path("delayed"), site.path("aside"));
    put(&site, 0);
    let worker = || {
        let _ = fs::rename(&delayed, &aside);
        let _ = symlink(roots.path(), &delayed);
        let _ = fs::remove_file(&delayed);
        let _ = fs::rename(&aside, &delayed);
    };
    race(worker, |number| {
        let ran = spool(&site, &["show", "msul1", &name(0), "--body"]);
        assert!(!ran.out.contains("secret"), "{ran:?}");
        if number % 2 == 0 {
            spool(&site, &["hold", "msul1", &name(0)]);
            spool(&site, &["retry", "msul1", &name(0)]);
        }
        assert_eq!(names_in(roots.path()), [name(0)]);
    });
}

#[test]
fn where_others_may_put_another_spool_root_does_nothing() {
    let Some((site, _)) = site() else { return };
    chown(site.path("."), Some(0), Some(WORKER)).unwrap();
    fs::set_permissions(site.path("."), Permissions::from_mode(0o775)).unwrap();
    put(&site, 0);
    let ran = spool(&site, &["hold", "msul1", &name(0)]);
    assert_ne!(ran.code, 0, "{ran:?}");
    ran.must_say("as the user of the daemon");
    assert_eq!(site.left(), [name(0)]);
}
