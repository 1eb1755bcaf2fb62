//! The files that TLS takes: authorities, our certificate and its key, and what was revoked.
#![expect(clippy::wildcard_enum_match_arm, reason = "the list of what is not PEM grows")]

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use nix::unistd::{AccessFlags, eaccess, geteuid};
use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls_native_certs::load_native_certs;
use zeroize::Zeroizing;

use super::{Authorities, Credential, Expiry, Named, Side, TlsSettings, expiry};
use crate::reader::{self, Links};

/// Most that is read of one of the files, in bytes; a list of revoked certificates may be long.
const MAX_BYTES: u64 = 4 << 20;
/// Where the service manager puts what it passes.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const PASSED_AT_START: &str =
    "; a credential is as it was when the service started: systemctl restart gives it the new one";

/// What is wrong with one of the files.
#[derive(Debug)]
pub(crate) struct FileFault {
    /// The key that names it, and where that stands.
    pub(crate) by: String,
    /// The file, if it is one.
    pub(crate) path: Option<PathBuf>,
    /// What is wrong.
    pub(crate) error: io::Error,
}

impl FileFault {
    pub(super) fn of(by: String, path: Option<PathBuf>, problem: String) -> Self {
        Self {
            by,
            path,
            error: io::Error::new(io::ErrorKind::InvalidData, problem),
        }
    }
}

/// One of them, as it was read.
#[derive(Clone, PartialEq, Eq)]
struct Read {
    path: PathBuf,
    by: String,
    /// A certificate and its key may be in one file.
    bytes: Zeroizing<Vec<u8>>,
}

/// All of them.
#[derive(Clone)]
pub(super) struct Files {
    /// Missing where the system is trusted.
    authorities: Option<Read>,
    certificate: Option<Read>,
    key: Option<Key>,
    crl: Option<Read>,
}

#[derive(Clone)]
struct Key {
    path: PathBuf,
    by: String,
    /// By the service manager, which does so at a start.
    is_passed: bool,
    der: Arc<Zeroizing<PrivateKeyDer<'static>>>,
}

impl PartialEq for Files {
    /// A key goes with its certificate: where that is the same, so is the key.
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.key.as_ref(), other.key.as_ref());
        self.trusts_as(other)
            && self.certificate == other.certificate
            && ours.map(|key| &key.path) == theirs.map(|key| &key.path)
    }
}

/// What makes a fault of what is said of our certificate and its key.
type PairFault = Box<dyn Fn(&dyn Display) -> FileFault>;

impl Files {
    pub(super) fn read(settings: &TlsSettings) -> Result<Self, FileFault> {
        let authorities = authorities(settings);
        let certificate = settings.certificate.as_ref();
        let crl = settings.crl.as_ref();
        Ok(Self {
            authorities: authorities.map(|(path, by)| read(path, by)).transpose()?,
            certificate: certificate
                .map(|named| read(place(named)?, &named.by))
                .transpose()?,
            key: settings.key.as_ref().map(read_key).transpose()?,
            crl: crl
                .map(|named| read(named.value.clone(), &named.by))
                .transpose()?,
        })
    }

    pub(super) fn trusts_as(&self, other: &Self) -> bool {
        self.trusted() == other.trusted()
    }

    /// What says whom we trust.
    fn trusted(&self) -> [Option<&[u8]>; 2] {
        [&self.authorities, &self.crl].map(|one| one.as_ref().map(|read| read.bytes.as_slice()))
    }

    /// Where they are, those that are to be passed as far as any are.
    pub(super) fn paths_of(settings: &TlsSettings) -> Vec<PathBuf> {
        let authorities = authorities(settings).map(|(path, _)| path);
        let passed = [&settings.certificate, &settings.key];
        let passed = passed.into_iter().flatten().filter_map(|named| place(named).ok());
        let crl = settings.crl.as_ref().map(|named| named.value.clone());
        authorities.into_iter().chain(passed).chain(crl).collect()
    }

