//! How many files this process may have open: each client is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

use crate::journal::message;

/// Those beside the clients': sockets to listen at, links, operators, the spool, the log.
const OTHERS: u64 = 128;

/// Raises the limit, as far as that is allowed, to what so many clients need; warns if it stays too low.
pub(crate) fn make_room(clients: usize) {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    let needed = u64::try_from(clients).unwrap_or(u64::MAX).saturating_add(OTHERS);
    if soft >= needed {
        return;
    }
    let raised = needed.min(hard);
    let allowed = match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    if allowed < needed {
        warn!(
            MESSAGE_ID = message::CONFIG_WARNING,
            "only {allowed} files may be open, and client.max_clients = {clients} needs {needed}: raise LimitNOFILE= \
             or ulimit -n"
        );
    }
}
