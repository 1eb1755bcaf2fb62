//! The table of servers and the list of peers.

use std::path::Path;

use lonc::internals::config::{self, Start};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::site::{HOSTS, Site, id};

#[test]
fn broken_lines_of_others_are_warnings() {
    let site = Site::new("host_id = 'me'\nhosts_tab = 'DIR/hosts.tab'").with(
        "hosts.tab",
        "bad id:x:y:z:1.1.1.1\nother:x\nmsul1:d:r:h:10.0.0.1\nmsul1:d:r:h:10.0.0.2\n",
    );
    let loaded = site.load("msul1").unwrap();
    assert_eq!(loaded.settings.address.host, "10.0.0.2");
    let warnings: Vec<_> = loaded.warnings.iter().map(|warning| site.hide(warning)).collect();
    assert!(
        warnings[0].starts_with("DIR/hosts.tab:1: line skipped: its id is not"),
        "{warnings:?}"
    );
    assert!(
        warnings[1].starts_with("DIR/hosts.tab:2: line skipped: too few"),
        "{warnings:?}"
    );
    assert_eq!(
        warnings[2],
        "DIR/hosts.tab:4: peer msul1 was already on line 3; this line counts"
    );
    assert_eq!(
        site.fault("other"),
        "DIR/hosts.tab:2: peer other: too few fields, must be id:domain:role:hostname:ip"
    );
    assert_eq!(
        site.fault("nobody"),
        "DIR/lonc.toml: peer nobody has no address: it is not in DIR/hosts.tab, and no [peer.nobody] gives one"
    );
}

#[test]
fn the_name_in_the_table_is_the_alternative_of_the_address_beside_it_and_of_no_other() {
    let table = "msul1:d:r:zaphod.msu.edu:10.0.0.1\n";
    for (own, alternative) in [
        ("", Some("zaphod.msu.edu")),
        ("peer.msul1.address = '10.0.0.1'", Some("zaphod.msu.edu")),
        ("peer.msul1.address = '10.0.0.2'", None),
        ("peer.msul1.address = 'zaphod.msu.edu'", None),
    ] {
        let site = Site::new(&format!("host_id = 'me'\nhosts_tab = 'DIR/hosts.tab'\n{own}"))
            .with("hosts.tab", table);
        let address = site.settings("msul1").address;
        assert_eq!(address.alternative.as_deref(), alternative, "{own}");
    }
}

#[test]
fn hosts_whose_ids_end_alike_are_told() {
    let site = Site::new(
        "host_id = 'x.a'\nhosts_tab = 'DIR/hosts.tab'\npeer.'y.a'.address = 'y'\npeer.'nowhere.a'.port = 1",
    )
    .with(
        "hosts.tab",
        "a:d:r:h:\nz.a:d:r:h:\nza:d:r:h:\nbroken.a:d\na.b:d:r:h:\n",
    );
    assert_eq!(site.settings("a").alike, ["y.a", "z.a", "x.a"].map(id));
    let site = site.with(
        "lonc.toml",
        "host_id = 'x.a'\nhosts_tab = 'DIR/none'\npeer.a.address = 'x'",
    );
    assert_eq!(site.settings("a").alike, [id("x.a")]);
}

#[test]
fn the_table_is_read_once_a_load() {
    let table = "msul1:d:r:h:\nx.msul1:d:r:h:\n";
    for toml in ["", "peer.msul1.address = 'x'"] {
        let site = Site::new(&format!("host_id = 'me'\nhosts_tab = 'DIR/hosts.tab'\n{toml}"))
            .with("hosts.tab", table);
        let watch = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
        let uses = AddWatchFlags::IN_OPEN | AddWatchFlags::IN_CLOSE_NOWRITE;
        watch.add_watch(&site.path("hosts.tab"), uses).unwrap();
        assert_eq!(site.settings("msul1").alike, [id("x.msul1")]);
        // Opened and closed.
        assert_eq!(watch.read_events().unwrap().len(), 2, "{toml}");
    }
}

#[test]
fn other_peers_do_no_harm() {
    let site = Site::new("host_id = 'me'\npeer.a.address = 'x'\npeer.b.pipeline = 0\nhosts_tab = 'DIR/none'");
    assert_eq!(site.settings("a").link.pipeline, 64);
    let error = site.check(None).unwrap_err().to_string();
    assert_eq!(
        site.hide(&error),
        "DIR/lonc.toml:3: peer.b.pipeline: must be between 1 and 65536, is 0"
    );
}

#[test]
fn all_peers() {
    let site = Site::new(
        "host_id = 'msul2'\nhosts_tab = 'DIR/hosts.tab'\ndaemon.start = 'boot'\n\
         peer.a.address = 'x'\npeer.b.port = 1\npeer.msul1.port = 7",
    )
    .with("hosts.tab", &format!("{HOSTS}c:broken\n"));
    let peers = config::peers(&site.path("lonc.toml")).unwrap();
    let list: Vec<_> = peers
        .peers
        .iter()
        .map(|peer| format!("{} {}", peer.id, peer.address))
        .collect();
    assert_eq!(list, ["a x:5663", "msul1 10.0.0.1:7"]);
    assert_eq!(
        (peers.start, peers.socket_dir.as_path()),
        (Start::Boot, Path::new("/run/lonc"))
    );
    assert_eq!(peers.warnings.len(), 2, "{:?}", peers.warnings);
    assert!(
        peers.warnings[0].contains("hosts.tab:4: line skipped: "),
        "{:?}",
        peers.warnings
    );
    assert!(
        peers.warnings[1].contains("peer b has no address"),
        "{:?}",
        peers.warnings
    );
}

#[test]
fn no_table_is_a_warning_for_all_peers() {
    let site = Site::new("host_id = 'me'\nhosts_tab = 'DIR/none'\npeer.a.address = 'x'");
    let peers = config::peers(&site.path("lonc.toml")).unwrap();
    assert_eq!((peers.peers.len(), peers.warnings.len()), (1, 1));
}