    pub(super) fn add_roots(&self, roots: &mut RootCertStore) -> Result<(), FileFault> {
        let Some(read) = &self.authorities else {
            let found = load_native_certs();
            roots.add_parsable_certificates(found.certs);
            let why = || {
                let first = found.errors.first();
                first.map_or_else(|| "it trusts nobody".to_owned(), ToString::to_string)
            };
            return if roots.is_empty() {
                Err(FileFault::of("link.tls.ca = \"system\"".to_owned(), None, why()))
            } else {
                Ok(())
            };
        };
        for certificate in read.certificates()? {
            roots.add(certificate).map_err(|error| read.fault(&error))?;
        }
        Ok(())
    }

    /// Our certificates, the key, and what to make of a fault of both.
    pub(super) fn identity(
        &self,
    ) -> Option<(
        Result<Vec<CertificateDer<'static>>, FileFault>,
        PrivateKeyDer<'static>,
        PairFault,
    )> {
        let (read, key) = (self.certificate.as_ref()?, self.key.as_ref()?);
        let (path, by, is_passed) = (key.path.clone(), key.by.clone(), key.is_passed);
        let fault = move |error: &dyn Display| {
            let more = if is_passed { PASSED_AT_START } else { "" };
            FileFault::of(
                by.clone(),
                Some(path.clone()),
                format!("it does not go with the certificate: {error}{more}"),
            )
        };
        Some((read.certificates(), key.der.clone_key(), Box::new(fault)))
    }

    pub(super) fn crls(&self) -> Option<Result<Vec<CertificateRevocationListDer<'static>>, FileFault>> {
        self.crl
            .as_ref()
            .map(|read| read.items("no list of revoked certificates is in it"))
    }

    /// The verifier cannot be made: of the authorities and the lists, the latter are what is looked at only then.
    pub(super) fn crl_fault(&self, error: &dyn Display) -> FileFault {
        match self.crl.as_ref().or(self.authorities.as_ref()) {
            Some(read) => read.fault(&format_args!("{error}; it is to be of version 2, with a number")),
            None => FileFault::of("link.tls.ca".to_owned(), None, error.to_string()),
        }
    }

    pub(super) fn expiries(&self) -> Result<Vec<Expiry>, FileFault> {
        let mut found = Vec::new();
        if let Some(read) = &self.certificate {
            let mut ends = Vec::new();
            for certificate in read.certificates()? {
                ends.push(expiry::certificate(&certificate).map_err(|error| read.fault(&error))?);
            }
            found.extend(read.expiry(Side::Ours, ends));
        }
        if let Some(read) = &self.crl {
            let mut ends = Vec::new();
            for list in read.items::<CertificateRevocationListDer<'_>>("no list is in it")? {
                ends.extend(expiry::revocations(&list).map_err(|error| read.fault(&error))?);
            }
            found.extend(read.expiry(Side::Crl, ends));
        }
        Ok(found)
    }
}

impl Read {
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, FileFault> {
        self.items("no certificate is in it: it is to be PEM, which begins with -----BEGIN CERTIFICATE-----")
    }

    /// All items of a kind, at least one.
    fn items<T: PemObject>(&self, none: &str) -> Result<Vec<T>, FileFault> {
        let items: Result<Vec<T>, _> = T::pem_slice_iter(&self.bytes).collect();
        match items {
            Ok(items) if items.is_empty() => Err(self.fault(&none)),
            Ok(items) => Ok(items),
            Err(error) => Err(self.fault(&not_pem(&error))),
        }
    }

    fn fault(&self, problem: &dyn Display) -> FileFault {
        FileFault::of(self.by.clone(), Some(self.path.clone()), problem.to_string())
    }

    /// The first of `ends`.
    fn expiry(&self, side: Side, ends: Vec<SystemTime>) -> Option<Expiry> {
        let at = ends.into_iter().min()?;
        Some(Expiry {
            side,
            at,
            file: Some(self.path.clone()),
        })
    }
}

/// The file of the authorities, if it is one, and what names it.
fn authorities(settings: &TlsSettings) -> Option<(PathBuf, &str)> {
    let named = settings.authorities.as_ref()?;
    match &named.value {
        Authorities::File(path) => Some((path.clone(), &named.by)),
        Authorities::System => None,
    }
}

