//! When certificates and lists of revoked ones expire.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode as _, Error};

/// Whose certificate it is, or that it is a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// That which we show.
    Ours,
    /// That which the peer has shown on a link that is up: of several, that which expires first.
    Theirs,
    /// The list of revoked certificates.
    Crl,
}

impl Side {
    /// As a metric's label has it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Crl => "crl",
        }
    }

    /// In words, within a sentence.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Ours => "our certificate",
            Self::Theirs => "the peer's certificate",
            Self::Crl => "the list of revoked certificates",
        }
    }
}

/// When what proves who somebody is expires. Displays as what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    pub(crate) side: Side,
    pub(crate) at: SystemTime,
    /// The file, if it is one here.
    pub(crate) file: Option<PathBuf>,
}

impl fmt::Display for Expiry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.side.words())?;
        self.file
            .as_ref()
            .map_or(Ok(()), |file| write!(out, " ({})", file.display()))
    }
}

/// When a certificate does, in DER.
pub(super) fn certificate(der: &[u8]) -> Result<SystemTime, Error> {
    let certificate = Certificate::from_der(der)?;
    Ok(certificate
        .tbs_certificate()
        .validity()
        .not_after
        .to_system_time())
}

/// When a list does, in DER; never, where it does not say.
pub(super) fn revocations(der: &[u8]) -> Result<Option<SystemTime>, Error> {
    let list: CertificateList = CertificateList::from_der(der)?;
    Ok(list.tbs_cert_list.next_update.map(|at| at.to_system_time()))
}
