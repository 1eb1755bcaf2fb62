//! What `lonc --check` prints: a `lonc.toml` with every key in force, and where each value came from.
//!
//! Read back as a `lonc.toml`, it gives the same settings.

use std::fmt;

use toml::Value;

use super::address::Address;
use super::keys::{self, Key, Section};
use super::layers::View;
use super::source::{Given, Source};

/// Values longer than this do not push the comments of all others to the right, in characters.
const MAX_COLUMN: usize = 56;

/// The settings as a commented `lonc.toml`; displayed line by line, each ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    lines: Vec<Line>,
}

/// TOML on the left, a comment on the right; either may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// The key with its section; empty where there is none.
    path: String,
    toml: String,
    comment: String,
}

impl Report {
    /// The values in force for a peer, or for none in particular.
    pub(super) fn new(view: View<'_>) -> Self {
        let mut report = Self::default();
        for section in Section::ALL {
            report.section(section.name());
            for key in keys::ALL.iter().filter(|key| key.section == section) {
                report.key(view, *key);
            }
        }
        report
    }

    /// The keys with their sections, their values as TOML, and where those came from.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let lines = self.lines.iter().filter(|line| !line.path.is_empty());
        lines.filter_map(|line| {
            let (_, value) = line.toml.split_once(" = ")?;
            Some((line.path.as_str(), value, line.comment.as_str()))
        })
    }

    /// The key is as it was before.
    pub(crate) fn keep(&mut self, path: &str, before: &Self) {
        let before = before.lines.iter().find(|line| line.path == path);
        let line = self.lines.iter_mut().find(|line| line.path == path);
        if let Some((line, before)) = line.zip(before) {
            line.clone_from(before);
        }
    }

    /// Adds the section of the one peer reported on.
    pub(super) fn peer(&mut self, view: View<'_>, address: &Address, source: &Source) {
        let Some(peer) = view.peer else { return };
        let section = format!("{}.{}", keys::PEER, peer.toml_key());
        self.section(&section);
        self.setting(
            format!("{section}.{}", keys::ADDRESS),
            assign(keys::ADDRESS, &Value::from(address.host.as_str())),
            source.to_string(),
        );
        let port = view
            .find(keys::PORT)
            .map_or(Source::Default, |given| given.source);
        self.setting(
            format!("{section}.{}", keys::PORT.name),
            assign(keys::PORT.name, &Value::from(i64::from(address.port))),
            port.to_string(),
        );
    }

    /// Begins the list of peers.
    pub(super) fn peers(&mut self) {
        self.section(keys::PEER);
    }

    /// Adds a peer to the list, with all that holds for it alone.
    pub(super) fn listed(&mut self, view: View<'_>, address: &Address, source: &Source) {
        let Some(peer) = view.peer else { return };
        let mut pairs = vec![
            assign(keys::ADDRESS, &Value::from(address.host.as_str())),
            assign(keys::PORT.name, &Value::from(i64::from(address.port))),
        ];
        let link = keys::ALL
            .iter()
            .filter(|key| matches!(key.section, Section::Link | Section::Tls));
        let special = link.filter_map(|key| Some((key, special(view, *key)?)));
        pairs.extend(special.map(|(key, value)| assign(&key.own_name(), &value)));
        self.line(
            format!("{} = {{ {} }}", peer.toml_key(), pairs.join(", ")),
            source.to_string(),
        );
    }

    /// Adds an empty line.
    pub(super) fn gap(&mut self) {
        self.line(String::new(), String::new());
    }

    /// Adds a line of comment.
    pub(super) fn comment(&mut self, comment: String) {
        self.line(String::new(), comment);
    }

    fn key(&mut self, view: View<'_>, key: Key) {
        if let Some(given) = view.find(key) {
            // In a peer's report `port` stands twice: here for all peers, below for this one.
            let general = if key == keys::PORT {
                view.layers.general().find(key)
            } else {
                None
            };
            let Given { value, source } = general.unwrap_or(given);
            let source = match key {
                keys::IDLE_EXIT => source.noted("heeded only where systemd holds the socket".to_owned()),
                _ => source,
            };
            self.setting(key.path(), assign(key.name, &value), source.to_string());
        }
    }

    fn section(&mut self, name: &str) {
        if !name.is_empty() {
            self.gap();
            self.line(format!("[{name}]"), String::new());
        }
    }

    fn line(&mut self, toml: String, comment: String) {
        self.setting(String::new(), toml, comment);
    }

    fn setting(&mut self, path: String, toml: String, comment: String) {
        self.lines.push(Line { path, toml, comment });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commented = self.lines.iter().filter(|line| !line.comment.is_empty());
        let widths = commented.map(|line| line.toml.chars().count());
        let column = widths
            .filter(|width| *width <= MAX_COLUMN)
            .max()
            .unwrap_or_default();
        for Line { toml, comment, .. } in &self.lines {
            match (toml.as_str(), comment.as_str()) {
                (_, "") => writeln!(f, "{toml}")?,
                ("", _) => writeln!(f, "# {comment}")?,
                _ => writeln!(f, "{toml:column$}   # {comment}")?,
            }
        }
        Ok(())
    }
}

/// What is set for the peer of `view`, or is another value for it than for others.
fn special(view: View<'_>, key: Key) -> Option<Value> {
    let value = view.find(key)?.value;
    let general = view.layers.general().find(key)?.value;
    (view.own(key).is_some() || value != general).then_some(value)
}

/// `name = value`
fn assign(name: &str, value: &Value) -> String {
    format!("{name} = {value}")
}
