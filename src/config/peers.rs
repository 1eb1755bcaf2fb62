//! Which peers there are, and where.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::Value;

use super::address::{self, Address, Host};
use super::alias::{Alias, Aliases};
use super::checks;
use super::doubt::{Doubt, DoubtKind};
use super::error::ConfigError;
use super::host_id::HostId;
use super::hosts_tab::{HostsTab, Row};
use super::keys;
use super::layers::{Layers, View};
use super::report::Report;
use super::seen::Seen;
use super::settings;
use super::snapshot::{self, Place, Snapshot};
use super::source::Source;
use super::text;
use super::tls;
use super::{Peer, Peers, Settings, Start};

/// Most peers that a host serves; each has units of systemd's.
pub(crate) const MAX_PEERS: usize = 2000;

/// `hosts.tab` where it is needed, and what to tell about it.
#[derive(Debug, Default)]
pub(super) struct Directory {
    path: PathBuf,
    table: HostsTab,
    is_read: bool,
    /// One line each.
    pub(super) warnings: Vec<String>,
}

impl Directory {
    /// For a single peer: if `[peer.<id>]` gives an address, nothing can be wrong with the table.
    pub(super) fn for_one(view: View<'_>) -> Result<Self, ConfigError> {
        if view.own_host()?.is_none() {
            return Self::believed(view);
        }
        let mut directory = Self::read(view).unwrap_or_default();
        directory.warnings.clear();
        Ok(directory)
    }

    /// The table; where it is not to be believed and the peer was in it before, what it said then.
    fn believed(view: View<'_>) -> Result<Self, ConfigError> {
        let read = Self::read(view);
        let why = match &read {
            Ok(directory) => directory
                .doubt()
                .map(|doubt| doubt.why)
                .or_else(|| directory.missing(view.peer?)),
            Err(fault @ ConfigError::Read { .. }) => Some(fault.to_string()),
            Err(_) => None,
        };
        why.and_then(|why| Self::before(view, &why)).map_or(read, Ok)
    }

    /// That the table does not say where this peer is, if so.
    fn missing(&self, peer: &HostId) -> Option<String> {
        let row = self.table.rows.get(peer);
        let is_missing = row.is_none_or(|row| row.host.is_err());
        let table = text::path(&self.path);
        is_missing.then(|| format!("{table}: it does not say where peer {peer} is"))
    }

    /// What was known of the table before, if that has the peer.
    fn before(view: View<'_>, why: &str) -> Option<Self> {
        let path = snapshot::kept_for(&view.layers.file);
        let kept = Snapshot::read(&path).ok()?;
        kept.places.get(view.peer?)?;
        let row = |(line, (id, place)): (usize, (HostId, Place))| {
            let hostname = kept
                .peers
                .get(&id)
                .and_then(|alias| alias.name())
                .map(str::to_owned);
            let host = Ok(Host {
                name: address::host(&place.host)?,
                alternative: place.alternative.filter(|name| address::is_name(name)),
            });
            Some((id, Row { line, host, hostname }))
        };
        let rows = kept
            .places
            .clone()
            .into_iter()
            .enumerate()
            .filter_map(row)
            .collect();
        Some(Self {
            path,
            table: HostsTab::of(rows),
            is_read: true,
            warnings: vec![format!("{why}: what it said before is gone by")],
        })
    }

    /// For all peers: a table that cannot be read is a warning.
    fn for_all(view: View<'_>) -> Self {
        let unread = |error: ConfigError| Self {
            warnings: vec![error.to_string()],
            ..Self::default()
        };
        Self::read(view).unwrap_or_else(unread)
    }

    fn read(view: View<'_>) -> Result<Self, ConfigError> {
        let (path, mut table) = view.hosts_tab()?;
        let warnings = std::mem::take(&mut table.warnings);
        Ok(Self {
            path,
            table,
            is_read: true,
            warnings,
        })
    }

    /// The host of a peer, and where it is written.
    pub(super) fn host(&self, view: View<'_>, peer: &HostId) -> Result<(Host, Source), ConfigError> {
        if let Some((name, source)) = view.own_host()? {
            // The table may know another name of the host at that address; what `lonc --check` prints says no more.
            let row = self.table.rows.get(peer).and_then(|row| row.host.as_ref().ok());
            let known = row.filter(|host| host.name == name).cloned();
            return Ok((known.unwrap_or_else(|| Host::only(name)), source));
        }
        let row = self
            .table
            .rows
            .get(peer)
            .ok_or_else(|| ConfigError::UnknownPeer {
                path: view.layers.file.clone(),
                table: self.path.clone(),
                peer: peer.clone(),
            })?;
        let at = Source::at(self.path.as_path(), row.line, None);
        match row.host.clone() {
            Ok(host) => Ok((host, at)),
            Err(problem) => Err(ConfigError::BrokenPeer {
                at,
                peer: peer.clone(),
                problem,
            }),
        }
    }

