//! Why a call failed, as Varlink's typed errors.

use serde_json::{Value, json};

use super::{interface, service};
use crate::config::ConfigError;

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    InterfaceNotFound(String),
    MethodNotFound(String),
    InvalidParameter(String),
    PermissionDenied,
    ExpectedMore,
    BadConfiguration(Box<ConfigError>),
    NoSuchMessage(String),
    MessageBusy(String),
    SpoolFault(String),
    LogLevelFixed,
    NoAnswer,
}

impl Failure {
    /// The error's full name, and what it carries.
    pub(super) fn on_the_wire(&self) -> (String, Value) {
        let (interface, name, parameters) = match self {
            Self::InterfaceNotFound(interface) => (
                service::NAME,
                "InterfaceNotFound",
                json!({ "interface": interface }),
            ),
            Self::MethodNotFound(method) => (service::NAME, "MethodNotFound", json!({ "method": method })),
            Self::InvalidParameter(parameter) => (
                service::NAME,
                "InvalidParameter",
                json!({ "parameter": parameter }),
            ),
            Self::PermissionDenied => (service::NAME, "PermissionDenied", json!({})),
            Self::ExpectedMore => (service::NAME, "ExpectedMore", json!({})),
            Self::BadConfiguration(fault) => (interface::NAME, "BadConfiguration", bad_configuration(fault)),
            Self::NoSuchMessage(name) => (interface::NAME, "NoSuchMessage", json!({ "name": name })),
            Self::MessageBusy(name) => (interface::NAME, "MessageBusy", json!({ "name": name })),
            Self::SpoolFault(text) => (interface::NAME, "SpoolFault", json!({ "text": text })),
            Self::LogLevelFixed => (interface::NAME, "LogLevelFixed", json!({})),
            Self::NoAnswer => (interface::NAME, "NoAnswer", json!({})),
        };
        (format!("{interface}.{name}"), parameters)
    }
}

fn bad_configuration(fault: &ConfigError) -> Value {
    let (file, line) = fault.place();
    json!({ "text": fault.to_string(), "file": file, "line": line, "key": fault.key() })
}
