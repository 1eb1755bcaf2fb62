//! What an operator gets to see of a configuration.

use std::process::Output;

use test_harness::{Peer, Site};

#[test]
fn a_fault_is_one_line_that_names_file_line_and_key() {
    for (config, line, words) in [
        ("host_id = 'msul2'\n[link]\npipelin = 1\n", "3", "pipelin"),
        (
            "host_id = 'msul2'\n\n[link]\npipeline = 0\n",
            "4",
            "link.pipeline",
        ),
        ("host_id = 'ms ul'\n", "1", "host_id"),
        ("host_id = 'msul2'\nport = 'high'\n", "2", "port"),
        (
            "host_id = 'msul2'\n[link]\nconnect_wait = 5\n",
            "3",
            "link.connect_wait",
        ),
        ("host_id = 'msul2'\n[link\n", "2", ""),
    ] {
        let peer = "[peer.msul1]\naddress = '127.0.0.1'\n";
        let text = fault(&format!("{config}{peer}"), "msul1");
        assert!(
            text.starts_with(&format!("lonc: DIR/lonc.toml:{line}: ")),
            "{text}"
        );
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_peer_that_nobody_knows_and_an_own_id_that_nobody_gave_are_faults() {
    let text = fault("host_id = 'msul2'\nhosts_tab = '/dev/null'\n", "msul9");
    assert!(text.contains("msul9") && text.contains("/dev/null"), "{text}");
    let text = fault("[peer.msul1]\naddress = '127.0.0.1'\n", "msul1");
    assert!(
        text.contains("host_id") && text.contains("DIR/lonc.toml"),
        "{text}"
    );
}

#[test]
fn a_socket_that_nobody_could_reach_by_its_path_is_a_fault() {
    let peer = "[peer.msul1]\naddress = '127.0.0.1'\n";
    for key in ["socket_dir", "control_dir"] {
        let config = |len: usize| format!("host_id = 'msul2'\n{key} = '/{}'\n{peer}", "x".repeat(len - 1));
        // With "/msul1" behind it.
        let text = fault(&config(102), "msul1");
        assert!(
            text.starts_with(&format!("lonc: DIR/lonc.toml:2: {key}: ")),
            "{text}"
        );
        assert!(text.contains("108 bytes"), "{text}");
        let site = Site::new(Peer::dead().addr(), "");
        for (len, code) in [(101, 0), (102, 78)] {
            site.write_config(&config(len));
            assert_eq!(run(&site, &["--check", "msul1"]).status.code(), Some(code));
            assert_eq!(run(&site, &["--check"]).status.code(), Some(code));
        }
    }
}

#[test]
fn a_missing_file_is_a_fault() {
    let output = Site::program()
        .args(["--config", "/nonexistent/lonc.toml", "msul1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.starts_with("lonc: /nonexistent/lonc.toml: cannot be read"),
        "{text}"
    );
}

#[test]
fn check_prints_what_is_in_force_and_where_it_came_from() {
    let peer = Peer::dead();
    let site = Site::new(peer.addr(), "[link]\npipeline = 7\n");
    let output = run(&site, &["--check", "msul1"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |key: &str| {
        text.lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_else(|| panic!("{key}: {text}"))
    };
    let config = site.path("lonc.toml");
    assert!(line("pipeline = 7").contains(config.to_str().unwrap()), "{text}");
    assert!(line("connections = 1").contains("default"), "{text}");
    assert!(
        line(&format!("port = {}", peer.port())).contains(config.to_str().unwrap()),
        "{text}"
    );
    assert!(run(&site, &["--check"]).status.success());
    // What it prints is a configuration that says the same.
    site.write_config(&text);
    let again = run(&site, &["--check", "msul1"]);
    assert!(again.status.success(), "{again:?}");
}

#[test]
fn wrong_arguments_are_told_apart_from_a_wrong_configuration() {
    for arguments in [&["--nonsense"][..], &[], &["a b"]] {
        let output = Site::program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(!output.stderr.is_empty());
    }
}

fn run(site: &Site, arguments: &[&str]) -> Output {
    let mut lonc = Site::program();
    lonc.arg("--config").arg(site.path("lonc.toml")).args(arguments);
    lonc.output().unwrap()
}

/// The one line of a fault, with the directory as `DIR`, at a start and at `--check` alike.
fn fault(config: &str, peer: &str) -> String {
    let site = Site::new(Peer::dead().addr(), "");
    site.write_config(config);
    let [started, checked] = [&[peer][..], &["--check", peer]].map(|arguments| {
        let output = run(&site, arguments);
        assert_eq!(output.status.code(), Some(78), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
        site.hide(text.trim())
    });
    assert_eq!(started, checked);
    started
}