    /// All ids that `hosts.tab` or the configuration has, except `own`; broken lines only if mended there.
    fn ids<'a>(&'a self, layers: &'a Layers, own: &HostId) -> Vec<&'a HostId> {
        let usable = self
            .table
            .rows
            .iter()
            .filter(|(_, row)| row.host.is_ok())
            .map(|(id, _)| id);
        let mut ids: Vec<_> = usable
            .chain(layers.raw.peers.keys())
            .filter(|id| *id != own)
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// As many of [`Self::ids`] as can be served: those that the configuration names, then by their lines; and how many
    /// are beyond that.
    fn served<'a>(&'a self, layers: &'a Layers, own: &HostId) -> (Vec<&'a HostId>, usize) {
        let mut ids = self.ids(layers, own);
        let beyond = ids.len().saturating_sub(MAX_PEERS);
        if beyond > 0 {
            let line = |id: &HostId| {
                let is_named = layers.raw.peers.contains_key(id);
                let row = self.table.rows.get(id).filter(|_| !is_named);
                row.map_or(0, |row| row.line)
            };
            ids.sort_by_key(|id| line(id));
            ids.truncate(MAX_PEERS);
            ids.sort();
        }
        (ids, beyond)
    }

    /// The known hosts, `own` id among them, whose ids end in `.<peer>`.
    pub(super) fn alike(&self, layers: &Layers, own: &HostId, peer: &HostId) -> Vec<HostId> {
        let suffix = format!(".{peer}");
        let is_alike = |id: &&HostId| id.as_ref().ends_with(&suffix);
        let is_known = |id: &&HostId| *id == own || self.address(layers.of(id), id).is_ok();
        let ids = self.ids(layers, own).into_iter().chain([own]);
        ids.filter(is_alike).filter(is_known).cloned().collect()
    }

    /// Why the table is not to be believed where it leaves somebody out.
    fn doubt(&self) -> Option<Doubt> {
        if !self.is_read {
            let why = self.warnings.first().cloned().unwrap_or_default();
            let kind = DoubtKind::Unread;
            return Some(Doubt { kind, why });
        }
        let (kind, why) = self.table.doubt()?;
        let why = format!("{}: {why}", text::path(&self.path));
        Some(Doubt { kind, why })
    }

    /// Ids that the table has and that are no peers: `own`, and those of broken lines.
    fn mentioned(&self, own: &HostId) -> BTreeSet<HostId> {
        let rows = self.table.rows.iter();
        let mentioned = rows.filter(|(id, row)| row.host.is_err() || *id == own);
        mentioned.map(|(id, _)| id.clone()).collect()
    }

    /// What is to be remembered of the table; `named` is the file that says where the peer is.
    pub(super) fn seen(&self, named: Option<&Path>) -> Seen {
        Seen {
            table: self.path.clone(),
            num_hosts: self.is_read.then(|| self.table.num_hosts()),
            doubt: self.table.doubt().filter(|_| self.is_read).map(|(_, why)| why),
            has_address: self.is_read && named == Some(self.path.as_path()),
        }
    }

    /// The second name of the socket that `settings` are for, and what is wrong with it.
    pub(super) fn alias(
        &self,
        layers: &Layers,
        settings: &Settings,
    ) -> Result<(Alias, Vec<String>), ConfigError> {
        let aliases = self.aliases(layers, &settings.host_id, &settings.socket_dir)?;
        let alias = aliases
            .as_ref()
            .map_or(Alias::Unknown, |all| all.of(&settings.peer));
        let warnings = aliases.map(|all| all.warnings(Some(&settings.peer)));
        Ok((alias, warnings.unwrap_or_default()))
    }

    /// The second names of the sockets in `dir`; nothing if the table, which has them, cannot be read.
    fn aliases(&self, layers: &Layers, own: &HostId, dir: &Path) -> Result<Option<Aliases>, ConfigError> {
        if !settings::hostname_sockets(layers.general())? {
            return Ok(Some(Aliases::default()));
        }
        let aliases = || Aliases::new(&self.table, &self.path, &self.ids(layers, own), own, dir);
        Ok(self.is_read.then(aliases))
    }

