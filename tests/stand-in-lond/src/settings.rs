//! What a test may change at any time.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use crate::{Behaviour, CallBack, EncryptedReplies};

/// How long requests take, one after the other on each link, all links at once. A link's `ping` takes no time, as with
/// the real lond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// What a request takes.
    pub each: Duration,
    /// One in so many, counted over all links, takes this long instead.
    pub slow: Option<(NonZeroU64, Duration)>,
}

impl Pace {
    /// All requests alike.
    #[must_use]
    pub fn of(each: Duration) -> Self {
        Self { each, slow: None }
    }

    /// What the `number`th request takes; the first is 1.
    pub(crate) fn time(&self, number: u64) -> Duration {
        match self.slow {
            Some((one_in, long)) if number.is_multiple_of(one_in.get()) => long,
            _ => self.each,
        }
    }
}

/// A behaviour, and the change it came with, so that each starts afresh.
#[derive(Clone, Copy, Default)]
pub(crate) struct Assigned {
    pub(crate) behaviour: Behaviour,
    pub(crate) change: u64,
}

/// Which link it is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    /// How manieth accepted.
    pub(crate) number: usize,
    /// As many as are allowed were open when it came.
    pub(crate) is_beyond: bool,
}

#[derive(Clone)]
pub(crate) struct Settings {
    general: Assigned,
    beyond: Option<(usize, Assigned)>,
    own: BTreeMap<usize, Assigned>,
    changes: u64,
    /// The id the key is made with; `None`: no encryption.
    pub(crate) caller: Option<String>,
    pub(crate) replies: EncryptedReplies,
    pub(crate) pace: Pace,
    pub(crate) call_back: Option<CallBack>,
}

impl Settings {
    pub(crate) fn new() -> Self {
        Self {
            general: Assigned::default(),
            beyond: None,
            own: BTreeMap::new(),
            changes: 0,
            caller: Some("msul2".to_owned()),
            replies: EncryptedReplies::LowerHex,
            pace: Pace::default(),
            call_back: None,
        }
    }

    /// How this link behaves: as it was told itself, or as those beyond the limit do, or as all do.
    pub(crate) fn of(&self, place: Place) -> Assigned {
        let beyond = self.beyond.filter(|_| place.is_beyond);
        let own = self.own.get(&place.number).copied();
        own.or(beyond.map(|(_, assigned)| assigned))
            .unwrap_or(self.general)
    }

    /// How many links may be open, if there is a limit.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.beyond.map(|(most, _)| most)
    }

    pub(crate) fn behave(&mut self, behaviour: Behaviour) {
        self.general = self.assign(behaviour);
    }

    pub(crate) fn behave_on(&mut self, number: usize, behaviour: Behaviour) {
        let assigned = self.assign(behaviour);
        self.own.insert(number, assigned);
    }

    pub(crate) fn behave_beyond(&mut self, limit: Option<(usize, Behaviour)>) {
        self.beyond = limit.map(|(most, behaviour)| (most, self.assign(behaviour)));
    }

    fn assign(&mut self, behaviour: Behaviour) -> Assigned {
        self.changes += 1;
        Assigned {
            behaviour,
            change: self.changes,
        }
    }
}
