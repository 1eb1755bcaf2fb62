//! A rendering of a peer's words that is safe in a log line.

use alloc::string::String;
use core::fmt::Write as _;

/// Longest rendering, in bytes of the original.
const LONGEST: usize = 80;

/// The first bytes of `words`, escaped so that they cannot break or forge a log line.
pub(crate) fn excerpt(words: &[u8]) -> String {
    let shown = words.get(..LONGEST).unwrap_or(words);
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write!(text, "{}", shown.escape_ascii());
    if words.len() > shown.len() {
        let _ = write!(text, "… ({} bytes)", words.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn control_bytes_are_escaped_and_long_words_cut() {
        assert_eq!(excerpt(b"no\r\n\x1b[0m\xff"), "no\\r\\n\\x1b[0m\\xff");
        let long = excerpt(&[b'a'; 200]);
        assert!(
            long.starts_with("aaaa") && long.ends_with("… (200 bytes)"),
            "{long}"
        );
        assert!(long.len() < 110);
    }
}
