//! Turning what a file holds into text that fits on one line of a log.

use std::path::Path;

use toml::Value;

/// Longest value quoted in a message, in characters.
const MAX_QUOTED: usize = 80;

/// `text` in double quotes, control characters escaped, shortened when long.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_QUOTED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

/// `text` with all escaped that is not to be seen as it stands: control characters, those that turn the direction of
/// writing, invisible and combining ones. What others made must not steer a terminal, nor look like what it is not.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(escaped).collect()
}

/// The same, cut where it is longer than `max` characters as it is shown.
pub(crate) fn short(text: &str, max: usize) -> String {
    let mut shown: String = text.chars().flat_map(escaped).take(max + 1).collect();
    if let Some((end, _)) = shown.char_indices().nth(max) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    // Quotes and backslashes harm nobody, and stand in names.
    let as_it_is = matches!(c, '\'' | '"' | '\\');
    let escape = (!as_it_is).then(|| c.escape_debug());
    escape.into_iter().flatten().chain(as_it_is.then_some(c))
}

/// A path as it is shown in messages.
pub(super) fn path(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// `text` with every run of blanks and line ends folded into one blank.
pub(super) fn one_line(text: &str) -> String {
    plain(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The number of the line (from 1) in which byte `offset` of `text` lies.
pub(super) fn line_of(text: &[u8], offset: usize) -> usize {
    1 + text.iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// A value as a message shows it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => value.to_string(),
        Value::Array(_) => "an array".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// The numbered lines of a file that need not be text: from 1, line ends removed.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, String)> + '_ {
    let text = |(index, line)| (index + 1, String::from_utf8_lossy(line).trim().to_owned());
    bytes.split(|byte| *byte == b'\n').enumerate().map(text)
}

/// Of `known`, the name that `word` was probably meant to be.
pub(super) fn similar<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let near =
        |name: &'k str| Some((distance(word, name), name)).filter(|(edits, _)| *edits <= name.len() / 3);
    known.filter_map(near).min().map(|(_, name)| name)
}

/// How many letters to change, insert or drop to get from `a` to `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (1..=b.chars().count()).collect();
    for (index, from) in a.chars().enumerate() {
        let (mut diagonal, mut left) = (index, index + 1);
        for (cell, to) in row.iter_mut().zip(b.chars()) {
            let above = *cell;
            left = (diagonal + usize::from(from != to)).min(above.min(left) + 1);
            *cell = left;
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(a.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_a_line() {
        assert_eq!(quoted("a\n\"b\x1b"), r#""a\n\"b\u{1b}""#);
        assert_eq!(quoted(&"ä".repeat(100)).chars().count(), 83);
        assert_eq!(plain("/a\nb\u{85}c"), "/a\\nb\\u{85}c");
        assert_eq!(one_line(" a\n  b\tc\x07"), "a b c\\u{7}");
        assert_eq!(plain("\"it's\" C:\\ ä"), "\"it's\" C:\\ ä");
    }

    #[test]
    fn nothing_hides_or_turns_text_round() {
        for hidden in [
            "\u{202e}",
            "\u{2066}",
            "\u{61c}",
            "\u{200b}",
            "\u{2028}",
            "\u{feff}",
            "\u{e0041}",
            "\u{301}",
        ] {
            let text = plain(&format!("a{hidden}b"));
            assert!(text.starts_with("a\\u{") && text.is_ascii(), "{text}");
        }
    }

    #[test]
    fn long_texts_are_cut_as_they_are_shown() {
        assert_eq!(short("abc", 3), "abc");
        assert_eq!(short("abcd", 3), "abc…");
        assert_eq!(short("\x1b\x1b", 8), "\\u{1b}\\u…");
    }

    #[test]
    fn distances() {
        for (a, b, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
        assert_eq!(
            similar("pipelin", ["port", "pipeline"].into_iter()),
            Some("pipeline")
        );
        assert_eq!(similar("xyz", ["port", "pipeline"].into_iter()), None);
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!(line_of(b"a\nb\nc", 0), 1);
        assert_eq!(line_of(b"a\nb\nc", 2), 2);
        assert_eq!(line_of(b"a\nb", 99), 2);
        let all: Vec<_> = lines(b" a \r\n\xff\n").collect();
        assert_eq!(
            all,
            [
                (1, "a".to_owned()),
                (2, "\u{fffd}".to_owned()),
                (3, String::new())
            ]
        );
    }
}
