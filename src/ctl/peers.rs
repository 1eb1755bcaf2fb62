//! `loncctl peers`: which peers systemd listens for, why one that the table does not have any more is among them, and the
//! word of an administrator that the table is meant as it is.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use super::outcome::{Exit, Fault};
use super::{arguments, screen, systemctl, words};
use crate::config::{KEPT, Snapshot};
use crate::generator::{RUN, state};
use crate::reader::{self, Links};
use crate::units;

/// More than is written of it, in bytes.
const MAX_HELD: u64 = 4096;

/// Does what the arguments say.
pub(super) fn run(arguments: &arguments::Peers) -> Result<Exit, Fault> {
    if let Some(arguments::PeersAction::Accept) = arguments.action {
        accept(Path::new(RUN))?;
    }
    show(Path::new(KEPT), held())
}

/// Why nobody is removed just now, if anything keeps anybody.
pub(super) fn held() -> Option<String> {
    let path = Path::new(RUN).join(state::HELD);
    let bytes = reader::start(&path, MAX_HELD, Links::Refuse).ok()?;
    Some(words::safe(String::from_utf8_lossy(&bytes).trim()))
}

/// Has lonc-hosts.service follow what it is offered, and waits until it has.
fn accept(run: &Path) -> Result<(), Fault> {
    let word = run.join(state::MEANT);
    File::create(&word).map_err(|fault| {
        let what = if fault.kind() == ErrorKind::PermissionDenied {
            "root alone may say that"
        } else {
            "lonc-hosts.service has not run yet"
        };
        Fault::Said(format!("{}: {fault}: {what}", word.display()), Exit::Amiss)
    })?;
    systemctl::order("start", &["lonc-hosts.service".to_owned()]).map_err(|fault| {
        // Said in vain; it is not to count for another table.
        let _ = fs::remove_file(&word);
        Fault::Said(fault, Exit::Amiss)
    })
}

fn show(kept: &Path, held: Option<String>) -> Result<Exit, Fault> {
    let snapshot = Snapshot::read(kept).map_err(|fault| {
        let text = format!(
            "{}: {fault}: systemctl start lonc-hosts.service makes it",
            kept.display()
        );
        Fault::Said(text, Exit::Amiss)
    })?;
    for (id, alias) in &snapshot.peers {
        let name = alias.name().unwrap_or_default();
        screen::print(format!("{id} {name}").trim_end())?;
        screen::print("\n")?;
    }
    let count = units::count(snapshot.peers.len(), "peer");
    let Some(held) = held else {
        screen::print(&format!(
            "{count}; nothing keeps a peer that the table does not have\n"
        ))?;
        return Ok(Exit::Fine);
    };
    screen::print(&format!("{count}\n{held}\n"))?;
    Ok(Exit::Amiss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_left_where_it_is_looked_for_and_not_where_nobody_looks() {
        let dir = tempfile::tempdir().unwrap();
        let fault = accept(&dir.path().join("none")).unwrap_err();
        assert!(fault.to_string().contains("has not run yet"), "{fault}");
    }

    #[test]
    fn what_keeps_a_peer_is_amiss() {
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("peers.json");
        assert!(show(&kept, None).is_err());
        fs::write(&kept, serde_json::to_vec(&Snapshot::default()).unwrap()).unwrap();
        assert_eq!(show(&kept, None).unwrap(), Exit::Fine);
        assert_eq!(show(&kept, Some("held".into())).unwrap(), Exit::Amiss);
    }
}
