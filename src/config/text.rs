//! Turning what a file holds into text that fits on one line of a log.

use std::io;
use std::path::Path;

use toml::Value;

/// UTF-8's, at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Longest text of others that is shown, in characters.
const MAX_SHOWN: usize = 1000;
/// Longest value quoted in a message, in characters.
const MAX_QUOTED: usize = 80;

/// What a file holds, without the mark that some editors put before it, and with lines that all end in a newline: those
/// of Windows end in two characters, those of old Macs in a carriage return.
pub(super) fn unified(mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let text = "it is UTF-16 text: save it as UTF-8";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let marks = bytes
        .chunks(BYTE_ORDER_MARK.len())
        .take_while(|chunk| *chunk == BYTE_ORDER_MARK);
    let marked = marks.count() * BYTE_ORDER_MARK.len();
    bytes.drain(..marked);
    if bytes.contains(&b'\r') {
        let mut last = 0;
        bytes.retain_mut(|byte| {
            let is_second = *byte == b'\n' && last == b'\r';
            last = *byte;
            if *byte == b'\r' {
                *byte = b'\n';
            }
            !is_second
        });
    }
    Ok(bytes)
}

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

/// A text that others made, safe and short.
pub(crate) fn safe(text: &str) -> String {
    short(text, MAX_SHOWN)
}

/// The same as [`plain`], cut where it is longer than `max` characters as it is shown.
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
pub(crate) fn path(path: &Path) -> String {
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
    fn what_others_say_cannot_steer_a_terminal() {
        assert_eq!(safe("a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
        assert_eq!(safe(&"x".repeat(5000)).chars().count(), MAX_SHOWN + 1);
    }

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
    fn a_mark_at_the_beginning_and_the_kind_of_line_ends_make_no_difference() {
        let text = |bytes: &[u8]| unified(bytes.to_vec()).unwrap();
        for same in [
            &b"a\n\nb\n"[..],
            b"a\r\n\r\nb\r\n",
            b"a\r\rb\r",
            b"\xef\xbb\xbfa\n\nb\n",
            b"\xef\xbb\xbf\xef\xbb\xbfa\r\n\nb\r",
        ] {
            assert_eq!(text(same), b"a\n\nb\n", "{}", same.escape_ascii());
        }
        assert_eq!(text(b"a\xef\xbb\xbf\r"), b"a\xef\xbb\xbf\n");
        assert_eq!(text(b""), b"");
    }

    #[test]
    fn another_encoding_is_said() {
        for bytes in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a"] {
            let fault = unified(bytes.to_vec()).unwrap_err();
            assert!(fault.to_string().contains("UTF-16"), "{fault}");
        }
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
