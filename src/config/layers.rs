//! The layers of the configuration laid over each other: default, `loncapa_conf` files, `lonc.toml`, `[peer.<id>]`.

use std::path::{Path, PathBuf};

use toml::Value;

use super::checks;
use super::error::ConfigError;
use super::host_id::HostId;
use super::hosts_tab::HostsTab;
use super::keys::{self, Key};
use super::perlvars::{self, PerlVars};
use super::raw::Raw;
use super::source::{Given, Source};
use super::text;

/// All that the files say, nothing of it checked but `loncapa_conf`.
#[derive(Debug)]
pub(super) struct Layers {
    /// The path of `lonc.toml`.
    pub(super) file: PathBuf,
    pub(super) raw: Raw,
    perlvars: PerlVars,
    /// What was wrong with what is left out.
    faults: Vec<ConfigError>,
}

impl Layers {
    /// Reads `lonc.toml` and the files it lists in `loncapa_conf`. What has a fault is left out, and the fault noted.
    pub(super) fn read(file: &Path) -> Self {
        let mut layers = Self::read_first(file);
        let listed = layers.general().get(keys::LONCAPA_CONF, checks::paths);
        let wanted_by = layers.general().origin(keys::LONCAPA_CONF);
        match listed {
            Ok(paths) => {
                for path in paths {
                    match perlvars::read(&path, wanted_by.clone()) {
                        Ok(vars) => layers.perlvars.extend(vars),
                        Err(fault) => layers.faults.push(fault),
                    }
                }
            }
            Err(fault) => drop(layers.note(fault)),
        }
        layers
    }

    /// Reads `lonc.toml` alone.
    fn read_first(file: &Path) -> Self {
        let (raw, faults) = Raw::read(file);
        Self {
            file: file.to_owned(),
            raw,
            perlvars: PerlVars::new(),
            faults,
        }
    }

    /// What `look` finds, or all faults of the files at once, those of `lonc.toml` first.
    pub(super) fn look<T>(self, look: impl Fn(&Self) -> Result<T, ConfigError>) -> Result<T, ConfigError> {
        let (found, fault) = self.salvage(look);
        match (found, fault) {
            (Some(found), None) => Ok(found),
            (_, Some(fault)) => Err(fault),
            // Where nothing was found there is a fault.
            (None, None) => Err(ConfigError::Several(Vec::new())),
        }
    }

    /// The same, and what is found without what has a fault, as far as anything can be.
    pub(super) fn salvage<T>(
        mut self,
        look: impl Fn(&Self) -> Result<T, ConfigError>,
    ) -> (Option<T>, Option<ConfigError>) {
        // A file that cannot be read may say all that seems to be missing.
        let found = loop {
            let is_blind = self.faults.iter().any(ConfigError::hides_keys);
            match look(&self) {
                Ok(found) => break Some(found),
                Err(ConfigError::Missing { .. }) if is_blind => {
                    if !self.stand_in() {
                        break None;
                    }
                }
                Err(fault) => {
                    let is_told = !is_blind || fault.place().0 == Some(text::path(&self.file));
                    if !is_told || !self.note(fault) {
                        break None;
                    }
                }
            }
        };
        (found, ConfigError::of(self.faults, &self.file))
    }

    /// Notes a fault, and leaves out what it is about; false if that cannot be, or was done before.
    fn note(&mut self, fault: ConfigError) -> bool {
        let left_out = if let ConfigError::Invalid { at, key, .. } = &fault {
            let path = key.split(' ').next().unwrap_or_default();
            let name = path.rsplit('.').next().unwrap_or_default();
            let left_out = self.raw.leave_out(at, name) || self.leave_out_of_perlvars(at, path);
            // One that is wrong is not missing.
            left_out && (path != keys::HOST_ID.name || self.stand_in())
        } else {
            matches!(fault, ConfigError::Missing { .. }) && self.stand_in()
        };
        self.faults.push(fault);
        left_out
    }

