//! Whether a table of servers is to be believed where it says something else than before.
//!
//! It is written by others, in place and while we read, and what fetches it may leave an error page in its place. Who goes
//! by it goes on with what was known where it looks like that, until it is whole again or an administrator says so.

use std::path::PathBuf;

use super::alias::Alias;
use super::error::ConfigError;
use super::settings::Settings;
use super::{Loaded, text};
use crate::units;

/// What was seen of the table beside what it says of one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(super) table: PathBuf,
    /// Hosts in it that could be connected to; nothing if it could not be read.
    pub(super) num_hosts: Option<usize>,
    /// Why it is not to be believed.
    pub(super) doubt: Option<String>,
    /// Whether it says where the peer is.
    pub(super) has_address: bool,
}

impl Seen {
    /// What is to be told of it beforehand, if it says where the peer is.
    pub(super) fn warning(&self) -> Vec<String> {
        let doubt = self.doubt.iter().filter(|_| self.has_address);
        doubt
            .map(|why| format!("{}: {why}", text::path(&self.table)))
            .collect()
    }

    /// Why it is not to be believed after a table that had `before` hosts.
    fn doubt_after(&self, before: Option<usize>) -> Option<String> {
        let (before, now) = (before.unwrap_or_default(), self.num_hosts?);
        let lost = before.saturating_sub(now);
        let has_lost = is_large_part(lost, before)
            .then(|| format!("{lost} of its {} are gone at once", units::count(before, "host")));
        self.doubt.clone().or(has_lost)
    }
}

/// Whether `lost` of `all` hosts are more than are taken out of a table at a time.
pub(crate) fn is_large_part(lost: usize, all: usize) -> bool {
    lost >= 2 && lost.saturating_mul(4) >= all
}

impl Loaded {
    /// What is to be in force in place of `before`, whose table was `seen`: of a table in doubt, nothing new.
    ///
    /// # Errors
    /// The peer is somewhere else now, by a table that is in doubt.
    pub(crate) fn in_place_of(mut self, before: &Settings, seen: &Seen) -> Result<Self, ConfigError> {
        let Some(why) = self.seen.doubt_after(seen.num_hosts) else {
            self.seen.num_hosts = self.seen.num_hosts.or(seen.num_hosts);
            return Ok(self);
        };
        let (now, then) = (&self.settings.address, &before.address);
        let is_same = (&now.host, &now.alternative) == (&then.host, &then.alternative);
        if self.seen.has_address && !is_same {
            return Err(ConfigError::Doubtful {
                table: self.seen.table,
                peer: before.peer.clone(),
                why,
            });
        }
        if self.settings.alias != before.alias {
            self.settings.alias = Alias::Unknown;
            let table = text::path(&self.seen.table);
            self.warnings
                .push(format!("{table}: {why}; the name of the socket stays as it is"));
        }
        self.seen.num_hosts = seen.num_hosts.or(self.seen.num_hosts);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_part_is_a_quarter_and_more_than_one() {
        for (lost, all, is_large) in [
            (0, 0, false),
            (1, 1, false),
            (1, 4, false),
            (2, 2, true),
            (2, 8, true),
            (2, 9, false),
            (10, 40, true),
            (9, 40, false),
        ] {
            assert_eq!(is_large_part(lost, all), is_large, "{lost} of {all}");
        }
    }

    #[test]
    fn a_table_that_cannot_be_read_loses_nobody() {
        let unread = Seen::default();
        assert_eq!(unread.doubt_after(Some(40)), None);
        let read = |num_hosts| Seen {
            num_hosts: Some(num_hosts),
            ..Seen::default()
        };
        assert_eq!(read(40).doubt_after(None), None);
        assert_eq!(
            read(20).doubt_after(Some(40)).as_deref(),
            Some("20 of its 40 hosts are gone at once")
        );
    }
}
