//! Names in the spool: whose they are, and new ones that sort behind the old.
//!
//! A name ends in `.<peer id>`; what is before sorts by time. Ours are `<epoch>.<count>.<pid>.<word>.<peer>`, as later
//! releases of lonnet write them, with the count padded so that it sorts as a number.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::disk::Shelf;
use super::name::Name;
use crate::request::Request;

/// Longest piece of a command in a name, in bytes; what lonnet takes.
const WORD: usize = 16;

/// The host for which a file of this name on the shelf is a message, of those that `is_host`; the longest of the ids in
/// which the name ends.
pub fn addressee(shelf: Shelf, name: &[u8], is_host: impl Fn(&str) -> bool) -> Option<&str> {
    let dots = |name| memchr::memchr_iter(b'.', name);
    let ends = |name| dots(name).filter_map(|at| core::str::from_utf8(name.get(at + 1..)?).ok());
    let original = if shelf == Shelf::Queue {
        &[][..]
    } else {
        original(name)
    };
    let mut ends = ends(name).chain(ends(original));
    ends.find(|end| is_host(end)).filter(|_| !name.starts_with(b"."))
}

/// Tells the peer's files from others.
#[derive(Debug)]
pub(super) struct Owner {
    suffix: String,
    /// Endings of other hosts' files that end like ours as well, as `.a.b` does for the host `b`.
    others: Vec<String>,
    temporary: String,
}

impl Owner {
    /// The files of `peer`, and not those of `alike`, hosts whose ids end in `.<peer>`.
    pub(super) fn new(peer: &str, alike: &[String]) -> Self {
        let others = alike.iter().map(|host| format!(".{host}")).collect();
        Self {
            suffix: format!(".{peer}"),
            others,
            temporary: format!(".storing-{peer}-"),
        }
    }

    /// True if a file of this name is a message for the peer.
    pub(super) fn owns(&self, name: &[u8]) -> bool {
        let is_others = |suffix: &String| name.ends_with(suffix.as_bytes());
        !name.starts_with(b".")
            && name.ends_with(self.suffix.as_bytes())
            && !self.others.iter().any(is_others)
    }

    /// True if this is a name of one of the peer's messages on the shelf. No name leads to another directory.
    pub(super) fn keeps(&self, shelf: Shelf, name: &[u8]) -> bool {
        let is_plain = !name.contains(&b'/');
        is_plain && (self.owns(name) || (shelf != Shelf::Queue && self.owns(original(name))))
    }

    /// The name of a message that comes back to the queue.
    pub(super) fn queued(&self, name: &Name) -> Name {
        if self.owns(name.as_bytes()) {
            name.clone()
        } else {
            Name::from(original(name.as_bytes()))
        }
    }

    /// What `name` is called while it is written: nobody's message, as its end does not make it one.
    pub(super) fn temporary(&self, pid: u32, name: &Name) -> Name {
        let front = format!("{}{pid}.", self.temporary);
        Name::from(&*[front.as_bytes(), name.as_bytes(), b".tmp"].concat())
    }

    /// True if an instance for the peer began to store a message by this name. It has to be such a name from end to end:
    /// what it begins and ends with may be another host's, as `.storing-a-1.b-` begins like one of the host `a`.
    pub(super) fn is_temporary(&self, name: &[u8]) -> bool {
        let name = name.strip_prefix(self.temporary.as_bytes());
        let name = name.and_then(|rest| rest.strip_suffix(b".tmp"));
        let parts = name.and_then(|rest| rest.strip_suffix(self.suffix.as_bytes()));
        let parts: Vec<_> = parts
            .into_iter()
            .flat_map(|parts| parts.split(|byte| *byte == b'.'))
            .collect();
        let [pid, epoch, count, storing, word] = &*parts else {
            return false;
        };
        [pid, epoch, count].into_iter().all(|digits| is_number(digits))
            && pid == storing
            && word.iter().all(u8::is_ascii_alphanumeric)
    }
}

