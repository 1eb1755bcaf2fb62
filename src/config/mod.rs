//! The configuration: `lonc.toml`, what it leaves out from `loncapa.conf`, and the peers from `hosts.tab`.
//!
//! The way of a value: `raw` (`lonc.toml` as written, unknown keys refused), `perlvars` (`loncapa_conf` files)
//! and `hosts_tab` are read; `layers` lays them over each other; `settings` has `checks` look at what is in force
//! and gives it a type; `report` tells it; `seen` keeps what runs from following a table that is half there. Every key is written down once, with its default and
//! when a change takes effect, in `keys`.
//!
//! Precedence, lowest first: default; `loncapa_conf` files, a later one before an earlier; `lonc.toml`;
//! `[peer.<id>]`. Every file listed in `loncapa_conf` must be readable: a daemon with half of its identity would
//! do harm quietly.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

mod address;
mod alias;
mod checks;
mod disabled;
mod doubt;
#[cfg(test)]
mod effects;
mod error;
#[cfg(test)]
mod example;
mod host_id;
mod hosts_tab;
mod keys;
mod layers;
#[cfg(test)]
mod man_page;
mod peers;
mod perlvars;
mod raw;
mod report;
mod sandbox;
mod seen;
mod settings;
mod snapshot;
mod sound_lines;
mod source;
mod taken_over;
pub(crate) mod text;
mod tls;

pub(crate) use address::Address;
use address::Host;
pub use alias::Alias;
pub use disabled::Disabled;
pub(crate) use disabled::MAX_REASON;
pub(crate) use doubt::{Doubt, DoubtKind};
pub use error::ConfigError;
pub use host_id::HostId;
pub(crate) use host_id::LOCK;
pub(crate) use peers::MAX_PEERS;
pub(crate) use report::Report;
pub(crate) use sandbox::{Opened, Sandbox};
pub(crate) use seen::{Seen, is_large_part};
pub(crate) use settings::{ClientSettings, LinkSettings};
pub use settings::{LogLevel, Settings, Start};
pub(crate) use snapshot::{KEPT, Offer, Place, Snapshot};
pub(crate) use taken_over::TakenOver;

use crate::tls::{Tls, TlsSettings};
use layers::Layers;
use peers::Directory;

/// Where the configuration is unless the command line says otherwise.
pub(crate) const DEFAULT_PATH: &str = "/etc/lonc/lonc.toml";

/// The settings of one daemon, and what to tell about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The settings, checked.
    pub settings: Settings,
    /// What was passed over, one line each, naming file and line: lines of `hosts.tab` that are broken or double.
    pub warnings: Vec<String>,
    /// Every key in force and where its value came from.
    pub report: Report,
    pub(crate) seen: Seen,
    /// What secures the links.
    pub(crate) tls: Tls,
}

/// All peers that the configuration knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Peers {
    /// Our own id; no peer has it.
    pub host_id: HostId,
    /// Directory of the sockets, one a peer, named by its id.
    pub socket_dir: PathBuf,
    /// Directory of the control sockets, one a peer, named by its id.
    pub control_dir: PathBuf,
    /// When systemd is to start the daemons.
    pub start: Start,
    /// The peers, by their ids.
    pub peers: Vec<Peer>,
    /// What was passed over, one line each, naming file and line.
    pub warnings: Vec<String>,
    /// Why the table is not to be believed.
    pub(crate) doubt: Option<Doubt>,
    /// Ids in the table that are no peers.
    pub(crate) mentioned: BTreeSet<HostId>,
}

/// A peer and where its lond listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The peer's id.
    pub id: HostId,
    /// Where it is.
    pub address: Address,
    /// The second name of its socket.
    pub alias: Alias,
}

impl Peer {
    /// One of whom nothing but the id is known.
    pub(crate) fn unlisted(id: &HostId) -> Self {
        Self {
            id: id.clone(),
            address: Address::unknown(),
            alias: Alias::Unknown,
        }
    }
}

