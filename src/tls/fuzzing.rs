//! The opening of TLS, as bytes of whoever is at the other end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lonc_proto::session::LinkError;
use rustls::{ClientConnection, Error};

use super::{Authorities, Named, Tls, TlsSettings, fault};

/// Our end of connections to one host; each knows the sessions of those before.
pub struct Client(Tls);

/// Makes our end of connections to `host`, whose certificate somebody in the file `ca` has signed.
///
/// # Panics
/// The file is not there, or has no certificates.
#[must_use]
pub fn client(ca: &Path, host: &str) -> Client {
    let settings = TlsSettings {
        required: true,
        authorities: Some(Named {
            value: Authorities::File(ca.to_owned()),
            by: "link.tls.ca".to_owned(),
        }),
        certificate: None,
        key: None,
        server_name: None,
        verify_san: Vec::new(),
        crl: None,
        require_alpn: true,
        expiry_warning: Duration::ZERO,
    };
    Client(Tls::load(&settings, host).expect("it is there"))
}

impl Client {
    /// One connection.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn connection(&self) -> ClientConnection {
        let secured = self.0.0.as_ref().expect("it is required");
        ClientConnection::new(Arc::clone(&secured.config), secured.by.name.clone()).expect("sound settings")
    }

    /// Whether a link would be made of one whose handshake is done.
    #[must_use]
    pub fn takes(&self, connection: &ClientConnection) -> bool {
        self.0.accept(connection).is_ok()
    }
}

/// What an operator is told of an error.
#[must_use]
pub fn words(error: &Error) -> LinkError {
    fault::link_error(error)
}
