//! What is worth a remark beside the state.

use super::{Standing, tls};
use crate::control::interface::{DelayedSummary, Status};
use crate::units;

/// A request in flight is worth a remark from this age on, in microseconds.
const SLOW: u64 = 1_000_000;

/// In one line, as others wrote it; nothing where all is well. `now` is in microseconds since 1970.
///
/// That clients do not reach it; why it is not up and when it tries again; what is odd about its links; how many messages need an operator.
pub(super) fn remark(status: &Status, now: u64) -> String {
    let mut parts = Vec::new();
    parts.extend(status.displaced.as_ref().map(|displaced| displaced.text.clone()));
    match &status.disabled {
        Some(word) => parts.push(disabled(&word.reason, word.until_usec)),
        None => parts.extend(status.last_error.clone()),
    }
    parts.extend(
        status
            .next_try_usec
            .map(|next| format!("next try in {}", units::between(now, next))),
    );
    parts.extend(about_links(status, now));
    parts.extend(
        status
            .refused_reload
            .as_ref()
            .map(|refused| format!("a reload was refused: {}", refused.text)),
    );
    parts.extend(status.tls.iter().flat_map(|tls| tls::expiring(tls, now)));
    parts.extend(
        status
            .delayed
            .as_ref()
            .map(kept_back)
            .filter(|text| !text.is_empty()),
    );
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

/// Until when that is, and why; nothing if neither was said.
pub(super) fn disabled(reason: &str, until_usec: Option<u64>) -> String {
    let until = until_usec.map(|until| format!("until {}", units::date(until)));
    let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
    let parts: Vec<_> = until.into_iter().chain(reason).collect();
    parts.join(": ")
}

/// Messages that need an operator; nothing if there are none.
pub(super) fn kept_back(delayed: &DelayedSummary) -> String {
    let some = |number: usize, what| (number > 0).then(|| format!("{number} {what}"));
    let parts = [some(delayed.held, "held"), some(delayed.failed, "in failed/")];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A request that takes long, another host, and links that lond would not have.
fn about_links(status: &Status, now: u64) -> Vec<String> {
    let mut parts = Vec::new();
    let oldest = status.links.iter().filter_map(|link| link.oldest_usec).min();
    if let Some(oldest) = oldest.filter(|oldest| now.saturating_sub(*oldest) >= SLOW) {
        let is_stuck = Standing::of_status(status) == Standing::Stuck;
        let who = if is_stuck { "lond answers nothing; " } else { "" };
        parts.push(format!(
            "{who}oldest in flight for {}",
            units::between(oldest, now)
        ));
    }
    let others = status.links.iter().filter_map(|link| link.other_host.as_ref());
    parts.extend(others.max().map(|other| format!("{other} answers there")));
    if let Some(refused) = status.refused.as_ref().filter(|refused| refused.until_usec > now) {
        parts.push(format!(
            "lond takes no more than {}: {}; next try in {}",
            units::count(refused.open, "link"),
            refused.text,
            units::between(now, refused.until_usec)
        ));
    }
    parts
}
