//! What is told again and again is told once, and counted.
//!
//! A kind is a place in the code. Within a minute each of its texts is told once, if it is a warning or worse, and of
//! different texts so many as somebody may read; the rest is counted, and the number told when the minute is over. Details,
//! which nobody gets without asking for them, are told as they come.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tracing::Level;
use tracing::callsite::Identifier;

use super::record::Record;
use crate::units;

/// How long a count runs before it is told.
const QUIET: Duration = Duration::from_secs(60);
/// Texts of one kind that are told within that time, if they are warnings or worse.
const WARNINGS: usize = 20;
/// The same of those that are not.
const NOTES: usize = 60;

/// What was told lately.
#[derive(Default)]
pub(super) struct Repeats(HashMap<Identifier, Kind>);

struct Kind {
    since: Instant,
    told: Vec<u64>,
    counted: usize,
    last: Option<Record>,
}

impl Kind {
    fn ends(&self) -> Instant {
        self.since + QUIET
    }

    /// The number of those that were not told, as a record.
    fn summary(&mut self) -> Option<Record> {
        let last = self.last.take()?;
        let count = std::mem::take(&mut self.counted);
        let more = units::count(count, "more record");
        let text = format!(
            "{more} like this within {} s: {}",
            QUIET.as_secs(),
            last.message()
        );
        Some(last.saying(&text))
    }
}

impl Repeats {
    /// The record, if it is to be told; else it is counted.
    pub(super) fn sift(&mut self, record: Record, now: Instant) -> Option<Record> {
        let (places, is_told_once) = match record.level() {
            Level::ERROR | Level::WARN => (WARNINGS, true),
            Level::INFO => (NOTES, false),
            _ => return Some(record),
        };
        let kind = self.0.entry(record.kind()).or_insert_with(|| Kind {
            since: now,
            told: Vec::new(),
            counted: 0,
            last: None,
        });
        if kind.counted == 0 && now >= kind.ends() {
            (kind.since, kind.told) = (now, Vec::new());
        }
        let text = record.fingerprint();
        let is_same = (is_told_once || record.has_cause()) && kind.told.contains(&text);
        if is_same || kind.told.len() >= places {
            kind.counted += 1;
            kind.last = Some(record);
            return None;
        }
        kind.told.push(text);
        Some(record)
    }

    /// When the next number is to be told.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.counting().map(Kind::ends).min()
    }

    /// A number that is to be told by now; with `all`, any.
    pub(super) fn due(&mut self, now: Instant, all: bool) -> Option<Record> {
        let due = |kind: &&mut Kind| kind.counted > 0 && (all || kind.ends() <= now);
        let kind = self.0.values_mut().find(due)?;
        // Who goes on as before is told of after the next minute, by its number alone.
        kind.since = now;
        kind.summary()
    }

    fn counting(&self) -> impl Iterator<Item = &Kind> {
        self.0.values().filter(|kind| kind.counted > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::callsite::Callsite;
    use tracing::field::FieldSet;
    use tracing::metadata::{Kind as What, Metadata};
    use tracing::subscriber::Interest;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_warning_is_told_once_and_its_number_after_a_minute() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        assert!(repeats.sift(warning("lost"), now).is_some());
        assert_eq!(repeats.deadline(), None);
        for _ in 0..20_000 {
            assert!(repeats.sift(warning("lost"), now + SECOND).is_none());
        }
        assert_eq!(repeats.deadline(), Some(now + QUIET));
        assert!(repeats.due(now + SECOND, false).is_none());
        let told = repeats.due(now + QUIET, false).unwrap();
        assert_eq!(told.message(), "20000 more records like this within 60 s: lost");
        assert_eq!(told.level(), Level::WARN);
        assert!(repeats.due(now + 10 * QUIET, true).is_none());
        // While it goes on there are numbers; after a quiet minute it is news again.
        assert!(repeats.sift(warning("lost"), now + QUIET + SECOND).is_none());
        assert!(repeats.due(now + 2 * QUIET, false).is_some());
        assert!(repeats.sift(warning("lost"), now + 4 * QUIET).is_some());
    }

    #[test]
    fn of_different_texts_a_few_are_told() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        let told = (0..1000).filter(|n| repeats.sift(warning(&n.to_string()), now).is_some());
        assert_eq!(told.count(), WARNINGS);
        let rest = repeats.due(now, true).unwrap();
        assert!(
            rest.message().ends_with("999") && rest.message().starts_with("980 more"),
            "{rest:?}"
        );
    }

    #[test]
    fn one_cause_in_different_words_is_told_once() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        for number in 0..10 {
            let texts = [
                ("message", format!("again in {number} s")),
                ("cause", "refused".to_owned()),
            ];
            let record = Record::made(&WARNING, &texts);
            assert_eq!(repeats.sift(record, now).is_some(), number == 0);
        }
        let texts = [
            ("message", "again in 1 s".to_owned()),
            ("cause", "closed".to_owned()),
        ];
        assert!(repeats.sift(Record::made(&WARNING, &texts), now).is_some());
    }

    fn warning(text: &str) -> Record {
        Record::made(&WARNING, &[("message", text.to_owned())])
    }

    struct Here;

    static WARNING: Metadata<'static> = Metadata::new(
        "here",
        "here",
        Level::WARN,
        None,
        None,
        None,
        FieldSet::new(&["message", "cause"], Identifier(&Here)),
        What::EVENT,
    );

    impl Callsite for Here {
        fn set_interest(&self, _: Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            &WARNING
        }
    }
}
