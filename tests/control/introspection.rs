//! What any Varlink client may ask first.

use serde_json::json;
use test_harness::{Lonc, Peer};

use crate::operator::Operator;

#[test]
fn it_says_what_it_is_and_describes_its_interfaces() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut operator = Operator::of(&lonc);
    let info = operator.call_raw("org.varlink.service.GetInfo", &json!({}));
    let info = &info["parameters"];
    assert_eq!(
        (&info["product"], &info["version"]),
        (&"lonc".into(), &env!("CARGO_PKG_VERSION").into())
    );
    for interface in info["interfaces"].as_array().unwrap() {
        let parameters = json!({ "interface": interface });
        let reply = operator.call_raw("org.varlink.service.GetInterfaceDescription", &parameters);
        let text = reply["parameters"]["description"].as_str().unwrap();
        let header = format!("\ninterface {}\n", interface.as_str().unwrap());
        assert!(text.contains(&header), "{text}");
    }
}

#[test]
fn what_nobody_knows_is_told_as_such() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut operator = Operator::of(&lonc);
    for (method, parameters, error, told) in [
        (
            "org.example.Other.Get",
            json!({}),
            "InterfaceNotFound",
            json!({ "interface": "org.example.Other" }),
        ),
        (
            "org.loncapa.lonc.Fly",
            json!({}),
            "MethodNotFound",
            json!({ "method": "org.loncapa.lonc.Fly" }),
        ),
        (
            "org.varlink.service.Fly",
            json!({}),
            "MethodNotFound",
            json!({ "method": "org.varlink.service.Fly" }),
        ),
        ("fly", json!({}), "MethodNotFound", json!({ "method": "fly" })),
        (
            "org.loncapa.lonc.GetStatus",
            json!({ "all": 1 }),
            "InvalidParameter",
            json!({ "parameter": "all" }),
        ),
        (
            "org.loncapa.lonc.HoldDelayed",
            json!({}),
            "InvalidParameter",
            json!({ "parameter": "name" }),
        ),
        (
            "org.loncapa.lonc.HoldDelayed",
            json!({ "name": 1 }),
            "InvalidParameter",
            json!({ "parameter": "name" }),
        ),
        (
            "org.varlink.service.GetInterfaceDescription",
            json!({ "interface": "x.y" }),
            "InterfaceNotFound",
            json!({ "interface": "x.y" }),
        ),
    ] {
        let reply = operator.call_raw(method, &parameters);
        assert_eq!(reply["error"], format!("org.varlink.service.{error}"), "{method}");
        assert_eq!(reply["parameters"], told, "{method}");
    }
}

#[test]
fn calls_may_follow_each_other_without_waiting_and_one_way() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut operator = Operator::of(&lonc);
    let call = |method: &str, oneway| json!({ "method": method, "oneway": oneway });
    operator.say(&call("org.varlink.service.GetInfo", true));
    operator.say(&call("org.loncapa.lonc.Fly", true));
    operator.say(&call("org.varlink.service.GetInfo", false));
    operator.say(&call("org.loncapa.lonc.GetStatus", false));
    assert_eq!(operator.hear().unwrap()["parameters"]["product"], "lonc");
    assert_eq!(operator.hear().unwrap()["parameters"]["status"]["peer"], "msul1");
}
