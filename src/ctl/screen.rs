//! Standard output: colours where a person looks, plain text elsewhere.

use std::env;
use std::io::{IsTerminal as _, Write as _, stdout};

use rustix::termios::tcgetwinsize;
use serde_json::Value;

use super::outcome::Fault;
use super::words;
use crate::config::text::plain;
use crate::standing::Grade;

/// What a text is to look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Paint {
    #[default]
    Plain,
    /// A heading.
    Bold,
    /// Of little weight.
    Dim,
    Good,
    Warning,
    Bad,
}

impl Paint {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("1;31"),
        }
    }
}

impl From<Grade> for Paint {
    fn from(grade: Grade) -> Self {
        match grade {
            Grade::Unasked => Self::Dim,
            Grade::Good => Self::Good,
            Grade::Warning => Self::Warning,
            Grade::Bad => Self::Bad,
        }
    }
}

/// Where the output goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    pub(super) is_terminal: bool,
    is_coloured: bool,
    /// Characters of a line; without a terminal a line is as long as it is.
    pub(super) width: Option<usize>,
}

/// Narrower is no terminal.
const NARROWEST: usize = 20;

impl Screen {
    pub(super) fn new() -> Self {
        let is_terminal = stdout().is_terminal();
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let able = env::var_os("TERM").is_some_and(|name| name != "dumb");
        Self {
            is_terminal,
            is_coloured: is_terminal && wanted && able,
            width: is_terminal.then(width).flatten(),
        }
    }

    pub(super) fn paint(self, text: &str, paint: Paint) -> String {
        match paint.code() {
            Some(code) if self.is_coloured => format!("\x1b[{code}m{text}\x1b[0m"),
            Some(_) | None => text.to_owned(),
        }
    }

    #[cfg(test)]
    pub(super) fn of(is_coloured: bool) -> Self {
        Self {
            is_terminal: is_coloured,
            is_coloured,
            width: None,
        }
    }

    #[cfg(test)]
    pub(super) fn of_width(width: usize) -> Self {
        Self {
            width: Some(width),
            ..Self::of(false)
        }
    }
}

fn width() -> Option<usize> {
    let size = tcgetwinsize(stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width >= NARROWEST)
}

/// Prints to standard output, at once, what a person reads.
pub(super) fn print(text: &str) -> Result<(), Fault> {
    print_bytes(words::own(text).as_bytes())
}

/// The same for programs.
pub(super) fn print_json(value: &Value) -> Result<(), Fault> {
    print_bytes(words::json(value).as_bytes())
}

/// The same on one line.
pub(super) fn print_json_line(value: &Value) -> Result<(), Fault> {
    print_bytes(words::json_line(value).as_bytes())
}

/// Bytes of others as they are; on a terminal, which they must not steer, escaped.
pub(super) fn print_theirs(bytes: &[u8], is_terminal: bool) -> Result<(), Fault> {
    if is_terminal {
        return print(&(plain(&String::from_utf8_lossy(bytes)) + "\n"));
    }
    print_bytes(&[bytes, b"\n"].concat())
}

pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), Fault> {
    let mut out = stdout().lock();
    let printed = out.write_all(bytes).and_then(|()| out.flush());
    printed.map_err(Fault::Output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminals_get_colours() {
        assert_eq!(Screen::of(true).paint("up", Paint::Good), "\x1b[32mup\x1b[0m");
        assert_eq!(Screen::of(true).paint("x", Paint::Plain), "x");
        assert_eq!(Screen::of(false).paint("up", Paint::Good), "up");
    }
}
