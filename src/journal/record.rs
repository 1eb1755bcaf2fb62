//! A record of the log, as it waits for the one who writes it.

use std::fmt::{self, Debug, Write as _};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::SystemTime;

use tracing::callsite::Identifier;
use tracing::field::{DisplayValue, Field, Value, Visit, display};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::config::text::short;

/// Longest text of a field, in characters: what others wrote ends up in many of them.
const MAX_TEXT: usize = 4096;
/// Most fields of a record.
const MAX_FIELDS: usize = 16;
/// What a record takes up beside its texts, in bytes, about.
const OVERHEAD: usize = 200;
/// The field that tells what makes records repeat one another, where their texts differ in numbers. It is not part of
/// the record.
const CAUSE: &str = "cause";
/// The field with the text.
const MESSAGE: &str = "message";

/// An event with its texts, which cannot break a line, forge one, or steer a terminal.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) at: SystemTime,
    metadata: &'static Metadata<'static>,
    fields: Vec<(Field, String)>,
    cause: Option<String>,
}

impl Record {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut record = Self::new(event.metadata());
        event.record(&mut record);
        record
    }

    /// Made by hand, as a place in the code that has no event of its own.
    pub(super) fn made(metadata: &'static Metadata<'static>, texts: &[(&str, String)]) -> Self {
        let mut record = Self::new(metadata);
        for (name, text) in texts {
            if let Some(field) = metadata.fields().field(name) {
                record.put(&field, text);
            }
        }
        record
    }

    fn new(metadata: &'static Metadata<'static>) -> Self {
        Self {
            at: SystemTime::now(),
            metadata,
            fields: Vec::with_capacity(metadata.fields().len()),
            cause: None,
        }
    }

    pub(super) fn level(&self) -> Level {
        *self.metadata.level()
    }

    /// The place in the code it comes from: what is told there is of one kind.
    pub(super) fn kind(&self) -> Identifier {
        self.metadata.callsite()
    }

    pub(super) fn message(&self) -> &str {
        let text = self.fields.iter().find(|(field, _)| field.name() == MESSAGE);
        text.map_or("", |(_, text)| text)
    }

    /// The same with another text, at this time.
    pub(super) fn saying(mut self, message: &str) -> Self {
        self.at = SystemTime::now();
        for (field, text) in &mut self.fields {
            if field.name() == MESSAGE {
                *text = short(message, MAX_TEXT);
                break;
            }
        }
        self
    }

    /// True if its text is not what tells whether it repeats another.
    pub(super) fn has_cause(&self) -> bool {
        self.cause.is_some()
    }

    /// Those of one kind with the same number say the same.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match &self.cause {
            Some(cause) => cause.hash(&mut hasher),
            None => self.message().hash(&mut hasher),
        }
        hasher.finish()
    }

    /// Bytes it takes up, about.
    pub(super) fn size(&self) -> usize {
        OVERHEAD + self.fields.iter().map(|(_, text)| text.len()).sum::<usize>()
    }

    /// Has `to` write it, as if it had happened just now.
    pub(super) fn replay(&self, to: &dyn Subscriber) {
        let texts: Vec<DisplayValue<&str>> = self
            .fields
            .iter()
            .map(|(_, text)| display(text.as_str()))
            .collect();
        let Some((first, _)) = self.fields.first() else {
            return;
        };
        let mut values: [(&Field, Option<&dyn Value>); MAX_FIELDS] = [(first, None); MAX_FIELDS];
        for (value, ((field, _), text)) in values.iter_mut().zip(self.fields.iter().zip(&texts)) {
            *value = (field, Some(text));
        }
        let values = self.metadata.fields().value_set(&values);
        to.event(&Event::new(self.metadata, &values));
    }

    fn put(&mut self, field: &Field, text: &str) {
        if field.name() == CAUSE {
            self.cause = Some(text.to_owned());
        } else {
            self.fields.push((field.clone(), short(text, MAX_TEXT)));
        }
    }
}

impl Visit for Record {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // A text takes all that is written.
        let _ = write!(text, "{value:?}");
        self.put(field, &text);
    }
}

impl Debug for Record {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.level(), self.message())
    }
}
