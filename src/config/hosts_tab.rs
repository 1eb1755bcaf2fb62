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
//!
//! Whoever can write the table can have it lead to a file that is not theirs. So of a line that names no host nothing is
//! told but where it is and what it should be.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use super::address::{self, Host};
use super::doubt::DoubtKind;
use super::error::{self, ConfigError};
use super::host_id::HostId;
use super::text;
use crate::units;

/// Most lines that are told of one by one.
const MAX_WARNINGS: usize = 50;

/// The table: the line that counts for each id, and what to tell about the others.
#[derive(Debug, Default)]
pub(super) struct HostsTab {
    pub(super) rows: BTreeMap<HostId, Row>,
    /// One line each, naming file and line; of many the first, and how many more there are.
    pub(super) warnings: Vec<String>,
    /// Lines that are neither a server's nor passed over.
    num_broken: usize,
    /// The last line has no end.
    is_cut: bool,
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

    /// One that says this, and nothing odd.
    pub(super) fn of(rows: BTreeMap<HostId, Row>) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }

    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Self {
        let mut table = Self::default();
        let mut last = String::new();
        for (line, content) in text::lines(bytes) {
            let row = content.split('#').next().unwrap_or_default().trim();
            if !row.is_empty() && !row.starts_with('^') {
                table.add(path, line, row);
            }
            last = content;
        }
        table.is_cut = !last.is_empty();
        let untold = table.warnings.len().saturating_sub(MAX_WARNINGS);
        if untold > 0 {
            table.warnings.truncate(MAX_WARNINGS);
            let more = units::count(untold, "more line");
            table
                .warnings
                .push(format!("{}: {more} are odd as well", text::path(path)));
        }
        table
    }

    /// Why the table is not to be believed where it leaves somebody out or says something else than before.
    pub(super) fn doubt(&self) -> Option<(DoubtKind, String)> {
        let num_sound = self.num_hosts();
        if self.is_cut {
            let why = "its last line has no end: it is cut off, or still being written";
            return Some((DoubtKind::Cut, why.to_owned()));
        }
        if num_sound == 0 {
            let why = "it names no host, not even this host";
            let kind = if self.num_broken == 0 {
                DoubtKind::Empty
            } else {
                DoubtKind::Odd
            };
            return Some((kind, why.to_owned()));
        }
        (self.num_broken > num_sound).then(|| {
            let broken = units::count(self.num_broken, "line");
            let hosts = units::count(num_sound, "host");
            let why = format!(
                "{broken} of it name no host, and there are but {hosts}: it is hardly a table of servers"
            );
            (DoubtKind::Odd, why)
        })
    }

    /// How many hosts it has that could be connected to.
    pub(super) fn num_hosts(&self) -> usize {
        self.rows.values().filter(|row| row.host.is_ok()).count()
    }

    fn add(&mut self, path: &Path, line: usize, content: &str) {
        let place = format!("{}:{line}", text::path(path));
        let (id, rest) = content.split_once(':').unwrap_or((content, ""));
        let id: HostId = match id.trim().parse() {
            Ok(id) => id,
            Err(error) => {
                self.num_broken += 1;
                return self
                    .warnings
                    .push(format!("{place}: line skipped: its id {error}"));
            }
        };
        let host = host(rest);
        let is_sound = host.is_ok();
        if let Err(problem) = &host {
            self.num_broken += 1;
            self.warnings.push(format!("{place}: line skipped: {problem}"));
        }
        let hostname = hostname(rest);
        let row = Row { line, host, hostname };
        if let Some(earlier) = self.rows.insert(id.clone(), row) {
            let Row { line, host, .. } = earlier;
            let what = if is_sound || host.is_ok() {
                format!("peer {id} was already on line {line}")
            } else {
                format!("its id was already on line {line}")
            };
            self.warnings.push(format!("{place}: {what}; this line counts"));
        }
    }
}

/// The name of the host, from what follows the id.
fn hostname(rest: &str) -> Option<String> {
    let name = rest.split(':').nth(2)?.trim();
    address::is_file_name(name).then(|| name.to_owned())
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
        Err(
            "nothing to connect to: neither is the fourth field a host name nor the fifth an IP address"
                .to_owned(),
        )
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
                "/h:4: line skipped: its id is not a host id (letters, digits, \"_\", \".\" and \"-\")",
                "/h:5: line skipped: too few fields, must be id:domain:role:hostname:ip",
                "/h:6: line skipped: nothing to connect to: neither is the fourth field a host name nor the fifth an IP \
                 address",
                "/h:7: line skipped: its id is not a host id (letters, digits, \"_\", \".\" and \"-\")",
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

    #[test]
    fn of_lines_that_name_no_host_nothing_is_told() {
        let secrets =
            b"hunter2\nhunter2\ns3cret:x\n$6$salt:19000:0:99999\nt0ken-abc:d:r:/etc:%\nt0ken-abc:d\n";
        let told = table(secrets).warnings;
        assert_eq!(told.len(), 8, "{told:?}");
        for secret in ["hunter2", "s3cret", "salt", "19000", "t0ken", "/etc"] {
            assert!(!told.iter().any(|line| line.contains(secret)), "{told:?}");
        }
    }

    #[test]
    fn of_many_odd_lines_the_first_are_told_and_the_others_counted() {
        let told = table("x\n".repeat(60).as_bytes()).warnings;
        assert_eq!(told.len(), MAX_WARNINGS + 1);
        assert_eq!(told.last().unwrap(), "/h: 69 more lines are odd as well");
    }

    #[test]
    fn what_is_cut_or_hardly_a_table_is_in_doubt() {
        for sound in [
            "a:d:r:h:1.1.1.1\n",
            "a:d:r:h:1.1.1.1\n  ",
            "a:d:r:h:1.1.1.1\n<html>\n",
            "# x\na:d:r:h:1.1.1.1\n\n",
        ] {
            assert_eq!(table(sound.as_bytes()).doubt(), None, "{sound:?}");
        }
        for (odd, why) in [
            ("a:d:r:h:1.1.1.1", "no end"),
            ("a:d:r:h:1.1.1.1\nb:d:r", "no end"),
            ("a:d:r:h:1.1.1.1\n# the", "no end"),
            ("", "no host"),
            ("\n# nobody\n", "no host"),
            ("<html>\n<body>404</body>\n", "no host"),
            ("a:d:r:h:1.1.1.1\n<html>\n404\n", "2 lines of it name no host"),
        ] {
            let (_, doubt) = table(odd.as_bytes()).doubt().unwrap();
            assert!(doubt.contains(why), "{odd:?}: {doubt}");
        }
    }

    fn table(bytes: &[u8]) -> HostsTab {
        HostsTab::parse(Path::new("/h"), bytes)
    }

    fn only(line: &str) -> Result<Host, String> {
        table(line.as_bytes()).rows.into_values().next().unwrap().host
    }
}
