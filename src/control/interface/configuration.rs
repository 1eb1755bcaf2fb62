//! What an instance goes by.

use serde::{Deserialize, Serialize};

/// A reload found a fault: what was in force before still is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedReload {
    /// The fault: file, line and key.
    pub text: String,
    /// When.
    pub date_usec: u64,
}

/// A key in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfigurationKey {
    /// With its section, such as `link.pipeline`.
    pub key: String,
    /// As TOML.
    pub value: String,
    /// Where it came from, such as `default`, or file and line.
    pub source: String,
}

/// Answer to `GetConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfigurationReply {
    /// In the order of the file.
    pub keys: Vec<ConfigurationKey>,
    /// When it was read.
    pub read_usec: u64,
    /// The last reload, if that was refused.
    pub refused: Option<RefusedReload>,
}
