//! `lonc.toml` as written: known keys only, values not yet checked, each with its line.
//!
//! The parser's own tree is walked instead of deriving a structure: a fault then always knows its key and its
//! line, also when the key is unknown or the value has the wrong type.

use std::cell::RefCell;
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
use super::sound_lines::sound_lines;
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
    /// What the file says, and all faults of it.
    pub(super) fn read(path: &Path) -> (Self, Vec<ConfigError>) {
        match error::read(path, None) {
            Ok(bytes) => Self::parse(path, &bytes),
            Err(fault) => (Self::default(), vec![fault]),
        }
    }

    /// What has a fault is left out.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> (Self, Vec<ConfigError>) {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = Source::at(path, text::line_of(bytes, error.valid_up_to()), None);
                return (Self::default(), vec![ConfigError::NotUtf8 { at }]);
            }
        };
        let path = Arc::from(path);
        let (sound, faults) = sound_lines(&path, text);
        let reader = Reader {
            path,
            text: &sound,
            faults: RefCell::new(faults),
        };
        let table = DeTable::parse(&sound)
            .map(Spanned::into_inner)
            .unwrap_or_default();
        let raw = reader.file(table);
        (raw, reader.faults.into_inner())
    }

    /// Leaves out what `fault` is about; false if that is nothing here.
    pub(super) fn leave_out(&mut self, at: &Source, name: &str) -> bool {
        let is_it = |key: &String, given: &Given| key == name && given.source.place() == at.place();
        let values = self.sections.values_mut().chain(self.peers.values_mut());
        let mut found = false;
        for values in values {
            let before = values.len();
            values.retain(|key, given| !is_it(key, given));
            found |= values.len() < before;
        }
        found
    }

    /// Takes `value` where a key at the top is missing.
    pub(super) fn stand_in(&mut self, key: keys::Key, value: Value) {
        let given = Given {
            value,
            source: Source::Default,
        };
        let values = self.sections.entry(key.section).or_default();
        values.insert(key.name.to_owned(), given);
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
    faults: RefCell<Vec<ConfigError>>,
}

type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;
type Node<'t> = Spanned<DeValue<'t>>;

impl<'t> Reader<'t> {
    fn file(&self, table: DeTable<'t>) -> Raw {
        let mut raw = Raw::default();
        for (key, node) in table {
            let name = key.get_ref().as_ref();
            if let Some(section) = Section::named(name) {
                let mut values = self.noted(self.section(&key, section, node)).unwrap_or_default();
                if section == Section::Link {
                    raw.sections.insert(Section::Tls, split_off_tls(&mut values));
                }
                raw.sections.insert(section, values);
            } else if name == keys::PEER {
                let table = self.noted(self.table(&key, "peer.<id>", node));
                raw.peers = self.peers(table.unwrap_or_default());
            } else if Section::Top.names().any(|known| known == name) {
                if let Some(given) = self.noted(self.given(node, name, None)) {
                    let top = raw.sections.entry(Section::Top).or_default();
                    top.insert(name.to_owned(), given);
                }
            } else {
                self.note(self.unknown(&key, "at the top", &top_names()));
            }
        }
        raw
    }

    fn note(&self, fault: ConfigError) {
        self.faults.borrow_mut().push(fault);
    }

    /// What there is without its fault, which is noted.
    fn noted<T>(&self, read: Result<T, ConfigError>) -> Option<T> {
        read.map_err(|fault| self.note(fault)).ok()
    }

    fn section(&self, key: &Key<'t>, section: Section, node: Node<'t>) -> Result<Values, ConfigError> {
        let names: Vec<_> = section.names().collect();
        let table = self.table(key, section.name(), node)?;
        Ok(self.values(section.name(), &names, None, table))
    }

    fn peers(&self, table: DeTable<'t>) -> BTreeMap<HostId, Values> {
        let names: Vec<_> = keys::peer_names().collect();
        let peer = |(key, node): (Key<'t>, Node<'t>)| {
            let bad = |error| {
                self.invalid(
                    &key,
                    keys::PEER,
                    format!("{} {error}", text::quoted(key.get_ref())),
                )
            };
            let id: HostId = self.noted(key.get_ref().parse().map_err(bad))?;
            let section = format!("{}.{}", keys::PEER, id.toml_key());
            let table = self.noted(self.table(&key, &section, node))?;
            let values = self.values(&section, &names, Some(&format!("[{section}]")), table);
            Some((id, values))
        };
        table.into_iter().filter_map(peer).collect()
    }

