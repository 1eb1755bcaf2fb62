//! A configuration of its own for each test.

use std::ops::Deref;

use lonc::internals::config::{self, ConfigError, HostId, Loaded, Settings};
use test_harness::Directory;

/// A table of two.
pub(crate) const HOSTS: &str =
    "# the cluster\nmsul1:msu:library:zaphod.lite.msu.edu:10.0.0.1\nmsul2:msu:access:two.msu.edu:http\n";

/// A directory with a `lonc.toml`.
pub(crate) struct Site(Directory);

impl Site {
    /// One without that.
    pub(crate) fn empty() -> Self {
        Self(Directory::new())
    }

    pub(crate) fn new(toml: &str) -> Self {
        Self::empty().with("lonc.toml", toml)
    }

    pub(crate) fn with(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    pub(crate) fn load(&self, peer: &str) -> Result<Loaded, ConfigError> {
        config::load(&self.path("lonc.toml"), &id(peer))
    }

    pub(crate) fn settings(&self, peer: &str) -> Settings {
        self.load(peer).unwrap().settings
    }

    pub(crate) fn check(&self, peer: Option<&str>) -> Result<String, ConfigError> {
        config::check(&self.path("lonc.toml"), peer.map(id).as_ref()).map(|text| self.hide(&text))
    }

    /// The message of loading, with the directory as `DIR`: a line for each fault.
    pub(crate) fn fault(&self, peer: &str) -> String {
        let message = self.load(peer).unwrap_err().to_string();
        for line in message.split('\n') {
            assert!(
                !line.is_empty() && !line.contains(char::is_control),
                "{message:?}"
            );
        }
        self.hide(&message)
    }
}

impl Deref for Site {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

pub(crate) fn id(text: &str) -> HostId {
    text.parse().unwrap()
}
