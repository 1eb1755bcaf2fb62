//! Texts that others made, as a terminal may show them.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::config::text::plain;
pub(super) use crate::config::text::safe;
use crate::units;

/// What a terminal is told by ourselves, in colours and live views.
const OWN: [&str; 9] = [
    "\x1b[0m",
    "\x1b[1m",
    "\x1b[2m",
    "\x1b[32m",
    "\x1b[33m",
    "\x1b[1;31m",
    "\x1b[H",
    "\x1b[K",
    "\x1b[J",
];

/// Our own text, with what it quotes of others: no control character in it but ends of lines and what is ours.
pub(super) fn own(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '\x1b']) {
        let (before, behind) = rest.split_at(at);
        shown += &plain(before);
        let mut known = OWN.iter().chain(&["\n"]).copied();
        let known = known.find(|own| behind.starts_with(own));
        let token = known.unwrap_or("\x1b");
        shown += &known.map_or_else(|| plain(token), str::to_owned);
        rest = behind.strip_prefix(token).unwrap_or_default();
    }
    shown + &plain(rest)
}

/// The first of these, and how many more there are.
pub(super) fn some(all: &[&str]) -> String {
    const NAMED: usize = 8;
    let named: Vec<_> = all.iter().take(NAMED).map(|one| safe(one)).collect();
    match all.len().saturating_sub(NAMED) {
        0 => named.join(" "),
        more => format!("{} and {more} more", named.join(" ")),
    }
}

/// Lines of at most `width` characters, but for longer words.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// For programs, which get every character, and on a terminal as harmless: JSON has a way to write each in ASCII.
pub(super) fn json(value: &Value) -> String {
    let text = format!("{:#}\n", with_dates(value));
    ascii(&text)
}

/// The same on one line.
pub(super) fn json_line(value: &Value) -> String {
    ascii(&format!("{}\n", with_dates(value)))
}

/// Fields that are dates, in microseconds since 1970; all others in microseconds are spans.
const DATES: [&str; 13] = [
    "sinceUsec",
    "readUsec",
    "nextTryUsec",
    "waitingSinceUsec",
    "silentSinceUsec",
    "failingSinceUsec",
    "startedUsec",
    "takenUsec",
    "oldestUsec",
    "dateUsec",
    "untilUsec",
    "expiresUsec",
    "writtenUsec",
];

/// The same with each date once more, in UTC as RFC 3339 has it: `since` beside `sinceUsec`.
fn with_dates(value: &Value) -> Value {
    match value {
        Value::Array(all) => all.iter().map(with_dates).collect(),
        Value::Object(fields) => {
            let mut shown: Map<_, _> = fields
                .iter()
                .map(|(name, value)| (name.clone(), with_dates(value)))
                .collect();
            for name in DATES {
                let date = fields.get(name).and_then(Value::as_u64).and_then(units::rfc3339);
                let short = name.strip_suffix("Usec").unwrap_or(name);
                shown.extend(date.map(|date| (short.to_owned(), Value::from(date))));
            }
            Value::Object(shown)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || plain(c.encode_utf8(&mut [0; 4])).chars().eq([c]) {
            ascii.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // A text takes all that is written.
            let _ = write!(ascii, "\\u{unit:04x}");
        }
    }
    ascii
}

/// A text that others made, safe and as a cell of a table, which has no blanks.
pub(super) fn word(text: &str) -> String {
    let text = safe(text);
    let parts: Vec<_> = text.split_whitespace().collect();
    parts.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_cannot_steer_a_terminal() {
        assert_eq!(word(" 2.11 x\x07"), "2.11_x\\u{7}");
    }

    #[test]
    fn text_is_wrapped_at_words() {
        assert_eq!(wrapped("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrapped("abcdef g", 4), ["abcdef", "g"]);
    }

    #[test]
    fn of_what_is_printed_only_our_own_steers_it() {
        let ours = "\x1b[H\x1b[1;31mdown\x1b[0m ä\x1b[K\n\x1b[J";
        assert_eq!(own(ours), ours);
        assert_eq!(
            own("a\x1b[8mb\x07\u{202e}\x1b"),
            "a\\u{1b}[8mb\\u{7}\\u{202e}\\u{1b}"
        );
        let value = serde_json::json!({ "a": "\u{202e}\u{1b}ä\u{e0041}" });
        let text = json_line(&value);
        assert!(!text.contains(['\u{202e}', '\u{1b}', '\u{e0041}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert_eq!(serde_json::from_str::<Value>(&json(&value)).unwrap(), value);
    }
}