    /// The values of one section; `note` is kept beside each of them.
    fn values(&self, section: &str, names: &[&str], note: Option<&str>, table: DeTable<'t>) -> Values {
        let mut values = Values::new();
        for (key, node) in table {
            let name = key.get_ref().as_ref();
            if names.contains(&name) {
                let given = self.given(node, &format!("{section}.{name}"), note);
                values.extend(self.noted(given).map(|given| (name.to_owned(), given)));
            } else if name == keys::TLS && names.contains(&keys::CONNECTIONS.name) {
                values.extend(self.tls(&key, &format!("{section}.{name}"), note, node));
            } else {
                self.note(self.unknown(&key, &format!("in [{section}]"), names));
            }
        }
        values
    }

    /// The values of the table within `[link]` and `[peer.<id>]`.
    fn tls(&self, key: &Key<'t>, section: &str, note: Option<&str>, node: Node<'t>) -> Values {
        let names: Vec<_> = Section::Tls.names().collect();
        let note = note.map(|_| format!("[{section}]"));
        let table = self.noted(self.table(key, section, node)).unwrap_or_default();
        let values = self.values(section, &names, note.as_deref(), table);
        let prefixed = |(name, given)| (format!("{}.{name}", keys::TLS), given);
        values.into_iter().map(prefixed).collect()
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

/// Takes out what stands in the table within these.
fn split_off_tls(values: &mut Values) -> Values {
    let own_name = |key: &keys::Key| (key.name.to_owned(), key.own_name());
    let tls = keys::ALL.iter().filter(|key| key.section == Section::Tls);
    let taken = tls.map(own_name);
    taken
        .filter_map(|(name, own)| Some((name, values.remove(own.as_ref())?)))
        .collect()
}

/// All that may stand at the top: keys, and tables by their names.
fn top_names() -> Vec<&'static str> {
    let is_table = |section: &&Section| !matches!(section, Section::Top | Section::Tls);
    let sections = Section::ALL.iter().filter(is_table);
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
        .0;
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
            let fault = only(Raw::parse(Path::new("/a:7"), text.as_bytes()).1);
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
        let error = only(Raw::parse(Path::new("/f"), b"\n\n# \xe9\n").1);
        assert_eq!(error.to_string(), "/f:3: is not UTF-8 text");
    }

    fn fault(text: &str) -> String {
        only(Raw::parse(Path::new("/f"), text.as_bytes()).1).to_string()
    }

    fn only(mut faults: Vec<ConfigError>) -> ConfigError {
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.remove(0)
    }

    #[test]
    fn all_faults_are_told_and_what_is_sound_is_kept() {
        let text = "port = \nhost_id = 'x'\nzzz = 1\n[link]\npipelin = 2\nconnections = 1\nconnections = 2\n\
                    pipeline = 3\n[peer.'a b']\n[peer.c]\nport = 4\nx = 5\n";
        let (raw, faults) = Raw::parse(Path::new("/f"), text.as_bytes());
        let mut lines: Vec<_> = faults.iter().filter_map(|fault| fault.place().1).collect();
        lines.sort_unstable();
        assert_eq!(lines, [1, 3, 5, 7, 9, 12], "{faults:?}");
        assert_eq!(raw.get(keys::PIPELINE).unwrap().source.to_string(), "/f:8");
        assert!(raw.get(keys::HOST_ID).is_some());
        assert!(raw.get_for(&"c".parse().unwrap(), "port").is_some());
        // What may reach over several lines ends it: the rest is not taken for what it is not.
        for open in ["port = [\n1\nzzz\n", "port = \"\"\"\nx\n", "x = {\ny\n"] {
            let (raw, faults) = Raw::parse(Path::new("/f"), format!("host_id = 'x'\n{open}").as_bytes());
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(raw.get(keys::HOST_ID).is_some());
        }
    }
}
