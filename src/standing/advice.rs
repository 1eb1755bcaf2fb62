//! What to do about a daemon that does not answer.

use std::path::Path;

use super::{Standing, remedy};
use crate::config::HostId;
use crate::config::text::safe;
use crate::control::client::CallError;
use crate::socket::place::{self, Listener, Occupant};
use crate::socket::units;
use crate::systemd;

/// Of a peer that stands like this, in whole sentences; its clients ask at `socket`, and its daemon was asked at `control`.
pub(crate) fn about_silent(
    standing: Standing,
    fault: &CallError,
    peer: &HostId,
    socket: &Path,
    control: &Path,
) -> String {
    match standing {
        Standing::Disabled => remedy::of_disabled(peer.as_ref()),
        Standing::Off => about_off(peer, socket),
        Standing::Foreign => about_foreign(peer, socket),
        Standing::Displaced => about_usurped(peer, socket),
        Standing::Unlisted => about_unlisted(peer),
        Standing::NotStarted
        | Standing::Hung
        | Standing::Dead
        | Standing::Denied
        | Standing::Odd
        | Standing::Up
        | Standing::Stuck
        | Standing::Idle
        | Standing::Connecting
        | Standing::Down
        | Standing::Draining => about(fault, peer, control),
    }
}

/// In whole sentences; `socket` is where `peer`'s daemon was asked.
fn about(fault: &CallError, peer: &HostId, socket: &Path) -> String {
    let path = safe(&socket.to_string_lossy());
    match fault {
        CallError::NotStarted => format!(
            "The first request starts the daemon. To start it now: loncctl ping {peer}, or systemctl start lonc@{peer}"
        ),
        CallError::Refused => format!(
            "{path} is there and nobody listens at it: a daemon was killed and left it behind. Start it again: \
             systemctl restart lonc@{peer}"
        ),
        CallError::Closed => format!(
            "The daemon just ended, or has too many who ask. Ask again; if it stays so: systemctl status lonc@{peer}"
        ),
        CallError::TimedOut(_) => format!(
            "The daemon is there and does not answer: it is stopped (SIGSTOP) or the machine is overloaded. Its \
             watchdog restarts it within a minute; to do so now: systemctl restart lonc@{peer}. To wait longer: --timeout"
        ),
        CallError::Permission => format!(
            "{path} is for its owner and its group: become root, or a member of the group that ls -l shows there"
        ),
        CallError::Remote(fault) if fault.name() == "PermissionDenied" => {
            "Give this command as root (sudo), or as the user the daemon runs as".to_owned()
        }
        CallError::Remote(fault) => of_refusal(fault.name(), peer),
        CallError::Malformed(_) | CallError::TooLong => format!(
            "Is it lonc that listens at {path}, and of the version of this program? systemctl restart lonc@{peer} \
             brings the daemon to the version installed"
        ),
        CallError::Io(_) => format!("Look at {path}: it must be a socket in a directory that you may search"),
    }
}

/// Nobody listens at `socket`, where the workers of `peer` ask.
fn about_off(peer: &HostId, socket: &Path) -> String {
    if !systemd::is_booted() {
        return format!(
            "Workers are refused at {}. Start its daemon: lonc {peer}",
            socket.display()
        );
    }
    let is_seen = socket.parent().is_some_and(Path::exists);
    let now = if is_seen {
        format!("Workers are refused at {}", socket.display())
    } else {
        format!(
            "systemd does not listen for it, and {} cannot be seen from here",
            socket.display()
        )
    };
    format!(
        "{now}. To have systemd listen there: systemctl start lonc@{peer}.socket; for all peers: \
         systemctl start lonc.target. If it ends again: systemctl status lonc@{peer}.socket"
    )
}

/// `peer` is not taken over: its clients ask another program at `socket`, the Perl lonc as a rule, or nobody.
pub(crate) fn about_foreign(peer: &HostId, socket: &Path) -> String {
    let now = match Who::at(socket) {
        Who::Other(other) => {
            return format!(
                "{other} has the socket of its workers, and is no Perl lonc. If {peer} is to be served from here, end that \
                 program; then: systemctl start lonc@{peer}.socket"
            );
        }
        Who::PerlLonc => "The Perl lonc serves its workers, as before".to_owned(),
        Who::Nobody => format!(
            "Nobody listens at {}: {peer} is left to the Perl lonc, which does not listen for it now, as it does not reach it, \
             or does not run",
            socket.display()
        ),
        Who::Unseen => format!("{}. It is left to the Perl lonc", unseen(peer, socket)),
    };
    format!(
        "{now}; lonc@{peer} is not to be started. To move it here: loncctl takeover {peer}; what that would do is told by \
         loncctl takeover {peer} --dry-run"
    )
}

