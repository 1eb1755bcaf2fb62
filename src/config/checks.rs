//! What each kind of value must be: from a TOML value to a type, or to what is wrong with it.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use toml::Value;

use super::address;
use super::host_id::HostId;
use super::text::{quoted, shown};
use crate::tls::Credential;
use crate::units;

/// Most bytes of a socket's path: `sun_path` of unix(7), but for the zero byte at its end.
const MAX_SOCKET_PATH: usize = 107;

/// Largest size taken, so that sums of sizes cannot overflow.
const MAX_SIZE: u64 = 1 << 40;

/// Yes or no.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| format!("must be true or false, is {}", shown(value)))
}

/// Whether `value` is more than `other`: numbers, or durations.
pub(super) fn is_more(value: &Value, other: &Value) -> bool {
    let numbers = value.as_integer().zip(other.as_integer());
    let durations = duration(value).ok().zip(duration(other).ok());
    numbers.is_some_and(|(value, other)| value > other)
        || durations.is_some_and(|(value, other)| value > other)
}

/// A whole number within `range`.
pub(super) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&Value) -> Result<T, String>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    move |value| {
        let number = value.as_integer().and_then(|number| T::try_from(number).ok());
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            let kind = if value.is_integer() { "" } else { "a whole number " };
            format!(
                "must be {kind}between {} and {}, is {}",
                range.start(),
                range.end(),
                shown(value)
            )
        })
    }
}

/// A duration in words, "0s" allowed.
pub(super) fn duration_or_zero(value: &Value) -> Result<Duration, String> {
    let parsed = value.as_str().and_then(units::parse_span);
    let duration =
        parsed.ok_or_else(|| format!("{} is not a duration such as \"10s\" or \"5m\"", shown(value)))?;
    if duration > units::MAX_SPAN {
        return Err(format!("must be at most 365 days, is {}", shown(value)));
    }
    Ok(duration)
}

/// A duration in words, longer than nothing.
pub(super) fn duration(value: &Value) -> Result<Duration, String> {
    let duration = duration_or_zero(value)?;
    if duration.is_zero() {
        return Err(format!("must be more than 0, is {}", shown(value)));
    }
    Ok(duration)
}

/// A size in bytes, at least `min`: an integer, or a text with a unit.
pub(super) fn size(min: usize) -> impl Fn(&Value) -> Result<usize, String> {
    move |value| {
        let bytes = parse_size(value)
            .ok_or_else(|| format!("{} is not a size such as 4096 or \"8MiB\"", shown(value)))?;
        let fits = usize::try_from(bytes)
            .ok()
            .filter(|size| *size >= min && bytes <= MAX_SIZE);
        fits.ok_or_else(|| format!("must be between {min} bytes and 1TiB, is {}", shown(value)))
    }
}

fn parse_size(value: &Value) -> Option<u64> {
    if let Some(text) = value.as_str() {
        return text.parse::<ByteSize>().ok().map(|size| size.as_u64());
    }
    value.as_integer().and_then(|number| u64::try_from(number).ok())
}

/// A host id.
pub(super) fn host_id(value: &Value) -> Result<HostId, String> {
    let text = value
        .as_str()
        .ok_or_else(|| format!("must be a text, is {}", shown(value)))?;
    text.parse().map_err(|error| format!("{} {error}", quoted(text)))
}

/// A host name or an IP address.
pub(super) fn host(value: &Value) -> Result<String, String> {
    let host = value.as_str().and_then(address::host);
    host.ok_or_else(|| format!("{} is neither a host name nor an IP address", shown(value)))
}

/// An absolute path. What stands in for bytes that are no UTF-8 text is refused.
pub(super) fn path(value: &Value) -> Result<PathBuf, String> {
    let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    let text = value
        .as_str()
        .filter(|text| Path::new(text).is_absolute() && !text.contains(odd));
    text.map(PathBuf::from).ok_or_else(|| {
        format!(
            "must be an absolute path in UTF-8 without control characters, is {}",
            shown(value)
        )
    })
}

/// A directory in which the kernel lets the socket of `peer` be reached by its path.
pub(super) fn socket_dir_of(peer: &HostId) -> impl Fn(&Value) -> Result<PathBuf, String> {
    move |value| {
        let dir = path(value)?;
        let socket = dir.join(peer.as_ref());
        let len = socket.as_os_str().len();
        if len > MAX_SOCKET_PATH {
            return Err(format!(
                "must leave room for the name of a socket: {} has {len} bytes, and a socket's path at most \
                 {MAX_SOCKET_PATH}",
                shown(&Value::from(socket.to_string_lossy().as_ref()))
            ));
        }
        Ok(dir)
    }
}

/// An absolute path, or an empty text for none.
pub(super) fn path_or_none(value: &Value) -> Result<Option<PathBuf>, String> {
    if value.as_str() == Some("") {
        return Ok(None);
    }
    path(value).map(Some)
}

/// The directory of a service's credentials, in place of the beginning of a path.
const CREDENTIALS: &str = "$CREDENTIALS_DIRECTORY";

/// An absolute path, a file among the service's credentials, or an empty text for none.
pub(super) fn credential_or_none(value: &Value) -> Result<Option<Credential>, String> {
    let inside = value.as_str().and_then(|text| text.strip_prefix(CREDENTIALS));
    let Some(name) = inside.and_then(|rest| rest.strip_prefix('/')) else {
        return Ok(path_or_none(value)?.map(Credential::File));
    };
    path(&Value::from(format!("/{name}")))?;
    if name.is_empty() || name.contains('/') {
        return Err(format!(
            "must be the name of one credential behind {CREDENTIALS}, is {}",
            shown(value)
        ));
    }
    Ok(Some(Credential::Passed(name.to_owned())))
}

