//! What the metrics say.

use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use stand_in_lond::Behaviour;
use test_harness::programs::{fed, installed};
use test_harness::{ABSENT, Lonc, Peer, SLOW, Site, wait_for, wait_until};

use crate::exporter::{get, open_metrics};
use crate::samples::Samples;

#[test]
fn counters_agree_with_the_load() {
    let peer = Peer::start();
    // The answer to who is there counts as well: it comes before the first reply, and no other link is opened.
    let lonc = Lonc::start_linked(&peer, SLOW);
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:first"), "first");
    let before = samples(&lonc);
    for number in 0..100 {
        assert_eq!(client.ask(&format!("echo:{number}")), number.to_string());
    }
    assert_eq!(client.ask("die"), "con_lost");
    let after = samples(&lonc);
    let more = |name: &str| of(&after, name) - of(&before, name);
    let whole = |name: &str| format!("{}", more(name));
    assert_eq!(whole("lonc_requests_total"), "101");
    assert_eq!(whole("lonc_replies_total"), "100");
    assert_eq!(whole("lonc_reply_time_seconds_count"), "100");
    let lost = |stage: &str| {
        after.of(&format!(
            "lonc_requests_lost_total{{peer=\"msul1\",stage=\"{stage}\"}}"
        ))
    };
    assert_eq!(format!("{} {}", lost("after_sending"), lost("never_sent")), "1 0");
    assert!(more("lonc_sent_bytes_total") >= 700.0 && more("lonc_received_bytes_total") >= 200.0);
    assert!(of(&after, "lonc_clients") >= 1.0);
    let started = of(&after, "lonc_start_time_seconds");
    assert!((1.7e9..1e10).contains(&started), "{started}");
}

#[test]
fn buckets_end_with_all_of_them() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    assert_eq!(lonc.client().ask("sleep:300:late"), "late");
    let samples = samples(&lonc);
    let bucket = |bound: &str| {
        samples.of(&format!(
            "lonc_reply_time_seconds_bucket{{peer=\"msul1\",le=\"{bound}\"}}"
        ))
    };
    let count = of(&samples, "lonc_reply_time_seconds_count");
    assert!((bucket("+Inf") - count).abs() < f64::EPSILON);
    assert!(bucket("0.25") < count && bucket("300.0") > bucket("0.25"));
    assert!(of(&samples, "lonc_reply_time_seconds_sum") >= 0.3);
}

#[test]
fn states_are_told() {
    let peer = Peer::that(Behaviour::Refuse);
    let lonc = Lonc::start(
        &peer,
        &format!("{ABSENT}[link]\nconnect_wait = '0s'\nbackoff_min = '1h'\nbackoff_max = '1h'\n"),
    );
    // Down is it already before the first try has failed.
    wait_until("down, with a failed try", || {
        let samples = samples(&lonc);
        samples.is("lonc_peer_state{peer=\"msul1\",state=\"down\"}")
            && of(&samples, "lonc_link_tries_failed_total") >= 1.0
    });
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    let samples = samples(&lonc);
    assert!(samples.is("lonc_instance_state{peer=\"msul1\",state=\"answering\"}"));
    assert!(samples.is("lonc_instance_state{peer=\"absent\",state=\"off\"}"));
    assert!(!samples.is("lonc_peer_state{peer=\"msul1\",state=\"up\"}"));
    assert!(samples.is("lonc_requests_lost_total{peer=\"msul1\",stage=\"never_sent\"}"));
    assert!(of(&samples, "lonc_link_tries_failed_total") >= 1.0);
    assert!(samples.find("lonc_rtt_seconds{peer=\"msul1\"}").is_none());
    let absent = samples
        .starting("lonc_")
        .filter(|(name, _)| name.contains("\"absent\""));
    assert_eq!(absent.count(), 25, "only its state is known");
}

#[test]
fn delayed_messages_are_told() {
    let peer = Peer::dead();
    let site = Site::office(
        &peer,
        "[link]\nconnect_wait = '0s'\nbackoff_min = '1h'\nbackoff_max = '1h'\n",
    );
    let lonc = site.start();
    assert_eq!(lonc.client().ask("critical:put:1"), "con_delayed");
    let queued = "lonc_delayed_messages{peer=\"msul1\",state=\"queued\"}";
    let samples = wait_for("a delayed message", || {
        let samples = samples(&lonc);
        let is_told = samples.find(queued).is_some_and(|number| number >= 1.0);
        is_told.then_some(samples)
    });
    assert!(of(&samples, "lonc_spool_answering") > 0.0 && of(&samples, "lonc_delayed_stored_total") > 0.0);
    let written = of(&samples, "lonc_delayed_oldest_timestamp_seconds");
    assert!(
        written >= of(&samples, "lonc_start_time_seconds") - 1.0,
        "{written}"
    );
}

#[test]
fn it_tells_while_an_instance_drains() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let mut client = lonc.client();
    client.say("hold:last");
    peer.await_command("hold:last");
    lonc.signal(Signal::SIGTERM);
    wait_until("draining", || of(&samples(&lonc), "lonc_draining") > 0.0);
    assert!(of(&samples(&lonc), "lonc_requests_in_flight") >= 1.0);
    peer.release();
    assert_eq!(client.hear(), "last");
    lonc.ended_well();
    assert!(samples(&lonc).is("lonc_instance_state{peer=\"msul1\",state=\"off\"}"));
}

#[test]
fn a_hung_instance_costs_its_time_and_not_the_others() {
    let peer = Peer::start();
    let hung = "[peer.hung]\naddress = '127.0.0.1'\n";
    let lonc = Lonc::start_linked(&peer, hung);
    let _deaf = UnixListener::bind(lonc.site.path("control/hung")).unwrap();
    let begun = Instant::now();
    let samples = samples(&lonc);
    let took = begun.elapsed();
    let patience = lonc::internals::METRICS_PATIENCE;
    // Prometheus waits for ten seconds.
    assert!(patience < Duration::from_secs(5));
    // Far more than it takes: the machine may be busy.
    let bound = patience..Duration::from_secs(30);
    assert!(bound.contains(&took), "{took:?}");
    assert!(samples.is("lonc_instance_state{peer=\"hung\",state=\"hung\"}"));
    assert!(samples.is("lonc_peer_state{peer=\"msul1\",state=\"up\"}"));
}

#[test]
fn promtool_finds_nothing() {
    let Some(promtool) = installed("promtool") else {
        return;
    };
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, ABSENT);
    let text = get(&lonc.site, "*/*");
    let output = fed(Command::new(promtool).args(["check", "metrics"]), text.as_str());
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}");
    // Both formats say the same.
    let samples = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    wait_until("as many samples in both", || {
        samples(&get(&lonc.site, "*/*")) == samples(&open_metrics(&lonc))
    });
}

fn samples(lonc: &Lonc) -> Samples {
    Samples::read(&open_metrics(lonc))
}

/// The sample of msul1 with this name.
fn of(samples: &Samples, name: &str) -> f64 {
    samples.of(&format!("{name}{{peer=\"msul1\"}}"))
}
