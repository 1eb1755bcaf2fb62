//! Where a peer's lond listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest host name DNS carries, in bytes of text.
const MAX_NAME_BYTES: usize = 253;
/// Longest label of a host name.
const MAX_LABEL_BYTES: usize = 63;

/// A host and a TCP port; names are resolved at every connect, never here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A host name, or an IPv4 or IPv6 address without brackets.
    pub host: String,
    /// Another name of the same host: its addresses are tried where `host` cannot be reached.
    pub alternative: Option<String>,
    /// TCP port, 1 to 65535.
    pub port: u16,
}

/// A host, as the configuration or the table gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Host {
    /// As in [`Address`].
    pub(super) name: String,
    /// As in [`Address`].
    pub(super) alternative: Option<String>,
}

impl Host {
    /// One with no name but this.
    pub(super) fn only(name: String) -> Self {
        Self {
            name,
            alternative: None,
        }
    }

    /// This port there.
    pub(super) fn at(self, port: u16) -> Address {
        Address {
            host: self.name,
            alternative: self.alternative,
            port,
        }
    }
}

impl Address {
    /// That of a peer of which nobody says where it is.
    pub(crate) fn unknown() -> Self {
        Host::only("unknown".to_owned()).at(0)
    }
}

impl fmt::Display for Address {
    /// `host:port`; an IPv6 address stands in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.parse::<Ipv6Addr>().is_ok() {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The host in `text`: a name or an IP literal, brackets removed; `None` if it is neither.
pub(super) fn host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(|_| inner.to_owned());
    }
    (text.parse::<IpAddr>().is_ok() || is_name(text)).then(|| text.to_owned())
}

/// Whether `text` can be looked up as a host name.
///
/// A last label of digits only is a mistyped IPv4 address, as in URLs: old resolvers would guess.
pub(super) fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let digits_last = name
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= MAX_NAME_BYTES && !digits_last && name.split('.').all(is_label)
}

/// Whether this is the name of a host, or an IPv4 address: neither holds a `/` or begins with a dot.
pub(super) fn is_file_name(text: &str) -> bool {
    is_name(text) || text.parse::<Ipv4Addr>().is_ok()
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=MAX_LABEL_BYTES).contains(&label.len()) && !label.starts_with('-') && label.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in [
            "a",
            "zaphod.lite.msu.edu",
            "zaphod.lite.msu.edu.",
            "x_1-y",
            "10.0.0.1",
            "::1",
            "3com.com",
        ] {
            assert_eq!(host(good).as_deref(), Some(good));
        }
        assert_eq!(host("[2001:db8::1]").as_deref(), Some("2001:db8::1"));
        for bad in [
            "",
            ".",
            "a..b",
            "-a",
            "a:1",
            "10.0.0.256",
            "1.2.3",
            "[::1",
            "[a]",
            "a b",
            "a\n",
            "ü.de",
            "[::1]:80",
        ] {
            assert_eq!(host(bad), None, "{bad:?}");
        }
        assert!(host(&"a.".repeat(127)).is_some() && host(&"a.".repeat(128)).is_none());
        assert!(host(&"a".repeat(63)).is_some() && host(&"a".repeat(64)).is_none());
    }

    #[test]
    fn display() {
        let at = |host: &str| Host::only(host.to_owned()).at(5663).to_string();
        assert_eq!(at("zaphod"), "zaphod:5663");
        assert_eq!(at("10.0.0.1"), "10.0.0.1:5663");
        assert_eq!(at("::1"), "[::1]:5663");
    }
}