/// A host name or an IP address, or an empty text for none.
pub(super) fn host_or_none(value: &Value) -> Result<Option<String>, String> {
    if value.as_str() == Some("") {
        return Ok(None);
    }
    host(value).map(Some)
}

/// A list of host names and IP addresses.
pub(super) fn hosts(value: &Value) -> Result<Vec<String>, String> {
    let list = value
        .as_array()
        .ok_or_else(|| format!("must be a list of names, is {}", shown(value)))?;
    list.iter().map(host).collect()
}

/// A list of absolute paths.
pub(super) fn paths(value: &Value) -> Result<Vec<PathBuf>, String> {
    let list = value
        .as_array()
        .ok_or_else(|| format!("must be a list of paths, is {}", shown(value)))?;
    list.iter().map(path).collect()
}

/// One of a few words.
pub(super) fn choice<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Value) -> Result<T, String> {
    |value| {
        let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            format!("must be one of {}, is {}", known.join(", "), shown(value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let seconds = |words| duration(&text(words)).map(|duration| duration.as_secs());
        assert_eq!(seconds("10s"), Ok(10));
        assert_eq!(seconds("1h 5m"), Ok(3900));
        assert_eq!(seconds("365d"), Ok(365 * 86400));
        assert_eq!(duration(&text("250ms")), Ok(Duration::from_millis(250)));
        assert_eq!(duration_or_zero(&text("0s")), Ok(Duration::ZERO));
        assert_eq!(
            duration(&text("0s")).unwrap_err(),
            "must be more than 0, is \"0s\""
        );
        assert_eq!(
            duration(&text("366d")).unwrap_err(),
            "must be at most 365 days, is \"366d\""
        );
        for bad in [
            text("ten"),
            text(""),
            text("10"),
            text("-1s"),
            Value::Integer(10),
            Value::Boolean(true),
        ] {
            assert!(
                duration(&bad)
                    .unwrap_err()
                    .ends_with("is not a duration such as \"10s\" or \"5m\""),
                "{bad}"
            );
        }
        assert!(duration(&text("18446744073709551615s 1000000000ns")).is_err());
    }

    #[test]
    fn sizes() {
        assert_eq!(size(1)(&Value::Integer(4096)), Ok(4096));
        assert_eq!(size(1)(&text("8MiB")), Ok(8 << 20));
        assert_eq!(size(1)(&text("8 MB")), Ok(8_000_000));
        assert_eq!(
            size(64)(&Value::Integer(63)).unwrap_err(),
            "must be between 64 bytes and 1TiB, is 63"
        );
        for bad in [
            text("big"),
            text("-1"),
            Value::Integer(-1),
            Value::Float(1.5),
            text("99999999999999999999 PiB"),
        ] {
            assert!(size(1)(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers() {
        let check = whole(1..=64_usize);
        assert_eq!(check(&Value::Integer(64)), Ok(64));
        assert_eq!(
            check(&Value::Integer(0)).unwrap_err(),
            "must be between 1 and 64, is 0"
        );
        assert_eq!(
            check(&Value::Integer(-1)).unwrap_err(),
            "must be between 1 and 64, is -1"
        );
        assert_eq!(
            check(&text("2")).unwrap_err(),
            "must be a whole number between 1 and 64, is \"2\""
        );
        assert!(whole(1..=u16::MAX)(&Value::Integer(65536)).is_err());
    }

    #[test]
    fn flags() {
        assert_eq!(flag(&Value::Boolean(true)), Ok(true));
        assert_eq!(
            flag(&text("yes")).unwrap_err(),
            "must be true or false, is \"yes\""
        );
        assert!(flag(&Value::Integer(1)).is_err());
    }

    #[test]
    fn more() {
        assert!(is_more(&Value::Integer(11), &Value::Integer(10)));
        assert!(is_more(&text("2m"), &text("60s")));
        for (value, other) in [
            (Value::Integer(10), Value::Integer(10)),
            (text("60s"), text("2m")),
            (text("2"), text("10")),
            (Value::Integer(120), text("60s")),
            (text("400d"), text("1s")),
        ] {
            assert!(!is_more(&value, &other), "{value} {other}");
        }
    }

    #[test]
    fn paths_are_absolute() {
        assert_eq!(path(&text("/a b")), Ok(PathBuf::from("/a b")));
        for bad in ["", "a", "./a", "/a\n", "/a\0", "/\u{fffd}"] {
            assert!(path(&text(bad)).is_err(), "{bad:?}");
        }
        assert_eq!(path_or_none(&text("")), Ok(None));
        assert_eq!(path_or_none(&text("/a")), Ok(Some(PathBuf::from("/a"))));
        assert!(path_or_none(&text("a")).is_err() && path_or_none(&Value::Boolean(false)).is_err());
        assert!(
            paths(&text("/a"))
                .unwrap_err()
                .starts_with("must be a list of paths, is")
        );
        assert!(paths(&Value::Array(vec![Value::Integer(1)])).is_err());
    }

    #[test]
    fn words() {
        let check = choice(&[("a", 1), ("b", 2)]);
        assert_eq!(check(&text("b")), Ok(2));
        assert_eq!(
            check(&text("c")).unwrap_err(),
            "must be one of \"a\", \"b\", is \"c\""
        );
    }

    fn text(text: &str) -> Value {
        Value::from(text)
    }
}