    fn leave_out_of_perlvars(&mut self, at: &Source, path: &str) -> bool {
        let before = self.perlvars.len();
        let is_it = |key: &Key, given: &Given| key.path() == path && given.source.place() == at.place();
        self.perlvars.retain(|key, given| !is_it(key, given));
        self.perlvars.len() < before
    }

    /// Has something stand where the one key is missing that has no default; false if it does already.
    fn stand_in(&mut self) -> bool {
        let is_new = self.general().find(keys::HOST_ID).is_none();
        self.raw
            .stand_in(keys::HOST_ID, Value::String(HostId::nobody().to_string()));
        is_new
    }

    /// What holds outside of every `[peer.<id>]`.
    pub(super) fn general(&self) -> View<'_> {
        View {
            layers: self,
            peer: None,
        }
    }

    /// What holds for one peer.
    pub(super) fn of<'a>(&'a self, peer: &'a HostId) -> View<'a> {
        View {
            layers: self,
            peer: Some(peer),
        }
    }
}

/// The files that `file` names: those of `loncapa_conf` and the table of servers. Where a file cannot be read, those
/// are missing that only it names.
pub(super) fn sources(file: &Path) -> Vec<PathBuf> {
    let mut layers = Layers::read_first(file);
    if layers
        .faults
        .iter()
        .any(|fault| !matches!(fault, ConfigError::UnknownKey { .. }))
    {
        return Vec::new();
    }
    let listed = layers.general().get(keys::LONCAPA_CONF, checks::paths);
    let mut sources = listed.unwrap_or_default();
    for path in &sources {
        let read = perlvars::read(path, String::new());
        layers.perlvars.extend(read.unwrap_or_default());
    }
    sources.extend(layers.general().get(keys::HOSTS_TAB, checks::path));
    sources
}

/// A checked value, and where it came from.
#[derive(Debug)]
pub(super) struct Setting<T> {
    key: Key,
    pub(super) value: T,
    given: Given,
}

impl<T> Setting<T> {
    /// The fault that it does not go with others, as told.
    pub(super) fn refused(&self, view: View<'_>, problem: String) -> ConfigError {
        view.invalid(self.key, &self.given.source, problem)
    }

    pub(super) fn is_default(&self) -> bool {
        self.given.source.is_default()
    }
}

/// The layers as seen for one peer, or for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) layers: &'a Layers,
    pub(super) peer: Option<&'a HostId>,
}

impl<'a> View<'a> {
    /// The value in force, unchecked; `None` if nobody gives one and there is no default.
    pub(super) fn find(self, key: Key) -> Option<Given> {
        let default = || {
            key.default_value().map(|value| Given {
                value,
                source: Source::Default,
            })
        };
        self.own(key)
            .or_else(|| self.layers.raw.get(key))
            .or_else(|| self.layers.perlvars.get(&key))
            .cloned()
            .or_else(|| self.raised(key))
            .or_else(default)
    }

    /// What stands in for a default that is less than its floor.
    fn raised(self, key: Key) -> Option<Given> {
        let floor = key.floor()?;
        let Given { value, source } = self.find(floor)?;
        let is_more = checks::is_more(&value, &key.default_value()?);
        is_more.then(|| Given {
            value,
            source: source.noted(format!("as {}", floor.name)),
        })
    }

    /// The checked value in force.
    pub(super) fn get<T>(
        self,
        key: Key,
        check: impl Fn(&Value) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        self.setting(key, check).map(|setting| setting.value)
    }

    /// The checked value in force, with its key and its source.
    pub(super) fn setting<T>(
        self,
        key: Key,
        check: impl Fn(&Value) -> Result<T, String>,
    ) -> Result<Setting<T>, ConfigError> {
        let given = self.find(key).ok_or_else(|| ConfigError::Missing {
            path: self.layers.file.clone(),
            key: key.path(),
            variable: perlvars::variable(key),
        })?;
        match check(&given.value) {
            Ok(value) => Ok(Setting { key, value, given }),
            Err(problem) => Err(self.invalid(key, &given.source, problem)),
        }
    }

