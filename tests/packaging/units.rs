//! The units, as systemd reads them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use test_harness::programs::installed;
use test_harness::source;

use super::read;

/// Ids that are hard on a unit's name.
const ODD: [&str; 5] = ["msul1", "-x", "a-b.c_d", "...", "a.socket"];

/// What `systemd-analyze security` may say at most, times ten.
const EXPOSURE: &str = "--threshold=12";

/// Those that are sandboxed as far as can be.
const HARDENED: [&str; 10] = [
    "lonc@.service",
    "lonc-metrics.service",
    "lonc-usr1.service",
    "lonc-reconnect@.service",
    "lonc-aliases.service",
    "lonc-delayed.service",
    "lonc-table.service",
    "lonc-hosts.service",
    "lonc-hosts-again.service",
    "lonc-hosts-recheck@.service",
];

#[test]
fn systemd_reads_them_without_a_word() {
    if installed("systemd-analyze").is_none() {
        return;
    }
    let examples = [
        None,
        Some("systemd/examples/classic"),
        Some("systemd/examples/only-its-peer"),
        Some("systemd/examples/metrics-for-adm"),
    ];
    for example in examples {
        let dir = units(example);
        let mut names = vec![
            "lonc.target".to_owned(),
            "lonc-sockets.target".into(),
            "lonc-hosts.path".into(),
            "lonc-hosts.service".into(),
            "lonc-hosts-again.service".into(),
            "lonc-hosts-recheck@success.service".into(),
            "lonc-metrics.socket".into(),
            "lonc-metrics.service".into(),
            "lonc-usr1.service".into(),
            "lonc-reconnect.socket".into(),
            "lonc-reconnect@x.service".into(),
            "lonc-aliases.service".into(),
            "lonc-delayed.service".into(),
            "lonc-delayed.path".into(),
            "lonc-table.service".into(),
            "lonc-hosts.timer".into(),
        ];
        names.extend(ODD.map(|id| format!("lonc@{id}.service")));
        names.extend(ODD.map(|id| format!("lonc@{id}.socket")));
        names.extend(ODD.map(|id| format!("lonc-control@{id}.socket")));
        let mut arguments = vec!["verify", "--man=no"];
        arguments.extend(names.iter().map(String::as_str));
        let output = analyze(dir.path(), &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{example:?}: {said}");
    }
}

#[test]
fn exposure_is_low() {
    if installed("systemd-analyze").is_none() {
        return;
    }
    let dir = units(None);
    for name in HARDENED {
        let unit = dir.path().join(name.replace('@', "@x"));
        if name.contains('@') {
            fs::copy(dir.path().join(name), &unit).unwrap();
        }
        let output = analyze(
            dir.path(),
            &["security", "--offline=yes", EXPOSURE, unit.to_str().unwrap()],
        );
        let said = String::from_utf8_lossy(&output.stdout);
        println!("{}", said.lines().last().unwrap_or_default());
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn every_line_of_hardening_has_its_reason() {
    for name in HARDENED {
        let unit = read(&format!("systemd/{name}"));
        let hardening = unit.split_once("# The file system\n").unwrap().1;
        let hardening = hardening.split("\n[Install]").next().unwrap();
        let lines: Vec<_> = hardening.lines().filter(|line| !line.is_empty()).collect();
        for pair in lines.windows(2) {
            let reasoned =
                pair[0].starts_with('#') || pair[1].starts_with('#') || pair[0].starts_with("ProtectHome");
            assert!(reasoned, "{name}: {pair:?}");
        }
    }
}

#[test]
fn nothing_that_only_a_newer_systemd_knows() {
    for name in [
        "lonc@.service",
        "lonc@.socket",
        "lonc-control@.socket",
        "lonc-hosts.path",
        "lonc-hosts.service",
        "lonc-hosts-again.service",
        "lonc-hosts-recheck@.service",
        "lonc-metrics.socket",
        "lonc-metrics.service",
        "lonc-usr1.service",
        "lonc-reconnect.socket",
        "lonc-reconnect@.service",
        "lonc-aliases.service",
        "lonc-delayed.service",
        "lonc-delayed.path",
        "lonc-table.service",
        "lonc-hosts.timer",
    ] {
        let unit = read(&format!("systemd/{name}"));
        for newer in ["notify-reload", "RestartSteps=", "RestartMode=", "PollLimit"] {
            assert!(!unit.contains(newer), "{name}: {newer}");
        }
    }
}

#[test]
fn no_socket_lies_in_a_directory_that_goes_with_the_daemon() {
    let runtime = values("lonc@.service", "RuntimeDirectory");
    assert_eq!(runtime.len(), 1);
    for unit in ["lonc@.socket", "lonc-control@.socket"] {
        for socket in values(unit, "ListenStream") {
            let goes = format!("/run/{}/", runtime[0].split('/').next().unwrap());
            assert!(!socket.starts_with(&goes), "{socket}");
        }
    }
}

#[test]
fn only_its_own_daemon_wants_a_control_socket() {
    assert!(values("lonc@.service", "Wants").contains(&"lonc-control@%i.socket".to_owned()));
    assert_eq!(values("lonc-control@.socket", "Service"), ["lonc@%i.service"]);
    assert_eq!(values("lonc-control@.socket", "StopWhenUnneeded"), ["yes"]);
    assert_eq!(values("lonc-control@.socket", "WantedBy"), [""; 0]);
}

#[test]
fn the_sockets_have_the_names_that_the_daemon_knows() {
    assert_eq!(values("lonc@.socket", "FileDescriptorName"), ["client"]);
    assert_eq!(values("lonc-control@.socket", "FileDescriptorName"), ["control"]);
}

#[test]
fn root_does_little_about_the_table() {
    // Who reads it writes nothing but its output, and is the user who reads it elsewhere.
    let reader = "lonc-table.service";
    assert_eq!(values(reader, "User"), values("lonc@.service", "User"));
    assert_eq!(values(reader, "CapabilityBoundingSet"), [""]);
    let runtime = values("lonc-hosts.service", "RuntimeDirectory");
    assert_eq!(
        values(reader, "StandardOutput"),
        [format!("truncate:/run/{}/offered.json", runtime[0])]
    );
    assert_eq!(values("lonc-hosts.service", "ProtectHome"), ["yes"]);
    let classic = |unit: &str| read(&format!("systemd/examples/classic/{unit}.d/classic.conf"));
    assert!(classic(reader).contains("\nUser=www\n") && classic("lonc@.service").contains("\nUser=www\n"));
    // No boot waits for it, and a stop of all ends it.
    assert!(values("lonc-hosts.service", "After").contains(&"lonc.target".to_owned()));
    assert_eq!(values("lonc-hosts.service", "PartOf"), ["lonc.target"]);
}

#[test]
fn what_changes_meanwhile_is_looked_for_however_it_ends() {
    let recheck = "lonc-hosts-recheck@.service";
    // One that is of both has systemd warn each time.
    for (end, which) in [("OnSuccess", "success"), ("OnFailure", "failure")] {
        let looks = recheck.replace('@', &format!("@{which}"));
        assert_eq!(values("lonc-hosts.service", end), [looks], "{end}");
    }
    assert_eq!(values(recheck, "PartOf"), ["lonc.target"]);
    // Not before that is at its end, and of what is being stopped it starts nothing.
    assert_eq!(
        values(recheck, "After"),
        ["lonc-hosts.service lonc-hosts.path lonc.target"]
    );
}

#[test]
fn what_is_optional_is_off_by_default() {
    let preset = read("systemd/lonc.preset");
    for unit in ["lonc-metrics.socket", "lonc-usr1.service"] {
        assert!(
            preset.lines().any(|line| line == format!("disable {unit}")),
            "{unit}"
        );
        assert_eq!(values(unit, "WantedBy").len(), 1, "{unit}");
    }
    assert_eq!(values("lonc-reconnect.socket", "WantedBy"), [""; 0]);
}

#[test]
fn who_is_signalled_comes_and_goes_with_all_of_lonc() {
    assert_eq!(values("lonc-usr1.service", "PartOf"), ["lonc.target"]);
    assert_eq!(values("lonc-usr1.service", "WantedBy"), ["lonc.target"]);
    assert_eq!(values("lonc-usr1.service", "Restart"), ["always"]);
    // Else it does not see a Perl lonc that runs.
    assert_eq!(values("lonc-usr1.service", "ProtectProc"), [""; 0]);
    let classic = read("systemd/examples/classic/lonc.target.d/classic.conf");
    assert!(
        classic.lines().any(|line| line == "Wants=lonc-usr1.service"),
        "{classic}"
    );
}

#[test]
fn who_is_signalled_may_pass_it_on_and_nobody_else() {
    assert_eq!(
        values("lonc-usr1.service", "User"),
        values("lonc-reconnect.socket", "SocketUser")
    );
    assert_eq!(values("lonc-reconnect.socket", "SocketMode"), ["0600"]);
    assert_eq!(
        values("lonc-reconnect@.service", "User"),
        values("lonc@.service", "User")
    );
    assert_eq!(
        values("lonc-metrics.service", "SupplementaryGroups"),
        values("lonc-control@.socket", "SocketGroup")
    );
}

/// The units in a directory of their own, with drop-ins of `example`. The programs they name are not installed here:
/// others stand for them.
fn units(example: Option<&str>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(source("systemd")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            let text = fs::read_to_string(entry.path()).unwrap();
            let text = text.replace("=/usr/sbin/lonc", "=/bin/true");
            let text = text.replace("=/usr/lib/systemd/system-generators/lonc-generator", "=/bin/true");
            let text = text.replace("=/usr/lib/lonc/lonc-metrics", "=/bin/true");
            let text = text.replace("=/usr/lib/lonc/lonc-usr1", "=/bin/true");
            let text = text.replace("/usr/lib/lonc/lonc-socket", "/bin/true");
            fs::write(dir.path().join(entry.file_name()), text).unwrap();
        }
    }
    for drop_in in example
        .iter()
        .flat_map(|name| fs::read_dir(source(name)).unwrap())
    {
        let drop_in = drop_in.unwrap().path();
        copy(&drop_in, &dir.path().join(drop_in.file_name().unwrap()));
    }
    dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

fn analyze(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.env("SYSTEMD_UNIT_PATH", format!("{}:", dir.display()));
    command.args(arguments).output().unwrap()
}

/// The values that a unit gives to a key.
fn values(unit: &str, key: &str) -> Vec<String> {
    let text = read(&format!("systemd/{unit}"));
    let value = |line: &str| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
    text.lines().filter_map(value).collect()
}
