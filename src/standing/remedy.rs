//! What to do about each kind of trouble.

use std::fmt::Display;

use crate::config::text::safe;
use crate::control::interface::{LinkState, Status, Trouble, TroubleKind};
use crate::standing::tls;

const OF_NO_PONG: &str = "The link was idle and lond did not answer a ping: the host went away, lond hangs, or a \
                          firewall forgot the connection; then a shorter link.probe_interval helps.";

/// In whole sentences. Tries go on by themselves; `loncctl reconnect` need only be told to those in a hurry.
pub(super) fn of(trouble: &Trouble, status: &Status) -> String {
    let (peer, own) = (safe(&status.peer), safe(&status.host_id));
    let address = safe(&status.address);
    let (host, port) = address.rsplit_once(':').unwrap_or((&address, ""));
    let hurry = format!("Then, so as not to wait for the next try: loncctl reconnect {peer}");
    let what = match trouble.kind {
        TroubleKind::Lookup => format!(
            "The name {host} has no address, or no name server answers. Try: getent hosts {host}. If the name is \
             wrong, mend the line of {peer} in hosts.tab, or set address in [peer.{peer}] of lonc.toml and reload."
        ),
        TroubleKind::Refused => format!(
            "The host is there and nothing listens at port {port}. Start lond on {peer}; if it runs, it listens at \
             another port or address: ss -ltn there, and port in lonc.toml here."
        ),
        TroubleKind::Unreachable => format!(
            "There is no way to {host}: look at this host's network and routes (ip route get <address>), at \
             firewalls that reject, and whether the address is still right."
        ),
        TroubleKind::ConnectTimeout => format!(
            "{host} does not answer at all: it is switched off, its address has changed, or a firewall drops what \
             goes to port {port}. Try: ping {host}, and nc -vz {host} {port}."
        ),
        TroubleKind::Connect => format!(
            "The system here could not make a connection to {address}; the error above is its own. loncctl check \
             {peer} tries it as well."
        ),
        // Whether it shows as closed or reset depends on what lond had not read.
        TroubleKind::ClosedInHandshake | TroubleKind::Broken if trouble.reached != LinkState::Up => {
            of_closing(trouble, &peer, &own, &address)
        }
        TroubleKind::Tls => tls::remedy(trouble, &peer, &address),
        TroubleKind::Rejected => format!(
            "lond answered, and does not take us: what it said is above. Compare host_id here ({own}) with what \
             {peer} calls us in its hosts.tab, the address there with ours, and whether {address} is the lond of {peer}."
        ),
        TroubleKind::StepTimeout => format!(
            "{address} takes connections and then says nothing: lond there is overloaded or hangs, or something \
             else listens at the port. On {peer} look at the load and at lond's log, and restart lond."
        ),
        TroubleKind::Protocol => format!(
            "What came is no lond's answer: lond on {peer} has a fault, or something else listens at {address}. \
             Look at its log; a longer reply than allowed needs link.max_reply_bytes in lonc.toml."
        ),
        TroubleKind::ReplyTimeout => format!(
            "lond on {peer} took a request and did not answer it: it is overloaded or hangs. Look at its load and its \
             log; if its answers just take long, raise link.request_timeout (spool.message_timeout for delayed ones)."
        ),
        TroubleKind::ProbeTimeout => OF_NO_PONG.to_owned(),
        TroubleKind::PathDead => format!(
            "Requests waited for their replies, and nothing came from the host any more, not even from its kernel: it \
             is switched off, or the way to it is cut. Try: ping {host}."
        ),
        TroubleKind::ClosedInHandshake | TroubleKind::Closed | TroubleKind::Broken => format!(
            "The link was up and was lost; a new one is being made. If it happens often, look at lond's log on \
             {peer} and at the network."
        ),
        TroubleKind::Stopped => format!("The daemon stops. To start it again: systemctl start lonc@{peer}."),
    };
    format!("{what} {hurry}")
}

/// Closed in the handshake: what that says depends on whether lond had taken us already.
fn of_closing(trouble: &Trouble, peer: &str, own: &str, address: &str) -> String {
    if matches!(
        trouble.reached,
        LinkState::Sethost | LinkState::Version | LinkState::Pong | LinkState::Ekey
    ) {
        return format!(
            "lond took us and closed the connection later in the handshake: it was restarted, or failed. If it \
             happens again, look at lond's log on {peer}."
        );
    }
    let unknown = format!(
        "lond refuses our address: it closes at once on hosts that it does not know. On {peer}, hosts.tab must \
         have {own} with the address that we come from (not one behind NAT), and lond must have read it since; \
         lond's log there names the address it saw. Is {address} the lond of {peer} at all?"
    );
    if trouble.reached != LinkState::Init {
        return unknown;
    }
    format!(
        "lond closed in answer to init without a word. That has one of two causes, and logs/lond.log on {peer} tells \
         which. The first: {unknown} The second: it takes no connection without TLS, for londAllowInsecure is 0 in the \
         configuration of {peer}: grep londAllowInsecure /etc/httpd/conf/loncapa*.conf there. lonc speaks the plain init \
         only: it must be 1 there, which is the default, and lond restarted."
    )
}

/// An administrator wants no link.
pub(super) fn of_disabled(peer: &str) -> String {
    let peer = safe(peer);
    format!(
        "Nothing, while it is to be so: requests are answered con_lost at once, and critical ones wait on disk. To have the \
         link back: loncctl enable {peer}"
    )
}

/// lond closes links beyond so many.
pub(super) fn of_refusal(peer: &str) -> String {
    let peer = safe(peer);
    format!(
        "Nothing: requests go through, on as many links as lond on {peer} takes. Where requests wait for long, have it \
         take more; or set link.max_connections for {peer} to what it takes, so that no more are tried."
    )
}

/// Another host is at the address.
pub(crate) fn of_wrong_host(peer: impl Display) -> String {
    format!(
        "Mend the address: the line of {peer} in hosts.tab, or [peer.{peer}] in lonc.toml; then loncctl reload {peer}. \
         Until then its requests go to the wrong host, and encrypted ones fail"
    )
}