/// Reads all that the daemon of `peer` needs.
///
/// `hosts.tab` need not be there if `[peer.<id>]` gives an address. A peer with our own id is taken: some releases of
/// the original run one. Values that are not in force for this peer are not checked.
///
/// # Errors
/// An unreadable file, a wrong key or value, a broken line of this peer in `hosts.tab`, a peer without address.
pub fn load(config: &Path, peer: &HostId) -> Result<Loaded, ConfigError> {
    let mut loaded = Layers::read(config).look(|layers| {
        let mut loaded = of_layers(layers, peer)?;
        loaded.tls = secured(&loaded.settings, &layers.file)?;
        Ok(loaded)
    })?;
    loaded.settings.disabled = Disabled::read(config, peer);
    Ok(loaded)
}

/// The settings alone, for whoever opens no link: of what secures the links others than the daemon may see nothing.
///
/// # Errors
/// As [`load`], but for the files of `[link.tls]`.
pub(crate) fn settings_of(config: &Path, peer: &HostId) -> Result<Settings, ConfigError> {
    let mut settings = Layers::read(config).look(|layers| Ok(of_layers(layers, peer)?.settings))?;
    settings.disabled = Disabled::read(config, peer);
    Ok(settings)
}

/// How the links of each of `peers` are secured; the files that it takes are not looked at.
///
/// # Errors
/// As [`peers`](fn@peers), and a wrong value of `[link]` or `[link.tls]` of one of them.
pub(crate) fn tls_of(config: &Path, peers: &[Peer]) -> Result<Vec<TlsSettings>, ConfigError> {
    Layers::read(config).look(|layers| {
        let tls = |peer: &Peer| settings::link(layers.of(&peer.id)).map(|link| link.tls);
        peers.iter().map(tls).collect()
    })
}

/// What is to secure the links, from its files.
fn secured(settings: &Settings, config: &Path) -> Result<Tls, ConfigError> {
    Tls::load(&settings.link.tls, &settings.address.host).map_err(|fault| ConfigError::of_tls(fault, config))
}

fn of_layers(layers: &Layers, peer: &HostId) -> Result<Loaded, ConfigError> {
    let view = layers.of(peer);
    // The file's own faults come before those of the table.
    let mut settings = settings::settings(view, peer, Host::default())?;
    let directory = Directory::for_one(view)?;
    let (host, source) = directory.host(view, peer)?;
    settings.address = host.at(settings.address.port);
    settings.alike = directory.alike(layers, &settings.host_id, peer);
    let (alias, odd) = directory.alias(layers, &settings)?;
    settings.alias = alias;
    let seen = directory.seen(source.file());
    let mut report = Report::new(view);
    report.peer(view, &settings.address, &source);
    Ok(Loaded {
        settings,
        warnings: [directory.warnings, odd, seen.warning()].concat(),
        report,
        seen,
        tls: Tls::default(),
    })
}

/// The text of `lonc --check`: every key in force and where its value came from, as a `lonc.toml`.
///
/// With a peer: all that holds for it. Without: what holds for all, the peers, and every `[peer.<id>]` is checked.
/// Warnings stand at the end as comments.
///
/// # Errors
/// As [`load`]; without a peer, also a wrong value in any `[peer.<id>]`.
pub fn check(config: &Path, peer: Option<&HostId>) -> Result<String, ConfigError> {
    let (mut report, warnings) = Layers::read(config).look(|layers| match peer {
        Some(peer) => check_one(layers, peer),
        None => peers::check(layers),
    })?;
    if !warnings.is_empty() {
        report.gap();
    }
    for warning in warnings {
        report.comment(format!("warning: {warning}"));
    }
    Ok(report.to_string())
}

fn check_one(layers: &Layers, peer: &HostId) -> Result<(Report, Vec<String>), ConfigError> {
    let Loaded {
        settings,
        mut warnings,
        report,
        ..
    } = of_layers(layers, peer)?;
    let (tls, host) = (&settings.link.tls, &settings.address.host);
    warnings.extend(tls::look(tls, host, &layers.file)?);
    Ok((report, warnings))
}

