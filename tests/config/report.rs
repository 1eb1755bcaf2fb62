//! What `lonc --check` prints.

use lonc::internals::config;

use crate::site::{HOSTS, Site};

#[test]
fn a_report_names_every_source() {
    let report = rich().check(Some("msul1")).unwrap();
    for line in [
        "host_id = \"msul2\" # DIR/c.conf:2 (lonHostID)",
        "port = 5000 # DIR/lonc.toml:3",
        "permanent_log = \"/var/log/lonc/lonnet.perm.log\" # default",
        "[link]",
        "pipeline = 1 # DIR/lonc.toml:11 ([peer.msul1])",
        "request_timeout = \"1h 5m\" # DIR/lonc.toml:5",
        "[peer.msul1]",
        "address = \"10.0.0.1\" # DIR/hosts.tab:2",
        "port = 5900 # DIR/lonc.toml:10 ([peer.msul1])",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            report.lines().any(|found| words(found) == line),
            "{line} not in\n{report}"
        );
    }
    let warning = "# warning: DIR/hosts.tab:4: line skipped: too few fields, ";
    assert!(report.lines().last().unwrap().starts_with(warning), "{report}");
}

#[test]
fn a_report_lists_all_peers() {
    let report = rich().check(None).unwrap();
    assert!(report.contains("\n[peer]\n"), "{report}");
    let listed = report.lines().find(|line| line.starts_with("msul1 = ")).unwrap();
    assert!(
        listed.starts_with("msul1 = { address = \"10.0.0.1\", port = 5900, pipeline = 1 }"),
        "{listed}"
    );
    assert!(listed.ends_with("# DIR/hosts.tab:2"), "{listed}");
    assert!(
        report.contains("\n\"v.6\" = { address = \"::1\", port = 5000 }"),
        "{report}"
    );
    assert!(!report.contains("\nmsul2 = "), "ourselves: {report}");
}

#[test]
fn what_follows_another_key_is_told_and_read_back() {
    let site = Site::new(
        "host_id = 'me'\nlink.connections = 20\n[peer.a]\naddress = 'x'\nconnections = 3\n\
         [peer.b]\naddress = 'x'\nconnections = 30\n[peer.c]\naddress = 'x'\n",
    );
    let all = site.check(None).unwrap();
    for line in [
        "max_connections = 20   # DIR/lonc.toml:2 (as connections)",
        "a = { address = \"x\", port = 5663, connections = 3, max_connections = 10 }",
        "b = { address = \"x\", port = 5663, connections = 30, max_connections = 30 }",
        "c = { address = \"x\", port = 5663 }",
    ] {
        let squeezed = all.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed.contains(&line), "{line} not in\n{all}");
    }
    for peer in ["a", "b", "c"] {
        let alone = site.check(Some(peer)).unwrap();
        for text in [&alone, &all] {
            assert_eq!(Site::new(text).settings(peer), site.settings(peer), "{text}");
        }
    }
}

#[test]
fn a_report_read_back_gives_the_same_settings() {
    let site = rich();
    let all = config::check(&site.path("lonc.toml"), None).unwrap();
    for peer in ["msul1", "v.6"] {
        let loaded = site.load(peer).unwrap();
        for text in [&loaded.report.to_string(), &all] {
            assert_eq!(Site::new(text).settings(peer), loaded.settings, "{text}");
        }
    }
}

/// Something of everything: each layer, odd ids, IPv6, warnings.
fn rich() -> Site {
    Site::new(
        "loncapa_conf = ['DIR/c.conf']\nhosts_tab = 'DIR/hosts.tab'\nport = 5000\n\
         [link]\nrequest_timeout = '1h 5m'\nmax_reply_bytes = 4096\n[daemon]\nlog_level = 'debug'\n\
         [peer.msul1]\nport = 5900\npipeline = 1\n[peer.\"v.6\"]\naddress = '[::1]'\n",
    )
    .with(
        "c.conf",
        "\nPerlSetVar lonHostID msul2\nPerlSetVar lonSockDir \"/a'b \\\"c\"\n",
    )
    .with("hosts.tab", &format!("{HOSTS}bad\n"))
}

#[test]
fn an_idle_exit_is_told_with_its_condition() {
    let site = Site::new("host_id = 'msul2'\n[daemon]\nidle_exit = '10m'\n[peer.msul1]\naddress = 'x'\n");
    let report = site.check(Some("msul1")).unwrap();
    let line = report.lines().find(|line| line.starts_with("idle_exit")).unwrap();
    assert!(
        line.ends_with("DIR/lonc.toml:3 (heeded only where systemd holds the socket)"),
        "{line}"
    );
}
