//! The table of servers, `hosts.tab`: one line `id:domain:role:hostname:ip` a server.
//!
//! Blank lines, comments (from `#` on) and fields after the fifth are passed over, and so are the lines
//! beginning with `^` by which later releases list their name servers. The file need not be UTF-8.
//!
//! The fifth field is where to connect if it is an IP address, and the host name of the fourth where that address does
//! not work: later releases carry a protocol in the fifth, or leave it empty or out; then the name alone is used. An IPv6 address may stand in brackets or bare;
//! bare it must not begin with `:`, where it could not be told from an empty field.
//!
//! Of two lines with one id the later counts, as it did in the hash of the original.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::address::{self, Host};
use super::error::{self, ConfigError};
use super::host_id::HostId;
use super::text;

/// The table: the line that counts for each id, and what to tell about the others.
#[derive(Debug, Default)]
pub(super) struct HostsTab {
    pub(super) rows: BTreeMap<HostId, Row>,
    /// One line each, naming file and line.
    pub(super) warnings: Vec<String>,
}

/// One server's line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Number of the line, from 1.
    pub(super) line: usize,
    /// Where to connect, or what is wrong with the line.
    pub(super) host: Result<Host, String>,
    /// The fourth field, if it is a name or an IPv4 address: neither holds a `/` or begins with a dot.
    pub(super) hostname: Option<String>,
}

impl HostsTab {
    /// Reads the table; `wanted_by` says which setting names it.
    pub(super) fn read(path: &Path, wanted_by: String) -> Result<Self, ConfigError> {
        Ok(Self::parse(path, &error::read(path, Some(wanted_by))?))
    }

    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Self {
        let mut table = Self::default();
        for (line, content) in text::lines(bytes) {
            let content = content.split('#').next().unwrap_or_default().trim();
            if !content.is_empty() && !content.starts_with('^') {
                table.add(path, line, content);
            }
        }
        table
    }

    fn add(&mut self, path: &Path, line: usize, content: &str) {
        let place = format!("{}:{line}", text::path(path));
        let (id, rest) = content.split_once(':').unwrap_or((content, ""));
        let id: HostId = match id.trim().parse() {
            Ok(id) => id,
            Err(error) => {
                return self.warnings.push(format!(
                    "{place}: line skipped: id {} {error}",
                    text::quoted(id.trim())
                ));
            }
        };
        let host = host(rest);
        if let Err(problem) = &host {
            self.warnings
                .push(format!("{place}: line skipped: peer {id}: {problem}"));
        }
        let row = Row {
            line,
            host,
            hostname: hostname(rest),
        };
        if let Some(earlier) = self.rows.insert(id.clone(), row) {
            self.warnings.push(format!(
                "{place}: peer {id} was already on line {}; this line counts",
                earlier.line
            ));
        }
    }
}

/// The name of the host, from what follows the id.
fn hostname(rest: &str) -> Option<String> {
    let name = rest.split(':').nth(2)?.trim();
    let is_file_name = address::is_name(name) || name.parse::<Ipv4Addr>().is_ok();
    is_file_name.then(|| name.to_owned())
}

/// Where to connect, from what follows the id.
fn host(rest: &str) -> Result<Host, String> {
    let mut fields = rest.splitn(4, ':').map(str::trim);
    let (_domain, _role) = (fields.next(), fields.next());
    let Some(name) = fields.next() else {
        return Err("too few fields, must be id:domain:role:hostname:ip".to_owned());
    };
    let last = fields.next().unwrap_or_default();
    if let Some(ip) = leading_ip(last) {
        let alternative = Some(name.to_owned()).filter(|name| address::is_name(name));
        Ok(Host {
            name: ip,
            alternative,
        })
    } else if address::is_name(name) || name.parse::<IpAddr>().is_ok() {
        Ok(Host::only(name.to_owned()))
    } else {
        let field = last.split(':').next().unwrap_or_default();
        Err(format!(
            "nothing to connect to: neither {} is a host name nor {} an IP address",
            text::quoted(name),
            text::quoted(field)
        ))
    }
}

