//! Each fault is one line that names file, line and key.

use std::fs;

use crate::site::Site;

#[test]
fn faults_of_files() {
    let missing = Site::empty();
    assert_eq!(
        missing.fault("a"),
        "DIR/lonc.toml: cannot be read: No such file or directory (os error 2)"
    );
    let directory = Site::empty();
    fs::create_dir(directory.path("lonc.toml")).unwrap();
    assert_eq!(
        directory.fault("a"),
        "DIR/lonc.toml: cannot be read: Is a directory (os error 21)"
    );
    assert_eq!(
        Site::new("loncapa_conf = ['DIR/none']").fault("a"),
        "DIR/none: cannot be read: No such file or directory (os error 2) (loncapa_conf at DIR/lonc.toml:1)"
    );
    assert_eq!(
        Site::new("host_id = 'me'\nhosts_tab = 'DIR/none'").fault("a"),
        "DIR/none: cannot be read: No such file or directory (os error 2) (hosts_tab at DIR/lonc.toml:2)"
    );
    let latin = Site::new("");
    fs::write(latin.path("lonc.toml"), b"# a\n# \xe9\n").unwrap();
    assert_eq!(latin.fault("a"), "DIR/lonc.toml:2: is not UTF-8 text");
}

#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new("");
    fs::set_permissions(site.path("lonc.toml"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads it all the same.
    if fs::read(site.path("lonc.toml")).is_err() {
        let user = nix::unistd::geteuid();
        assert_eq!(
            site.fault("a"),
            format!(
                "DIR/lonc.toml: cannot be read: Permission denied (os error 13): user {user} may not read it"
            )
        );
    }
}

#[test]
fn faults_of_values_name_line_and_key() {
    for (toml, message) in [
        (
            "link.pipeline = 0",
            "2: link.pipeline: must be between 1 and 65536, is 0",
        ),
        (
            "link.connections = 65",
            "2: link.connections: must be between 0 and 64, is 65",
        ),
        (
            "link.max_connections = 0",
            "2: link.max_connections: must be between 1 and 64, is 0",
        ),
        (
            "link.idle_timeout = '0s'",
            "2: link.idle_timeout: must be more than 0, is \"0s\"",
        ),
        (
            "link.pong = 'no'",
            "2: link.pong: must be true or false, is \"no\"",
        ),
        (
            "daemon.idle_exit = 5",
            "2: daemon.idle_exit: 5 is not a duration such as \"10s\" or \"5m\"",
        ),
        (
            "[link]\nconnect_timeout = 'ten'",
            "3: link.connect_timeout: \"ten\" is not a duration such as \"10s\" or \"5m\"",
        ),
        (
            "link.request_timeout = 300",
            "2: link.request_timeout: 300 is not a duration such as \"10s\" or \"5m\"",
        ),
        (
            "link.handshake_timeout = '0s'",
            "2: link.handshake_timeout: must be more than 0, is \"0s\"",
        ),
        (
            "link.max_reply_bytes = 63",
            "2: link.max_reply_bytes: must be between 64 bytes and 1TiB, is 63",
        ),
        (
            "client.max_request_bytes = 'big'",
            "2: client.max_request_bytes: \"big\" is not a size such as 4096 or \"8MiB\"",
        ),
        (
            "client.max_clients = 0",
            "2: client.max_clients: must be between 1 and 65536, is 0",
        ),
        (
            "spool.max_attempts = 0",
            "2: spool.max_attempts: must be between 1 and 1000, is 0",
        ),
        (
            "spool.message_timeout = true",
            "2: spool.message_timeout: true is not a duration such as \"10s\" or \"5m\"",
        ),
        (
            "daemon.log_level = 'loud'",
            "2: daemon.log_level: must be one of \"error\", \"warn\", \"info\", \"debug\", \"trace\", is \"loud\"",
        ),
        (
            "daemon.start = ['x']",
            "2: daemon.start: must be one of \"demand\", \"boot\", is an array",
        ),
        ("port = 65536", "2: port: must be between 1 and 65535, is 65536"),
        (
            "port = '5663'",
            "2: port: must be a whole number between 1 and 65535, is \"5663\"",
        ),
        (
            "socket_dir = 'x\\ny'",
            "2: socket_dir: must be an absolute path in UTF-8 without control characters, is \"x\\\\ny\"",
        ),
        (
            "loncapa_conf = 'x'",
            "2: loncapa_conf: must be a list of paths, is \"x\"",
        ),
    ] {
        assert_fault(toml, message);
    }
}

#[test]
fn two_keys_at_odds_are_a_fault_of_the_one_that_is_written() {
    for (toml, message) in [
        (
            "link.max_connections = 8\nlink.connections = 9",
            "3: link.connections: must not be more than link.max_connections (8), is 9",
        ),
        (
            "link.opening_timeout = '59s'",
            "2: link.opening_timeout: must not be less than link.handshake_timeout (60s), is \"59s\"",
        ),
        (
            "link.opening_timeout = '3m'\nlink.handshake_timeout = '4m'",
            "3: link.handshake_timeout: must not be more than link.opening_timeout (3m), is \"4m\"",
        ),
        (
            "link.backoff_min = '3m'",
            "2: link.backoff_min: must not be more than link.backoff_max (120s), is \"3m\"",
        ),
        (
            "link.backoff_max = '1ms'",
            "2: link.backoff_max: must not be less than link.backoff_min (1s), is \"1ms\"",
        ),
        (
            "client.max_queued_bytes = '1MiB'",
            "2: client.max_queued_bytes: must not be less than client.max_client_bytes (4MiB), is \"1MiB\"",
        ),
    ] {
        assert_fault(toml, message);
    }
}

#[test]
fn faults_of_ids_and_peers() {
    assert_eq!(
        fault(""),
        "DIR/lonc.toml: host_id is not set; set host_id here, or list the file with lonHostID in loncapa_conf"
    );
    assert_eq!(
        fault("host_id = \"a\\u001bb\""),
        r#"DIR/lonc.toml:1: host_id: "a\u{1b}b" is not a host id (letters, digits, "_", "." and "-")"#
    );
    assert_eq!(
        fault("host_id = 5"),
        "DIR/lonc.toml:1: host_id: must be a text, is 5"
    );
    let peer = |keys: &str| Site::new(&format!("host_id = 'me'\n[peer.\"a.b\"]\n{keys}")).fault("a.b");
    assert_eq!(
        peer("address = 'x:1'"),
        r#"DIR/lonc.toml:3: peer."a.b".address: "x:1" is neither a host name nor an IP address"#
    );
    assert_eq!(
        peer("address = 'x'\npipeline = 0"),
        r#"DIR/lonc.toml:4: peer."a.b".pipeline: must be between 1 and 65536, is 0"#
    );
    assert_eq!(
        peer("address = 'x'\nport = 0"),
        r#"DIR/lonc.toml:4: peer."a.b".port: must be between 1 and 65535, is 0"#
    );
    assert!(
        peer("max_clients = 1")
            .starts_with(r#"DIR/lonc.toml:3: unknown key "max_clients" in [peer."a.b"]; "#)
    );
}

#[test]
fn of_two_keys_at_odds_the_one_written_for_the_peer_is_told() {
    for (link, peer, message) in [
        (
            "backoff_min = '5s'",
            "backoff_max = '2s'",
            "5: peer.a.backoff_max: must not be less than link.backoff_min (5s), is \"2s\"",
        ),
        (
            "backoff_max = '5s'",
            "backoff_min = '7s'",
            "5: peer.a.backoff_min: must not be more than link.backoff_max (5s), is \"7s\"",
        ),
        (
            "backoff_min = '1ms'",
            "backoff_min = '7s'\nbackoff_max = '5s'",
            "5: peer.a.backoff_min: must not be more than peer.a.backoff_max (5s), is \"7s\"",
        ),
        (
            "connections = 20",
            "max_connections = 4",
            "5: peer.a.max_connections: must not be less than link.connections (20), is 4",
        ),
        (
            "max_connections = 4",
            "connections = 5",
            "5: peer.a.connections: must not be more than link.max_connections (4), is 5",
        ),
    ] {
        let toml = format!("host_id = 'me'\n[link]\n{link}\n[peer.a]\n{peer}\naddress = 'x'");
        assert_eq!(Site::new(&toml).fault("a"), format!("DIR/lonc.toml:{message}"));
    }
}

#[test]
fn faults_of_loncapa_conf_name_the_variable() {
    let fault = |conf: &str| {
        Site::new("loncapa_conf = ['DIR/c']\npeer.a.address = 'x'")
            .with("c", conf)
            .fault("a")
    };
    assert!(
        fault("\nPerlSetVar lonHostID {[[[[lonHostID]]]]}").starts_with("DIR/c:2: host_id (lonHostID): ")
    );
    assert_eq!(
        fault("PerlSetVar lonHostID a\nPerlSetVar londPort x"),
        "DIR/c:2: port (londPort): must be a whole number between 1 and 65535, is \"x\""
    );
    assert!(
        fault("PerlSetVar lonHostID a\nPerlSetVar lonSockDir")
            .starts_with("DIR/c:2: socket_dir (lonSockDir): ")
    );
}

#[test]
fn a_byte_order_mark_shifts_nothing() {
    let message = Site::new("\u{feff}host_id = 'me'\nport = 0\npeer.a.address = 'x'").fault("a");
    assert_eq!(
        message,
        "DIR/lonc.toml:2: port: must be between 1 and 65535, is 0"
    );
}

#[test]
fn syntax_faults_are_one_line() {
    for toml in [
        "port = ",
        "[link",
        "= 1",
        "a = '''\n\n",
        "port = 1\nport = 2",
        "x = 1",
        "\u{1}",
        "link = 5",
        "[[peer]]",
    ] {
        let message = Site::new(toml).fault("a");
        assert!(message.starts_with("DIR/lonc.toml:"), "{message}");
    }
}

fn assert_fault(toml: &str, message: &str) {
    // The id goes first: a key after a section would belong to it.
    let told = fault(&format!("host_id = 'me'\n{toml}"));
    assert_eq!(told, format!("DIR/lonc.toml:{message}"));
}

/// The fault of a file that is right but for `toml`, for a peer with an address.
fn fault(toml: &str) -> String {
    Site::new(&format!("{toml}\n[peer.msul1]\naddress = 'here'\n")).fault("msul1")
}
