//! `org.varlink.service`, which every Varlink service has: what it is, and what it can do.

use serde_json::{Value, json};

use crate::control::interface;

/// The interface's name.
pub(super) const NAME: &str = "org.varlink.service";

const DESCRIPTION: &str = "\
# What every Varlink service can be asked.
interface org.varlink.service

# Who made it, and which interfaces it has.
method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

# The text of an interface.
method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
error PermissionDenied ()
error ExpectedMore ()
";

/// Answer to `GetInfo`.
pub(super) fn info() -> Value {
    json!({
        "vendor": "LON-CAPA",
        "product": "lonc",
        "version": env!("CARGO_PKG_VERSION"),
        "url": "https://www.lon-capa.org/",
        "interfaces": [NAME, interface::NAME],
    })
}

/// Answer to `GetInterfaceDescription`; none for an interface that is not known here.
pub(super) fn describe(interface: &str) -> Option<Value> {
    let description = match interface {
        NAME => DESCRIPTION,
        interface::NAME => interface::DESCRIPTION,
        _ => return None,
    };
    Some(json!({ "description": description }))
}
