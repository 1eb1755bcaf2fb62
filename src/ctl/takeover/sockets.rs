//! The sockets that workers ask: who listens at them, and what happens to their names.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use super::dir::Dir;
use crate::socket::place::{self, Occupant};

/// How long to wait before the next look at a socket that is about to be replaced.
const GLANCE: Duration = Duration::from_micros(20);

/// Who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    /// systemd, or an instance that was started by hand.
    Ours,
    Other,
}

/// The directory of the sockets.
#[derive(Debug)]
pub(super) struct Sockets(Dir);

impl Sockets {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        Dir::open(path).map(Self)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    /// Who listens at `name`.
    pub(super) fn who(&self, name: &str) -> Result<Who, String> {
        who(&self.path(name)).map_err(|fault| format!("{}: {fault}", self.path(name).display()))
    }

    /// Whether somebody else's socket is kept.
    pub(super) fn is_kept(&self, name: &str) -> Result<bool, String> {
        Ok(self.who(&aside(name))? == Who::Other)
    }

    /// Whether anything has a second name, though nobody may listen at it any more.
    pub(super) fn has_kept(&self, name: &str) -> bool {
        self.0.is_socket(&aside(name))
    }

    /// What is at `name` and is not ours gets a second name, so that it can get the first one back.
    pub(super) fn keep(&self, name: &str) -> Result<(), String> {
        if !self.0.is_socket(name) || self.who(name)? == Who::Ours {
            return Ok(());
        }
        self.0.remove(&aside(name))?;
        self.0.link(name, &aside(name))
    }

    /// The second name goes, or becomes the first again if that is free.
    pub(super) fn unkeep(&self, name: &str) -> Result<(), String> {
        if self.0.is_there(name) {
            self.0.remove(&aside(name))
        } else {
            self.restore(name)
        }
    }

    /// What is kept gets its first name back, in one go; the second stays until [`Sockets::unkeep`].
    pub(super) fn restore(&self, name: &str) -> Result<(), String> {
        let (kept, copy) = (aside(name), format!("{}.copy", aside(name)));
        if !self.0.is_socket(&kept) || self.0.is_same(&kept, name) {
            return Ok(());
        }
        self.0.remove(&copy)?;
        self.0.link(&kept, &copy)?;
        self.0.rename(&copy, name)
    }

    /// While `bind` puts another socket at `name`: gives that the owners of the one before as soon as it is there. systemd
    /// does so, too, but starts a process for that, and until then workers are refused.
    pub(super) fn hand_over(&self, name: &str, bind: &mut Child) {
        let (before, Some(rights)) = (self.0.version(name), self.0.socket_rights(name)) else {
            return;
        };
        while matches!(bind.try_wait(), Ok(None)) {
            // Where that fails, systemd's way remains.
            if self.0.is_socket(name) && self.0.version(name) != before && self.0.own_as(name, rights).is_ok()
            {
                return;
            }
            sleep(GLANCE);
        }
    }

    /// `name` leads to the socket `to` beside it, in one go.
    pub(super) fn lead(&self, name: &str, to: &str) -> Result<(), String> {
        self.0.lead(name, Path::new(to))
    }

    /// `name` leads to `to` no more.
    pub(super) fn mislead(&self, name: &str, to: &str) -> Result<(), String> {
        if self
            .0
            .leads_to(name)
            .is_some_and(|target| target == Path::new(to))
        {
            return self.0.remove(name);
        }
        Ok(())
    }

    /// Gives what is ours another name, so that it takes nobody new; the other name.
    pub(super) fn hide(&self, name: &str) -> Result<String, String> {
        let hidden = format!(".{name}.ours");
        self.0.remove(&hidden)?;
        if self.0.is_socket(name) {
            self.0.link(name, &hidden)?;
        }
        Ok(hidden)
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), String> {
        self.0.remove(name)
    }
}

/// The second name of what somebody else listens at.
fn aside(name: &str) -> String {
    format!(".{name}.perl")
}

/// To find out is to connect; where ours is not started, that starts it.
fn who(path: &Path) -> io::Result<Who> {
    Ok(match place::occupant(path)? {
        Occupant::Nobody | Occupant::Stale | Occupant::NoSocket => Who::Nobody,
        Occupant::Listener(Some(listener)) if listener.is_ours() => Who::Ours,
        // One that is too busy to say is not: ours has a longer queue than there are workers.
        Occupant::Listener(_) => Who::Other,
    })
}
