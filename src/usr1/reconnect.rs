//! The one that may steer the instances.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::{self, ConfigError};
use crate::control::client::{CallError, ask_all};

/// How long each instance may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has every instance that runs try again at once; none is started. What came of it, as a line.
pub(super) async fn all(config: &Path) -> Result<String, ConfigError> {
    let peers = config::peers(config)?;
    let ids: Vec<_> = peers.peers.into_iter().map(|peer| peer.id).collect();
    let paths = ids.iter().map(|id| peers.control_dir.join(id.as_ref())).collect();
    let answers = ask_all::<_, Value>(paths, "Reconnect", json!({}), PATIENCE).await;
    let (mut tried, mut failed) = (0, Vec::new());
    for (id, answer) in ids.iter().zip(answers) {
        match answer {
            Ok(_) => tried += 1,
            // One that is not there has no link to be tried; one that is ending will have none.
            Err(CallError::NotStarted | CallError::Refused | CallError::Closed) => {}
            Err(fault) => failed.push(format!("; {id}: {fault}")),
        }
    }
    Ok(format!(
        "{tried} of {} instances try again{}",
        ids.len(),
        failed.concat()
    ))
}
