//! Whether the daemons go by what the files say.

use std::time::Duration;

use serde_json::json;

use super::Finding;
use crate::config;
use crate::control::client;
use crate::control::interface::ConfigurationReply;
use crate::ctl::config::{METHOD, differing};
use crate::ctl::site::Site;
use crate::ctl::words;
use crate::standing::Seen;

/// A key of the daemon's section that operators may change without the file.
const STEERED: &str = "daemon.log_level";

/// Those that do not, where the files are sound; each daemon may take `limit`. That a reload was refused is told elsewhere.
pub(super) async fn all(site: &Site, all: &[Seen], limit: Duration) -> Vec<Finding> {
    let running = all.iter().filter(|seen| {
        let status = seen.status();
        status.is_some_and(|status| status.refused_reload.is_none())
    });
    let ids: Vec<_> = running.map(|seen| seen.peer.id.clone()).collect();
    let Ok(reports) = config::reports(&site.config, &ids) else {
        return Vec::new();
    };
    let paths = ids.iter().map(|id| site.control(id)).collect();
    let answers = client::ask_all::<_, ConfigurationReply>(paths, METHOD, json!({}), limit).await;
    let finding = |((id, files), answer): ((_, _), Result<ConfigurationReply, _>)| {
        let told = answer.ok()?;
        // What is told of an address stands with how its peer is.
        let pairs = told
            .pairs()
            .filter(|(key, _)| *key != STEERED && !key.ends_with(".address"));
        let others = differing(pairs, files);
        let keys: Vec<_> = others.keys().map(String::as_str).collect();
        (!keys.is_empty()).then(|| {
            let text = format!("goes by older values of {}", words::some(&keys));
            let remedy = format!(
                "loncctl config {id} shows them; loncctl reload {id}, or where that does not help, systemctl restart lonc@{id}"
            );
            Finding::doubt(id, text, remedy).alike("goes by what was said before")
        })
    };
    ids.iter()
        .zip(&reports)
        .zip(answers)
        .filter_map(finding)
        .collect()
}
