//! What was asked, what became of it, and what was promised: seen from outside, by who asks and by lond.

use std::collections::{BTreeMap, VecDeque};

use lonc_proto::spool::Name;

use crate::queue::{ClientNo, ConnId, HostId, Pid};
use crate::time::Micros;

/// A request or a message, by its number; it is in the command.
pub(crate) type AskId = u32;

/// How it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By a worker who waits.
    Plain,
    /// The same, and it must not be lost.
    Critical,
    /// A worker of the old kind left it on disk.
    File,
}

/// What its worker was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Reply,
    Lost,
    Delayed,
    Failed,
}

/// That lond carried it out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carry {
    pub(crate) conn: ConnId,
    /// The process that wrote it, and when.
    pub(crate) by: Pid,
    pub(crate) written_at: Micros,
}

/// What else is known of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// lond dies of it.
    Poison,
    /// It was moved, or could not be found in its turn: its turn may be another one.
    Excused,
    /// It is where messages are that cannot be sent.
    SetAside,
    /// It was not whole, or not safe, when the power failed.
    Gone,
    /// It could not be removed, or moved, and an operator was told that it stays.
    Stuck,
    /// lond answered it once so that it does not count: with an empty line, or one that nobody can use.
    Unusable,
    /// A session has said that it is delivered, be it one that was killed since.
    Answered,
    /// It is for another id of its host.
    Other,
}

/// Some of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) fn put(&mut self, mark: Mark) {
        self.0 |= 1 << mark as u8;
    }

    pub(crate) fn has(self, mark: Mark) -> bool {
        self.0 & (1 << mark as u8) != 0
    }
}

#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) kind: Kind,
    pub(crate) encrypted: bool,
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    pub(crate) client: Option<ClientNo>,
    pub(crate) answer: Option<Answer>,
    pub(crate) carried: Vec<Carry>,
    /// It is on disk, and no crash takes it away: it must not be lost.
    pub(crate) stored_at: Option<Micros>,
    /// A session has said that it is delivered: which one's, and when.
    pub(crate) delivered: Option<(Pid, Micros)>,
    /// It is on disk by this name.
    pub(crate) name: Option<Name>,
    /// Its file was whole then.
    pub(crate) whole_at: Option<Micros>,
    /// An operator was told that it is held back, then.
    pub(crate) held_since: Option<Micros>,
    pub(crate) marks: Marks,
}

impl Ask {
    /// It is not to be waited for.
    fn is_through(&self) -> bool {
        !self.carried.is_empty()
            || self.marks.has(Mark::Excused)
            || self.marks.has(Mark::SetAside)
            || self.marks.has(Mark::Gone)
    }
}

/// What is known of what one host asks another.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    /// What was promised, in order, as far as it is not through.
    promised: VecDeque<AskId>,
    /// Messages of the old kind that are not through.
    files: BTreeMap<Name, AskId>,
    /// Delivered, as a session says, and not removed.
    unremoved: VecDeque<AskId>,
    /// Removed, and a power cut may bring them back.
    unsafely_removed: Vec<AskId>,
    /// The largest pipeline there was.
    pub(crate) pipeline: usize,
}

/// All of it.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) asks: Vec<Ask>,
    pub(crate) pairs: BTreeMap<(HostId, HostId), Pair>,
    /// The last critical request of each client that was carried out for the first time, and when it was written.
    last_critical: BTreeMap<ClientNo, (AskId, Micros)>,
}

impl Book {
    pub(crate) fn add(&mut self, kind: Kind, from: HostId, to: HostId, client: Option<ClientNo>) -> AskId {
        self.asks.push(Ask {
            kind,
            encrypted: false,
            from,
            to,
            client,
            answer: None,
            carried: Vec::new(),
            stored_at: None,
            delivered: None,
            name: None,
            whole_at: None,
            held_since: None,
            marks: Marks::default(),
        });
        AskId::try_from(self.asks.len() - 1).expect("so many requests")
    }

    pub(crate) fn get(&self, id: AskId) -> &Ask {
        &self.asks[id as usize]
    }

