//! Texts that others made, as a terminal may show them.

pub(super) use crate::config::text::plain as safe;

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
        assert_eq!(safe("a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
        assert_eq!(word(" 2.11 x\x07"), "2.11_x\\u{7}");
    }
}
