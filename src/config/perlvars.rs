//! What `loncapa_apache.conf` and `loncapa.conf` say to lonc: their lines `PerlSetVar <name> <value>`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::Value;

use super::error::{self, ConfigError};
use super::keys::{self, Key};
use super::source::{Given, Source};
use super::text;

/// The Perl variables that matter, the key each sets, and what is appended to its value.
const VARIABLES: [(&str, Key, &str); 7] = [
    ("lonHostID", keys::HOST_ID, ""),
    ("londPort", keys::PORT, ""),
    ("lonSockDir", keys::SOCKET_DIR, ""),
    ("lonSockDir", keys::SPOOL_DIR, "/delayed"),
    ("lonDaemons", keys::PERMANENT_LOG, "/logs/lonnet.perm.log"),
    ("lonDaemons", keys::USR1_PID_FILE, "/logs/lonc.pid"),
    ("lonTabDir", keys::HOSTS_TAB, "/hosts.tab"),
];

/// Values by the keys of `lonc.toml` that they fill.
pub(super) type PerlVars = BTreeMap<Key, Given>;

/// The Perl variable that sets `key`.
pub(super) fn variable(key: Key) -> Option<&'static str> {
    let sets = VARIABLES.iter().find(|(_, set, _)| *set == key);
    sets.map(|(variable, ..)| *variable)
}

/// Reads one file; `wanted_by` says which setting lists it.
pub(super) fn read(path: &Path, wanted_by: String) -> Result<PerlVars, ConfigError> {
    Ok(parse(path, &error::read(path, Some(wanted_by))?))
}

/// Everything but the known variables is passed over. The last line that sets a variable wins.
///
/// The name of the directive is taken in any case, as by Apache, that of the variable only as written above,
/// as by Perl. A value may stand in quotes; there, a backslash protects a quote or a backslash.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> PerlVars {
    let file: Arc<Path> = Arc::from(path);
    let mut found = PerlVars::new();
    for (line, content) in text::lines(bytes) {
        let Some((name, value)) = directive(&content) else {
            continue;
        };
        for (variable, key, suffix) in VARIABLES.iter().filter(|(variable, ..)| *variable == name) {
            let source = Source::at(Arc::clone(&file), line, Some((*variable).to_owned()));
            let value = typed(*key, format!("{value}{suffix}"));
            found.insert(*key, Given { value, source });
        }
    }
    found
}

/// The value as `lonc.toml` would hold it: a port is a number there, if it is one at all.
fn typed(key: Key, value: String) -> Value {
    let number = if key == keys::PORT {
        value.parse().ok()
    } else {
        None
    };
    number.map_or(Value::String(value), Value::Integer)
}

/// Name and value of a `PerlSetVar` line.
fn directive(line: &str) -> Option<(String, String)> {
    let (directive, rest) = word(line);
    let (name, rest) = word(rest);
    let (value, _) = word(rest);
    directive
        .eq_ignore_ascii_case("PerlSetVar")
        .then_some((name, value))
}

/// The first word of `text`, quotes removed, and the rest.
fn word(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    let mut chars = text.chars();
    let mut word = String::new();
    if quote.is_some() {
        chars.next();
    }
    while let Some(char) = chars.next() {
        let next = chars.clone().next();
        match quote {
            Some(quote) if char == quote => break,
            None if char.is_whitespace() => break,
            Some(quote) if char == '\\' && (next == Some(quote) || next == Some('\\')) => {
                word.extend(chars.next());
            }
            _ => word.push(char),
        }
    }
    (word, chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_matter() {
        let file = b"# PerlSetVar lonHostID no\r\n<Location />\r\n  perlsetvar\tlonHostID  \"msul1\" \r\n\
            PerlSetVar lonhostid no\nPerlSetVar londPort 5664 # why\nPerlSetVar other x\n\xff\nSetVar londPort 1\n";
        assert_eq!(
            values(file),
            [
                ("host_id", "\"msul1\" /f:3 (lonHostID)".into()),
                ("port", "5664 /f:5 (londPort)".into())
            ]
        );
    }

    #[test]
    fn directories_name_files() {
        assert_eq!(
            values(b"PerlSetVar lonSockDir /s\nPerlSetVar lonDaemons /d\nPerlSetVar lonTabDir '/t x'\nPerlSetVar lonTabDir /t"),
            [
                ("hosts_tab", "\"/t/hosts.tab\" /f:4 (lonTabDir)".into()),
                ("permanent_log", "\"/d/logs/lonnet.perm.log\" /f:2 (lonDaemons)".into()),
                ("socket_dir", "\"/s\" /f:1 (lonSockDir)".into()),
                ("spool_dir", "\"/s/delayed\" /f:1 (lonSockDir)".into()),
                ("usr1_pid_file", "\"/d/logs/lonc.pid\" /f:2 (lonDaemons)".into()),
            ]
        );
    }

    #[test]
    fn words() {
        assert_eq!(word("  a b"), ("a".into(), "b"));
        assert_eq!(word(r#""a \"b\\" c"#), (r#"a "b\"#.into(), " c"));
        assert_eq!(word("'a\"b' c"), ("a\"b".into(), " c"));
        assert_eq!(word("\"open"), ("open".into(), ""));
        assert_eq!(word(""), (String::new(), ""));
    }

    fn values(bytes: &[u8]) -> Vec<(&'static str, String)> {
        let text = |given: Given| format!("{} {}", text::shown(&given.value), given.source);
        parse(Path::new("/f"), bytes)
            .into_iter()
            .map(|(key, given)| (key.name, text(given)))
            .collect()
    }
}
