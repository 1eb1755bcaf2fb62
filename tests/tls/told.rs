//! What operators are told of links over TLS.

use std::time::Duration;

use test_harness::programs::built;
use test_harness::tls::{Authority, Demands, Wish};
use test_harness::{Lonc, Site, wait_until};

use crate::secured::{NAME, Secured};

/// What a program says that waits for a daemon's answer as long as a busy machine may need.
pub(crate) fn told(lonc: &Lonc, program: &str, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(built(program));
    Site::clean(&mut command);
    command.arg("--config").arg(lonc.site.path("lonc.toml"));
    command.args(arguments).args(["--timeout", "30s"]);
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn until_when_it_lasts() {
    let authority = Authority::new();
    let pair = authority.sign(&Wish::name(NAME).until(Duration::from_secs(5 * 86_400)));
    let demands = |authority: &Authority| Demands {
        client: Some(authority.pem().to_owned()),
        ..Demands::default()
    };
    let secured = Secured::showing(authority, &pair, demands);
    let ours = secured.authority.good("a");
    let crl = secured.authority.revocations(&[], 90 * 86_400);
    let lonc = secured.start(
        "certificate = 'DIR/own.pem'\nkey = 'DIR/own.key'\ncrl = 'DIR/crl.pem'",
        &[
            ("own.pem", &ours.certificate),
            ("own.key", &ours.key),
            ("crl.pem", &crl),
        ],
    );
    assert_eq!(lonc.client().ask("echo:1"), "1");
    let why = told(&lonc, "loncctl", &["why", "msul1"]);
    for words in [
        "secured",
        "TLS 1.3; our certificate expires in 89d",
        "the list of revoked certificates expires in 89d",
        "the peer's certificate expires in 4d",
    ] {
        assert!(why.contains(words), "{words}: {why}");
    }
    // Soon enough to be remarked on, and told.
    let status = told(&lonc, "loncctl", &["status"]);
    assert!(
        status.contains("the peer's certificate expires in 4d"),
        "{status}"
    );
    let json = told(&lonc, "loncctl", &["status", "--json"]);
    assert!(json.contains("\"expires\": \"20"), "{json}");
    lonc.await_log("the peer's certificate expires in 4d");
    assert!(!lonc.log().contains("our certificate expires"));
    let metrics = told(&lonc, "loncctl", &["metrics"]);
    for side in ["ours", "theirs", "crl"] {
        let sample = format!("lonc_certificate_expiry_seconds{{peer=\"msul1\",side=\"{side}\"}} 1");
        assert!(metrics.contains(&sample), "{sample}: {metrics}");
    }
}

#[test]
fn why_it_is_not_secured() {
    let authority = Authority::new();
    let pair = authority.good("msul3.example.edu");
    let secured = Secured::showing(authority, &pair, |_| Demands::default());
    let lonc = secured.start("", &[]);
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    let mut why = String::new();
    wait_until("the reason", || {
        why = told(&lonc, "loncctl", &["why", "msul1"]);
        why.contains("[!] TLS")
    });
    assert!(
        why.contains("is for msul3.example.edu, not for 127.0.0.1"),
        "{why}"
    );
    assert!(why.contains("verify_san"), "{why}");
    let metrics = told(&lonc, "loncctl", &["metrics"]);
    let sample = "lonc_tls_failures_total{peer=\"msul1\",reason=\"wrong_name\"}";
    assert!(metrics.contains(sample), "{metrics}");
}

#[test]
fn of_plain_links_nothing_of_it_is_told() {
    let peer = test_harness::Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let why = told(&lonc, "loncctl", &["why", "msul1"]);
    assert!(!why.contains("TLS") && !why.contains("secured"), "{why}");
    let metrics = told(&lonc, "loncctl", &["metrics"]);
    assert!(!metrics.contains("lonc_tls_failures_total{"), "{metrics}");
}
