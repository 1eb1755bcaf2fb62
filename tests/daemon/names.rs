//! The name of the host as a second name of the socket that lonc binds itself.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use test_harness::{Client, Lonc, Peer, Site, wait_until};

const TABLE: &str = "msul2:msu:access:two.lite.msu.edu:https\nmsul1:msu:library:zaphod.lite.msu.edu:https\n\
                     msul1b:msu:library:zaphod.lite.msu.edu:https\n";
const NAME: &str = "zaphod.lite.msu.edu";

#[test]
fn a_worker_finds_it_by_either_name_and_nothing_is_left_behind() {
    let peer = Peer::start();
    let mut lonc = site(&peer, TABLE).start();
    for name in ["msul1", NAME] {
        assert_eq!(Client::connect(&socket(&lonc.site, name)).ask("ping"), "msul1");
    }
    assert_eq!(in_sockets(&lonc.site), ["msul1", NAME]);
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
    assert_eq!(in_sockets(&lonc.site), [""; 0]);
}

#[test]
fn a_reload_takes_another_name() {
    let peer = Peer::start();
    let lonc = site(&peer, TABLE).start();
    lonc.site
        .write("hosts.tab", &TABLE.replace(NAME, "zaphod2.msu.edu"));
    reload(&lonc);
    wait_until("the new name", || {
        in_sockets(&lonc.site) == ["msul1", "zaphod2.msu.edu"]
    });
    // It is the other id's now.
    let swapped = "msul1b:msu:library:zaphod2.msu.edu:https\nmsul1:msu:library:zaphod2.msu.edu:https\n";
    lonc.site.write("hosts.tab", swapped);
    reload(&lonc);
    wait_until("no name", || in_sockets(&lonc.site) == ["msul1"]);
    lonc.site.write("hosts.tab", TABLE);
    reload(&lonc);
    wait_until("the old name", || in_sockets(&lonc.site) == ["msul1", NAME]);
}

#[test]
fn a_table_that_is_gone_takes_no_name_away_and_a_lost_one_comes_back() {
    let peer = Peer::start();
    let lonc = site(&peer, TABLE).start();
    fs::remove_file(lonc.site.path("hosts.tab")).unwrap();
    reload(&lonc);
    assert_eq!(in_sockets(&lonc.site), ["msul1", NAME]);
    fs::remove_file(socket(&lonc.site, NAME)).unwrap();
    reload(&lonc);
    assert_eq!(in_sockets(&lonc.site), ["msul1", NAME]);
}

#[test]
fn what_stands_there_stays() {
    let peer = Peer::start();
    let site = site(&peer, TABLE);
    fs::create_dir(site.path("sockets")).unwrap();
    let path = socket(&site, NAME);
    for what in ["file", "socket", "link"] {
        let theirs = match what {
            "socket" => Some(UnixListener::bind(&path).unwrap()),
            "link" => symlink("/dev/null", &path).map(|()| None).unwrap(),
            _ => fs::write(&path, "precious").map(|()| None).unwrap(),
        };
        let before = fs::symlink_metadata(&path).unwrap();
        let mut lonc = site.clone().start();
        assert_eq!(lonc.client().ask("ping"), "msul1");
        lonc.signal(Signal::SIGTERM);
        let log = lonc.ended_well();
        assert!(
            log.contains("no second name for the socket of msul1"),
            "{what}: {log}"
        );
        let after = fs::symlink_metadata(&path).unwrap();
        assert_eq!(after.file_type(), before.file_type(), "{what}");
        drop(theirs);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn one_that_took_the_name_from_us_keeps_it() {
    let peer = Peer::start();
    let mut lonc = site(&peer, TABLE).start();
    fs::remove_file(socket(&lonc.site, NAME)).unwrap();
    let _theirs = UnixListener::bind(socket(&lonc.site, NAME)).unwrap();
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
    assert_eq!(in_sockets(&lonc.site), [NAME]);
}

#[test]
fn without_the_key_there_is_none() {
    let peer = Peer::start();
    let site = Site::new(
        peer.addr(),
        "hosts_tab = 'DIR/hosts.tab'\nhostname_sockets = false\n",
    );
    site.write("hosts.tab", TABLE);
    let lonc = site.start();
    assert_eq!(in_sockets(&lonc.site), ["msul1"]);
}

fn site(peer: &Peer, table: &str) -> Site {
    let site = Site::new(peer.addr(), "hosts_tab = 'DIR/hosts.tab'\n");
    site.write("hosts.tab", table);
    site
}

/// Returns when it has done so.
fn reload(lonc: &Lonc) {
    let told = || lonc.log().matches("configuration read anew").count();
    let before = told();
    lonc.signal(Signal::SIGHUP);
    wait_until("a reload", || told() > before);
}

fn socket(site: &Site, name: &str) -> PathBuf {
    site.path("sockets").join(name)
}

fn in_sockets(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.path("sockets")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