    /// What `[peer.<id>]` of this view's peer gives.
    pub(super) fn own(self, key: Key) -> Option<&'a Given> {
        let peer = self.peer.filter(|_| key.is_for_peers())?;
        self.layers.raw.get_for(peer, &key.own_name())
    }

    /// The host that `[peer.<id>]` gives, checked, and where it does.
    pub(super) fn own_host(self) -> Result<Option<(String, Source)>, ConfigError> {
        let given = |peer| Some((peer, self.layers.raw.get_for(peer, keys::ADDRESS)?));
        let Some((peer, given)) = self.peer.and_then(given) else {
            return Ok(None);
        };
        let host = checks::host(&given.value).map_err(|problem| ConfigError::Invalid {
            at: given.source.clone(),
            key: own_path(peer, keys::ADDRESS),
            problem,
        })?;
        Ok(Some((host, given.source.clone())))
    }

    /// Reads the table of servers.
    pub(super) fn hosts_tab(self) -> Result<(PathBuf, HostsTab), ConfigError> {
        let path = self.get(keys::HOSTS_TAB, checks::path)?;
        let table = HostsTab::read(&path, self.origin(keys::HOSTS_TAB))?;
        Ok((path, table))
    }

    /// Refuses a `low` that is more than `high`.
    pub(super) fn ordered<T: PartialOrd>(
        self,
        low: &Setting<T>,
        high: &Setting<T>,
    ) -> Result<(), ConfigError> {
        if low.value <= high.value {
            Ok(())
        } else {
            Err(self.crossed(low, high))
        }
    }

    /// The fault that `low` is more than `high`. It is told of the one that somebody wrote; of two, of the one written
    /// for this peer alone.
    pub(super) fn crossed<T>(self, low: &Setting<T>, high: &Setting<T>) -> ConfigError {
        let is_own = |setting: &Setting<T>| self.own(setting.key).is_some();
        let (wrong, word, bound) = if low.given.source.is_default() || is_own(high) && !is_own(low) {
            (high, "less", low)
        } else {
            (low, "more", high)
        };
        let problem = format!(
            "must not be {word} than {} ({}), is {}",
            self.name(bound.key, &bound.given.source),
            bare(&bound.given.value),
            text::shown(&wrong.given.value)
        );
        self.invalid(wrong.key, &wrong.given.source, problem)
    }

    /// `key, set at FILE:LINE`, for messages about a file that the key names.
    pub(super) fn origin(self, key: Key) -> String {
        let source = self.find(key).map_or(Source::Default, |given| given.source);
        if source.is_default() {
            format!("{}, by default", key.path())
        } else {
            format!("{} at {source}", key.path())
        }
    }

    fn invalid(self, key: Key, source: &Source, problem: String) -> ConfigError {
        ConfigError::Invalid {
            at: source.clone(),
            key: self.name(key, source),
            problem,
        }
    }

    /// The key as the line that gives its value calls it.
    fn name(self, key: Key, source: &Source) -> String {
        let peer = self.peer.filter(|_| self.own(key).is_some());
        match (peer, source.note()) {
            (Some(peer), _) => own_path(peer, &key.own_name()),
            (None, Some(variable)) => format!("{} ({variable})", key.path()),
            (None, None) => key.path(),
        }
    }
}

fn own_path(peer: &HostId, name: &str) -> String {
    format!("{}.{}.{name}", keys::PEER, peer.toml_key())
}

/// A value without the quotes of a text.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| text::shown(value), text::plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_key_is_named() {
        let layers = Layers {
            file: "/f".into(),
            raw: Raw::default(),
            perlvars: PerlVars::new(),
            faults: Vec::new(),
        };
        let required = |key: Key| Key { default: None, ..key };
        let fault = |key| layers.general().get(key, checks::path).unwrap_err();
        assert_eq!(
            fault(required(keys::MAX_CLIENTS)).to_string(),
            "/f: client.max_clients is not set; set client.max_clients here"
        );
        assert_eq!(
            fault(required(keys::MAX_CLIENTS)).key(),
            Some("client.max_clients")
        );
        assert_eq!(
            fault(keys::HOST_ID).to_string(),
            "/f: host_id is not set; set host_id here, or list the file with lonHostID in loncapa_conf"
        );
    }
}
