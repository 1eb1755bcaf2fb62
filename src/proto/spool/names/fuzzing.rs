//! Names that are made while others are there, and whose they are.

use std::format;
use std::prelude::v1::*;

use bytes::Bytes;

use super::{LATEST, Namer, Owner, Shelf, TOO_LATE, addressee, is_made_by_lonc, numbered, word};
use crate::request::{Asked, Request};
use crate::script::Script;
use crate::spool::Name;

/// Hosts whose ids end in each other's.
const HOSTS: [&str; 6] = ["b", "a.b", "1.a.b", "a-1.b", "a", "77"];
/// When everything begins, in seconds since 1970.
const NOW: usize = 1_700_000_000;

struct World {
    namer: Namer,
    peer: &'static str,
    now: u64,
    /// The last of those that ours have to be behind.
    last: Option<Name>,
}

/// Lets happen what the script says.
pub(crate) fn play(script: &mut Script<'_>) {
    let mut world = World {
        namer: Namer::default(),
        peer: script.one_of(HOSTS),
        now: 0,
        last: None,
    };
    while !script.is_over() {
        world.now = match script.weighted([6, 1, 1]) {
            0 => script.within(NOW..NOW + 256) as u64,
            1 => script.within(0..1 << 40) as u64,
            _ => script.one_of([0, LATEST - 1, LATEST, LATEST + 1, 9_999_999_999, u64::MAX]),
        };
        if script.chance(40) {
            let name = name(script);
            world.heed(&name);
            world.belongs(&name);
        } else {
            let line = [b"critical:", &*script.piece(24), b"x"].concat();
            world.make(&line, script.within(0..100_000) as u32);
        }
    }
}

/// One that somebody else made.
fn name(script: &mut Script<'_>) -> Vec<u8> {
    let front = script.one_of([
        "",
        "1700000000.",
        "17000000",
        "9999999999.000001.",
        ".storing-b-77.",
        "0",
    ]);
    let end = script.one_of(["", ".b", ".a.b", ".b.12", ".1.a.b.tmp", ".a-1.b", ".77"]);
    [front.as_bytes(), &script.piece(24), end.as_bytes()].concat()
}

fn addressee_of_hosts(shelf: Shelf, name: &[u8]) -> Option<&str> {
    addressee(shelf, name, |id| HOSTS.contains(&id))
}

fn owner_beside_others(host: &str) -> Owner {
    let alike = HOSTS.iter().filter(|other| other.ends_with(&format!(".{host}")));
    Owner::new(host, &alike.map(|host| (*host).into()).collect::<Vec<String>>())
}

fn request(line: &[u8]) -> Option<Request> {
    match Asked::of(Bytes::copy_from_slice(line)) {
        Asked::Forward(request) => Some(request),
        Asked::Nothing | Asked::Stop | Asked::Retry | Asked::Refused(_) => None,
    }
}

impl World {
    fn heed(&mut self, name: &[u8]) {
        self.namer.heed(name, self.now);
        // What claims to be of more than a day from now is heeded by nobody.
        let latest = format!("{:010}", self.now.saturating_add(TOO_LATE).min(LATEST));
        if name < latest.as_bytes() {
            self.last = self.last.take().max(Some(Name::from(name)));
        }
    }

    fn make(&mut self, line: &[u8], pid: u32) {
        let Some(request) = request(line) else { return };
        let name = self.namer.name(self.now, &request, self.peer, pid);
        assert!(
            self.last.as_ref().is_none_or(|last| *last < name),
            "{name:?} behind {:?}",
            self.last
        );
        assert!(is_made_by_lonc(&name));
        assert!(
            !request.is_encrypted() || word(&request) == "encrypt",
            "{name:?} tells a secret"
        );
        self.belongs(name.as_bytes());
        let owner = Owner::new(self.peer, &[]);
        assert!(owner.owns(name.as_bytes()));
        let temporary = owner.temporary(pid, &name);
        for host in HOSTS {
            let is_its = Owner::new(host, &[]).is_temporary(temporary.as_bytes());
            assert_eq!(is_its, host == self.peer, "{temporary:?} of {host}");
        }
        assert!(!owner.owns(temporary.as_bytes()));
        // Of the process that it names at its beginning, and no other.
        let another = owner.temporary(pid + 1, &name);
        assert!(!owner.is_temporary(another.as_bytes()), "{another:?}");
        self.is_numbered(&name, pid);
        self.last = Some(name);
    }

    /// With a number it is the same host's, and goes back by the name it had.
    fn is_numbered(&self, name: &Name, number: u32) {
        let other = numbered(name, number);
        let of = addressee_of_hosts(Shelf::Failed, other.as_bytes());
        assert_eq!(of, addressee_of_hosts(Shelf::Queue, name.as_bytes()), "{other:?}");
        for host in HOSTS {
            let owner = owner_beside_others(host);
            let is_its = owner.owns(name.as_bytes());
            assert_eq!(
                owner.keeps(Shelf::Failed, other.as_bytes()),
                is_its,
                "{other:?} of {host}"
            );
            assert!(!is_its || owner.queued(&other) == *name, "{other:?}");
        }
    }

    /// A name is a message of one host at most, the same for whoever serves it and for whoever counts.
    fn belongs(&self, name: &[u8]) {
        let of = addressee_of_hosts(Shelf::Queue, name);
        for host in HOSTS {
            let owner = owner_beside_others(host);
            assert_eq!(
                owner.owns(name),
                of == Some(host),
                "{} of {host}",
                name.escape_ascii()
            );
            if owner.owns(name) && !name.contains(&b'/') {
                assert!(owner.keeps(Shelf::Queue, name) && owner.keeps(Shelf::Held, name));
                assert_eq!(owner.queued(&Name::from(name)), Name::from(name));
            }
            assert!(!owner.keeps(Shelf::Held, name) || !name.contains(&b'/'));
        }
    }
}
