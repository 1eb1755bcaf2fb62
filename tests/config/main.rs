//! The configuration from real files: what is in force, where it came from, and what each fault says.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod any_bytes;
mod faults;
mod hostile;
mod peers;
mod report;
mod site;
mod tables;

use std::path::Path;
use std::time::Duration;

use lonc::internals::config::{LogLevel, Settings, Start};
use lonc_proto::backoff::Bounds;

use site::{HOSTS, Site, id};

#[test]
fn defaults() {
    let site = Site::new("host_id = 'me'\n[peer.msul1]\naddress = 'zaphod'\n");
    let settings = site.settings("msul1");
    assert_eq!(settings.peer, id("msul1"));
    assert_eq!(settings.host_id, id("me"));
    assert_eq!(settings.address.to_string(), "zaphod:5663");
    assert_eq!(settings.socket_dir, Path::new("/run/lonc"));
    assert_eq!(settings.spool_dir, Path::new("/var/spool/lonc/delayed"));
    assert_eq!(settings.permanent_log, Path::new("/var/log/lonc/lonnet.perm.log"));
    let link = &settings.link;
    assert_eq!(
        (link.connections, link.pipeline, link.max_reply_bytes),
        (1, 64, 64 << 20)
    );
    let seconds = [
        (link.connect_timeout, 10),
        (link.handshake_timeout, 60),
        (link.opening_timeout, 120),
        (link.idle_timeout, 300),
        (link.request_timeout, 300),
        (link.connect_wait, 10),
        (link.probe_interval, 60),
        (settings.spool.message_timeout, 60),
        (settings.daemon.drain_timeout, 20),
        (settings.daemon.idle_exit, 0),
    ];
    assert!(
        seconds
            .iter()
            .all(|(duration, seconds)| *duration == Duration::from_secs(*seconds)),
        "{seconds:?}"
    );
    assert_eq!((link.max_connections, link.pong), (10, false));
    let backoff = Bounds::new(Duration::from_secs(1), Duration::from_secs(120));
    assert_eq!(Ok(link.backoff), backoff);
    let client = &settings.client;
    assert_eq!((client.max_clients, client.max_request_bytes), (1024, 16 << 20));
    assert_eq!(
        (client.max_client_bytes, client.max_queued_bytes),
        (4 << 20, 64 << 20)
    );
    assert_eq!(settings.spool.max_attempts, 5);
    assert_eq!(
        (settings.daemon.log_level, settings.daemon.start),
        (LogLevel::Info, Start::Demand)
    );
}

#[test]
fn a_peer_wins_over_the_file_and_the_file_over_loncapa_conf() {
    let site = Site::new(
        "hosts_tab = 'DIR/hosts.tab'\nloncapa_conf = ['DIR/a.conf', 'DIR/b.conf']\nspool_dir = '/mine'\n\
         [link]\npipeline = 8\nconnections = 2\n[peer.msul1]\npipeline = 1\nport = 5900\n",
    )
    .with("hosts.tab", HOSTS)
    .with(
        "a.conf",
        "PerlSetVar lonHostID first\nPerlSetVar londPort 5000\nPerlSetVar lonSockDir /a/sockets\n",
    )
    .with(
        "b.conf",
        "PerlSetVar lonHostID second\r\nPerlSetVar lonDaemons \"/b perl\"\r\n",
    );
    let one = site.settings("msul1");
    assert_eq!(one.host_id, id("second"));
    assert_eq!(one.address.to_string(), "10.0.0.1:5900");
    assert_eq!((one.link.pipeline, one.link.connections), (1, 2));
    assert_eq!(
        (one.socket_dir.as_path(), one.spool_dir.as_path()),
        (Path::new("/a/sockets"), Path::new("/mine"))
    );
    assert_eq!(one.permanent_log, Path::new("/b perl/logs/lonnet.perm.log"));
    let two = site.settings("msul2");
    assert_eq!(two.address.to_string(), "two.msu.edu:5000");
    assert_eq!(two.link.pipeline, 8);
}

#[test]
fn what_is_not_set_follows_what_it_may_not_be_less_than() {
    let links = |toml: &str| {
        let site = Site::new(&format!(
            "host_id = 'me'\n[link]\n{toml}\n[peer.a]\naddress = 'x'\nconnections = 30\n[peer.b]\naddress = 'x'\n"
        ));
        ["a", "b"].map(|peer| {
            let link = site.settings(peer).link;
            (link.connections, link.max_connections)
        })
    };
    assert_eq!(links("connections = 0"), [(30, 30), (0, 10)]);
    assert_eq!(links("connections = 10"), [(30, 30), (10, 10)]);
    assert_eq!(links("connections = 11"), [(30, 30), (11, 11)]);
    assert_eq!(links("max_connections = 40"), [(30, 40), (1, 40)]);
    let slow = Site::new("host_id = 'me'\nlink.handshake_timeout = '5m'\npeer.a.address = 'x'");
    assert_eq!(slow.settings("a").link.opening_timeout, Duration::from_secs(300));
}

#[test]
fn the_keys_of_links_on_demand() {
    let site = Site::new(
        "host_id = 'me'\n[link]\nconnections = 0\nmax_connections = 6\nidle_timeout = '2s'\npong = true\n\
         opening_timeout = '60s'\n[daemon]\nidle_exit = '1h'\n\
         [peer.a]\naddress = 'x'\nmax_connections = 1\nidle_timeout = '3s'\npong = false\n\
         opening_timeout = '61s'\n[peer.b]\naddress = 'x'\n",
    );
    let [a, b] = ["a", "b"].map(|peer| site.settings(peer));
    assert_eq!(a.daemon.idle_exit, Duration::from_secs(3600));
    let link = |settings: &Settings| {
        let link = &settings.link;
        let seconds = [link.idle_timeout, link.opening_timeout].map(|time| time.as_secs());
        (link.connections, link.max_connections, seconds, link.pong)
    };
    assert_eq!(link(&a), (0, 1, [3, 61], false));
    assert_eq!(link(&b), (0, 6, [2, 60], true));
}

#[test]
fn the_table_is_found_by_lon_tab_dir() {
    let site = Site::new("loncapa_conf = ['DIR/a.conf']")
        .with("a.conf", "PerlSetVar lonHostID me\nPerlSetVar lonTabDir DIR")
        .with("hosts.tab", HOSTS);
    assert_eq!(site.settings("msul1").address.host, "10.0.0.1");
}

#[test]
fn addresses() {
    for (address, shown) in [
        ("::1", "[::1]:5663"),
        ("[2001:db8::1]", "[2001:db8::1]:5663"),
        ("h.example", "h.example:5663"),
    ] {
        let site = Site::new(&format!("host_id = 'me'\npeer.p.address = '{address}'"));
        assert_eq!(site.settings("p").address.to_string(), shown);
    }
}

#[test]
fn an_address_makes_the_table_needless() {
    let site = Site::new("host_id = 'me'\nhosts_tab = 'DIR/hosts.tab'\npeer.a.address = 'x'\n");
    assert_eq!(site.settings("a").address.host, "x");
    let site = site.with("hosts.tab", "a:broken\n");
    assert_eq!(site.settings("a").address.host, "x");
}

#[test]
fn our_own_id_is_a_peer_too() {
    assert_eq!(
        Site::new("host_id = 'a'\npeer.a.address = 'x'")
            .settings("a")
            .peer,
        id("a")
    );
}
