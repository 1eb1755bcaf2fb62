//! What the instance knows of TLS, in the shapes of the interface.

use lonc_proto::session::{LinkError, TlsFault};

use crate::control::interface::{Certificate, Tls, TlsFailures, TlsReason};
use crate::daemon::status::Snapshot;
use crate::tls::Expiry;
use crate::units::{micros, micros_since_1970};

/// How the links are secured, if they are.
pub(super) fn report(snapshot: &Snapshot) -> Option<Tls> {
    let warning = snapshot.secured?;
    let certificate = |expiry: &Expiry| Certificate {
        side: expiry.side,
        expires_usec: micros_since_1970(expiry.at),
    };
    let failures = |(fault, count)| TlsFailures {
        reason: of(fault),
        count,
    };
    Some(Tls {
        certificates: snapshot.expiries.iter().map(certificate).collect(),
        warning_usec: micros(warning),
        failures: snapshot
            .status
            .counters
            .tls_failures
            .iter()
            .map(failures)
            .collect(),
    })
}

/// Why a link is not secured, if it ended for that.
pub(super) fn reason(why: &LinkError) -> Option<TlsReason> {
    let LinkError::Tls { fault, .. } = why else {
        return None;
    };
    Some(of(*fault))
}

fn of(fault: TlsFault) -> TlsReason {
    match fault {
        TlsFault::NotTls => TlsReason::NotTls,
        TlsFault::NoCommonVersion => TlsReason::NoCommonVersion,
        TlsFault::NoAlpn => TlsReason::NoAlpn,
        TlsFault::UnknownAuthority => TlsReason::UnknownAuthority,
        TlsFault::Expired => TlsReason::Expired,
        TlsFault::NotYetValid => TlsReason::NotYetValid,
        TlsFault::WrongName => TlsReason::WrongName,
        TlsFault::Revoked => TlsReason::Revoked,
        TlsFault::RevocationUnknown => TlsReason::RevocationUnknown,
        TlsFault::BadCertificate => TlsReason::BadCertificate,
        TlsFault::CertificateWanted => TlsReason::CertificateWanted,
        TlsFault::CertificateRefused => TlsReason::CertificateRefused,
        TlsFault::CutOff => TlsReason::CutOff,
        TlsFault::Other => TlsReason::Other,
    }
}
