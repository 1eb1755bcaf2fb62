//! `lonc-socket`: what lonc@.socket runs before it listens, after that, and before it stops; and the second names of all
//! sockets after a change of the table.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::alias::{self, AliasError};
use super::place::{self, Identity, Listener, Occupant};
use super::record::{self, Desk, Record};
use super::wake::wake;
use crate::cli;
use crate::config::{self, Alias, ConfigError, DEFAULT_PATH, HostId, KEPT, Snapshot};

/// Looks after the sockets that systemd makes for lonc.
#[derive(Debug, Parser)]
#[command(name = "lonc-socket", version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// The list of peers that is followed. Where there is none, the configuration is read.
    #[arg(long, value_name = "FILE", default_value = KEPT)]
    kept: PathBuf,
    /// Where to write down which socket is whose; a directory for each peer is there.
    #[arg(long, value_name = "DIRECTORY", default_value = record::DIRECTORY)]
    records: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Clone, Debug, Subcommand)]
enum Task {
    /// Fail if something stands where the socket is to be that is not to be removed; for `ExecStartPre=`.
    Before { peer: HostId },
    /// Write down which file is that of the socket, and make its second name; for `ExecStartPost=`.
    Bound { peer: HostId },
    /// Remove the socket's file and its second name, unless they are another's; for `ExecStopPre=`.
    Stopping { peer: HostId },
    /// Have the second names of all sockets that listen follow the table of servers.
    Aliases,
    /// Have systemd start the instances of peers for which delayed messages wait.
    Wake,
}

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Arguments = match cli::parse(arguments) {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    let keeper = Keeper {
        kept: Snapshot::read(&arguments.kept).ok(),
        config: arguments.config,
        records: arguments.records,
    };
    let done = match arguments.task {
        Task::Before { peer } => keeper.before(&peer),
        Task::Bound { peer } => keeper.bound(&peer),
        Task::Stopping { peer } => keeper.stopping(&peer),
        Task::Aliases => keeper.aliases(),
        Task::Wake => keeper.wake(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say(&fault);
            ExitCode::FAILURE
        }
    }
}

