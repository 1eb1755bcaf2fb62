//! The settings of `[link.tls]`, and of `[peer.<id>.tls]`.

use std::path::Path;

use toml::Value;

use super::checks::{choice, credential_or_none, duration_or_zero, flag, host_or_none, hosts, path_or_none};
use super::error::ConfigError;
use super::keys::{self, Key};
use super::layers::View;
use crate::tls::{Authorities, Named, Tls, TlsSettings};

/// Checks what holds for the view's peer.
pub(super) fn settings(view: View<'_>) -> Result<TlsSettings, ConfigError> {
    let mode = view.setting(keys::TLS_MODE, choice(&[("off", false), ("require", true)]))?;
    let ca = view.setting(keys::TLS_CA, authorities)?;
    let certificate = view.setting(keys::TLS_CERTIFICATE, credential_or_none)?;
    let key = view.setting(keys::TLS_KEY, credential_or_none)?;
    if mode.is_default()
        && let Some(set) = first_set(view)
    {
        let problem = format!(
            "is \"off\" where it is not set, and {} is: say \"require\", or \"off\"",
            set.path()
        );
        return Err(match view.find(set) {
            Some(given) => ConfigError::Invalid {
                at: given.source,
                key: keys::TLS_MODE.path(),
                problem,
            },
            None => mode.refused(view, problem),
        });
    }
    if mode.value && ca.value.is_none() {
        let problem = "is \"require\", and link.tls.ca does not say whom to trust: a file, or \"system\"";
        return Err(mode.refused(view, problem.to_owned()));
    }
    if mode.value && certificate.value.is_some() != key.value.is_some() {
        let (there, missing) = if key.value.is_some() {
            (&key, keys::TLS_CERTIFICATE)
        } else {
            (&certificate, keys::TLS_KEY)
        };
        return Err(there.refused(view, format!("is set, and {} is not", missing.path())));
    }
    let crl = view.get(keys::TLS_CRL, path_or_none)?;
    Ok(TlsSettings {
        required: mode.value,
        authorities: ca.value.map(|value| view.named(keys::TLS_CA, value)),
        certificate: certificate
            .value
            .map(|value| view.named(keys::TLS_CERTIFICATE, value)),
        key: key.value.map(|value| view.named(keys::TLS_KEY, value)),
        server_name: view.get(keys::TLS_SERVER_NAME, host_or_none)?,
        verify_san: view.get(keys::TLS_VERIFY_SAN, hosts)?,
        crl: crl.map(|value| view.named(keys::TLS_CRL, value)),
        require_alpn: view.get(keys::TLS_REQUIRE_ALPN, flag)?,
        expiry_warning: view.get(keys::TLS_EXPIRY_WARNING, duration_or_zero)?,
    })
}

/// Looks at the files as far as they can be seen from outside of the service. A line each for what cannot.
pub(super) fn look(settings: &TlsSettings, host: &str, config: &Path) -> Result<Vec<String>, ConfigError> {
    let (seen, unseen) = settings.seen();
    Tls::load(&seen, host).map_err(|fault| ConfigError::of_tls(fault, config))?;
    let line = |by: &String| format!("{by}: is passed to the service alone, and was not looked at");
    Ok(unseen.iter().map(|named| line(&named.by)).collect())
}

fn authorities(value: &Value) -> Result<Option<Authorities>, String> {
    if value.as_str() == Some("system") {
        return Ok(Some(Authorities::System));
    }
    let path = path_or_none(value).map_err(|problem| format!("{problem}; or \"system\""))?;
    Ok(path.map(Authorities::File))
}

impl View<'_> {
    /// With where it was set.
    fn named<T>(self, key: Key, value: T) -> Named<T> {
        Named {
            value,
            by: self.origin(key),
        }
    }
}

/// The first key beside the mode that somebody has set.
fn first_set(view: View<'_>) -> Option<Key> {
    let is_set = |key: &&Key| {
        key.section == keys::TLS_MODE.section
            && view.find(**key).is_some_and(|given| !given.source.is_default())
    };
    keys::ALL.iter().find(is_set).copied()
}
