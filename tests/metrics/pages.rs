//! The pages for a browser, over real sockets.

use std::fs;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use serde_json::json;
use test_harness::{ABSENT, Peer, Site, wait_for};

use crate::exporter::Exporter;
use crate::stage::{BOUND, Stage, changed, up_and_down};

#[test]
fn all_peers_are_shown_and_one_of_them() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, ABSENT).start();
    assert_eq!(lonc.client().ask("echo:1"), "1");
    let (head, body) = get_answered(&lonc.site, "/");
    assert!(
        head.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"),
        "{head}"
    );
    assert!(body.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{body}");
    for part in [
        "<h1>lonc on msul2</h1>",
        "2 peers",
        ">msul1</a>",
        " 1 up",
        " 1 off",
        "href=\"peer/absent?\"",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let (_, body) = get_answered(&lonc.site, "/peer/msul1");
    for part in [
        "msul1 is up, since ",
        "Nothing: requests go through",
        "1 reply; half within ",
        "<svg class=\"bars\"",
        "None is on disk.",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let (_, body) = get_answered(&lonc.site, "/peer/absent");
    assert!(
        body.contains("absent is off: nobody listens where its workers ask"),
        "{body}"
    );
    let (head, body) = get(&lonc.site, "/style.css");
    assert!(
        head.contains("\r\nContent-Type: text/css") && body.contains("prefers-color-scheme"),
        "{head}"
    );
}

#[test]
fn why_one_is_down_and_what_waits_is_told() {
    let (_, down) = up_and_down();
    let stage = Stage::of(&["msul1".to_owned()]);
    stage.answers("msul1", &down);
    let (_, body) = get_answered(&stage.site, "/peer/msul1");
    for part in [
        "msul1 is down, since ",
        "What to do: ",
        "challenge<span class=\"spoken\">: failed",
        "1 message",
        "<td>waiting</td>",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(!body.contains(".put."), "the name of a message: {body}");
    let (_, body) = get_answered(&stage.site, "/");
    assert!(
        body.contains("1 of 1 amiss") && body.contains("next try in "),
        "{body}"
    );
}

#[test]
fn browsers_are_told_to_load_run_and_keep_nothing() {
    let site = idle();
    for path in [
        "/",
        "/peer/msul1",
        "/peer/none",
        "/style.css",
        "/metrics",
        "/nothing",
    ] {
        let (head, _) = answer(&site, "GET", path);
        for field in [
            "Content-Security-Policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer",
            "Cross-Origin-Resource-Policy: same-origin",
            "Cache-Control: no-store",
        ] {
            assert!(
                head.contains(&format!("\r\n{field}\r\n")),
                "{path}: {field}: {head}"
            );
        }
    }
    let (_, body) = get(&site, "/");
    for word in [
        "<script",
        "style=",
        "onclick",
        "http://",
        "https://",
        "javascript:",
    ] {
        assert!(!body.contains(word), "{word}");
    }
}

#[test]
fn a_page_refreshes_as_it_is_told() {
    let site = idle();
    for (path, refresh) in [
        ("/", Some("10")),
        ("/?refresh=60", Some("60")),
        ("/peer/msul1?refresh=0", Some("2")),
        ("/?refresh=off", None),
        ("/peer/none", None),
        ("/metrics", None),
    ] {
        let (head, _) = answer(&site, "GET", path);
        let field = refresh.map(|seconds| format!("\r\nRefresh: {seconds}\r\n"));
        assert_eq!(head.contains("\r\nRefresh:"), refresh.is_some(), "{path}: {head}");
        assert!(field.is_none_or(|field| head.contains(&field)), "{path}: {head}");
    }
    // Links keep what was chosen.
    let (_, body) = get(&site, "/?refresh=off&all");
    assert!(body.contains("href=\"peer/msul1?refresh=off&amp;all\""), "{body}");
}

#[test]
fn what_is_not_there_is_refused_and_a_head_has_no_body() {
    let site = idle();
    for (method, path, status) in [
        ("GET", "/peer/none", "404 Not Found"),
        ("GET", "/peer/", "404 Not Found"),
        ("GET", "/peer/../msul1", "404 Not Found"),
        ("GET", "/peer/%3Cscript%3E", "404 Not Found"),
        ("GET", "/peer/msul1/", "404 Not Found"),
        ("POST", "/", "405 Method Not Allowed"),
        ("DELETE", "/peer/msul1", "405 Method Not Allowed"),
        ("HEAD", "/", "200 OK"),
        ("HEAD", "/peer/msul1", "200 OK"),
    ] {
        let (head, body) = answer(&site, method, path);
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{method} {path}: {head}"
        );
        assert_eq!(body.is_empty(), method == "HEAD", "{method} {path}: {body}");
        assert!(!body.contains("<script"), "{body}");
    }
    let (head, _) = Exporter::of(&site).answer(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 421 "), "{head}");
}

#[test]
fn what_others_wrote_is_text() {
    const EVIL: &str = "</td><script>alert(1)</script>\" onload='x' &lt; \u{1b}[2J\u{202e}";
    let (up, down) = up_and_down();
    let stage = Stage::of(&["one".to_owned(), "two".to_owned()]);
    stage.answers(
        "one",
        &changed(&down, |status| {
            for field in ["peer", "hostId", "address", "text", "lastError", "peerVersion"] {
                status[field] = EVIL.into();
            }
            status["links"][0]["trouble"]["text"] = EVIL.into();
            status["links"][0]["remote"] = EVIL.into();
            status["clients"] = u64::MAX.into();
            status["delayed"]["queued"] = u64::MAX.into();
            status["displaced"] = json!({ "text": EVIL, "pid": null, "sinceUsec": 1 });
            status["refused"] = json!({ "text": EVIL, "dateUsec": 1, "open": 1, "untilUsec": u64::MAX });
        }),
    );
    let mut wrong = changed(&up, |status| {
        status["links"][0]["otherHost"] = EVIL.into();
        status["clients"] = u64::MAX.into();
        status["delayed"]["queued"] = u64::MAX.into();
    });
    wrong.delayed = json!({ "total": 1, "messages": [
        { "name": EVIL, "state": "failed", "size": u64::MAX, "writtenUsec": u64::MAX, "attempts": 7 }
    ] });
    stage.answers("two", &wrong);
    for path in ["/", "/peer/one", "/peer/two"] {
        let (_, body) = get_answered(&stage.site, path);
        assert!(body.contains("&lt;script&gt;alert(1)"), "{path}: {body}");
        for evil in ["<script", "onload='x' &lt; \u{1b}", "\u{1b}", "\u{202e}"] {
            assert!(!body.contains(evil), "{path}: {evil:?}: {body}");
        }
    }
}

#[test]
fn the_worst_come_first_and_a_crowd_is_folded() {
    let mut stage = Stage::with(40);
    let body = with_one_hung(&stage, "/").0;
    let at = |id: &str| {
        body.find(&format!(">{id}</a>"))
            .unwrap_or_else(|| panic!("{id}: {body}"))
    };
    // Hung, displaced, down; connecting; up; not started.
    let order = ["peer014", "peer018", "peer008", "peer012", "peer001", "peer020"].map(at);
    assert!(order.is_sorted(), "{order:?}");
    assert!(
        body.contains(" 1 hung") && body.contains("no answer within 2s"),
        "{body}"
    );
    assert!(body.contains("<details open>"), "{body}");
    stage = Stage::with(41);
    let body = with_one_hung(&stage, "/").0;
    assert!(
        body.contains("<details>") && body.contains("href=\"?all\""),
        "{body}"
    );
    let body = with_one_hung(&stage, "/?all").0;
    assert!(body.contains("<details open>"), "{body}");
}

#[test]
fn of_500_peers_one_that_hangs_costs_its_time_alone() {
    let stage = Stage::with(500);
    let (body, took) = with_one_hung(&stage, "/");
    eprintln!("500 peers, one hung: {took:?}, {} bytes", body.len());
    assert!(took < BOUND, "{took:?}");
    assert_eq!(body.matches("<tr role=\"row\" class=").count(), 500);
    assert!(
        body.contains("500 peers") && body.contains(" 1 hung") && body.contains(" 13 down"),
        "{body}"
    );
    let begun = Instant::now();
    let (_, body) = get(&stage.site, "/peer/peer014");
    assert!(
        begun.elapsed() < BOUND && body.contains("its daemon hangs"),
        "{body}"
    );
}

#[test]
fn a_faulty_configuration_is_told_on_a_page() {
    let site = idle();
    site.write_config("host_id = 'msul2'\nno_such_key = '<script>'\n");
    for path in ["/", "/peer/msul1"] {
        let (head, body) = answer(&site, "GET", path);
        assert!(
            head.starts_with("HTTP/1.1 500 ") && head.contains("\r\nRefresh: 10\r\n"),
            "{head}"
        );
        assert!(
            body.contains("lonc.toml:2") && body.contains("no_such_key"),
            "{body}"
        );
        assert!(!body.contains("<script"), "{body}");
    }
}

#[test]
fn a_faulty_configuration_hides_no_instance_that_runs_and_what_waits_for_others_is_shown() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, ABSENT).start();
    for name in [
        "1.000001.9.put.absent",
        "2.000001.9.put.absent",
        "1.000001.9.put.gone",
    ] {
        fs::write(lonc.site.spool(name), "x\n").unwrap();
    }
    let (_, body) = get_answered(&lonc.site, "/");
    for part in ["3 delayed messages", " 1 unlisted", "loncctl spool list gone"] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let (_, body) = get_answered(&lonc.site, "/peer/gone");
    for part in [
        "gone is in no table any more",
        "1 delayed message, the oldest for ",
        "spool delete gone --queued",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let (_, body) = get_answered(&lonc.site, "/peer/absent");
    assert!(body.contains("2 delayed messages, the oldest for "), "{body}");
    assert!(
        answer(&lonc.site, "GET", "/peer/nobody")
            .0
            .starts_with("HTTP/1.1 404 ")
    );
    let text = fs::read_to_string(lonc.site.path("lonc.toml")).unwrap();
    lonc.site.write_config(&format!("no_such_key = 1\n{text}"));
    let (_, body) = get_answered(&lonc.site, "/");
    for part in ["no_such_key", "role=\"alert\"", ">msul1</a>", " 1 up"] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let (_, body) = get_answered(&lonc.site, "/peer/msul1");
    assert!(body.contains("msul1 is up, since "), "{body}");
}

#[test]
fn one_that_is_not_taken_over_and_that_nobody_serves_is_worth_a_look() {
    let site = idle();
    for directory in ["taken-over", "sockets"] {
        fs::create_dir_all(site.path(directory)).unwrap();
    }
    let (_, body) = get(&site, "/");
    for part in [
        "Worth a look: 1",
        " 1 foreign",
        "nobody listens: the Perl lonc does not reach it",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let (_, body) = get(&site, "/peer/msul1");
    assert!(
        body.contains("msul1 is not taken over, and nobody listens"),
        "{body}"
    );
    // Whose that is cannot be told of a socket alone.
    let _listener = UnixListener::bind(site.socket()).unwrap();
    let (_, body) = get(&site, "/");
    assert!(
        body.contains("Well: 1") && body.contains("left to the Perl lonc"),
        "{body}"
    );
    let (_, body) = get(&site, "/peer/msul1");
    assert!(!body.contains("The Perl lonc serves"), "{body}");
}

/// Head and body of a page that is there.
fn get(site: &Site, path: &str) -> (String, String) {
    let (head, body) = answer(site, "GET", path);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {head}");
    assert!(
        head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())),
        "{head}"
    );
    (head, body)
}

/// The body of a page of a stage, once no other was too slow to answer, and how long that page took.
fn with_one_hung(stage: &Stage, path: &str) -> (String, Duration) {
    wait_for("one that hangs", || {
        let begun = Instant::now();
        let (_, body) = get(&stage.site, path);
        body.contains(" 1 hung").then_some((body, begun.elapsed()))
    })
}

/// Head and body, where no instance hangs: once none was too slow to answer.
fn get_answered(site: &Site, path: &str) -> (String, String) {
    wait_for(path, || {
        let (head, body) = get(site, path);
        let is_slow = body.contains("no answer within") || body.contains("its daemon hangs");
        (!is_slow).then_some((head, body))
    })
}

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// Head and body of whatever is answered; the head with its last end of line.
fn answer(site: &Site, method: &str, path: &str) -> (String, String) {
    let (head, body) = Exporter::of(site).answer(request(method, path).as_bytes());
    (head + "\r\n", body)
}

/// A site where nothing runs.
fn idle() -> Site {
    Site::new(([127, 0, 0, 1], 1).into(), "")
}