fn is_number(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// What is between a name and its number: no id of a host has it, so that the number makes nobody else's of it.
const BEFORE_NUMBER: u8 = b'~';

/// The name without the number that told it from another of the same name. Before the numbers of earlier builds is a dot.
fn original(name: &[u8]) -> &[u8] {
    let at = name.iter().rposition(|byte| [BEFORE_NUMBER, b'.'].contains(byte));
    match at.and_then(|at| name.split_at_checked(at)) {
        Some((front, [_, digits @ ..])) if is_number(digits) => front,
        Some(_) | None => name,
    }
}

/// A name to tell a message from others of the same name.
pub(super) fn numbered(name: &Name, number: u32) -> Name {
    Name::from(&*[name.as_bytes(), &[BEFORE_NUMBER], number.to_string().as_bytes()].concat())
}

/// True if a lonc made the name, of this process or one before: nobody else pads the count.
pub(super) fn is_made_by_lonc(name: &Name) -> bool {
    let mut parts = name.as_bytes().split(|byte| *byte == b'.');
    let is_epoch = |part: &[u8]| part.len() == 10 && is_number(part);
    let is_count = |part: &[u8]| part.len() == 6 && part.starts_with(b"0") && is_number(part);
    parts.next().is_some_and(is_epoch) && parts.next().is_some_and(is_count)
}

/// What is claimed to be later than so many seconds from now is heeded by nobody: any worker can make such a name, and
/// whatever is stored afterwards would have to be of that time as well.
const TOO_LATE: u64 = 24 * 60 * 60;
/// Digits of a time in a name.
const DIGITS: usize = 10;
/// The latest time that is put in a name. Some are left beyond, of as many digits, for those that come together.
const LATEST: u64 = 9_999_000_000;
/// Most names of one second. Six digits hold them, with a zero before, which tells that a lonc made them.
const MOST: u32 = 99_999;

/// Makes names, each behind all before.
#[derive(Debug, Default)]
pub(super) struct Namer {
    epoch: u64,
    count: u32,
    last: String,
}

impl Namer {
    /// Heeds a name that is there already at `now`, in seconds since 1970: those to come sort behind it.
    pub(super) fn heed(&mut self, name: &[u8], now: u64) {
        if name > self.last.as_bytes() {
            let behind = first_behind(name);
            if behind > self.epoch && behind <= now.saturating_add(TOO_LATE).min(LATEST) {
                (self.epoch, self.count) = (behind, 0);
            }
        }
    }

    /// A name for a message of `peer`, stored at `epoch`, in seconds since 1970, by the process `pid`.
    pub(super) fn name(&mut self, epoch: u64, request: &Request, peer: &str, pid: u32) -> Name {
        let epoch = epoch.min(LATEST);
        if epoch > self.epoch {
            (self.epoch, self.count) = (epoch, 0);
        }
        if self.count >= MOST {
            (self.epoch, self.count) = (self.epoch + 1, 0);
        }
        self.count += 1;
        self.last = format!(
            "{:010}.{:06}.{pid}.{}.{peer}",
            self.epoch,
            self.count,
            word(request)
        );
        Name::from(self.last.as_bytes())
    }
}

/// The first time that sorts behind `name`, written as in our names. Names are compared as they are written, whatever
/// number their digits may be meant to be.
fn first_behind(name: &[u8]) -> u64 {
    let digits = name.iter().take(DIGITS).take_while(|byte| byte.is_ascii_digit());
    let (count, number) = digits.fold((0, 0), |(count, number), digit| {
        (count + 1, number * 10 + u64::from(digit - b'0'))
    });
    let is_before_digits = name.get(count).is_none_or(|next| *next < b'0');
    let is_first = count < DIGITS && is_before_digits;
    let missing = DIGITS.saturating_sub(count);
    (0..missing).fold(number + u64::from(!is_first), |number, _| number * 10)
}

/// What the message is about, for a person who looks at the directory; nothing of an encrypted one.
fn word(request: &Request) -> String {
    if request.is_encrypted() {
        return "encrypt".to_owned();
    }
    let command = request.command().split(|byte| *byte == b':').next();
    command
        .unwrap_or_default()
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .take(WORD)
        .map(|byte| char::from(*byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use bytes::Bytes;

    use super::*;
    use crate::request::Asked;

    fn request(line: &'static str) -> Request {
        match Asked::of(Bytes::from_static(line.as_bytes())) {
            Asked::Forward(request) => request,
            Asked::Nothing | Asked::Stop | Asked::Retry | Asked::Refused(_) => panic!("{line} is a command"),
        }
    }

    #[test]
    fn a_message_is_for_the_host_with_the_longest_id() {
        let hosts = ["b", "a.b", "c.a.b"];
        let of = |name: &'static str| addressee(Shelf::Queue, name.as_bytes(), |id| hosts.contains(&id));
        assert_eq!(of("1.put.a.b"), Some("a.b"));
        assert_eq!(of("1.x.b"), Some("b"));
        assert_eq!(of("1.c.a.b"), Some("c.a.b"));
        for none in ["", ".", "b", "1.b.", "1.x", ".storing-b.b", "1.b.tmp"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(addressee(Shelf::Queue, b"\xff.b", |id| id == "b"), Some("b"));
        assert_eq!(addressee(Shelf::Queue, b"1.\xff", |_| true), None);
        // Only beside the queue a number tells it from another of the same name.
        assert_eq!(of("1.put.b.2"), None);
        assert_eq!(
            addressee(Shelf::Failed, b"1.put.a.b.2", |id| hosts.contains(&id)),
            Some("a.b")
        );
        for host in ["b", "7"] {
            let name = numbered(&Name::from(format!("1.put.{host}")), 7);
            let of = addressee(Shelf::Failed, name.as_bytes(), |id| ["b", "7"].contains(&id));
            assert_eq!(of, Some(host));
        }
    }

    #[test]
    fn only_the_peers_own_files_are_its() {
        let owner = Owner::new("msul1", &[]);
        assert!(owner.owns(b"1038000000.3.4711.putx.msul1"));
        assert!(owner.owns(b"1.msul1"));
        for other in [
            "x.xmsul1",
            "x.msul10",
            "x.msul1.",
            "msul1",
            "x-msul1",
            ".tmp.msul1",
            "x.MSUL1",
        ] {
            assert!(!owner.owns(other.as_bytes()), "{other}");
        }
        let dotted = Owner::new("a.b", &[]);
        assert!(dotted.owns(b"1.2.a.b"));
        assert!(!dotted.owns(b"1.2.axb"));
        let short = Owner::new("b", &["a.b".to_string()]);
        assert!(short.owns(b"1.2.b"));
        assert!(!short.owns(b"1.2.a.b"));
    }

    #[test]
    fn names_sort_in_the_order_they_were_made() {
        let (mut namer, put) = (Namer::default(), request("critical:put:x"));
        let old = Name::from(&b"1700000100.1.2.x.msul1"[..]);
        namer.heed(old.as_bytes(), 1_700_000_000);
        let times = [
            1_700_000_000,
            1_700_000_000,
            1_699_999_999,
            1_700_000_101,
            1_700_000_200,
            1_700_000_150,
        ];
        let names: Vec<Name> = times
            .iter()
            .map(|epoch| namer.name(*epoch, &put, "msul1", 77))
            .collect();
        assert!(names.is_sorted() && names[0] > old, "{names:?}");
        assert!(
            names
                .iter()
                .all(|name| name.as_bytes().ends_with(b".77.put.msul1"))
        );
        let secret = namer.name(
            1_800_000_000,
            &request("critical:encrypt:auth:secret"),
            "msul1",
            77,
        );
        assert!(secret.as_bytes().ends_with(b".encrypt.msul1"), "{secret:?}");
    }

    /// The names that are made at `now` while `there` is there.
    fn names_beside(there: &[&[u8]], now: u64, count: usize) -> Vec<Name> {
        let (mut namer, put) = (Namer::default(), request("critical:put:x"));
        for name in there {
            namer.heed(name, now);
        }
        (0..count).map(|_| namer.name(now, &put, "msul1", 77)).collect()
    }

    #[test]
    fn what_is_there_moves_a_name_no_further_than_it_has_to() {
        for (name, first) in [
            ("", 0),
            ("17.msul1", 1_700_000_000),
            ("17", 1_700_000_000),
            ("17x.msul1", 1_800_000_000),
            ("170000000/", 1_700_000_000),
            ("170000000:", 1_700_000_010),
            ("1700000000", 1_700_000_001),
            ("1700000000.msul1", 1_700_000_001),
            ("17000000009", 1_700_000_001),
            ("x.msul1", 10_000_000_000),
        ] {
            assert_eq!(first_behind(name.as_bytes()), first, "{name}");
        }
        // Not even by one's own, which come back as files that appeared.
        let (mut namer, put) = (Namer::default(), request("critical:put:x"));
        for count in 1..4 {
            let name = namer.name(1_700_000_000, &put, "msul1", 7);
            assert_eq!(
                name.to_string_lossy(),
                format!("1700000000.{count:06}.7.put.msul1")
            );
            namer.heed(name.as_bytes(), 1_700_000_000);
        }
    }

    #[test]
    fn what_claims_to_be_of_the_far_future_is_not_heeded() {
        for far in [
            "9999999999.x.msul1",
            "99999999990.x.msul1",
            "1700086400.1.2.x.msul1",
            "18446744073709551615.msul1",
            "99999999999999999999999999.msul1",
            "2.msul1",
            "x.msul1",
            "\u{ff}.msul1",
            "1x.msul1",
        ] {
            let names = names_beside(&[far.as_bytes()], 1_700_000_000, 2);
            assert_eq!(names, names_beside(&[], 1_700_000_000, 2), "{far}");
        }
    }

    #[test]
    fn whatever_is_there_up_to_a_day_from_now_sorts_before() {
        for near in [
            "1700086399.1.2.x.msul1",
            "1700000000x.msul1",
            "17000000009.msul1",
            "170000000.msul1",
            "170000000/.msul1",
            "170000000x.msul1",
            "1700000000.999999.99999.zz.msul1",
            "1700000000.9999999.9.zz.msul1",
            "17.msul1",
            "1",
            "",
            "0000000000000000000000000000001.msul1",
        ] {
            let names = names_beside(&[near.as_bytes()], 1_700_000_000, 2);
            let last = Name::from(near.as_bytes());
            assert!(last < names[0] && names.is_sorted(), "{near}: {names:?}");
            assert!(names[0].as_bytes() < &b"1700086401"[..], "{near}: {names:?}");
        }
    }

    #[test]
    fn a_million_in_one_second_sort_as_they_were_made() {
        for now in [1_700_000_000, u64::MAX] {
            let names = names_beside(&[], now, 1_000_001);
            assert!(names.is_sorted() && names.iter().all(is_made_by_lonc));
        }
    }

    #[test]
    fn originals() {
        for (name, is) in [
            ("a.msul1~12", "a.msul1"),
            ("a.msul1.12", "a.msul1"),
            ("a.msul1~", "a.msul1~"),
            ("a.msul1", "a.msul1"),
            ("a.", "a."),
            ("a", "a"),
        ] {
            assert_eq!(original(name.as_bytes()), is.as_bytes());
        }
    }

    #[test]
    fn what_is_being_stored_is_no_message_and_can_be_told() {
        let owner = Owner::new("msul1", &[]);
        let temporary = storing("msul1");
        assert!(owner.is_temporary(temporary.as_bytes()) && !owner.owns(temporary.as_bytes()));
        for other in [
            ".storing-msul1-x.1.msul1",
            ".storing-other-77.1.msul1.tmp",
            ".storing-msul1-77.1.msul1.tmp",
            ".storing-msul1-77.1700000000.000001.78.put.msul1.tmp",
            ".storing-msul1-77.1700000000.000001.77.put.msul1",
            ".storing-msul1-77.1700000000.000001.77.put.msul10.tmp",
            ".storing-msul1-77.1700000000..77.put.msul1.tmp",
            ".storing-msul1-77.1700000000.000001.77.put.more.msul1.tmp",
            ".storing-msul1-.msul1.tmp",
            "1.msul1",
        ] {
            assert!(!owner.is_temporary(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_is_being_stored_is_of_one_host_whatever_the_others_are_called() {
        let hosts = [
            "a",
            "a-1",
            "a-1.b",
            "a-1.a",
            "1.a",
            "1-a",
            "a-77.1.2.77.put.a",
            "a.a",
            "a-a",
            "b",
            "-a",
            "77.a",
            "A",
        ];
        for host in hosts {
            let temporary = storing(host);
            let claims = |peer: &&&str| Owner::new(peer, &[]).is_temporary(temporary.as_bytes());
            let owners: Vec<_> = hosts.iter().filter(claims).collect();
            assert_eq!(owners, [&host], "{temporary:?}");
        }
    }

    /// What a message for `peer` is called while it is written.
    fn storing(peer: &str) -> Name {
        let name = Namer::default().name(1_700_000_000, &request("critical:put:x"), peer, 77);
        Owner::new(peer, &[]).temporary(77, &name)
    }
}
