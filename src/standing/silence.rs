//! A link is up, and lond does not answer on it.

use crate::config::text::safe;
use crate::control::interface::Status;
use crate::units;

/// What to do about it, where a ping was waited for in vain for so many microseconds, or was answered. `now` is in
/// microseconds since 1970.
pub(crate) fn remedy(status: &Status, vain_ping_usec: Option<u64>, now: u64) -> String {
    let peer = safe(&status.peer);
    let silent = status.silent_since_usec.map(|since| now.saturating_sub(since));
    let span = silent.into_iter().chain(vain_ping_usec).max().unwrap_or_default();
    let taken = status.in_flight.max(1);
    let told = format!(
        "The link is up and lond on {peer} is silent: it took {} and has answered none for {}.",
        units::count(taken, "request"),
        units::brief(span)
    );
    if vain_ping_usec.is_none() {
        return format!(
            "{told} Others it answers, over another link: one request there takes long, or the lond process of that link \
             hangs. Look at lond's log on {peer} and at what its processes do (ps, strace). After link.request_timeout \
             it is answered con_lost, and the link made anew."
        );
    }
    format!(
        "{told} lond there hangs, is overloaded, or waits for its disk: look at the load, at lond's log and at what its \
         processes do on {peer}, and restart lond if need be. Requests that are in flight are answered con_lost after \
         link.request_timeout at the latest, and the link is made anew then. So as not to wait: loncctl reconnect --cycle \
         {peer}, or loncctl disable {peer} until it is mended"
    )
}
