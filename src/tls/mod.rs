//! Links over TLS: what it takes to open one, from the files that the configuration names.
//!
//! TLS 1.3 alone, both sides known by certificates, names by the subject's alternative names and never its common name;
//! nothing is sent before the peer has proved itself (no early data); sessions are resumed out of memory, and only while
//! nothing has changed of whom we trust.

mod expiry;
mod fault;
mod files;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod names;
mod stamp;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lonc_proto::session::LinkError;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::{Connect, TlsConnector};

pub(crate) use self::expiry::Expiry;
pub(crate) use self::expiry::Side;
pub(crate) use self::fault::{broken, link_error, refused};
pub(crate) use self::files::FileFault;
use self::files::Files;
use self::names::Names;
pub(crate) use self::stamp::Stamp;

/// What the peer and we are to speak inside.
pub(crate) const PROTOCOL: &[u8] = b"lond/1";
/// Sessions that can be resumed, of one peer at a few addresses.
const SESSIONS: usize = 8;

/// How the links to a peer are secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Nothing is said on a link that is not secured.
    pub required: bool,
    /// Who may have signed the peer's certificate; somebody, where it is required.
    pub authorities: Option<Named<Authorities>>,
    /// Our own certificate, if the peer is to see one, with those that signed it.
    pub certificate: Option<Named<Credential>>,
    /// Its key.
    pub key: Option<Named<Credential>>,
    /// The name that is asked for, in place of the peer's host.
    pub server_name: Option<String>,
    /// The names of which the peer's certificate has to carry one; if there is none, that which is asked for.
    pub verify_san: Vec<String>,
    /// The certificates that were revoked.
    pub crl: Option<Named<PathBuf>>,
    /// `lond/1` must be agreed on as the protocol inside.
    pub require_alpn: bool,
    /// So long before a certificate expires it is told; zero: not before.
    pub expiry_warning: Duration,
}

impl TlsSettings {
    /// The same without what is passed to the service alone, where we are not the service; and what that is.
    pub(crate) fn seen(&self) -> (Self, Vec<&Named<Credential>>) {
        let mut seen = self.clone();
        if files::sees_credentials() {
            return (seen, Vec::new());
        }
        let is_passed = |named: &Named<Credential>| matches!(named.value, Credential::Passed(_));
        for place in [&mut seen.certificate, &mut seen.key] {
            place.take_if(|named| is_passed(named));
        }
        let all = [&self.certificate, &self.key].into_iter().flatten();
        let unseen = all.filter(|named| is_passed(named));
        (seen, unseen.collect())
    }

    /// The files that it takes, each with what names it.
    pub(crate) fn files(&self) -> Vec<(&Path, &str)> {
        let authorities = self.authorities.as_ref().and_then(|named| match &named.value {
            Authorities::File(path) => Some((path.as_path(), named.by.as_str())),
            Authorities::System => None,
        });
        let own = [&self.certificate, &self.key].into_iter().flatten();
        let own = own.filter_map(|named| match &named.value {
            Credential::File(path) => Some((path.as_path(), named.by.as_str())),
            Credential::Passed(_) => None,
        });
        let crl = self
            .crl
            .as_ref()
            .map(|named| (named.value.as_path(), named.by.as_str()));
        authorities.into_iter().chain(own).chain(crl).collect()
    }

    /// The names of what the service manager is to pass, each with what names it.
    pub(crate) fn passed(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [&self.certificate, &self.key].into_iter().flatten();
        own.filter_map(|named| match &named.value {
            Credential::Passed(name) => Some((name.as_str(), named.by.as_str())),
            Credential::File(_) => None,
        })
    }
}

/// A value with the key that gives it, and where that stands, for messages about what the value names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T> {
    /// The value.
    pub value: T,
    /// Such as `link.tls.ca at /etc/lonc/lonc.toml:7`.
    pub by: String,
}

/// Who may have signed a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// Those in this file.
    File(PathBuf),
    /// Those that the system trusts.
    System,
}

/// A file that may be passed by the service manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The file.
    File(PathBuf),
    /// Of this name, in `$CREDENTIALS_DIRECTORY`.
    Passed(String),
}

/// All that it takes to secure a connection; empty where it is not to be.
#[derive(Clone, Default)]
pub(crate) struct Tls(Option<Secured>);

#[derive(Clone)]
struct Secured {
    /// With the sessions that can be resumed.
    config: Arc<ClientConfig>,
    by: Arc<Means>,
}

/// What the settings and the files that they name come to.
struct Means {
    name: ServerName<'static>,
    settings: TlsSettings,
    files: Files,
    /// What the files were when they were read.
    stamp: Stamp,
    expiries: Vec<Expiry>,
}

impl Tls {
    /// Reads the files that `settings` name, for links to `host`.
    pub(crate) fn load(settings: &TlsSettings, host: &str) -> Result<Self, FileFault> {
        if !settings.required {
            return Ok(Self(None));
        }
        if settings.authorities.is_none() {
            let problem = "is required, and nobody is trusted".to_owned();
            return Err(FileFault::of("link.tls".to_owned(), None, problem));
        }
        let stamp = Stamp::of(&Files::paths_of(settings));
        let files = Files::read(settings)?;
        let name = settings.server_name.as_deref().unwrap_or(host);
        let name = server_name(name)?;
        let mut wanted = Vec::new();
        for name in &settings.verify_san {
            wanted.push(server_name(name)?);
        }
        if wanted.is_empty() {
            wanted.push(name.clone());
        }
        Ok(Self(Some(Secured {
            config: Arc::new(client_config(&files, wanted)?),
            by: Arc::new(Means {
                name,
                settings: settings.clone(),
                expiries: files.expiries()?,
                files,
                stamp,
            }),
        })))
    }