/// Without what stands in the file.
fn not_pem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::NoItemsFound => "nothing of the kind is in it",
        pem::Error::MissingSectionEnd { .. } => "it is cut: a section has no end",
        _ => "it is not PEM",
    }
}

/// Where credentials are, of a service that has any.
fn credentials() -> Option<OsString> {
    env::var_os(CREDENTIALS)
}

/// Whether they can be seen. What reloads a service is told where they are, and kept from them.
pub(super) fn sees_credentials() -> bool {
    credentials().is_some_and(|dir| eaccess(Path::new(&dir), AccessFlags::X_OK).is_ok())
}

fn place(named: &Named<Credential>) -> Result<PathBuf, FileFault> {
    match &named.value {
        Credential::File(path) => Ok(path.clone()),
        Credential::Passed(name) => {
            let directory = credentials().ok_or_else(|| {
                let problem =
                    format!("${CREDENTIALS} is not set: only a service with LoadCredential={name}:… has one");
                FileFault::of(named.by.clone(), None, problem)
            })?;
            Ok(Path::new(&directory).join(name))
        }
    }
}

fn read(path: PathBuf, by: &str) -> Result<Read, FileFault> {
    read_if(path, by, |_| Ok(()))
}

fn read_if(
    path: PathBuf,
    by: &str,
    fits: impl FnOnce(&Metadata) -> io::Result<()>,
) -> Result<Read, FileFault> {
    match reader::whole_if(&path, MAX_BYTES, Links::Follow, fits) {
        Ok(bytes) => Ok(Read {
            path,
            by: by.to_owned(),
            bytes: Zeroizing::new(bytes),
        }),
        Err(error) => Err(FileFault {
            by: by.to_owned(),
            path: Some(path),
            error,
        }),
    }
}

/// A key that others can read is no secret, and is refused.
fn read_key(named: &Named<Credential>) -> Result<Key, FileFault> {
    let path = place(named)?;
    let fits = |found: &Metadata| match exposed(found.mode(), found.uid(), geteuid().as_raw()) {
        Some(problem) => Err(io::Error::new(io::ErrorKind::InvalidData, problem)),
        None => Ok(()),
    };
    let pem = read_if(path.clone(), &named.by, fits)?.bytes;
    let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        let problem = match error {
            pem::Error::NoItemsFound => "no key is in it, or one with a passphrase",
            ref other => not_pem(other),
        };
        FileFault::of(named.by.clone(), Some(path.clone()), problem.to_owned())
    })?;
    Ok(Key {
        path,
        by: named.by.clone(),
        is_passed: matches!(named.value, Credential::Passed(_)),
        der: Arc::new(Zeroizing::new(der)),
    })
}

/// Who may read it that should not. Of a file of root's a group may: that is how a service gets what is passed to it.
/// Root looks in the daemon's place, whose user it does not know.
fn exposed(mode: u32, owner: u32, us: u32) -> Option<String> {
    let allowed = if owner == 0 { 0o640 } else { 0o600 };
    let mode = mode & 0o777;
    if owner != 0 && us != 0 && owner != us {
        return Some("it belongs to somebody else: it must be root's, or the daemon's own".to_owned());
    }
    let more = mode & !(allowed | 0o100);
    (more != 0).then(|| format!("others can read or write it (mode {mode:04o}): chmod {allowed:04o}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_key_may_be_how_open() {
        for (mode, owner, fine) in [
            (0o600, 0, true),
            (0o400, 33, true),
            (0o440, 0, true),
            (0o640, 0, true),
            (0o640, 33, false),
            (0o604, 0, false),
            (0o660, 0, false),
            (0o644, 33, false),
            (0o600, 34, false),
        ] {
            assert_eq!(exposed(mode, owner, 33).is_none(), fine, "{mode:o} {owner}");
        }
        for (mode, owner, fine) in [(0o600, 33, true), (0o640, 33, false), (0o644, 0, false)] {
            assert_eq!(exposed(mode, owner, 0).is_none(), fine, "root: {mode:o} {owner}");
        }
    }
}