    /// Host and port of a peer, and where the host is written.
    fn address(&self, view: View<'_>, peer: &HostId) -> Result<(Address, Source), ConfigError> {
        let (host, source) = self.host(view, peer)?;
        Ok((host.at(settings::port(view)?), source))
    }
}

/// The hosts known whose ids end in `.<peer>`.
pub(super) fn alike(layers: &Layers, own: &HostId, peer: &HostId) -> Vec<HostId> {
    Directory::for_all(layers.general()).alike(layers, own, peer)
}

impl Peers {
    /// None are known, and all else is as it is by default.
    pub(super) fn unknown() -> Self {
        let default = |key: keys::Key| {
            let value = key.default_value();
            PathBuf::from(value.as_ref().and_then(Value::as_str).unwrap_or_default())
        };
        Self {
            host_id: HostId::nobody(),
            socket_dir: default(keys::SOCKET_DIR),
            control_dir: default(keys::CONTROL_DIR),
            start: Start::default(),
            peers: Vec::new(),
            warnings: Vec::new(),
            doubt: None,
            mentioned: BTreeSet::new(),
        }
    }
}

/// All peers known, except ourselves; see [`super::peers()`].
pub(super) fn list(layers: &Layers) -> Result<Peers, ConfigError> {
    let general = layers.general();
    let host_id = settings::own_id(general)?;
    let directory = Directory::for_all(general);
    let socket_dir = general.get(keys::SOCKET_DIR, checks::path)?;
    let aliases = directory.aliases(layers, &host_id, &socket_dir)?;
    let (mut peers, mut warnings) = (Vec::new(), directory.warnings.clone());
    let (ids, beyond) = directory.served(layers, &host_id);
    if beyond > 0 {
        warnings.push(format!(
            "{}: {beyond} peers are beyond the {MAX_PEERS} that a host serves, and are left out",
            text::path(&directory.path)
        ));
    }
    for id in ids {
        match directory.address(layers.of(id), id) {
            Ok((address, _)) => peers.push(Peer {
                id: id.clone(),
                address,
                alias: aliases.as_ref().map_or(Alias::Unknown, |all| all.of(id)),
            }),
            Err(error) => warnings.push(error.to_string()),
        }
    }
    warnings.extend(aliases.map(|all| all.warnings(None)).unwrap_or_default());
    Ok(Peers {
        socket_dir,
        control_dir: general.get(keys::CONTROL_DIR, checks::path)?,
        start: settings::start(general)?,
        peers,
        warnings,
        doubt: directory.doubt(),
        mentioned: directory.mentioned(&host_id),
        host_id,
    })
}

/// What is said of each of these.
pub(super) fn reports(layers: &Layers, peers: &[HostId]) -> Vec<Report> {
    let directory = Directory::for_all(layers.general());
    let report = |peer| {
        let view = layers.of(peer);
        let mut report = Report::new(view);
        if let Ok((address, source)) = directory.address(view, peer) {
            report.peer(view, &address, &source);
        }
        report
    };
    peers.iter().map(report).collect()
}

/// Checks all sections and reports on them and on all peers; the second part is warnings.
pub(super) fn check(layers: &Layers) -> Result<(Report, Vec<String>), ConfigError> {
    let general = layers.general();
    settings::check_general(general)?;
    for id in layers.raw.peers.keys() {
        let view = layers.of(id);
        view.own_host()?;
        settings::port(view)?;
        settings::link(view)?;
    }
    let directory = Directory::for_all(general);
    let mut report = Report::new(general);
    let mut warnings = directory.warnings.clone();
    report.peers();
    let mut looked_at = Vec::new();
    for id in directory.ids(layers, &settings::own_id(general)?) {
        for key in [keys::SOCKET_DIR, keys::CONTROL_DIR] {
            general.get(key, checks::socket_dir_of(id))?;
        }
        match directory.address(layers.of(id), id) {
            Ok((address, source)) => {
                report.listed(layers.of(id), &address, &source);
                let link = settings::link(layers.of(id))?;
                if !looked_at.contains(&link.tls) {
                    warnings.extend(tls::look(&link.tls, &address.host, &layers.file)?);
                    looked_at.push(link.tls);
                }
            }
            Err(error) => warnings.push(error.to_string()),
        }
    }
    Ok((report, warnings))
}