/// Another program listens at `socket`, where systemd is to listen for `peer`.
fn about_usurped(peer: &HostId, socket: &Path) -> String {
    let is_own = socket.parent().is_some_and(units::is_own);
    let again = format!("loncctl takeover {peer}; where it took back all of them: loncctl takeover --all");
    match Who::at(socket) {
        Who::PerlLonc if !is_own => {
            format!("The Perl lonc took it back, and serves its workers. To have it here again: {again}")
        }
        Who::Unseen if !is_own => format!(
            "{}. If it is the Perl lonc: {again}. Another program is to be ended, and then: systemctl restart \
             lonc@{peer}.socket",
            unseen(peer, socket)
        ),
        Who::PerlLonc | Who::Unseen | Who::Other(_) | Who::Nobody => about_displaced(peer),
    }
}

fn unseen(peer: &HostId, socket: &Path) -> String {
    format!(
        "Who listens at {} cannot be told from here; root learns it by loncctl why {peer}",
        socket.display()
    )
}

/// Who listens where systemd does not, as far as may be seen. To find out starts nothing of ours.
enum Who {
    PerlLonc,
    Other(Listener),
    Nobody,
    Unseen,
}

impl Who {
    fn at(socket: &Path) -> Self {
        match place::occupant(socket) {
            Ok(Occupant::Listener(Some(who))) if who.is_perl_lonc() => Self::PerlLonc,
            Ok(Occupant::Listener(Some(who))) if !who.is_hidden() => Self::Other(who),
            Ok(Occupant::Listener(_)) | Err(_) => Self::Unseen,
            // A directory that is hidden from us looks as if it were not there.
            Ok(Occupant::Nobody) if !socket.parent().is_some_and(Path::exists) => Self::Unseen,
            Ok(Occupant::Nobody | Occupant::Stale | Occupant::NoSocket) => Self::Nobody,
        }
    }
}

/// Another's socket, or none, is where clients look for `peer`.
pub(crate) fn about_displaced(peer: impl std::fmt::Display) -> String {
    let whose = format!(
        "Workers reach whoever listens there, or nobody. If another program is to serve {peer}, stop ours"
    );
    if systemd::is_booted() {
        format!(
            "{whose}: systemctl stop lonc@{peer}.socket. Else end that program first, and then have what is lost made anew: \
             a name of the host by systemctl start lonc-aliases.service, the socket by systemctl stop lonc@{peer}.socket; \
             systemctl start lonc@{peer}.socket"
        )
    } else {
        format!(
            "{whose}. Else end that program first, and then have what is lost made anew: a name of the host by loncctl \
             reload {peer}, the socket by another start of the daemon: lonc {peer}"
        )
    }
}

fn about_unlisted(peer: &HostId) -> String {
    format!(
        "They are sent to nobody. To see them: loncctl spool list {peer}; to have them sent: put {peer} back into hosts.tab; to \
         get rid of them: loncctl spool delete {peer} --queued"
    )
}

fn of_refusal(name: &str, peer: &HostId) -> String {
    match name {
        "BadConfiguration" => {
            "Mend the configuration; the old one stays in force. loncctl check tells more".to_owned()
        }
        "NoSuchMessage" => format!("loncctl spool list {peer} shows the messages there are"),
        "MessageBusy" => "It is on the link, or was answered just now: look again in a moment".to_owned(),
        "SpoolFault" => {
            "Look at the disk and at the rights of the spool's directories: loncctl check".to_owned()
        }
        "LogLevelFixed" => {
            format!("Take RUST_LOG out of the unit (systemctl cat lonc@{peer}) and restart it")
        }
        "NoAnswer" => "Ask again in a moment".to_owned(),
        _ => format!("The daemon may be of another version: systemctl restart lonc@{peer}"),
    }
}
