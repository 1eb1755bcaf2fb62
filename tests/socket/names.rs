//! The second names of sockets follow the table.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};

use super::Host;

#[test]
fn a_client_that_looks_by_name_comes_to_the_socket() {
    let field = Field::new();
    for name in ["zaphod.lite.msu.edu", "s10.lite.uiuc.edu"] {
        UnixStream::connect(field.host.socket(name)).unwrap();
    }
    // And no file for which it would wait.
    assert_eq!(
        field.host.in_sockets(),
        [
            "msul1",
            "msul1b",
            "s10.lite.uiuc.edu",
            "uiuc1",
            "zaphod.lite.msu.edu"
        ]
    );
}

#[test]
fn a_changed_name_goes_and_the_new_one_comes() {
    let field = Field::new();
    field.table(&Host::TABLE.replace("zaphod.lite", "zaphod2"));
    field.follow();
    assert_eq!(
        field.names(),
        ["s10.lite.uiuc.edu -> uiuc1", "zaphod2.msu.edu -> msul1"]
    );
}

#[test]
fn a_name_that_passes_to_another_peer_leads_there() {
    let field = Field::new();
    let (one, two) = (
        "msul1:msu:library:zaphod.lite.msu.edu:https\n",
        "msul1b:msu:library:zaphod.lite.msu.edu:https\n",
    );
    field.table(&Host::TABLE.replace(&format!("{one}{two}"), &format!("{two}{one}")));
    field.follow();
    assert_eq!(
        field.names(),
        ["s10.lite.uiuc.edu -> uiuc1", "zaphod.lite.msu.edu -> msul1b"]
    );
    // Two hosts that change their names.
    let swapped = Host::TABLE
        .replace("s10.lite.uiuc.edu", "x")
        .replace("zaphod.lite.msu.edu", "s10.lite.uiuc.edu")
        .replace(":x:", ":zaphod.lite.msu.edu:");
    field.table(&swapped);
    field.follow();
    assert_eq!(
        field.names(),
        ["s10.lite.uiuc.edu -> msul1", "zaphod.lite.msu.edu -> uiuc1"]
    );
}

#[test]
fn names_go_when_they_are_not_wanted_and_come_again() {
    let field = Field::new();
    field.host.configure("hostname_sockets = false");
    field.follow();
    assert_eq!(field.names(), [""; 0]);
    field.host.configure("");
    field.follow();
    assert_eq!(field.names().len(), 2);
    fs::remove_file(field.host.socket("zaphod.lite.msu.edu")).unwrap();
    field.follow();
    assert_eq!(field.names().len(), 2);
}

#[test]
fn a_table_that_is_half_there_takes_no_name_away() {
    let field = Field::new();
    for table in [
        "",
        "msul2:msu:access:two.lite.msu.edu:https\n",
        "msul1\nuiuc1:uiuc",
    ] {
        field.table(table);
        field.follow();
        assert_eq!(field.names().len(), 2, "{table:?}");
    }
    fs::remove_file(field.host.path("hosts.tab")).unwrap();
    field.follow();
    field.host.write("lonc.toml", "typo = 1");
    field.follow();
    assert_eq!(field.names().len(), 2);
    // Its socket stops: now it goes.
    field.host.runs(&["stopping", "uiuc1"]);
    assert_eq!(field.names(), ["zaphod.lite.msu.edu -> msul1"]);
}

#[test]
fn nothing_that_is_not_ours_is_touched() {
    let host = Host::new();
    fs::write(host.socket("zaphod.lite.msu.edu"), "precious").unwrap();
    symlink("/etc/passwd", host.socket("s10.lite.uiuc.edu")).unwrap();
    let _one = host.bind("msul1");
    let _two = host.bind("uiuc1");
    for peer in ["msul1", "uiuc1"] {
        let said = host.fails(&["bound", peer]);
        assert!(
            said.contains(&format!("no second name for the socket of {peer}")),
            "{said}"
        );
    }
    host.fails(&["aliases"]);
    for peer in ["msul1", "uiuc1"] {
        host.runs(&["stopping", peer]);
    }
    assert_eq!(host.in_sockets(), ["s10.lite.uiuc.edu", "zaphod.lite.msu.edu"]);
    assert_eq!(fs::read(host.socket("zaphod.lite.msu.edu")).unwrap(), b"precious");
    assert_eq!(host.leads_to("s10.lite.uiuc.edu").as_deref(), Some("/etc/passwd"));
}

#[test]
fn a_socket_that_does_not_listen_gets_no_name_and_no_records_are_no_trouble() {
    let host = Host::new();
    let _ours = host.bind("msul1");
    host.runs(&["aliases"]);
    assert_eq!(host.in_sockets(), ["msul1"]);
    fs::remove_dir_all(host.path("records")).unwrap();
    assert_eq!(host.runs(&["aliases"]), "");
}

#[test]
fn a_link_that_a_crash_left_behind_is_replaced() {
    let host = Host::new();
    symlink("msul1b", host.socket("zaphod.lite.msu.edu")).unwrap();
    let _ours = host.bind("msul1");
    host.runs(&["bound", "msul1"]);
    assert_eq!(host.leads_to("zaphod.lite.msu.edu").as_deref(), Some("msul1"));
}

/// Three sockets that listen.
struct Field {
    host: Host,
    _sockets: Vec<UnixListener>,
}

impl Field {
    fn new() -> Self {
        let host = Host::new();
        let peers = ["msul1", "msul1b", "uiuc1"];
        let sockets = peers.iter().map(|peer| host.bind(peer)).collect();
        for peer in peers {
            host.runs(&["bound", peer]);
        }
        let field = Self {
            host,
            _sockets: sockets,
        };
        assert_eq!(
            field.names(),
            ["s10.lite.uiuc.edu -> uiuc1", "zaphod.lite.msu.edu -> msul1"]
        );
        field
    }

    fn table(&self, text: &str) {
        self.host.write("hosts.tab", text);
    }

    fn follow(&self) {
        self.host.runs(&["aliases"]);
    }

    /// Each second name, and where it leads.
    fn names(&self) -> Vec<String> {
        let arrow = |name: String| Some(format!("{name} -> {}", self.host.leads_to(&name)?));
        self.host.in_sockets().into_iter().filter_map(arrow).collect()
    }
}