    pub(crate) fn get_mut(&mut self, id: AskId) -> &mut Ask {
        &mut self.asks[id as usize]
    }

    pub(crate) fn pair(&mut self, from: HostId, to: HostId) -> &mut Pair {
        self.pairs.entry((from, to)).or_default()
    }

    /// A message of the old kind is whole, by this name.
    pub(crate) fn file_is_whole(&mut self, id: AskId, name: Name, now: Micros) {
        let ask = self.get_mut(id);
        (ask.whole_at, ask.name) = (Some(now), Some(name.clone()));
        let (from, to) = (ask.from, ask.to);
        self.pair(from, to).files.insert(name, id);
    }

    /// A disk refuses to tell what is there: that keeps nobody waiting, and what is there is found late.
    pub(crate) fn excuse_all(&mut self, from: HostId) {
        for (_, pair) in self.pairs.range_mut((from, 0)..(from + 1, 0)) {
            pair.files.clear();
            for id in pair.promised.drain(..) {
                self.asks[id as usize].marks.put(Mark::Excused);
            }
        }
    }

    /// A session says that it is delivered.
    pub(crate) fn delivered(&mut self, id: AskId, by: Pid, now: Micros) {
        let ask = self.get_mut(id);
        assert!(!ask.carried.is_empty(), "{id} was answered and not carried out");
        ask.delivered = Some((by, now));
        ask.marks.put(Mark::Answered);
        let (from, to) = (ask.from, ask.to);
        self.pair(from, to).unremoved.push_back(id);
    }

    /// The first of those that are delivered is removed, as far as that could be done.
    pub(crate) fn removed(&mut self, from: HostId, to: HostId) {
        let pair = self.pair(from, to);
        let id = pair.unremoved.pop_front().expect("one was delivered");
        pair.unsafely_removed.push(id);
    }

    /// No crash brings back what was removed, or an operator was told that one may.
    pub(crate) fn removals_are_safe(&mut self, from: HostId, to: HostId, are_they: bool) {
        for id in std::mem::take(&mut self.pair(from, to).unsafely_removed) {
            if !are_they {
                self.get_mut(id).marks.put(Mark::Stuck);
            }
        }
    }

    /// A process was killed: what was answered and not removed is sent again.
    pub(crate) fn killed(&mut self, from: HostId, to: HostId) {
        let pair = self.pair(from, to);
        let (pipeline, again) = (pair.pipeline, std::mem::take(&mut pair.unremoved));
        assert!(
            again.len() <= pipeline,
            "more than {pipeline} messages are sent again after a kill: {again:?}"
        );
        for id in again {
            self.get_mut(id).delivered = None;
        }
    }

    /// The power failed: so is what was removed and not synced.
    pub(crate) fn lost_power(&mut self, from: HostId) {
        let pairs = self.pairs.range_mut((from, 0)..(from + 1, 0));
        for id in pairs.flat_map(|(_, pair)| pair.unsafely_removed.drain(..)) {
            self.asks[id as usize].delivered = None;
        }
    }

    /// Its client is told this line.
    pub(crate) fn answered(&mut self, id: AskId, line: &[u8]) {
        let ask = &mut self.asks[id as usize];
        let told = line.escape_ascii();
        assert_eq!(ask.answer, None, "{id} is answered a second time: {told}");
        let answer = match line {
            b"con_lost" => Answer::Lost,
            b"con_delayed" => Answer::Delayed,
            b"con_failed" => Answer::Failed,
            _ => Answer::Reply,
        };
        match answer {
            Answer::Reply => {
                let is_its = id_of(line) == Some(id) || (line.is_empty() && ask.marks.has(Mark::Unusable));
                assert!(is_its, "{id} is given the reply {told}");
                assert!(
                    !ask.carried.is_empty(),
                    "{id} has a reply and was not carried out"
                );
            }
            Answer::Lost => assert_eq!(ask.kind, Kind::Plain, "{id}: {told}"),
            Answer::Delayed | Answer::Failed => assert_eq!(ask.kind, Kind::Critical, "{id}: {told}"),
        }
        assert!(
            answer != Answer::Delayed || ask.stored_at.is_some(),
            "{id}: {told}, and is not stored"
        );
        ask.answer = Some(answer);
    }

