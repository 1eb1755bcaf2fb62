//! What the families of links over TLS hold.

use super::{Value, label};
use crate::control::interface::Metrics;
use crate::metrics::exposition::Number;

/// When each certificate expires.
pub(super) fn certificates(of: &Metrics) -> Vec<Value> {
    let certificates = of.tls.iter().flat_map(|tls| &tls.certificates);
    certificates
        .map(|one| {
            let side = ("side", one.side.label());
            (Some(side), Number::Seconds(one.expires_usec))
        })
        .collect()
}

/// How often each failure ended a try or a link.
pub(super) fn failures(of: &Metrics) -> Vec<Value> {
    let failures = of.tls.iter().flat_map(|tls| &tls.failures);
    failures
        .map(|one| label("reason", one.reason.label(), one.count))
        .collect()
}
