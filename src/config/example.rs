//! `packaging/lonc.toml`, the example that ships, must say what the code does.

use std::collections::BTreeMap;
use std::path::Path;

use super::keys;
use super::raw::Raw;
use super::{Settings, load};

const EXAMPLE: &str = include_str!("../../packaging/lonc.toml");

#[test]
fn the_example_holds_as_it_is_and_uncommented() {
    let peer = "\n[peer.other]\naddress = 'x'\n";
    let bare = load_text(&format!("host_id = 'msul2'\n{peer}"));
    let with_id = EXAMPLE.replace("#host_id", "host_id");
    assert_eq!(load_text(&format!("{with_id}{peer}")), bare);
    assert_eq!(load_text(&format!("{}{peer}", uncommented())), bare);
}

#[test]
fn the_example_has_every_key_with_its_default() {
    let raw = Raw::parse(Path::new("example"), uncommented().as_bytes()).0;
    for key in keys::ALL {
        let given = raw
            .get(*key)
            .unwrap_or_else(|| panic!("{} is not in the example", key.path()));
        let default = key.default_value();
        assert!(
            *key == keys::HOST_ID || default.as_ref() == Some(&given.value),
            "{}",
            key.path()
        );
    }
    let peer = "msul1".parse().unwrap();
    assert!(raw.get_for(&peer, keys::ADDRESS).is_some() && raw.get_for(&peer, "port").is_some());
}

#[test]
fn the_example_says_of_every_key_when_it_takes_effect() {
    let mut said = BTreeMap::new();
    let mut section = String::new();
    let text = uncommented();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.replace(']', ".");
        } else if let Some((name, rest)) = line.split_once(" = ") {
            let effect = rest.rsplit_once("  # ").map(|(_, effect)| effect);
            said.insert(format!("{section}{name}"), effect);
        }
    }
    for key in keys::ALL {
        assert_eq!(
            said.get(&key.path()),
            Some(&Some(key.effect.word())),
            "{}",
            key.path()
        );
    }
}

/// The example with every key in force: prose begins with `# `, keys and sections with `#` alone.
fn uncommented() -> String {
    let line = |line: &'static str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn load_text(text: &str) -> Settings {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    load(file.path(), &"other".parse().unwrap()).unwrap().settings
}
