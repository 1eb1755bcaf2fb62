//! Who may ask, and who may steer.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Lonc, Peer, Site, program};
use crate::operator::{Operator, socket};
use crate::post::Post as _;
use crate::unprivileged;

const READING: [&str; 4] = ["GetStatus", "GetMetrics", "ListClients", "ListDelayed"];
const CHANGING: [(&str, &str); 6] = [
    ("Reconnect", "{}"),
    ("Reload", "{}"),
    ("SetLogLevel", r#"{"level":"debug"}"#),
    ("RetryDelayed", "{}"),
    ("HoldDelayed", r#"{"name":"x.msul1"}"#),
    ("DropDelayed", r#"{"name":"x.msul1"}"#),
];

/// Calls as whatever user it runs as, one reply a line.
const CALL: &str = r#"
    use IO::Socket::UNIX;
    my ($path, @calls) = @ARGV;
    my $lonc = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!";
    $/ = "\0";
    for (@calls) {
        $lonc->print("$_\0");
        my $reply = <$lonc>;
        chomp $reply;
        print "$reply\n";
    }
"#;

fn call(method: &str, parameters: &str) -> String {
    format!(r#"{{"method":"org.loncapa.lonc.{method}","parameters":{parameters}}}"#)
}

/// What user 4711 is told; nothing if these tests do not run as root, or without Perl.
fn as_another(lonc: &Lonc, calls: &[String]) -> Option<(Vec<Value>, String)> {
    let perl = program("perl")?;
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only root can send an operator of another user");
        return None;
    }
    let mut command = Command::new(perl);
    command.args(["-e", CALL]).arg(socket(&lonc.site)).args(calls);
    let output = command.current_dir("/").uid(4711).gid(4711).output().unwrap();
    let replies = String::from_utf8(output.stdout).unwrap();
    let replies = replies.lines().map(|line| serde_json::from_str(line).unwrap());
    Some((replies.collect(), String::from_utf8(output.stderr).unwrap()))
}

#[test]
fn who_may_connect_may_read_and_not_change() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    assert_eq!(lonc.client().ask("ping"), "msul1");
    fs::set_permissions(socket(&lonc.site), Permissions::from_mode(0o666)).unwrap();
    let reading = READING.map(|method| call(method, "{}"));
    let changing = CHANGING.map(|(method, parameters)| call(method, parameters));
    let calls = [&reading[..], &changing[..]].concat();
    let Some((replies, _)) = as_another(&lonc, &calls) else {
        return;
    };
    assert_eq!(replies.len(), calls.len());
    for reply in &replies[..READING.len()] {
        assert!(reply.get("error").is_none(), "{reply}");
    }
    for reply in &replies[READING.len()..] {
        assert_eq!(reply["error"], "org.varlink.service.PermissionDenied", "{reply}");
    }
    assert_eq!(Operator::of(&lonc).status()["logLevel"], "info");
    assert!(!lonc.log().contains("control socket:"), "{}", lonc.log());
}

#[test]
fn an_outsider_may_not_even_connect() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let mode = fs::metadata(socket(&lonc.site)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    if let Some((replies, said)) = as_another(&lonc, &[call("GetStatus", "{}")]) {
        assert!(replies.is_empty() && said.contains("Permission denied"), "{said}");
    }
}

#[test]
fn root_steers_an_instance_of_another_user() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let Some(lonc) = unprivileged::start(site) else {
        return;
    };
    assert_eq!(lonc.client().ask("ping"), "msul1");
    let mut operator = Operator::of(&lonc);
    operator.call("SetLogLevel", &json!({ "level": "debug" }));
    assert_eq!(operator.status()["logLevel"], "debug");
    operator.call("Reload", &json!({}));
    assert_eq!(operator.status()["logLevel"], "info");
}