    /// It is on disk for good, and so promised, behind all that was before.
    pub(crate) fn stored(&mut self, id: AskId, now: Micros) {
        let ask = self.get_mut(id);
        ask.stored_at = Some(now);
        let (from, to) = (ask.from, ask.to);
        self.pair(from, to).promised.push_back(id);
    }

    /// lond carries it out.
    pub(crate) fn carried(&mut self, id: AskId, carry: Carry) {
        let ask = &self.asks[id as usize];
        if let Some(since) = ask.held_since {
            assert!(carry.written_at < since, "{id} is held back, and sent: {ask:?}");
        }
        if ask.carried.is_empty() {
            self.check_order(id, carry);
        } else {
            self.check_repeated(id, carry);
        }
        self.get_mut(id).carried.push(carry);
    }

    /// What is carried out for the first time does not overtake what was before it.
    fn check_order(&mut self, id: AskId, carry: Carry) {
        let ask = &self.asks[id as usize];
        let pair = self.pairs.entry((ask.from, ask.to)).or_default();
        // What was on its way before that may still arrive.
        let is_from_disk = ask.stored_at.is_some_and(|stored| stored <= carry.written_at);
        if is_from_disk && !ask.marks.has(Mark::Excused) {
            let is_through = |other: &AskId| *other != id && self.asks[*other as usize].is_through();
            while pair.promised.front().is_some_and(is_through) {
                pair.promised.pop_front();
            }
            let first = pair
                .promised
                .front()
                .map(|first| (first, &self.asks[*first as usize]));
            let is_first = first.is_some_and(|(first, _)| *first == id);
            assert!(
                is_first,
                "{id} overtakes what was promised before: {first:?}, {ask:?}"
            );
        }
        if let (Kind::File, Some(name), false) = (ask.kind, &ask.name, ask.marks.has(Mark::Excused)) {
            let begun = ask.whole_at;
            let is_before = |other: &Ask| !other.is_through() && other.whole_at < begun;
            let mut others = pair.files.range::<Name, _>(..name);
            let missed = others.find(|(_, other)| is_before(&self.asks[**other as usize]));
            assert_eq!(missed, None, "was there before {name:?}");
            pair.files.remove(name);
        }
        if let (Kind::Critical, Some(client)) = (ask.kind, ask.client)
            && ask.answer != Some(Answer::Failed)
            && !ask.marks.has(Mark::Excused)
        {
            // What was written before, on a connection that is lost, may still arrive behind it.
            let last = self.last_critical.insert(client, (id, carry.written_at));
            let is_behind = last.is_some_and(|(last, written_at)| last > id && written_at < carry.written_at);
            assert!(!is_behind, "{id} is sent behind {last:?} of its client: {ask:?}");
        }
    }

    /// What is carried out again was not answered, as far as its sender knew, or a crash has forgotten that.
    fn check_repeated(&mut self, id: AskId, carry: Carry) {
        let ask = &self.asks[id as usize];
        assert_ne!(ask.kind, Kind::Plain, "{id} is carried out twice");
        let is_same = ask.carried.iter().any(|before| before.conn == carry.conn);
        assert!(
            !is_same || ask.marks.has(Mark::Unusable),
            "{id} is carried out twice on one connection"
        );
        let Some((by, at)) = ask.delivered else { return };
        if by == carry.by {
            assert!(carry.written_at < at, "{id} is sent after it was answered");
        } else if !ask.marks.has(Mark::Stuck) {
            assert!(
                carry.written_at < at,
                "{id} is sent again after it was answered and removed: {ask:?}"
            );
        }
    }
}

/// The number in a command or in a reply to it.
pub(crate) fn id_of(words: &[u8]) -> Option<AskId> {
    let mut words = words.split(|byte| *byte == b':');
    words.find(|word| matches!(*word, b"put" | b"re"))?;
    let number = words.next()?;
    std::str::from_utf8(number).ok()?.parse().ok()
}
