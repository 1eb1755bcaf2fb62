//! What went wrong with TLS, in words for an operator.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the lists of rustls grow, and what is not known is told as it says itself"
)]

use std::fmt::Write as _;
use std::io::{self, ErrorKind};

use chrono::{DateTime, Utc};
use lonc_proto::session::{LinkError, TlsFault};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, Error};

/// Of what reading or writing a secured connection said.
pub(crate) fn broken(error: &io::Error) -> LinkError {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return link_error(inner);
    }
    if error.kind() == ErrorKind::UnexpectedEof {
        return tls(
            TlsFault::CutOff,
            "the connection was cut off: it ended without the word that ends TLS".to_owned(),
        );
    }
    if error.kind() == ErrorKind::InvalidData {
        return tls(
            TlsFault::Other,
            format!("the peer sends what is more than TLS takes at once: {error}"),
        );
    }
    LinkError::Io(error.to_string())
}

/// Of what ended the handshake; `is_heard`: the peer had said something.
pub(crate) fn refused(error: &io::Error, is_heard: bool) -> LinkError {
    let is_reset = matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
    if error.kind() != ErrorKind::UnexpectedEof && !is_reset {
        return broken(error);
    }
    let how = match (is_heard, is_reset) {
        (true, false) => "it ended in the middle of the TLS handshake",
        (true, true) => "it was reset in the middle of the TLS handshake",
        (false, false) => "it was closed at the first word of TLS, without an answer",
        (false, true) => "it was reset at the first word of TLS, without an answer",
    };
    tls(TlsFault::CutOff, format!("the connection was cut off: {how}"))
}

/// Of what TLS itself said.
pub(crate) fn link_error(error: &Error) -> LinkError {
    match error {
        Error::InvalidCertificate(why) => certificate(why),
        Error::AlertReceived(alert) => alerted(*alert),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => tls(
            TlsFault::NotTls,
            "what listens there does not speak TLS".to_owned(),
        ),
        Error::PeerIncompatible(why) => tls(
            TlsFault::NoCommonVersion,
            format!("nothing in common with the peer, TLS 1.3 is wanted: {why:?}"),
        ),
        Error::NoApplicationProtocol => no_alpn(),
        other => tls(TlsFault::Other, other.to_string()),
    }
}

/// `lond/1` was not agreed on.
pub(crate) fn no_alpn() -> LinkError {
    tls(
        TlsFault::NoAlpn,
        "the peer does not say that it speaks lond/1 inside (ALPN)".to_owned(),
    )
}

fn tls(fault: TlsFault, text: String) -> LinkError {
    LinkError::Tls { fault, text }
}

/// What is wrong with the peer's certificate.
fn certificate(why: &CertificateError) -> LinkError {
    use CertificateError as Why;
    let (fault, text) = match why {
        Why::Expired => (TlsFault::Expired, "the peer's certificate has expired".to_owned()),
        Why::ExpiredContext { not_after, .. } => (
            TlsFault::Expired,
            format!("the peer's certificate has expired, on {}", date(*not_after)),
        ),
        Why::NotValidYet => (
            TlsFault::NotYetValid,
            "the peer's certificate is not valid yet".to_owned(),
        ),
        Why::NotValidYetContext { not_before, .. } => (
            TlsFault::NotYetValid,
            format!(
                "the peer's certificate is not valid before {}: is the clock right?",
                date(*not_before)
            ),
        ),
        Why::Revoked => (TlsFault::Revoked, "the peer's certificate was revoked".to_owned()),
        Why::UnknownRevocationStatus => (
            TlsFault::RevocationUnknown,
            "whether the peer's certificate was revoked is not in link.tls.crl".to_owned(),
        ),
        Why::ExpiredRevocationList => (
            TlsFault::RevocationUnknown,
            "the list of revoked certificates (link.tls.crl) has expired".to_owned(),
        ),
        Why::ExpiredRevocationListContext { next_update, .. } => (
            TlsFault::RevocationUnknown,
            format!(
                "the list of revoked certificates (link.tls.crl) has expired, on {}",
                date(*next_update)
            ),
        ),
        Why::UnknownIssuer => (
            TlsFault::UnknownAuthority,
            "the peer's certificate was signed by nobody in link.tls.ca".to_owned(),
        ),
        Why::NotValidForName => (
            TlsFault::WrongName,
            "the peer's certificate is for another name".to_owned(),
        ),
        Why::NotValidForNameContext { expected, presented } => {
            (TlsFault::WrongName, wrong_name(expected, presented))
        }
        other => (
            TlsFault::BadCertificate,
            format!("the peer's certificate cannot be used: {other}"),
        ),
    };
    tls(fault, text)
}

fn wrong_name(expected: &ServerName<'_>, presented: &[String]) -> String {
    let mut text = String::from("the peer's certificate is for ");
    if presented.is_empty() {
        text.push_str("no name at all");
    }
    for (index, name) in presented.iter().take(4).enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        // What rustls gives is how it would write it in Rust: DnsName("a").
        let bare = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest);
        let bare = bare.trim_end_matches(')').trim_matches('"');
        let _ = write!(text, "{separator}{bare}");
    }
    let _ = write!(text, ", not for {}", expected.to_str());
    text
}

/// What the peer said of our part.
fn alerted(alert: AlertDescription) -> LinkError {
    use AlertDescription as Alert;
    let (fault, text) = match alert {
        Alert::CertificateRequired => (
            TlsFault::CertificateWanted,
            "the peer wants a certificate of ours: set link.tls.certificate and link.tls.key",
        ),
        Alert::CertificateExpired => (
            TlsFault::CertificateRefused,
            "the peer refused our certificate: expired",
        ),
        Alert::CertificateRevoked => (
            TlsFault::CertificateRefused,
            "the peer refused our certificate: revoked",
        ),
        Alert::UnknownCA => (
            TlsFault::CertificateRefused,
            "the peer refused our certificate: it does not know who signed it",
        ),
        Alert::BadCertificate
        | Alert::CertificateUnknown
        | Alert::UnsupportedCertificate
        | Alert::AccessDenied => (TlsFault::CertificateRefused, "the peer refused our certificate"),
        Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity => (
            TlsFault::NoCommonVersion,
            "the peer has no version or cipher of TLS in common with us: TLS 1.3 is wanted",
        ),
        Alert::NoApplicationProtocol => return no_alpn(),
        Alert::UnrecognisedName => (
            TlsFault::WrongName,
            "the peer does not know itself by the name asked for: see link.tls.server_name",
        ),
        other => {
            return tls(TlsFault::Other, format!("the peer ended TLS: {other:?}"));
        }
    };
    tls(fault, text.to_owned())
}

/// A day and a time, in UTC as certificates have them.
fn date(at: UnixTime) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    DateTime::<Utc>::from_timestamp(seconds, 0).map_or_else(
        || format!("second {seconds}"),
        |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}
