//! `lonc.toml` as written: known keys only, values not yet checked, each with its line.
//!
//! The parser's own tree is walked instead of deriving a structure: a fault then always knows its key and its
//! line, also when the key is unknown or the value has the wrong type.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use super::error::{self, ConfigError};
use super::host_id::HostId;
use super::keys::{self, Section};
use super::source::{Given, Source};
use super::text;

/// Values by the names of their keys.
pub(super) type Values = BTreeMap<String, Given>;

/// The file: the values of each section, and of each `[peer.<id>]`.
#[derive(Debug, Default)]
pub(super) struct Raw {
    sections: BTreeMap<Section, Values>,
    pub(super) peers: BTreeMap<HostId, Values>,
}

impl Raw {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(path, &error::read(path, None)?)
    }

    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ConfigError> {
        let text = std::str::from_utf8(bytes).map_err(|error| ConfigError::NotUtf8 {
            at: Source::at(path, text::line_of(bytes, error.valid_up_to()), None),
        })?;
        let reader = Reader {
            path: Arc::from(path),
            text,
        };
        let table = DeTable::parse(text).map_err(|error| reader.syntax(&error))?;
        reader.file(table.into_inner())
    }

    /// The value the file gives to a key, outside of `[peer.<id>]`.
    pub(super) fn get(&self, key: keys::Key) -> Option<&Given> {
        self.sections.get(&key.section)?.get(key.name)
    }

    /// The value `[peer.<id>]` gives to a key.
    pub(super) fn get_for(&self, peer: &HostId, name: &str) -> Option<&Given> {
        self.peers.get(peer)?.get(name)
    }
}

/// One file being read.
struct Reader<'t> {
    path: Arc<Path>,
    text: &'t str,
}

type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;
type Node<'t> = Spanned<DeValue<'t>>;

impl<'t> Reader<'t> {
    fn file(&self, table: DeTable<'t>) -> Result<Raw, ConfigError> {
        let mut raw = Raw::default();
        for (key, node) in table {
            let name = key.get_ref().as_ref();
            if let Some(section) = Section::named(name) {
                raw.sections.insert(section, self.section(&key, section, node)?);
            } else if name == keys::PEER {
                raw.peers = self.peers(self.table(&key, "peer.<id>", node)?)?;
            } else if Section::Top.names().any(|known| known == name) {
                let given = self.given(node, name, None)?;
                let top = raw.sections.entry(Section::Top).or_default();
                top.insert(name.to_owned(), given);
            } else {
                return Err(self.unknown(&key, "at the top", &top_names()));
            }
        }
        Ok(raw)
    }

    fn section(&self, key: &Key<'t>, section: Section, node: Node<'t>) -> Result<Values, ConfigError> {
        let names: Vec<_> = section.names().collect();
        let table = self.table(key, section.name(), node)?;
        self.values(section.name(), &names, None, table)
    }

    fn peers(&self, table: DeTable<'t>) -> Result<BTreeMap<HostId, Values>, ConfigError> {
        let names: Vec<_> = keys::peer_names().collect();
        let peer = |(key, node): (Key<'t>, Node<'t>)| {
            let bad = |error| {
                self.invalid(
                    &key,
                    keys::PEER,
                    format!("{} {error}", text::quoted(key.get_ref())),
                )
            };
            let id: HostId = key.get_ref().parse().map_err(bad)?;
            let section = format!("{}.{}", keys::PEER, id.toml_key());
            let table = self.table(&key, &section, node)?;
            let values = self.values(&section, &names, Some(&format!("[{section}]")), table)?;
            Ok((id, values))
        };
        table.into_iter().map(peer).collect()
    }

    /// The values of one section; `note` is kept beside each of them.
    fn values(
        &self,
        section: &str,
        names: &[&str],
        note: Option<&str>,
        table: DeTable<'t>,
    ) -> Result<Values, ConfigError> {
        let value = |(key, node): (Key<'t>, Node<'t>)| {
            if names.contains(&key.get_ref().as_ref()) {
                let given = self.given(node, &format!("{section}.{}", key.get_ref()), note)?;
                Ok((key.into_inner().into_owned(), given))
            } else {
                Err(self.unknown(&key, &format!("in [{section}]"), names))
            }
        };
        table.into_iter().map(value).collect()
    }

    fn table(&self, key: &Key<'t>, section: &str, node: Node<'t>) -> Result<DeTable<'t>, ConfigError> {
        if let DeValue::Table(table) = node.into_inner() {
            Ok(table)
        } else {
            Err(self.invalid(
                key,
                key.get_ref(),
                format!("must be a section, written [{section}]"),
            ))
        }
    }

    fn given(&self, value: Node<'t>, key: &str, note: Option<&str>) -> Result<Given, ConfigError> {
        let source = self.source(&value.span(), note);
        let value =
            Value::deserialize(ValueDeserializer::from(value)).map_err(|error| ConfigError::Invalid {
                at: source.clone(),
                key: key.to_owned(),
                problem: text::one_line(error.message()),
            })?;
        Ok(Given { value, source })
    }

    fn source(&self, span: &Range<usize>, note: Option<&str>) -> Source {
        let line = text::line_of(self.text.as_bytes(), span.start);
        Source::at(Arc::clone(&self.path), line, note.map(str::to_owned))
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let at = error.span().unwrap_or_default();
        let key = self
            .text
            .get(at.clone())
            .filter(|_| error.message() == "duplicate key");
        ConfigError::Syntax {
            at: self.source(&at, None),
            message: match key {
                Some(key) => format!("key {} is given twice", text::quoted(key)),
                None => format!("not TOML: {}", text::one_line(error.message())),
            },
        }
    }

    fn invalid(&self, at: &Key<'t>, key: &str, problem: String) -> ConfigError {
        ConfigError::Invalid {
            at: self.source(&at.span(), None),
            key: key.to_owned(),
            problem,
        }
    }

    fn unknown(&self, key: &Key<'t>, section: &str, names: &[&str]) -> ConfigError {
        ConfigError::UnknownKey {
            at: self.source(&key.span(), None),
            key: text::quoted(key.get_ref()),
            section: section.to_owned(),
            advice: advice(key.get_ref(), names),
        }
    }
}

