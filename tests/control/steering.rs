//! What an operator changes.

use std::fs;

use serde_json::{Value, json};
use test_harness::{Lonc, Manager, Peer, SLOW, Site};

use crate::operator::Operator;

#[test]
fn reconnect_tries_at_once() {
    let peer = Peer::dead();
    let lonc = Lonc::start(&peer, SLOW);
    let mut operator = Operator::of(&lonc);
    operator.await_status("down", |status| status["state"] == "down");
    peer.revive();
    operator.call("Reconnect", &json!({}));
    operator.await_status("up", |status| status["state"] == "up");
    lonc.await_log("control socket: Reconnect");
}

#[test]
fn a_reload_is_in_force_when_it_returns() {
    let peer = Peer::start();
    let (manager, lonc) = Manager::start(&peer, "");
    let mut operator = Operator::of(&lonc);
    let seen = manager.messages().len();
    for level in ["debug", "warn", "info"] {
        lonc.site
            .configure(peer.addr(), &format!("[daemon]\nlog_level = '{level}'\n"));
        let reply = operator.call("Reload", &json!({}));
        assert_eq!(reply["warnings"], json!([]));
        assert_eq!(operator.status()["logLevel"], level);
    }
    manager.await_after(seen, "RELOADING=1");
    manager.await_after(seen, "READY=1");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_bad_reload_tells_file_line_and_key_and_changes_nothing() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let mut operator = Operator::of(&lonc);
    let config = lonc.site.path("lonc.toml");
    let good = fs::read_to_string(&config).unwrap();
    let mut reload = |text: &str| {
        lonc.site.write_config(&good.replace("host_id = 'msul2'", text));
        operator.fail("Reload", &json!({}))
    };
    let file = config.to_str().unwrap();
    let (error, told) = reload("host_id = 'msul2'\nhots_tab = 1");
    assert_eq!(error, "org.loncapa.lonc.BadConfiguration");
    assert_eq!(
        (&told["file"], &told["line"], &told["key"]),
        (&file.into(), &2.into(), &"hots_tab".into())
    );
    assert!(told["text"].as_str().unwrap().contains("did you mean"), "{told}");
    let (_, told) = reload("host_id = 'msul2'\nclient.max_queued_bytes = 'x'");
    assert_eq!(
        (&told["file"], &told["line"], &told["key"]),
        (&file.into(), &2.into(), &"client.max_queued_bytes".into())
    );
    let (_, told) = reload("");
    assert_eq!((&told["line"], &told["key"]), (&Value::Null, &"host_id".into()));
    assert_eq!(lonc.client().ask("echo:1"), "1");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn the_log_level_holds_until_the_next_reload() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let mut operator = Operator::of(&lonc);
    operator.call("SetLogLevel", &json!({ "level": "debug" }));
    assert_eq!(operator.status()["logLevel"], "debug");
    Operator::of(&lonc)
        .stream()
        .shutdown(std::net::Shutdown::Both)
        .unwrap();
    let (error, told) = operator.fail("SetLogLevel", &json!({ "level": "loud" }));
    assert_eq!(error, "org.varlink.service.InvalidParameter");
    assert_eq!(told["parameter"], "level");
    operator.call("Reload", &json!({}));
    assert_eq!(operator.status()["logLevel"], "info");
}

#[test]
fn where_the_environment_has_the_say_the_log_level_is_fixed() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), "");
    let mut command = site.command();
    command.env("RUST_LOG", "info");
    let lonc = Lonc::spawn(site, command);
    lonc.await_socket();
    let (error, _) = Operator::of(&lonc).fail("SetLogLevel", &json!({ "level": "debug" }));
    assert_eq!(error, "org.loncapa.lonc.LogLevelFixed");
}
