//! Why a call failed, as Varlink's typed errors.

use serde_json::{Value, json};

use super::service;
use crate::config::ConfigError;
use crate::control::interface;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_as_described() {
        let name = || "x".to_owned();
        let fault = ConfigError::Missing {
            path: "/f".into(),
            key: name(),
            variable: None,
        };
        for failure in [
            Failure::InterfaceNotFound(name()),
            Failure::MethodNotFound(name()),
            Failure::InvalidParameter(name()),
            Failure::PermissionDenied,
            Failure::ExpectedMore,
            Failure::BadConfiguration(Box::new(fault)),
            Failure::NoSuchMessage(name()),
            Failure::MessageBusy(name()),
            Failure::SpoolFault(name()),
            Failure::LogLevelFixed,
            Failure::NoAnswer,
        ] {
            let (error, parameters) = failure.on_the_wire();
            let (interface, error) = error.rsplit_once('.').unwrap();
            let description = service::describe(interface).unwrap();
            let text = description["description"].as_str().unwrap();
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("error {error} (")));
            let line = line.unwrap_or_else(|| panic!("{error} is not described"));
            let fields = line.split_once('(').unwrap().1.matches(':').count();
            assert_eq!(parameters.as_object().unwrap().len(), fields, "{line}");
            for field in parameters.as_object().unwrap().keys() {
                assert!(line.contains(&format!("{field}: ")), "{line}");
            }
        }
    }
}
