//! Tables as LON-CAPA's of today are, and the names by which sockets can be reached because of them.

use std::path::Path;

use lonc::internals::config::{self, Alias};

use crate::site::{Site, id};

/// Comments, name servers, protocol fields, several ids of a host, addresses beside names; and of the host itself.
const TODAY: &str = "\
# the cluster, fetched every night
^dns1.lite.msu.edu:https
^dns2.lite.msu.edu:http:extra

me:msu:library:here.lite.msu.edu:https:msu.edu
me2:msu:access:here.lite.msu.edu:https:msu.edu
 msul1 : msu : library : zaphod.lite.msu.edu : https : msu.edu\t\r
msul1b:msu:access:zaphod.lite.msu.edu:https:msu.edu # the second of that host
msul0:msu:access:zaphod.lite.msu.edu:http
uiuc1:uiuc:library:s10.lite.uiuc.edu:10.1.0.10:https:uiuc.edu
uiuc2:uiuc:library:s11.lite.uiuc.edu:[2001:db8::b]
old:fsu:access:10.1.0.12:10.1.0.13
";

#[test]
fn a_table_of_today_is_read_without_a_word() {
    let site = with_table(TODAY, "");
    let peers = config::peers(&site.path("lonc.toml")).unwrap();
    assert_eq!(peers.warnings, [""; 0]);
    let told = |peer: &config::Peer| {
        let Alias::Name(name) = &peer.alias else {
            return (peer.id.to_string(), peer.address.host.clone(), None);
        };
        (peer.id.to_string(), peer.address.host.clone(), Some(name.clone()))
    };
    let peers: Vec<_> = peers.peers.iter().map(told).collect();
    let named = |id: &str, host: &str, name: Option<&str>| (id.into(), host.into(), name.map(str::to_owned));
    assert_eq!(
        peers,
        [
            named("me2", "here.lite.msu.edu", Some("here.lite.msu.edu")),
            named("msul0", "zaphod.lite.msu.edu", None),
            named("msul1", "zaphod.lite.msu.edu", Some("zaphod.lite.msu.edu")),
            named("msul1b", "zaphod.lite.msu.edu", None),
            named("old", "10.1.0.13", Some("10.1.0.12")),
            named("uiuc1", "10.1.0.10", Some("s10.lite.uiuc.edu")),
            named("uiuc2", "2001:db8::b", Some("s11.lite.uiuc.edu")),
        ]
    );
    let address = site.settings("uiuc1").address;
    assert_eq!(address.alternative.as_deref(), Some("s10.lite.uiuc.edu"));
}

#[test]
fn the_first_in_the_table_has_the_name_and_a_daemon_alone_knows_it() {
    let table = "z:d:r:host.edu:http\na:d:r:host.edu:http\nb:d:r:HOST.edu:http\n";
    for (text, of_z, of_a) in [
        (table.to_owned(), Some("host.edu"), None),
        (table.replace("z:", "z:x\nz:"), Some("host.edu"), None),
        // Of two lines with one id the later counts.
        (format!("{table}z:d:r:host.edu:http\n"), None, Some("host.edu")),
        (
            table.replace("z:d:r:host.edu:http", "z:d"),
            None,
            Some("host.edu"),
        ),
    ] {
        let site = with_table(&text, "peer.z.address = '10.0.0.1'");
        assert_eq!(site.settings("z").alias.name(), of_z, "{text}");
        assert_eq!(site.settings("a").alias.name(), of_a, "{text}");
        assert_eq!(site.settings("b").alias.name(), Some("HOST.edu"), "{text}");
    }
}

#[test]
fn what_others_wrote_becomes_a_file_name_only_if_it_is_fit_for_one() {
    let long = format!("{}.edu", "x".repeat(60));
    let table = format!(
        "a:d:r:../../etc/cron.d/x:10.0.0.1\nb:d:r:.hidden:10.0.0.2\nc:d:r:..:10.0.0.3\nd:d:r:-x:10.0.0.4\n\
         e:d:r:a.edu/b:10.0.0.5\nf:d:r::10.0.0.6\ng:d:r:x\u{1b}[2J:10.0.0.7\nh:d:r:a:10.0.0.8\ni:d:r:me:10.0.0.9\n\
         j:d:r:k.lock:10.0.0.10\nk:d:r:k:10.0.0.11\nl:d:r:{long}:10.0.0.12\nm.lock:d:r:m.edu:10.0.0.13\n"
    );
    let site = with_table(&table, &format!("socket_dir = '/{}'", "y".repeat(45)));
    let peers = config::peers(&site.path("lonc.toml")).unwrap();
    assert!(
        peers.peers.iter().all(|peer| peer.alias == Alias::None),
        "{peers:?}"
    );
    assert_eq!(peers.peers.len(), 12);
    let said: Vec<_> = peers.warnings.iter().map(|warning| site.hide(warning)).collect();
    let no = |line: u32, id: &str, name: &str, why: &str| {
        format!("DIR/hosts.tab:{line}: peer {id} has no socket by the name of its host {name}: {why}")
    };
    assert_eq!(
        said,
        [
            "DIR/hosts.tab:13: line skipped: its id ends in \".lock\": workers wait for such a file to go"
                .to_owned(),
            no(8, "h", "a", "another host has that id"),
            no(9, "i", "me", "another host has that id"),
            no(10, "j", "k.lock", "workers wait for such a file to go"),
            no(12, "l", &long, "too long for the path of a socket"),
        ]
    );
    // A daemon is told of its own alone.
    assert_eq!(site.load("k").unwrap().warnings.len(), 1);
    assert_eq!(site.load("j").unwrap().warnings.len(), 2);
}

#[test]
fn no_names_are_asked_for_and_none_are_known_without_the_table() {
    let off = with_table(TODAY, "hostname_sockets = false");
    assert_eq!(off.settings("msul1").alias, Alias::None);
    let gone = with_table(TODAY, "peer.msul1.address = '10.0.0.1'");
    std::fs::remove_file(gone.path("hosts.tab")).unwrap();
    assert_eq!(gone.settings("msul1").alias, Alias::Unknown);
    let peers = config::peers(&gone.path("lonc.toml")).unwrap();
    assert_eq!(peers.peers[0].alias, Alias::Unknown);
    assert_eq!(peers.peers[0].id, id("msul1"));
    assert_eq!(peers.socket_dir, Path::new("/run/lonc"));
}

fn with_table(table: &str, toml: &str) -> Site {
    Site::new(&format!("host_id = 'me'\nhosts_tab = 'DIR/hosts.tab'\n{toml}")).with("hosts.tab", table)
}
