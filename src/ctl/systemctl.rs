//! What systemd says about our units, where it runs.

use std::process::{Child, Command, Stdio};

use super::words;
use crate::config::HostId;
use crate::systemd;

/// Whether it is started, or about to be.
pub(super) fn is_active(unit: &str) -> bool {
    let state = states("is-active", &[unit.to_owned()]);
    state
        .first()
        .is_some_and(|state| state == "active" || state == "activating")
}

/// What `systemctl is-active` or `is-enabled` prints for each of `units`; nothing where there is no systemd.
pub(super) fn states(verb: &str, units: &[String]) -> Vec<String> {
    if !systemd::is_booted() || units.is_empty() {
        return Vec::new();
    }
    let output = Command::new("systemctl")
        .arg(verb)
        .arg("--")
        .args(units)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .map(str::to_owned)
        .collect()
}

/// What systemd knows of this property of a unit, where it runs.
pub(super) fn property(unit: &str, name: &str) -> Option<String> {
    if !systemd::is_booted() {
        return None;
    }
    let value = ask(
        "show",
        &[
            "--value".into(),
            format!("--property={name}"),
            "--".into(),
            unit.into(),
        ],
    )
    .ok()?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// What to do about that.
pub(super) const MEND_START: &str = "Mend that: it looks again every two seconds, and until then requests are answered con_lost. What it may read, and root \
     can, loncctl check tells";

/// Why the instance of a peer cannot begin to serve, if so: it knows faults that nobody else sees, and answers no operator.
pub(super) fn fault_of_start(peer: &HostId) -> Option<String> {
    let unit = format!("lonc@{peer}.service");
    let state = property(&unit, "ActiveState")?;
    let text = property(&unit, "StatusText")?;
    let fault = text.strip_prefix(systemd::TURNED_AWAY)?;
    (state == "activating" || state == "failed").then(|| words::safe(fault))
}

/// What `systemctl` prints to a question, however it ends: it does so by the answer.
pub(super) fn ask(verb: &str, arguments: &[String]) -> Result<String, String> {
    let output = command(verb, arguments)
        .output()
        .map_err(|fault| format!("systemctl: {fault}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Has `systemctl` do something; what it said, if it failed.
pub(super) fn order(verb: &str, arguments: &[String]) -> Result<(), String> {
    begin(verb, arguments)?.finish()
}

/// Something that `systemctl` is doing.
pub(super) struct Order {
    words: String,
    pub(super) process: Child,
}

/// Begins with it.
pub(super) fn begin(verb: &str, arguments: &[String]) -> Result<Order, String> {
    let words: Vec<_> = std::iter::once(verb)
        .chain(arguments.iter().map(String::as_str))
        .collect();
    let mut command = command(verb, arguments);
    let process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    Ok(Order {
        words: words.join(" "),
        process: process.map_err(|fault| format!("systemctl: {fault}"))?,
    })
}

impl Order {
    /// Waits for its end; what it said, if it failed.
    pub(super) fn finish(self) -> Result<(), String> {
        let ended = self
            .process
            .wait_with_output()
            .map_err(|fault| format!("systemctl: {fault}"))?;
        if ended.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        Err(format!(
            "systemctl {}: {}, {}",
            self.words,
            ended.status,
            said.trim()
        ))
    }
}

fn command(verb: &str, arguments: &[String]) -> Command {
    let mut command = Command::new("systemctl");
    command.arg(verb).args(arguments).stdin(Stdio::null());
    command
}
