//! Links over TLS: what expires, and why a link is not secured.

use serde::{Deserialize, Serialize};

use crate::tls::Side;

/// Why a link is not secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TlsReason {
    /// What listens there speaks no TLS.
    NotTls,
    /// No version or cipher suite in common.
    NoCommonVersion,
    /// `lond/1` was not agreed on.
    NoAlpn,
    /// Nobody who is trusted has signed the peer's certificate.
    UnknownAuthority,
    /// The peer's certificate has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for another name.
    WrongName,
    /// It was revoked.
    Revoked,
    /// Whether it was cannot be told.
    RevocationUnknown,
    /// It cannot be used for another reason.
    BadCertificate,
    /// The peer wants a certificate of ours.
    CertificateWanted,
    /// The peer refused ours.
    CertificateRefused,
    /// The connection was cut off.
    CutOff,
    /// Something else.
    Other,
}

impl TlsReason {
    /// As a metric's label has it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NotTls => "not_tls",
            Self::NoCommonVersion => "no_common_version",
            Self::NoAlpn => "no_alpn",
            Self::UnknownAuthority => "unknown_authority",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongName => "wrong_name",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::BadCertificate => "bad_certificate",
            Self::CertificateWanted => "certificate_wanted",
            Self::CertificateRefused => "certificate_refused",
            Self::CutOff => "cut_off",
            Self::Other => "other",
        }
    }
}

/// Something that expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Whose it is.
    pub side: Side,
    /// When it expires.
    pub expires_usec: u64,
}

/// How often a failure ended a try or a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsFailures {
    /// Which.
    pub reason: TlsReason,
    /// How often since the start.
    pub count: u64,
}

/// How the links are secured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// What expires.
    pub certificates: Vec<Certificate>,
    /// What is soon, for that: so long before.
    pub warning_usec: u64,
    /// Each failure that there may be.
    pub failures: Vec<TlsFailures>,
}
