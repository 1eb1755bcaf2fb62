//! What of a text is TOML, where not all of it is.

use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use super::error::ConfigError;
use super::source::Source;
use super::text;

/// So many lines that are no TOML are told of: it is hardly meant to be any.
const MOST_FAULTS: usize = 20;

/// The text without the lines that are no TOML, of the same length, and what is wrong with each. Beyond a fault that may
/// reach over several lines nothing is looked at: what follows would be told of as well, and be no fault.
pub(super) fn sound_lines(path: &Arc<Path>, text: &str) -> (String, Vec<ConfigError>) {
    let (mut sound, mut faults) = (text.to_owned(), Vec::new());
    let mut is_cut = false;
    while let Err(error) = DeTable::parse(&sound) {
        let at = error.span().unwrap_or_default().start;
        if !is_cut {
            faults.push(syntax(path, &sound, &error));
        }
        let start = sound.get(..at).unwrap_or_default();
        let from = start.rfind('\n').map_or(0, |end| end + 1);
        let rest = sound.get(from..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        is_cut |= !is_confined(line, error.message()) || faults.len() >= MOST_FAULTS;
        let end = if is_cut { sound.len() } else { from + line.len() };
        if is_cut && sound.get(from..).is_none_or(|rest| rest.trim().is_empty()) {
            // What is wrong began before.
            let before = start.trim_end();
            sound.truncate(before.rfind('\n').map_or(0, |end| end + 1));
            continue;
        }
        let blanks = " ".repeat(end - from);
        sound.replace_range(from..end, &blanks);
    }
    (sound, faults)
}

/// Whether what is wrong with a line ends with it: it is a key with its value, or a heading, and opens nothing.
fn is_confined(line: &str, message: &str) -> bool {
    let num = |of: char| line.matches(of).count();
    let is_closed = num('[') == num(']') && num('{') == num('}');
    let reaches = ["array", "inline table", "unclosed", "multi-line"];
    let is_whole = is_closed && !line.contains("\"\"\"") && !line.contains("'''");
    is_whole && !reaches.iter().any(|word| message.contains(word))
}

fn syntax(path: &Arc<Path>, text: &str, error: &toml::de::Error) -> ConfigError {
    let at = error.span().unwrap_or_default();
    let line = text::line_of(text.as_bytes(), at.start);
    let key = text.get(at).filter(|_| error.message() == "duplicate key");
    ConfigError::Syntax {
        at: Source::at(Arc::clone(path), line, None),
        message: match key {
            Some(key) => format!("key {} is given twice", text::quoted(key)),
            None => format!("not TOML: {}", text::one_line(error.message())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_hardly_toml_so_much_is_told_and_no_more() {
        let path = Arc::from(Path::new("/f"));
        let (sound, faults) = sound_lines(&path, &"=\n".repeat(5000));
        assert!(sound.trim().is_empty());
        assert_eq!(faults.len(), MOST_FAULTS);
        let text = "a = 1\nb\nc = 3\n";
        let (sound, faults) = sound_lines(&path, text);
        assert_eq!((sound.as_str(), faults.len()), ("a = 1\n \nc = 3\n", 1));
    }
}