/// The IP address at the beginning of the fifth and later fields.
fn leading_ip(fields: &str) -> Option<String> {
    if let Some((inner, _)) = fields.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(|_| inner.to_owned());
    }
    if fields.starts_with(':') {
        return None;
    }
    let ends = fields.match_indices(':').map(|(at, _)| at).chain([fields.len()]);
    let candidates = ends
        .filter(|end| *end > 0)
        .filter_map(|end| fields.get(..end))
        .take(8);
    let is_ip = |text: &&str| text.parse::<IpAddr>().is_ok();
    candidates.map(str::trim).filter(is_ip).last().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_connect() {
        for (line, host) in [
            ("a:msu:library:zaphod.msu.edu:10.0.0.1", "10.0.0.1"),
            (" a : msu : library : zaphod.msu.edu : 10.0.0.1 \r", "10.0.0.1"),
            ("a:msu:library:zaphod.msu.edu:10.0.0.1:extra:more", "10.0.0.1"),
            ("a:msu:library:zaphod.msu.edu:https:msu.edu", "zaphod.msu.edu"),
            ("a:msu:library:zaphod.msu.edu:", "zaphod.msu.edu"),
            ("a:msu:library:zaphod.msu.edu", "zaphod.msu.edu"),
            ("a:msu:library:zaphod.msu.edu:::", "zaphod.msu.edu"),
            ("a:msu:library:zaphod.msu.edu:10.0.0.1 # comment", "10.0.0.1"),
            ("a:msu:library:zaphod.msu.edu:[2001:db8::1]:extra", "2001:db8::1"),
            ("a:msu:library:zaphod.msu.edu:[::1]", "::1"),
            ("a:msu:library:zaphod.msu.edu:2001:db8::1", "2001:db8::1"),
            ("a:msu:library:zaphod.msu.edu:1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            (
                "a:msu:library:zaphod.msu.edu:1:2:3:4:5:6:7:8:extra",
                "1:2:3:4:5:6:7:8",
            ),
            ("a:msu:library:10.0.0.9:http", "10.0.0.9"),
            ("a:::z:", "z"),
        ] {
            assert_eq!(only(line).map(|host| host.name).as_deref(), Ok(host), "{line}");
        }
    }

    #[test]
    fn the_name_beside_an_address_is_the_alternative() {
        for (line, alternative) in [
            ("a:msu:library:zaphod.msu.edu:10.0.0.1", Some("zaphod.msu.edu")),
            ("a:msu:library:zaphod.msu.edu:[::1]:extra", Some("zaphod.msu.edu")),
            ("a:msu:library:zaphod.msu.edu:https", None),
            ("a:msu:library::10.0.0.1", None),
            ("a:msu:library:10.0.0.9:10.0.0.1", None),
            ("a:msu:library:no name:10.0.0.1", None),
        ] {
            assert_eq!(only(line).unwrap().alternative.as_deref(), alternative, "{line}");
        }
    }

    #[test]
    fn broken_lines_warn() {
        let table = table(
            b"# \xe9t\xe9\n\n^dns.msu.edu:https\na b:msu:library:z:1.2.3.4\nc:msu\nd:msu:library::x\n\xff\n",
        );
        assert_eq!(table.rows.len(), 2);
        assert!(table.rows.values().all(|row| row.host.is_err()));
        assert_eq!(
            table.warnings,
            [
                "/h:4: line skipped: id \"a b\" is not a host id (letters, digits, \"_\", \".\" and \"-\")",
                "/h:5: line skipped: peer c: too few fields, must be id:domain:role:hostname:ip",
                "/h:6: line skipped: peer d: nothing to connect to: neither \"\" is a host name nor \"x\" an IP address",
                "/h:7: line skipped: id \"\u{fffd}\" is not a host id (letters, digits, \"_\", \".\" and \"-\")",
            ]
        );
    }

    #[test]
    fn the_later_line_counts() {
        let table = table(b"a:d:r:one:\nb:d:r:x:\na:d:r:two:\n");
        let row = table.rows.get(&"a".parse().unwrap()).unwrap();
        assert_eq!((row.line, &row.host), (3, &Ok(Host::only("two".to_owned()))));
        assert_eq!(
            table.warnings,
            ["/h:3: peer a was already on line 1; this line counts"]
        );
    }

    fn table(bytes: &[u8]) -> HostsTab {
        HostsTab::parse(Path::new("/h"), bytes)
    }

    fn only(line: &str) -> Result<Host, String> {
        table(line.as_bytes()).rows.into_values().next().unwrap().host
    }
}