/// All that may stand at the top: keys, and tables by their names.
fn top_names() -> Vec<&'static str> {
    let sections = Section::ALL.iter().filter(|section| **section != Section::Top);
    let tables = sections.map(|section| section.name()).chain([keys::PEER]);
    Section::Top.names().chain(tables).collect()
}

/// What was probably meant by `key` where only `names` are known.
fn advice(key: &str, names: &[&str]) -> String {
    if let Some(name) = text::similar(key, names.iter().copied()) {
        return format!("did you mean {name:?}?");
    }
    match keys::ALL.iter().find(|other| other.name == key) {
        Some(other) if other.section == Section::Top => {
            "it belongs at the top, before any [section]".to_owned()
        }
        Some(other) => format!("it belongs in [{}]", other.section.name()),
        None => format!("known are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_line() {
        let raw = Raw::parse(
            Path::new("/f"),
            b"port = 1\n[link]\n\npipeline = 0x10\n[peer.'a.b']\nport = 2\n",
        )
        .unwrap();
        assert_eq!(raw.get(keys::PORT).unwrap().source.to_string(), "/f:1");
        let pipeline = raw.get(keys::PIPELINE).unwrap();
        assert_eq!(
            (pipeline.source.to_string(), &pipeline.value),
            ("/f:4".into(), &Value::Integer(16))
        );
        let port = raw.get_for(&"a.b".parse().unwrap(), "port").unwrap();
        assert_eq!(port.source.to_string(), "/f:6 ([peer.\"a.b\"])");
    }

    #[test]
    fn unknown_keys() {
        assert_eq!(
            fault("[link]\n\npipelin = 1"),
            "/f:3: unknown key \"pipelin\" in [link]; did you mean \"pipeline\"?"
        );
        assert_eq!(
            fault("pipeline = 1"),
            "/f:1: unknown key \"pipeline\" at the top; it belongs in [link]"
        );
        assert_eq!(
            fault("[spool]\nport = 1"),
            "/f:2: unknown key \"port\" in [spool]; it belongs at the top, before any [section]"
        );
        assert_eq!(
            fault("[links]"),
            "/f:1: unknown key \"links\" at the top; did you mean \"link\"?"
        );
        assert_eq!(
            fault("spool.zzz = 1"),
            "/f:1: unknown key \"zzz\" in [spool]; known are message_timeout, max_attempts, settle"
        );
        assert_eq!(fault("\"a\\nb\" = 1").lines().count(), 1);
        assert!(
            fault("[peer.x]\nhost = 1")
                .starts_with("/f:2: unknown key \"host\" in [peer.x]; known are address, port")
        );
    }

    #[test]
    fn a_fault_knows_its_file_line_and_key() {
        for (text, line, key) in [
            ("\nzzz = 1", 2, Some("zzz")),
            ("\n\n[link]\npipelin = 1", 4, Some("pipelin")),
            ("link = 5", 1, Some("link")),
            ("port = 1\nport = 2", 2, None),
        ] {
            let fault = Raw::parse(Path::new("/a:7"), text.as_bytes()).unwrap_err();
            assert_eq!(fault.place(), (Some("/a:7".to_owned()), Some(line)), "{fault}");
            assert_eq!(fault.key(), key, "{fault}");
        }
    }

    #[test]
    fn wrong_shapes() {
        assert_eq!(
            fault("\nlink = 5"),
            "/f:2: link: must be a section, written [link]"
        );
        assert_eq!(fault("[[link]]"), "/f:1: link: must be a section, written [link]");
        assert_eq!(
            fault("[peer]\nx = 5"),
            "/f:2: x: must be a section, written [peer.x]"
        );
        assert!(fault("[peer.'a b']").starts_with("/f:1: peer: \"a b\" is not a host id"));
        assert_eq!(fault("port = 1\nport = 2"), "/f:2: key \"port\" is given twice");
        assert!(
            fault("\n\nport = ").starts_with("/f:3: not TOML: "),
            "{}",
            fault("\n\nport = ")
        );
        assert!(fault("a = 99999999999999999999").starts_with("/f:1: unknown"));
        assert!(fault("\nlink.pipeline = 99999999999999999999").starts_with("/f:2: link.pipeline: "));
        let error = Raw::parse(Path::new("/f"), b"\n\n# \xe9\n").unwrap_err();
        assert_eq!(error.to_string(), "/f:3: is not UTF-8 text");
    }

    fn fault(text: &str) -> String {
        Raw::parse(Path::new("/f"), text.as_bytes())
            .unwrap_err()
            .to_string()
    }
}
