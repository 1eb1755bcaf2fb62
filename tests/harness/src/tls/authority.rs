//! A small authority, which signs whatever it is asked to.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use time::OffsetDateTime;

/// It, and what it has signed.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
    /// The number by which it can be revoked.
    pub serial: u64,
}

/// What is to be in a certificate.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Its names: host names, or addresses.
    pub names: Vec<String>,
    /// Its common name, which nobody should go by.
    pub common_name: String,
    /// When it becomes valid, in seconds from now.
    pub from: i64,
    /// When it is valid no more, in seconds from now.
    pub until: i64,
}

impl Wish {
    /// A good one, for this name.
    pub fn name(name: &str) -> Self {
        Self {
            names: vec![name.to_owned()],
            common_name: "nobody".to_owned(),
            from: -3600,
            until: 90 * 86_400,
        }
    }

    /// One that is valid for this span from now on.
    #[must_use]
    pub fn until(mut self, span: Duration) -> Self {
        self.until = i64::try_from(span.as_secs()).unwrap();
        self
    }
}

impl Authority {
    /// One that nobody has heard of yet.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("authority {}", fastrand::u32(..)));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Its own certificate, by which it is trusted.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs such a certificate.
    pub fn sign(&self, wish: &Wish) -> Pair {
        let mut params = CertificateParams::new(wish.names.clone()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, wish.common_name.clone());
        let serial = fastrand::u64(1 << 32..);
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_before = in_seconds(wish.from);
        params.not_after = in_seconds(wish.until);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            serial,
        }
    }

    /// A good one for this name.
    pub fn good(&self, name: &str) -> Pair {
        self.sign(&Wish::name(name))
    }

    /// The list of those that it has revoked, good for so many seconds.
    pub fn revocations(&self, revoked: &[&Pair], until: i64) -> String {
        let one = |pair: &&Pair| RevokedCertParams {
            serial_number: SerialNumber::from(pair.serial),
            revocation_time: in_seconds(-60),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: in_seconds(-7200),
            next_update: in_seconds(until),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(one).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn in_seconds(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::seconds(seconds)
}