fn say(text: &dyn std::fmt::Display) {
    cli::say("lonc-socket", text);
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{}: the socket is not made, as {occupant}; that has to go first", .path.display())]
    InTheWay { path: PathBuf, occupant: Occupant },
    #[error("{}: {source}; socket_dir and ListenStream= of lonc@.socket must be the same place", .path.display())]
    NotThere { path: PathBuf, source: io::Error },
    #[error("{}: the socket is not made, as {occupant}: the Perl lonc, which serves {peer}; loncctl takeover {peer} moves it here", .path.display())]
    OfPerlLonc {
        path: PathBuf,
        occupant: Occupant,
        peer: HostId,
    },
    #[error("the record of the socket of {peer}: {source}")]
    Record { peer: HostId, source: io::Error },
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Alias(#[from] AliasError),
    #[error(transparent)]
    Configuration(#[from] ConfigError),
}

struct Keeper {
    /// We act as root, mostly: the table is read only while nobody else has done that.
    kept: Option<Snapshot>,
    config: PathBuf,
    records: PathBuf,
}

impl Keeper {
    /// systemd would remove whatever stands there. In doubt it goes on: workers need a socket also while the
    /// configuration has a fault.
    fn before(&self, peer: &HostId) -> Result<(), Fault> {
        let path = match self.socket(peer) {
            Ok(path) => path,
            Err(fault) => {
                say(&fault);
                return Ok(());
            }
        };
        match place::occupant(&path) {
            Ok(Occupant::Nobody | Occupant::Stale) => Ok(()),
            // It has another name besides, from loncctl takeover, and is not lost.
            Ok(Occupant::Listener(_)) if has_another_name(&path) => Ok(()),
            Ok(occupant) if occupant.listener().is_some_and(Listener::is_perl_lonc) => {
                Err(Fault::OfPerlLonc {
                    path,
                    occupant,
                    peer: peer.clone(),
                })
            }
            Ok(occupant @ (Occupant::Listener(_) | Occupant::NoSocket)) => {
                Err(Fault::InTheWay { path, occupant })
            }
            Err(fault) => {
                say(&format_args!("{}: {fault}", path.display()));
                Ok(())
            }
        }
    }

    fn bound(&self, peer: &HostId) -> Result<(), Fault> {
        let path = self.socket(peer)?;
        let not_there = |source| Fault::NotThere {
            path: path.clone(),
            source,
        };
        let record = Record {
            file: Identity::at(&path).map_err(not_there)?,
            directory: Identity::of_directory(&path).map_err(not_there)?,
            alias: None,
            path: path.clone(),
        };
        let desk = self.desk(peer)?;
        desk.write(&record).map_err(in_record(peer))?;
        self.give_name(peer, &desk)
    }

    fn stopping(&self, peer: &HostId) -> Result<(), Fault> {
        let desk = self.desk(peer)?;
        let record = desk.record().map_err(in_record(peer))?;
        let in_file = |source| Fault::File {
            path: record.path.clone(),
            source,
        };
        drop_name(peer, &record).map_err(in_file)?;
        match Identity::at(&record.path) {
            Ok(now) if now == record.file => fs::remove_file(&record.path).map_err(in_file)?,
            Ok(_) => say(&format_args!(
                "{}: is not the socket of {peer} any more, and stays",
                record.path.display()
            )),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            Err(fault) => return Err(in_file(fault)),
        }
        desk.remove().map_err(in_record(peer))
    }

    /// Names that are not right any more go before others come: one may pass from a peer to another.
    fn aliases(&self) -> Result<(), Fault> {
        let peers = self.peers()?;
        let mut done = Ok(());
        for task in [Self::take_old_name, Self::give_name] {
            for peer in &peers {
                let outcome = self.desk(peer).and_then(|desk| match desk.record() {
                    // It does not listen, or no longer.
                    Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
                    _ => task(self, peer, &desk),
                });
                if let Err(fault) = outcome {
                    say(&fault);
                    done = Err(fault);
                }
            }
        }
        done
    }

    /// For those in the list alone; without one there is nobody to wake.
    fn wake(&self) -> Result<(), Fault> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        let in_spool = |source| Fault::File {
            path: kept.spool_dir.clone().unwrap_or_default(),
            source,
        };
        wake(kept, &self.config, &self.records).map_err(in_spool)
    }

    /// Those whose sockets listen.
    fn peers(&self) -> Result<Vec<HostId>, Fault> {
        let in_records = |source| Fault::File {
            path: self.records.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.records) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(in_records)?,
        };
        let peer = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
        Ok(entries.filter_map(peer).collect())
    }

    fn take_old_name(&self, peer: &HostId, desk: &Desk) -> Result<(), Fault> {
        let record = desk.record().map_err(in_record(peer))?;
        let wanted = self.wanted(peer);
        if record.alias.is_none() || wanted == Alias::Unknown || wanted.name() == record.alias.as_deref() {
            return Ok(());
        }
        // Written first: nobody is to miss what is removed on purpose.
        let nameless = Record {
            alias: None,
            ..record.clone()
        };
        desk.write(&nameless).map_err(in_record(peer))?;
        drop_name(peer, &record).map_err(|source| Fault::File {
            path: record.path,
            source,
        })
    }

    fn give_name(&self, peer: &HostId, desk: &Desk) -> Result<(), Fault> {
        let Alias::Name(name) = self.wanted(peer) else {
            return Ok(());
        };
        let mut record = desk.record().map_err(in_record(peer))?;
        let made = alias::make(directory(&record), &name, peer);
        record.alias = Some(name);
        desk.write(&record).map_err(in_record(peer))?;
        Ok(made?)
    }

    fn socket(&self, peer: &HostId) -> Result<PathBuf, ConfigError> {
        let known = || self.kept.as_ref()?.socket_dir.clone();
        let dir = config::socket_dir(&self.config).or_else(|fault| known().ok_or(fault))?;
        Ok(dir.join(peer.as_ref()))
    }

    /// Not known while the configuration or the table cannot be read, or does not have the peer.
    fn wanted(&self, peer: &HostId) -> Alias {
        if let Some(kept) = &self.kept {
            return kept.peers.get(peer).cloned().unwrap_or(Alias::Unknown);
        }
        config::settings_of(&self.config, peer).map_or(Alias::Unknown, |settings| settings.alias)
    }

    fn desk(&self, peer: &HostId) -> Result<Desk, Fault> {
        Desk::open(&self.records, peer).map_err(in_record(peer))
    }
}

fn has_another_name(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.nlink() > 1)
}

fn in_record(peer: &HostId) -> impl Fn(io::Error) -> Fault + use<'_> {
    move |source| Fault::Record {
        peer: peer.clone(),
        source,
    }
}

fn directory(record: &Record) -> &Path {
    record.path.parent().unwrap_or(&record.path)
}

fn drop_name(peer: &HostId, record: &Record) -> io::Result<()> {
    match &record.alias {
        Some(name) => alias::remove(directory(record), name, peer),
        None => Ok(()),
    }
}
