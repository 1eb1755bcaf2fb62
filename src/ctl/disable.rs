//! `loncctl disable` and `enable`: an administrator takes a peer out, for as long as he wants, and puts it back. What lasts
//! is a file; a daemon that runs is told to look at it.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::outcome::{Exit, Fault, complain};
use super::site::Site;
use super::{arguments, screen, words};
use crate::config::{Disabled, HostId, MAX_REASON};
use crate::control::client::CallError;
use crate::standing::{self, Holder};
use crate::units;

/// Longest wait for a daemon.
const PATIENCE: Duration = Duration::from_secs(15);

/// Takes peers out.
pub(super) async fn disable(site: &Site, arguments: &arguments::Disable) -> Result<Exit, Fault> {
    let reason = reason(arguments.reason.as_deref().unwrap_or_default())?;
    let after = arguments
        .span
        .and_then(|span| SystemTime::now().checked_add(span));
    let until = arguments.until.or(after);
    let peers = arguments.peers.iter().map(|peer| site.peer(peer));
    let peers: Vec<_> = peers.collect::<Result<_, _>>()?;
    let mut exit = Exit::Fine;
    for peer in peers {
        let path = Disabled::path(&site.config, &peer.id);
        put(&path, &Disabled::lines(&reason, until)).map_err(|fault| refused(&path, &fault))?;
        exit = exit.max(carry_out(site, &peer.id, true, until).await?);
    }
    Ok(exit)
}

/// Puts peers back; also those that are in no table any more.
pub(super) async fn enable(site: &Site, arguments: &arguments::Enable) -> Result<Exit, Fault> {
    let mut exit = Exit::Fine;
    for id in &arguments.peers {
        let path = Disabled::path(&site.config, id);
        match take(&path) {
            Ok(()) => exit = exit.max(carry_out(site, id, false, None).await?),
            Err(fault) if fault.kind() == ErrorKind::NotFound => {
                let peer = site.peer(id)?.id;
                // Its daemon may not have seen yet that it was enabled.
                exit = exit.max(carry_out(site, &peer, false, None).await?);
            }
            Err(fault) => return Err(refused(&path, &fault)),
        }
    }
    Ok(exit)
}

/// On one line, and not too long.
fn reason(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let said = |what: &str| Err(Fault::Said(format!("--reason: {what}"), Exit::Usage));
    if text.chars().any(char::is_control) {
        return said("must be one line");
    }
    if text.len() > MAX_REASON {
        return said(&format!("must be at most {MAX_REASON} bytes"));
    }
    Ok(text.to_owned())
}

/// Everybody may know that and why; only root may say it. What stands there is replaced, and no link followed.
fn put(path: &Path, lines: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(path);
    match DirBuilder::new().mode(0o755).create(directory) {
        Ok(()) => fs::set_permissions(directory, Permissions::from_mode(0o755))?,
        Err(fault) if fault.kind() == ErrorKind::AlreadyExists => {}
        Err(fault) => return Err(fault),
    }
    // No host has such an id.
    let new = directory.join("new~");
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&new)?;
    file.write_all(lines.as_bytes())?;
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync(directory)
}

fn take(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync(path.parent().unwrap_or(path))
}

/// It is to last over a power cut as well.
fn sync(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

fn refused(path: &Path, fault: &io::Error) -> Fault {
    let is = |kind| fault.kind() == kind;
    let advice = if is(ErrorKind::PermissionDenied) {
        ": root alone may say that"
    } else if is(ErrorKind::IsADirectory) {
        ": it is no file; remove it by hand"
    } else {
        ""
    };
    Fault::Said(format!("{}: {fault}{advice}", path.display()), Exit::Amiss)
}

/// Has the daemon look, and says what came of it.
async fn carry_out(
    site: &Site,
    peer: &HostId,
    is_disabled: bool,
    until: Option<SystemTime>,
) -> Result<Exit, Fault> {
    let reloaded = site
        .ask::<Map<String, Value>>(peer, "Reload", &json!({}), PATIENCE)
        .await;
    let word = if is_disabled { "disabled" } else { "enabled" };
    let end = until.map_or_else(String::new, |until| format!(" {}, or", units::date_of(until)));
    let outcome = if is_disabled {
        format!("requests are answered con_lost at once, until{end}: loncctl enable {peer}")
    } else {
        "it opens its link as ever".to_owned()
    };
    // Its file is heeded whatever else is wrong with the configuration: so what it goes by now is asked.
    let peers = [site.peer_or_unlisted(peer)];
    let is_in_force = async || {
        let seen = site.look(&peers, PATIENCE).await.pop();
        seen.and_then(|seen| seen.answer.ok())
            .is_some_and(|status| status.disabled.is_some() == is_disabled)
    };
    match reloaded {
        Ok(_) | Err(CallError::Remote(_)) if is_in_force().await => {
            screen::print(&format!("{peer}: {word}; {outcome}\n"))?;
            Ok(Exit::Fine)
        }
        Err(CallError::NotStarted) if site.outside().holder(peer) == Holder::Foreign => {
            complain(&format_args!(
                "{peer}: {word} on disk, which is nothing to who serves it now. {}",
                standing::about_foreign(peer, &site.socket(peer))
            ));
            Ok(Exit::Amiss)
        }
        Err(CallError::NotStarted | CallError::Refused) => {
            screen::print(&format!(
                "{peer}: {word}; its daemon does not run, and goes by it when it starts\n"
            ))?;
            Ok(Exit::Fine)
        }
        Ok(_) => {
            complain(&format_args!(
                "{peer}: {word} on disk, and its daemon does not say so: loncctl reload {peer}"
            ));
            Ok(Exit::Broken)
        }
        Err(fault) => {
            complain(&format_args!(
                "{peer}: {word} on disk, but its daemon was not told: {}. {}",
                words::safe(&fault.to_string()),
                site.advice(&site.outside(), peer, &fault)
            ));
            Ok(Exit::Broken)
        }
    }
}
