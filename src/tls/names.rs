//! Whether a certificate carries one of the names that are wanted.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// All that is checked of any certificate, and one name of these in place of the one that was asked for.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) verifier: Arc<WebPkiServerVerifier>,
    /// At least one.
    pub(super) wanted: Vec<ServerName<'static>>,
}

impl ServerCertVerifier for Names {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |name: &ServerName<'_>| {
            self.verifier
                .verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        };
        let mut outcome = Err(Error::InvalidCertificate(CertificateError::NotValidForName));
        for name in &self.wanted {
            outcome = verify(name);
            if !is_for_another(&outcome) {
                return outcome;
            }
        }
        debug_assert!(!self.wanted.is_empty(), "{server_name:?}");
        outcome
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn is_for_another(outcome: &Result<ServerCertVerified, Error>) -> bool {
    matches!(
        outcome,
        Err(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        ))
    )
}
