//! A site whose links are secured.

use std::fs::{self, Permissions};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt as _;

use test_harness::tls::{Authority, Demands, Pair, Terminator};
use test_harness::{Lonc, Peer, QUICK, Site};

/// The name by which lonc knows the peer.
pub(crate) const NAME: &str = "127.0.0.1";

/// An authority, a lond, and what takes TLS in front of it.
pub(crate) struct Secured {
    pub(crate) authority: Authority,
    pub(crate) peer: Peer,
    pub(crate) terminator: Terminator,
}

impl Secured {
    /// All of it as it should be.
    pub(crate) fn new() -> Self {
        Self::with(|_| Demands::default())
    }

    /// With these demands.
    pub(crate) fn with(demands: impl FnOnce(&Authority) -> Demands) -> Self {
        let authority = Authority::new();
        let pair = authority.good(NAME);
        Self::showing(authority, &pair, demands)
    }

    /// With this certificate.
    pub(crate) fn showing(
        authority: Authority,
        pair: &Pair,
        demands: impl FnOnce(&Authority) -> Demands,
    ) -> Self {
        let peer = Peer::start();
        let terminator = Terminator::start(peer.addr(), pair, &demands(&authority));
        Self {
            authority,
            peer,
            terminator,
        }
    }

    /// A site for it; `tls` is what `[link.tls]` says besides the authority, with files by their names.
    pub(crate) fn site(&self, tls: &str, files: &[(&str, &str)]) -> Site {
        let site = Site::new(self.terminator.addr(), &toml(tls));
        put(&site, "ca.pem", self.authority.pem());
        for (name, text) in files {
            put(&site, name, text);
        }
        site
    }

    /// An instance on that.
    pub(crate) fn start(&self, tls: &str, files: &[(&str, &str)]) -> Lonc {
        self.site(tls, files).start()
    }

    /// Nothing that was said reached lond.
    pub(crate) fn assert_nothing_said(&self) {
        let said = self.peer.commands();
        assert!(said.is_empty(), "{said:?}");
    }
}

/// The configuration.
pub(crate) fn toml(tls: &str) -> String {
    format!("{QUICK}[link.tls]\nmode = 'require'\nca = 'DIR/ca.pem'\n{tls}\n")
}

/// Writes a file that nobody else may read, all at once.
pub(crate) fn put(site: &Site, name: &str, text: &str) {
    let new = format!("{name}.new");
    // Not `Site::write`, for which three of its letters would mean the site's directory.
    fs::write(site.path(&new), text).unwrap();
    fs::set_permissions(site.path(&new), Permissions::from_mode(0o600)).unwrap();
    fs::rename(site.path(&new), site.path(name)).unwrap();
}

/// An instance for `peer`, whose links are secured.
pub(crate) fn start(peer: &Peer, toml: &str) -> Secure {
    let authority = Authority::new();
    let terminator = Terminator::start(peer.addr(), &authority.good(NAME), &Demands::default());
    let site = Site::new(
        terminator.addr(),
        &format!("{toml}[link.tls]\nmode = 'require'\nca = 'DIR/ca.pem'\n"),
    );
    put(&site, "ca.pem", authority.pem());
    Secure {
        lonc: site.start(),
        _terminator: terminator,
    }
}

/// The same, once its link is up.
pub(crate) fn start_linked(peer: &Peer, toml: &str) -> Secure {
    let secure = start(peer, toml);
    secure.await_link();
    secure
}

/// An instance, and what stands in front of its peer.
pub(crate) struct Secure {
    lonc: Lonc,
    _terminator: Terminator,
}

impl Deref for Secure {
    type Target = Lonc;

    fn deref(&self) -> &Lonc {
        &self.lonc
    }
}

impl DerefMut for Secure {
    fn deref_mut(&mut self) -> &mut Lonc {
        &mut self.lonc
    }
}
