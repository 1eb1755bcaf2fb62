//! Who may ask, and who may steer.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use test_harness::{Lonc, Peer, Site, another_user};

use crate::operator::Operator;

const READING: [&str; 4] = ["GetStatus", "GetMetrics", "ListClients", "ListDelayed"];
const CHANGING: [(&str, &str); 6] = [
    ("Reconnect", "{}"),
    ("Reload", "{}"),
    ("SetLogLevel", r#"{"level":"debug"}"#),
    ("RetryDelayed", "{}"),
    ("HoldDelayed", r#"{"name":"x.msul1"}"#),
    ("DropDelayed", r#"{"name":"x.msul1"}"#),
];

#[test]
fn who_may_connect_may_read_and_not_change() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    assert_eq!(lonc.client().ask("ping"), "msul1");
    fs::set_permissions(lonc.site.control_socket(), Permissions::from_mode(0o666)).unwrap();
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
    let mode = fs::metadata(lonc.site.control_socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    if let Some((replies, said)) = as_another(&lonc, &[call("GetStatus", "{}")]) {
        assert!(replies.is_empty() && said.contains("Permission denied"), "{said}");
    }
}

#[test]
fn root_steers_an_instance_of_another_user() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let lonc = another_user::start(site);
    assert_eq!(lonc.client().ask("ping"), "msul1");
    let mut operator = Operator::of(&lonc);
    operator.call("SetLogLevel", &json!({ "level": "debug" }));
    assert_eq!(operator.status()["logLevel"], "debug");
    operator.call("Reload", &json!({}));
    assert_eq!(operator.status()["logLevel"], "info");
}

fn call(method: &str, parameters: &str) -> String {
    format!(r#"{{"method":"org.loncapa.lonc.{method}","parameters":{parameters}}}"#)
}

/// What another user is told; nothing if that cannot be tried here.
fn as_another(lonc: &Lonc, calls: &[String]) -> Option<(Vec<Value>, String)> {
    let (replies, said) = another_user::ask(&lonc.site.control_socket(), '\0', calls)?;
    let replies = replies.iter().map(|reply| serde_json::from_str(reply).unwrap());
    Some((replies.collect(), said))
}
