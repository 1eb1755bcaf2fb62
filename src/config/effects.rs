//! Each key takes effect when it says.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use toml::Value;

use super::keys::{self, Effect, Key, Section};
use super::{Settings, load};

#[test]
fn a_reload_takes_what_it_may_and_keeps_the_rest() {
    let site = TempDir::new().unwrap();
    fs::write(site.path().join("conf"), "PerlSetVar londPort 1\n").unwrap();
    fs::write(site.path().join("hosts.tab"), "z.other:d:r:h:\n").unwrap();
    let old = loaded(site.path(), keys::HOST_ID, &"msul2".into());
    for key in keys::ALL {
        let mut new = loaded(site.path(), *key, &another(site.path(), *key));
        let changed = new.keep_what_is_in_use(&old);
        let is_taken = new != old;
        assert_eq!(is_taken, key.effect != Effect::Restart, "{}", key.path());
        // The daemon does not go by lonc-usr1's.
        let is_told = key.effect == Effect::Restart && *key != keys::USR1_PID_FILE;
        assert_eq!(changed.contains(&key.name), is_told, "{}", key.path());
    }
}

#[test]
fn hosts_whose_ids_end_alike_stay_known() {
    let site = TempDir::new().unwrap();
    let table = site.path().join("hosts.tab");
    let load = || loaded(site.path(), keys::HOSTS_TAB, &table.to_str().unwrap().into());
    fs::write(&table, "z.other:d:r:h:\n").unwrap();
    let old = load();
    fs::write(&table, "y.other:d:r:h:\n").unwrap();
    let mut new = load();
    new.keep_what_is_in_use(&old);
    assert_eq!(new.alike, ["y.other", "z.other"].map(|id| id.parse().unwrap()));
}

/// The settings with one key at another value than its default.
fn loaded(site: &Path, key: Key, value: &Value) -> Settings {
    let own_id = if key == keys::HOST_ID {
        ""
    } else {
        "host_id = 'msul2'\n"
    };
    let section = if key.section == Section::Top {
        String::new()
    } else {
        format!("[{}]\n", key.section.name())
    };
    let with = match key {
        keys::TLS_MODE => "ca = 'system'\n",
        _ if key.section == Section::Tls => "mode = 'off'\n",
        _ => "",
    };
    let text = format!(
        "{own_id}{section}{with}{} = {value}\n[peer.other]\naddress = 'x'\n",
        key.name
    );
    let file = site.join("lonc.toml");
    fs::write(&file, text).unwrap();
    load(&file, &"other".parse().unwrap()).unwrap().settings
}

/// A value that no key has by default.
fn another(site: &Path, key: Key) -> Value {
    let file = |name: &str| Value::from(site.join(name).to_str().unwrap());
    match key.default_value() {
        None => "another".into(),
        Some(Value::Integer(number)) => (number + 1).into(),
        Some(Value::Boolean(is_on)) => (!is_on).into(),
        Some(_) if key == keys::TLS_SERVER_NAME => "another".into(),
        Some(_) if key == keys::TLS_VERIFY_SAN => Value::Array(vec!["another".into()]),
        Some(_) if key == keys::TLS_MODE => "require".into(),
        Some(Value::Array(_)) => Value::Array(vec![file("conf")]),
        Some(default) => match default.as_str().unwrap() {
            "" => "/another".into(),
            "info" => "debug".into(),
            "demand" => "boot".into(),
            _ if key == keys::HOSTS_TAB => file("hosts.tab"),
            path if path.starts_with('/') => "/another".into(),
            size if size.ends_with("iB") => "5MiB".into(),
            _ => "110s".into(),
        },
    }
}
