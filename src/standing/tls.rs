//! How links are secured, and what to do where one cannot be.

use crate::control::interface::{Certificate, Tls, TlsReason, Trouble};
use crate::units;

/// By what, and until when.
pub(super) fn secured(tls: &Tls, now: u64) -> String {
    let parts = tls.certificates.iter().map(|one| lasting(one, now));
    let all = std::iter::once("TLS 1.3".to_owned()).chain(parts);
    all.collect::<Vec<_>>().join("; ")
}

/// What expires soon, or has expired.
pub(super) fn expiring(tls: &Tls, now: u64) -> impl Iterator<Item = String> {
    let soon = now.saturating_add(tls.warning_usec);
    let expiring = tls
        .certificates
        .iter()
        .filter(move |one| one.expires_usec <= soon);
    expiring.map(move |one| lasting(one, now))
}

fn lasting(certificate: &Certificate, now: u64) -> String {
    let what = certificate.side.words();
    let at = certificate.expires_usec;
    if at <= now {
        format!("{what} expired {} ago", units::between(at, now))
    } else {
        format!("{what} expires in {}", units::between(now, at))
    }
}

/// In whole sentences.
pub(super) fn remedy(trouble: &Trouble, peer: &str, address: &str) -> String {
    let look = format!("Try: openssl s_client -connect {address} -tls1_3 -showcerts.");
    match trouble.tls.unwrap_or(TlsReason::Other) {
        TlsReason::NotTls => format!(
            "What listens at {address} is no TLS terminator, perhaps lond itself. Have the port of the terminator in \
             [peer.{peer}] of lonc.toml, or start it there; until then nothing is said to {peer}."
        ),
        TlsReason::NoCommonVersion => format!(
            "lonc speaks TLS 1.3 alone. Have the terminator in front of {peer}'s lond allow it. {look}"
        ),
        TlsReason::NoAlpn => format!(
            "Have the terminator in front of {peer}'s lond take the protocol lond/1 (ALPN), or do without: \
             require_alpn = false in [peer.{peer}.tls]. Is {address} a terminator for lond at all?"
        ),
        TlsReason::UnknownAuthority => format!(
            "Either the authority that signed {peer}'s certificate is missing in the file of link.tls.ca, or the \
             terminator does not send the certificates between; or somebody else answers at {address}. {look}"
        ),
        TlsReason::Expired => {
            format!("The certificate of {peer} has to be renewed there, and the terminator told of it. {look}")
        }
        TlsReason::NotYetValid => {
            format!("One of the clocks is wrong: compare date here and on {peer}; else wait. {look}")
        }
        TlsReason::WrongName => format!(
            "Either another host answers at {address}, or the certificate of {peer} lacks the name in its alternative \
             names (its common name does not count). Have one made with it, or name the one that it has: verify_san \
             in [peer.{peer}.tls]. {look}"
        ),
        TlsReason::Revoked => format!("Have a new certificate made for {peer}: this one is in the list of link.tls.crl."),
        TlsReason::RevocationUnknown => "Get a new list of revoked certificates from the authority and put it in the \
             place of the file of link.tls.crl: it has to be in force, and to have a list of every authority in the chain. \
             It is read within seconds."
            .to_owned(),
        TlsReason::BadCertificate => format!("Have another certificate made for {peer}. {look}"),
        TlsReason::CertificateWanted => {
            "Set certificate and key in [link.tls] of lonc.toml, to what the authority of the peer has signed for this \
             host, and reload."
                .to_owned()
        }
        TlsReason::CertificateRefused => format!(
            "Have this host's certificate (link.tls.certificate) signed by an authority that the terminator of {peer} \
             knows, or have it know that one; its log says what it did not like."
        ),
        TlsReason::CutOff => format!(
            "The terminator in front of {peer}'s lond ended, or something between cut the connection. If it happens \
             often, look at its log and at the network; if at every try, what listens at {address} may speak no TLS, as \
             lond itself, or let nobody in from here."
        ),
        TlsReason::Other => format!("The log of the terminator in front of {peer}'s lond tells more. {look}"),
    }
}
