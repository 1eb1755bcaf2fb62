//! Whatever the files hold, there are settings or one line of fault.

use std::fs;

use lonc::internals::config;
use proptest::prelude::*;

use crate::site::Site;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_give_settings_or_one_line(content in bytes()) {
        let good = "host_id = 'me'\nloncapa_conf = ['DIR/c']\nhosts_tab = 'DIR/hosts.tab'";
        for name in ["lonc.toml", "c", "hosts.tab"] {
            let site = Site::new(good).with("c", "").with("hosts.tab", "a:b:c:d:1.2.3.4\n");
            fs::write(site.path(name), &content).unwrap();
            if site.load("a").is_err() {
                site.fault("a");
            }
            for text in [site.check(None), site.check(Some("a"))].into_iter().flatten() {
                prop_assert!(text.parse::<toml::Table>().is_ok(), "{}", text);
            }
            if let Ok(peers) = config::peers(&site.path("lonc.toml")) {
                prop_assert!(peers.warnings.iter().all(|warning| !warning.contains(char::is_control)));
            }
        }
    }

    #[test]
    fn any_value_of_any_key_gives_settings_or_one_line(key in 0..40_usize, value in pieces()) {
        let all = Site::new("host_id = 'me'\npeer.a.address = 'x'").check(Some("a")).unwrap();
        let line = |(index, line): (usize, &str)| match line.split_once(" = ") {
            Some((name, _)) if index == key => format!("{name} = {}\n", toml::Value::from(value.as_str())),
            _ => format!("{line}\n"),
        };
        let keys = all.lines().filter(|line| line.contains(" = ") || line.starts_with('['));
        let site = Site::new(&keys.enumerate().map(line).collect::<String>());
        if site.load("a").is_err() {
            site.fault("a");
        }
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "host_id",
        "port",
        "link",
        "peer",
        "a",
        ".",
        "=",
        "'",
        "\"",
        "[",
        "]",
        "{",
        "}",
        "\n",
        " ",
        "#",
        ":",
        "0",
        "5s",
        "\\",
        "PerlSetVar ",
        "lonHostID ",
        "londPort ",
        "é",
        "\t",
        "\r",
        "address",
        ",",
        "-",
        "::1",
        "10.0.0.1",
        "99999999999999999999",
        "pipeline",
        "a:b:c:",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        pieces().prop_map(String::into_bytes)
    ]
}
