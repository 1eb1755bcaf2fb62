//! lonc.toml(5) must say what the code does. (That `packaging/lonc.toml` does is tested beside the example.)

use std::collections::BTreeMap;

use toml::Value;

use super::keys::{self, Section};

const PAGE: &str = include_str!("../../docs/man/lonc.toml.5.scd");

/// What stands in parentheses behind each key, by its path.
fn documented() -> BTreeMap<String, &'static str> {
    let mut section = None;
    let mut found = BTreeMap::new();
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            section = match title {
                "AT THE TOP" => Some(String::new()),
                _ => title
                    .strip_prefix('[')
                    .and_then(|rest| rest.split_once(']'))
                    .map(|(name, _)| format!("{name}.")),
            };
        }
        let key = line.strip_prefix('*').and_then(|rest| rest.split_once("* ("));
        if let (Some(section), Some((name, rest))) = (&section, key) {
            found.insert(format!("{section}{name}"), rest.strip_suffix(')').unwrap());
        }
    }
    found
}

/// The kind of value that a default has.
fn is_kind(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        "number" => value.is_integer(),
        "true or false" => value.is_bool(),
        "list of paths" | "list of names" => value.is_array(),
        "name or nothing" => text == Some(""),
        "path or nothing" => text.is_some_and(|text| text.is_empty() || text.starts_with('/')),
        "path" => text.is_some_and(|text| text.starts_with('/')),
        "duration" => text.is_some_and(|text| humantime::parse_duration(text).is_ok()),
        "size" => text.is_some_and(|text| text.ends_with("iB")),
        "word" => text.is_some_and(|text| text.chars().all(char::is_alphabetic)),
        _ => false,
    }
}

#[test]
fn every_key_is_there_with_kind_default_and_effect() {
    let mut documented = documented();
    assert_eq!(
        documented.remove("peer.<id>.address"),
        Some("host name or IP address; from the table of servers; reload")
    );
    for key in keys::ALL {
        let note = documented
            .remove(&key.path())
            .unwrap_or_else(|| panic!("{} is not in the man page", key.path()));
        let (note, effect) = note.rsplit_once("; ").unwrap();
        assert_eq!(effect, key.effect.word(), "{}", key.path());
        let Some(default) = key.default_value() else {
            assert_eq!(note, "id; must be set", "{}", key.path());
            continue;
        };
        let (kind, shown) = note.split_once("; default *").unwrap();
        let shown: Value = shown.strip_suffix('*').unwrap().parse().unwrap();
        assert_eq!(shown, default, "{}", key.path());
        assert!(is_kind(kind, &default), "{}: {kind}", key.path());
    }
    assert!(documented.is_empty(), "unknown to the code: {documented:?}");
}

#[test]
fn every_section_is_there() {
    for section in Section::ALL.iter().filter(|section| **section != Section::Top) {
        assert!(PAGE.contains(&format!("\n# [{}]\n", section.name())));
    }
}
