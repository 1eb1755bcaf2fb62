//! What is seen of a peer from outside, when its daemon does not answer.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Holder, Standing};
use crate::config::{DEFAULT_PATH, Disabled, HostId, TakenOver};
use crate::control::client::CallError;
use crate::socket::listening::Listening;
use crate::socket::place::Identity;
use crate::socket::record::{self, Record};
use crate::systemd;

/// The sockets for requests and the word of the administrator, as they were at one moment.
pub(crate) struct Outside {
    socket_dir: PathBuf,
    /// Where it is written down which sockets are systemd's; nothing where that makes none of this configuration.
    records: Option<PathBuf>,
    listening: Listening,
    /// Others listen there, and systemd for none of us: nothing has been taken over yet.
    is_untouched: bool,
    taken_over: TakenOver,
    disabled: BTreeMap<HostId, Disabled>,
}

impl Outside {
    /// Those of the configuration `config`, whose sockets for requests are in `socket_dir`.
    pub(crate) fn look(config: &Path, socket_dir: &Path) -> Self {
        let is_systemds = systemd::is_booted() && config == Path::new(DEFAULT_PATH);
        let records = is_systemds.then(|| Path::new(record::DIRECTORY));
        Self::with_records(config, socket_dir, records)
    }

    fn with_records(config: &Path, socket_dir: &Path, records: Option<&Path>) -> Self {
        let listening = Listening::now(socket_dir);
        let is_ours = |record: &Record| record.path.parent() == Some(socket_dir);
        let has_ours = |records: &Path| record::all(records).iter().any(is_ours);
        Self {
            socket_dir: socket_dir.to_owned(),
            records: records.map(Path::to_owned),
            is_untouched: listening.is_any() && records.is_some_and(|records| !has_ours(records)),
            listening,
            taken_over: TakenOver::read(config).0,
            disabled: Disabled::all(config),
        }
    }

    /// How a peer stands whose daemon did not answer.
    pub(crate) fn silent(&self, peer: &HostId, fault: &CallError) -> Standing {
        Standing::silent(fault, self.holder(peer), self.disabled.contains_key(peer))
    }

    /// Who has the peer's socket; nobody is connected to for that.
    pub(crate) fn holder(&self, peer: &HostId) -> Holder {
        if !self.is_ours(peer) || self.is_untouched {
            return Holder::Foreign;
        }
        match self.listening.at(peer.as_ref()) {
            None => Holder::Unknown,
            Some(false) => Holder::Nobody,
            Some(true) => self.listener(peer),
        }
    }

    fn listener(&self, peer: &HostId) -> Holder {
        let Some(records) = &self.records else {
            return Holder::Ours;
        };
        let path = self.socket_dir.join(peer.as_ref());
        match record::read(records, peer) {
            // The directory of the record is there as long as the unit of the socket is started.
            Err(fault) if fault.kind() == ErrorKind::NotFound && !records.join(peer.as_ref()).exists() => {
                Holder::Foreign
            }
            // systemd listens elsewhere.
            Ok(record) if record.path != path => Holder::Foreign,
            Ok(record) if Identity::at(&path).is_ok_and(|now| now != record.file) => Holder::Usurper,
            // Perhaps nothing could be written down.
            Ok(_) | Err(_) => Holder::Ours,
        }
    }

    /// Whether the peer is ours, and not left to the Perl lonc.
    pub(crate) fn is_ours(&self, peer: &HostId) -> bool {
        self.taken_over.has(peer)
    }

    /// The word of the administrator, if the peer is disabled.
    pub(crate) fn disabled(&self, peer: &HostId) -> Option<&Disabled> {
        self.disabled.get(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::record::Desk;
    use std::fs;
    use std::os::unix::net::UnixListener;

    #[test]
    fn whose_a_socket_is_is_told_by_what_is_written_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let (sockets, records) = (dir.path().join("sockets"), dir.path().join("records"));
        let path = sockets.join("a");
        fs::create_dir_all(&sockets).unwrap();
        let peer: HostId = "a".parse().unwrap();
        let config = dir.path().join("lonc.toml");
        let holder_of = |peer: &str| {
            let outside = Outside::with_records(&config, &sockets, Some(&records));
            outside.holder(&peer.parse().unwrap())
        };
        let holder = || holder_of("a");
        assert_eq!(holder(), Holder::Nobody);
        let _listener = UnixListener::bind(&path).unwrap();
        assert_eq!(holder(), Holder::Foreign, "systemd has no such socket");
        assert_eq!(holder_of("b"), Holder::Foreign, "nothing is taken over yet");
        fs::create_dir_all(records.join("a")).unwrap();
        let write = |path: &Path, file: &Path| {
            let record = Record {
                path: path.to_owned(),
                file: Identity::at(file).unwrap(),
                directory: Identity::of_directory(file).unwrap(),
                alias: None,
            };
            Desk::open(&records, &peer).unwrap().write(&record).unwrap();
        };
        write(&path, &path);
        assert_eq!((holder(), holder_of("b")), (Holder::Ours, Holder::Nobody));
        write(&path, &sockets);
        assert_eq!(holder(), Holder::Usurper);
        write(Path::new("/elsewhere/a"), &path);
        assert_eq!(holder(), Holder::Foreign, "systemd listens elsewhere");
        write(&path, &path);
        fs::create_dir(dir.path().join("taken-over")).unwrap();
        assert_eq!(holder(), Holder::Foreign, "it is not taken over");
    }
}
