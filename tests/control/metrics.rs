//! `GetMetrics`.

use serde_json::{Value, json};
use stand_in_lond::Behaviour;
use test_harness::{Lonc, Peer, SLOW};

use crate::operator::Operator;

#[test]
fn counters_agree_with_the_load() {
    let peer = Peer::start();
    // On another link its host would be asked for its name, and that reply counted as well.
    let lonc = Lonc::start_linked(&peer, SLOW);
    let before = metrics(&lonc);
    let mut client = lonc.client();
    for number in 0..100 {
        let request = format!("echo:{number}");
        assert_eq!(client.ask(&request), number.to_string());
    }
    assert_eq!(client.ask("die"), "con_lost");
    let after = metrics(&lonc);
    let counted = |name: &str| {
        let of = |metrics: &Value| metrics["counters"][name].as_u64().unwrap();
        of(&after) - of(&before)
    };
    assert_eq!(counted("requests"), 101);
    assert_eq!(counted("replies"), 100);
    assert_eq!((counted("sentNoReply"), counted("neverSent")), (1, 0));
    assert!(counted("bytesSent") >= 700 && counted("bytesReceived") >= 200);
    let replies = |metrics: &Value| metrics["replyTime"]["count"].as_u64().unwrap();
    assert_eq!(replies(&after) - replies(&before), 100);
    assert_eq!(
        after["counters"]["linksOpened"].as_u64(),
        after["linkRtt"]["count"].as_u64()
    );
}

#[test]
fn buckets_hold_each_other_and_the_time_that_passed() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    assert_eq!(lonc.client().ask("sleep:300:late"), "late");
    let metrics = metrics(&lonc);
    let histogram = &metrics["replyTime"];
    let buckets = histogram["buckets"].as_array().unwrap();
    let column = |name: &str| -> Vec<u64> { buckets.iter().map(|one| one[name].as_u64().unwrap()).collect() };
    assert!(
        column("leUsec").is_sorted() && column("count").is_sorted(),
        "{histogram}"
    );
    assert_eq!(histogram["count"], *column("count").last().unwrap());
    assert!(histogram["sumUsec"].as_u64().unwrap() >= 300_000, "{histogram}");
    let quick = buckets.iter().find(|one| one["leUsec"] == 250_000).unwrap();
    assert!(
        quick["count"].as_u64() < histogram["count"].as_u64(),
        "{histogram}"
    );
}

#[test]
fn what_was_never_sent_is_told_apart() {
    let peer = Peer::that(Behaviour::Refuse);
    let lonc = Lonc::start(
        &peer,
        "[link]\nconnect_wait = '0s'\nbackoff_min = '1h'\nbackoff_max = '1h'\n",
    );
    // Down is it already before the first try has failed.
    Operator::of(&lonc).await_status("down, with a failed try", |status| {
        status["state"] == "down" && status["counters"]["triesFailed"] != 0
    });
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    let metrics = metrics(&lonc);
    let counters = &metrics["counters"];
    assert_eq!(
        (&counters["neverSent"], &counters["sentNoReply"]),
        (&1.into(), &0.into())
    );
    assert!(counters["triesFailed"].as_u64().unwrap() >= 1, "{counters}");
    assert_eq!(
        (&metrics["state"], &metrics["up"], &metrics["links"]),
        (&"down".into(), &0.into(), &1.into())
    );
}

fn metrics(lonc: &Lonc) -> Value {
    Operator::of(lonc).call("GetMetrics", &json!({}))["metrics"].take()
}
