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
use crate::socket::units;
use crate::systemd;

/// The sockets for requests and the word of the administrator, as they were at one moment.
pub(crate) struct Outside {
    socket_dir: PathBuf,
    /// Where it is written down which sockets are systemd's; nothing where that makes none of this configuration.
    records: Option<PathBuf>,
    listening: Listening,
    /// Others may listen there, and systemd neither does nor is to: nothing has been taken over yet.
    is_untouched: bool,
    taken_over: TakenOver,
    disabled: BTreeMap<HostId, Disabled>,
}

impl Outside {
    /// Those of the configuration `config`, whose sockets for requests are in `socket_dir`.
    pub(crate) fn look(config: &Path, socket_dir: &Path) -> Self {
        let is_systemds = systemd::is_booted() && config == Path::new(DEFAULT_PATH);
        let records = is_systemds.then(|| Path::new(record::DIRECTORY));
        Self::with_records(config, socket_dir, records, units::is_named(socket_dir))
    }

    /// `is_named` says whether systemd's units are to listen in that directory.
    fn with_records(config: &Path, socket_dir: &Path, records: Option<&Path>, is_named: bool) -> Self {
        let listening = Listening::now(socket_dir);
        let taken_over = TakenOver::read(config).0;
        let is_ours = |record: &Record| record.path.parent() == Some(socket_dir);
        let has_ours = |records: &Path| record::all(records).iter().any(is_ours);
        let is_perhaps_theirs = !is_named && listening.is_any() != Some(false);
        Self {
            socket_dir: socket_dir.to_owned(),
            records: records.map(Path::to_owned),
            is_untouched: taken_over == TakenOver::All
                && is_perhaps_theirs
                && records.is_some_and(|records| !has_ours(records)),
            listening,
            taken_over,
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
        match self.is_heard(peer) {
            // systemd has no socket that is hidden from us.
            None if self.is_stopped(peer) => Holder::Nobody,
            None => Holder::Unknown,
            Some(false) => Holder::Nobody,
            Some(true) => self.listener(peer),
        }
    }

    /// Whether anybody listens where its clients ask; nothing if that cannot be seen.
    pub(crate) fn is_heard(&self, peer: &HostId) -> Option<bool> {
        self.listening.at(peer.as_ref())
    }

    /// Of one that is ours, at whose path somebody listens.
    fn listener(&self, peer: &HostId) -> Holder {
        let Some(records) = &self.records else {
            return Holder::Ours;
        };
        let path = self.socket_dir.join(peer.as_ref());
        match record::read(records, peer) {
            _ if self.is_stopped(peer) => Holder::Usurper,
            // systemd listens elsewhere.
            Ok(record) if record.path != path => Holder::Usurper,
            Ok(record) if Identity::at(&path).is_ok_and(|now| now != record.file) => Holder::Usurper,
            // Perhaps nothing could be written down.
            Ok(_) | Err(_) => Holder::Ours,
        }
    }

    /// Whether systemd does not listen for it: the directory of its record is there as long as the unit is started.
    fn is_stopped(&self, peer: &HostId) -> bool {
        let found = |records: &PathBuf| records.join(peer.as_ref()).symlink_metadata();
        let found = self.records.as_ref().map(found);
        found.is_some_and(|found| found.is_err_and(|fault| fault.kind() == ErrorKind::NotFound))
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

    /// A host with systemd, whose sockets and their records are in directories of its own.
    struct Host {
        dir: tempfile::TempDir,
        is_named: bool,
    }

    impl Host {
        fn new(is_named: bool) -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("sockets")).unwrap();
            Self { dir, is_named }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        fn listen(&self, peer: &str) -> UnixListener {
            UnixListener::bind(self.path("sockets").join(peer)).unwrap()
        }

        fn holder(&self, peer: &str) -> Holder {
            let (config, records) = (self.path("lonc.toml"), self.path("records"));
            let outside =
                Outside::with_records(&config, &self.path("sockets"), Some(&records), self.is_named);
            outside.holder(&peer.parse().unwrap())
        }

        /// Has systemd listen for `peer` at `path`, where `file` is what it bound.
        fn record(&self, peer: &str, path: &Path, file: &Path) {
            fs::create_dir_all(self.path("records").join(peer)).unwrap();
            let record = Record {
                path: path.to_owned(),
                file: Identity::at(file).unwrap(),
                directory: Identity::of_directory(file).unwrap(),
                alias: None,
            };
            let desk = Desk::open(&self.path("records"), &peer.parse().unwrap()).unwrap();
            desk.write(&record).unwrap();
        }
    }

    #[test]
    fn whose_a_socket_is_is_told_by_what_is_written_of_it() {
        let host = Host::new(false);
        let (path, sockets) = (host.path("sockets/a"), host.path("sockets"));
        assert_eq!(host.holder("a"), Holder::Nobody);
        let _listener = host.listen("a");
        assert_eq!(host.holder("a"), Holder::Foreign, "systemd has no such socket");
        assert_eq!(host.holder("b"), Holder::Foreign, "nothing is taken over yet");
        host.record("a", Path::new("/elsewhere/a"), &path);
        assert_eq!(host.holder("a"), Holder::Foreign, "systemd listens elsewhere");
        host.record("a", &path, &path);
        assert_eq!(
            (host.holder("a"), host.holder("b")),
            (Holder::Ours, Holder::Nobody)
        );
        host.record("a", &path, &sockets);
        assert_eq!(host.holder("a"), Holder::Usurper);
        host.record("a", &path, &path);
        fs::create_dir(host.path("taken-over")).unwrap();
        assert_eq!(host.holder("a"), Holder::Foreign, "it is not taken over");
    }

    #[test]
    fn one_that_was_taken_back_is_ours_and_not_in_its_place() {
        for is_named in [true, false] {
            let host = Host::new(is_named);
            fs::create_dir(host.path("taken-over")).unwrap();
            for peer in ["a", "down"] {
                fs::write(host.path("taken-over").join(peer), "").unwrap();
            }
            let _theirs = (host.listen("a"), host.listen("b"));
            assert_eq!(host.holder("a"), Holder::Usurper);
            assert_eq!(host.holder("down"), Holder::Nobody);
            assert_eq!(host.holder("b"), Holder::Foreign);
            host.record("a", Path::new("/run/lonc/a"), &host.path("sockets/a"));
            assert_eq!(host.holder("a"), Holder::Usurper, "systemd listens elsewhere");
        }
        // All had been taken over, and systemd is to listen for all of them.
        let host = Host::new(true);
        let _theirs = (host.listen("a"), host.listen("b"));
        for (peer, holder) in [
            ("a", Holder::Usurper),
            ("b", Holder::Usurper),
            ("down", Holder::Nobody),
        ] {
            assert_eq!(host.holder(peer), holder, "{peer}");
        }
    }

    #[test]
    fn where_systemd_is_to_listen_one_that_was_started_by_hand_makes_no_other_foreign() {
        let host = Host::new(true);
        let _by_hand = host.listen("a");
        assert_eq!(host.holder("b"), Holder::Nobody);
    }

    #[test]
    fn what_is_hidden_from_us_is_not_served_by_systemd_that_has_no_such_unit() {
        let host = Host::new(true);
        fs::remove_dir(host.path("sockets")).unwrap();
        assert_eq!(host.holder("a"), Holder::Nobody);
        fs::create_dir(host.path("taken-over")).unwrap();
        assert_eq!(host.holder("a"), Holder::Foreign);
    }
}
