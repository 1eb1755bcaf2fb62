//! When certificates and lists of revoked ones expire.

use std::time::SystemTime;

use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode as _, Error};

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
