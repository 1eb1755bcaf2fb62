//! Names of the files in the spool: whose they are, and new ones that sort behind the old.
//!
//! A name ends in `.<peer id>`; what is before sorts by time. Ours are `<epoch>.<count>.<pid>.<word>.<peer>`, as later
//! releases of lonnet write them, with the count padded so that it sorts as a number.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process;

use lonc_proto::request::Request;

use crate::config::HostId;

/// Longest piece of a command in a name, in bytes; what lonnet takes.
const WORD: usize = 16;

/// Tells the peer's files from others.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    suffix: String,
    /// Endings of other hosts' files that end like ours as well, as `.a.b` does for the host `b`.
    others: Vec<String>,
}

impl Owner {
    /// The files of `peer`, and not those of `alike`, hosts whose ids end in `.<peer>`.
    pub(crate) fn new(peer: &HostId, alike: &[HostId]) -> Self {
        let others = alike.iter().map(|host| format!(".{host}")).collect();
        Self {
            suffix: format!(".{peer}"),
            others,
        }
    }

    /// True if a file of this name is a message for the peer.
    pub(crate) fn owns(&self, name: &OsStr) -> bool {
        let name = name.as_bytes();
        let is_others = |suffix: &String| name.ends_with(suffix.as_bytes());
        !name.starts_with(b".")
            && name.ends_with(self.suffix.as_bytes())
            && !self.others.iter().any(is_others)
    }
}

/// Makes names, each behind all before.
#[derive(Debug, Default)]
pub(crate) struct Namer {
    epoch: u64,
    count: u64,
    last: String,
}

impl Namer {
    /// Heeds a name that is there already: those to come sort behind it.
    pub(crate) fn heed(&mut self, name: &OsStr) {
        if name.as_bytes() <= self.last.as_bytes() {
            return;
        }
        let front = name
            .as_bytes()
            .split(|byte| *byte == b'.')
            .next()
            .unwrap_or_default();
        let epoch = std::str::from_utf8(front)
            .ok()
            .and_then(|digits| digits.parse::<u64>().ok());
        if let Some(epoch) = epoch.filter(|epoch| *epoch >= self.epoch && front.len() <= 10) {
            self.epoch = epoch + 1;
            self.count = 0;
        }
    }

    /// A name for a message stored at `now`, in seconds since 1970.
    pub(crate) fn name(&mut self, now: u64, request: &Request, peer: &HostId) -> String {
        if now > self.epoch {
            (self.epoch, self.count) = (now, 0);
        }
        self.count += 1;
        let pid = process::id();
        self.last = format!(
            "{:010}.{:06}.{pid}.{}.{peer}",
            self.epoch,
            self.count,
            word(request)
        );
        self.last.clone()
    }
}

/// What the message is about, for a person who looks at the directory; nothing of an encrypted one.
fn word(request: &Request) -> String {
    if request.is_encrypted() {
        return "encrypt".to_owned();
    }
    let command = request
        .command()
        .split(|byte| *byte == b':')
        .next()
        .unwrap_or_default();
    command
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .take(WORD)
        .map(|byte| char::from(*byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use lonc_proto::request::Asked;

    fn host(id: &str) -> HostId {
        id.parse().unwrap()
    }

    fn request(line: &'static str) -> Request {
        match Asked::of(Bytes::from_static(line.as_bytes())) {
            Asked::Forward(request) => request,
            Asked::Nothing | Asked::Stop => panic!("{line} is a command"),
        }
    }

    #[test]
    fn only_the_peers_own_files_are_its() {
        let owner = Owner::new(&host("msul1"), &[]);
        assert!(owner.owns(OsStr::new("1038000000.3.4711.putx.msul1")));
        assert!(owner.owns(OsStr::new("1.msul1")));
        for other in [
            "x.xmsul1",
            "x.msul10",
            "x.msul1.",
            "msul1",
            "x-msul1",
            ".tmp.msul1",
            "x.MSUL1",
        ] {
            assert!(!owner.owns(OsStr::new(other)), "{other}");
        }
        let dotted = Owner::new(&host("a.b"), &[]);
        assert!(dotted.owns(OsStr::new("1.2.a.b")));
        assert!(!dotted.owns(OsStr::new("1.2.axb")));
        let short = Owner::new(&host("b"), &[host("a.b")]);
        assert!(short.owns(OsStr::new("1.2.b")));
        assert!(!short.owns(OsStr::new("1.2.a.b")));
    }

    #[test]
    fn names_sort_in_the_order_they_were_made() {
        let (mut namer, peer, put) = (Namer::default(), host("msul1"), request("critical:put:x"));
        namer.heed(OsStr::new("1700000100.1.2.x.msul1"));
        let times = [
            1_700_000_000,
            1_700_000_000,
            1_699_999_999,
            1_700_000_101,
            1_700_000_200,
            1_700_000_150,
        ];
        let names: Vec<String> = times.iter().map(|now| namer.name(*now, &put, &peer)).collect();
        assert!(
            names.is_sorted() && names[0].as_str() > "1700000100.1.2.x.msul1",
            "{names:?}"
        );
        assert!(names.iter().all(|name| name.ends_with(".put.msul1")));
        let secret = namer.name(1_800_000_000, &request("critical:encrypt:auth:secret"), &peer);
        assert!(secret.ends_with(".encrypt.msul1"), "{secret}");
    }
}