/// What is in force for a peer by the files, those of `[link.tls]` left aside.
///
/// # Errors
/// As [`load`].
pub(crate) fn report_of(config: &Path, peer: &HostId) -> Result<Report, ConfigError> {
    Layers::read(config).look(|layers| Ok(of_layers(layers, peer)?.report))
}

/// What the files say of each of these, whether or not all of it is sound.
///
/// # Errors
/// An unreadable or broken `lonc.toml` or `loncapa_conf` file.
pub(crate) fn reports(config: &Path, peers: &[HostId]) -> Result<Vec<Report>, ConfigError> {
    Layers::read(config).look(|layers| Ok(peers::reports(layers, peers)))
}

/// All peers known: those of `hosts.tab` and those of `[peer.<id>]`, except ourselves.
///
/// A broken line, a peer without address and an unreadable `hosts.tab` are warnings: one bad line must not take
/// all other peers down at boot.
///
/// # Errors
/// An unreadable or broken `lonc.toml` or `loncapa_conf` file; no or a wrong `host_id`, `socket_dir`, `control_dir` or
/// `start`.
pub fn peers(config: &Path) -> Result<Peers, ConfigError> {
    Layers::read(config).look(peers::list)
}

/// The same without what has a fault, where there is one; as far as nothing is known, the defaults.
pub(crate) fn salvage(config: &Path) -> Peers {
    let (found, _) = Layers::read(config).salvage(peers::list);
    found.unwrap_or_else(Peers::unknown)
}

/// The settings for the messages of a host that may be in no table.
///
/// # Errors
/// As [`load`], but for what tells where the host is.
pub(crate) fn load_unlisted(config: &Path, peer: &HostId) -> Result<Settings, ConfigError> {
    Layers::read(config).look(|layers| {
        let mut settings = settings::settings(layers.of(peer), peer, Host::default())?;
        settings.alike = peers::alike(layers, &settings.host_id, peer);
        Ok(settings)
    })
}

/// What the files say now, with the paths to be watched, and what to tell about it. A fault of the configuration is
/// among that.
pub(crate) fn offer(config: &Path, watched: Vec<PathBuf>) -> (Offer, Vec<String>) {
    let look = |layers: &Layers| {
        let spool_dir = layers.general().get(keys::SPOOL_DIR, checks::path).ok();
        Ok((peers::list(layers)?, spool_dir, Sandbox::of(layers)))
    };
    match Layers::read(config).look(look) {
        Ok((mut peers, spool_dir, sandbox)) => {
            let warnings = std::mem::take(&mut peers.warnings);
            let mut offer = Offer::of(peers, watched);
            offer.snapshot.spool_dir = spool_dir;
            offer.snapshot.sandbox = sandbox;
            (offer, warnings)
        }
        Err(fault) => {
            let warnings = fault.each().iter().map(ToString::to_string).collect();
            (Offer::of_fault(&fault, watched), warnings)
        }
    }
}

/// Where `lonc-usr1` leaves the number of its process for lond and lonnet.
///
/// # Errors
/// An unreadable or broken `lonc.toml` or `loncapa_conf` file; a wrong `usr1_pid_file`.
pub(crate) fn usr1_pid_file(config: &Path) -> Result<PathBuf, ConfigError> {
    Layers::read(config).look(|layers| layers.general().get(keys::USR1_PID_FILE, checks::path))
}

/// The directory of the sockets, for whoever looks after a socket whose peer may be in no table.
///
/// # Errors
/// An unreadable or broken `lonc.toml` or `loncapa_conf` file; a wrong `socket_dir`.
pub(crate) fn socket_dir(config: &Path) -> Result<PathBuf, ConfigError> {
    Layers::read(config).look(|layers| layers.general().get(keys::SOCKET_DIR, checks::path))
}

/// The files beside `config` itself that the configuration is read from, there or not, as far as they can be told.
#[must_use]
pub(crate) fn sources(config: &Path) -> Vec<PathBuf> {
    layers::sources(config)
}