    fn means(&self) -> Option<&Means> {
        self.0.as_ref().map(|secured| secured.by.as_ref())
    }

    pub(crate) fn is_required(&self) -> bool {
        self.0.is_some()
    }

    /// The same, but for a try to resume anything: what came of a link says that it would not do.
    pub(crate) fn without_sessions(&self) -> Self {
        let renewed = |Secured { config, by }: &Secured| {
            let mut config = ClientConfig::clone(config);
            config.resumption = Resumption::in_memory_sessions(SESSIONS);
            Secured {
                config: Arc::new(config),
                by: Arc::clone(by),
            }
        };
        Self(self.0.as_ref().map(renewed))
    }

    /// Whether whoever is trusted by this one is by `other`, too: a link that one made is one that the other would make.
    pub(crate) fn trusts_as(&self, other: &Self) -> bool {
        match (self.means(), other.means()) {
            (None, None) => true,
            (Some(one), Some(other)) => {
                let (ours, theirs) = (&one.settings, &other.settings);
                one.name == other.name
                    && ours.verify_san == theirs.verify_san
                    && ours.require_alpn == theirs.require_alpn
                    && one.files.trusts_as(&other.files)
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// When our own part expires.
    pub(crate) fn expiries(&self) -> &[Expiry] {
        self.means().map_or(&[], |by| &by.expiries)
    }

    /// The paths of the files it was made of.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.means()
            .map_or_else(Vec::new, |by| Files::paths_of(&by.settings))
    }

    /// What they were then.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.means().map(|by| by.stamp.clone())
    }

    /// Begins to secure a connection; gives it back where it is not to be.
    pub(crate) fn connect(&self, stream: TcpStream) -> Result<Connect<TcpStream>, TcpStream> {
        match &self.0 {
            Some(Secured { config, by }) => {
                let connector = TlsConnector::from(Arc::clone(config));
                Ok(connector.connect(by.name.clone(), stream))
            }
            None => Err(stream),
        }
    }

    /// Looks at a connection whose handshake is done: the peer's certificate may have expired since the session that it
    /// resumes was made, and the protocol inside may have to be agreed on. When the certificate expires.
    pub(crate) fn accept(&self, session: &ClientConnection) -> Result<Option<SystemTime>, LinkError> {
        let require_alpn = self.means().is_some_and(|by| by.settings.require_alpn);
        if require_alpn && session.alpn_protocol() != Some(PROTOCOL) {
            return Err(fault::no_alpn());
        }
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let expires = certificate.and_then(|der| expiry::certificate(der).ok());
        if expires.is_some_and(|at| at <= SystemTime::now()) {
            return Err(link_error(&CertificateError::Expired.into()));
        }
        Ok(expires)
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        match (self.means(), other.means()) {
            (None, None) => true,
            (Some(one), Some(other)) => {
                one.settings == other.settings && one.name == other.name && one.files == other.files
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.means().map(|by| &by.settings);
        out.debug_tuple("Tls").field(&settings).finish()
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, FileFault> {
    let named = ServerName::try_from(name.to_owned());
    named.map_err(|_| {
        let problem = format!("{name:?} cannot be the name in a certificate; set server_name beside it");
        FileFault::of("link.tls".to_owned(), None, problem)
    })
}

fn client_config(files: &Files, wanted: Vec<ServerName<'static>>) -> Result<ClientConfig, FileFault> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Names {
        verifier: verifier(&provider, files)?,
        wanted,
    };
    let versions = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| FileFault::of("link.tls".to_owned(), None, error.to_string()))?;
    let builder = versions
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match files.identity() {
        Some((certificates, key, fault)) => builder
            .with_client_auth_cert(certificates?, key)
            .map_err(|error| fault(&error))?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    config.enable_early_data = false;
    Ok(config)
}

fn verifier(provider: &Arc<CryptoProvider>, files: &Files) -> Result<Arc<WebPkiServerVerifier>, FileFault> {
    let mut roots = RootCertStore::empty();
    files.add_roots(&mut roots)?;
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = match files.crls() {
        Some(crls) => builder.with_crls(crls?).enforce_revocation_expiration(),
        None => builder,
    };
    builder.build().map_err(|error| files.crl_fault(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_that_a_certificate_can_have() {
        for host in [
            "msul1.example.edu",
            "msul1.example.edu.",
            "zaphod_1.example.edu",
            "_lond.example.edu",
            "localhost",
            "xn--bcher-kva.example",
            "192.0.2.7",
            "2001:db8::1",
            "::ffff:192.0.2.7",
        ] {
            let name = server_name(host).unwrap();
            let is_address = host.parse::<std::net::IpAddr>().is_ok();
            assert_eq!(matches!(name, ServerName::IpAddress(_)), is_address, "{host}");
        }
        let fault = server_name("msul1 example").unwrap_err();
        assert!(fault.error.to_string().contains("set server_name"), "{fault:?}");
    }
}
