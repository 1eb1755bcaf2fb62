//! `loncctl metrics`. What the metrics say is tested with the exporter.

use test_harness::{ABSENT, Lonc, Peer};

use crate::field::listen;
use crate::tool::command;

#[test]
fn all_peers_are_told_in_the_format_asked_for() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, ABSENT);
    let off = "\nlonc_peer_state{peer=\"absent\",state=\"off\"} 1\n";
    let text = printed(&lonc, &["metrics"]);
    assert!(text.contains(off), "{text}");
    let _absent = listen(&lonc.site, "absent");
    let text = printed(&lonc, &["metrics"]);
    assert!(!text.contains(off), "{text}");
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    assert!(
        text.contains("\nlonc_peer_state{peer=\"msul1\",state=\"up\"} 1\n"),
        "{text}"
    );
    assert!(
        text.contains("\nlonc_instance_state{peer=\"absent\",state=\"not-started\"} 1\n"),
        "{text}"
    );
    let older = printed(&lonc, &["metrics", "--format", "prometheus"]);
    assert!(
        older.contains("\n# TYPE lonc_requests_total counter\n") && !older.contains("# EOF"),
        "{older}"
    );
}

#[test]
fn those_named_are_told_and_none_twice() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, ABSENT);
    let text = printed(&lonc, &["metrics", "absent", "absent"]);
    assert!(!text.contains("msul1"), "{text}");
    assert_eq!(
        text.lines().filter(|line| !line.starts_with('#')).count(),
        27,
        "{text}"
    );
    let unknown = command(&lonc.site, &["metrics", "nobody"]).output().unwrap();
    assert!(
        !unknown.status.success() && unknown.stdout.is_empty(),
        "{unknown:?}"
    );
}

fn printed(lonc: &Lonc, arguments: &[&str]) -> String {
    let output = command(&lonc.site, arguments).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
