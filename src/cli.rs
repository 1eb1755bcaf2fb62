//! What all our programs do about their command lines, and how they say that something went wrong.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{Write as _, stderr};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use clap::Parser;

use crate::config::text::plain;
use crate::units;

/// Exit status of wrong arguments, as sysexits.h has it.
pub(crate) const EX_USAGE: u8 = 64;
/// Exit status of a fault in the configuration, as sysexits.h has it.
pub(crate) const EX_CONFIG: u8 = 78;

/// How long a daemon waits for whoever reads its last words.
const PATIENCE: Duration = Duration::from_millis(500);

/// The arguments. Where they are wrong or ask for help, that is printed, and the error is how the program ends.
pub(crate) fn parse<A: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<A, ExitCode> {
    A::try_parse_from(arguments).map_err(|usage| {
        // Where it cannot be printed there is nobody to read it.
        let _ = usage.print();
        ExitCode::from(if usage.use_stderr() { EX_USAGE } else { 0 })
    })
}

/// Lines of `program` to standard error, which cannot steer a terminal.
pub(crate) fn say(program: &str, text: &dyn Display) {
    let text = text.to_string();
    let lines: Vec<_> = text.split('\n').map(plain).collect();
    // Where stderr is closed nobody wants to know.
    let _ = writeln!(stderr(), "{program}: {}", lines.join("\n"));
}

/// The same for a daemon, which ends whether or not anybody reads it.
pub(crate) fn say_last(program: &'static str, text: &dyn Display) {
    let text = text.to_string();
    let (lives, said) = channel::<()>();
    let saying = thread::Builder::new().spawn(move || {
        say(program, &text);
        drop(lives);
    });
    if saying.is_ok() {
        // Nobody ever sends anything: it is the thread's end that ends this.
        let _ = said.recv_timeout(PATIENCE);
    }
}

/// A span of time, more than nothing and at most a year.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let span = units::parse_span(text).filter(|span| !span.is_zero() && *span <= units::MAX_SPAN);
    span.ok_or_else(|| "must be a time such as 500ms, 10s or 2m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        assert_eq!(span("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "0s", "10", "ten", "-1s", "9000d", "99999999999999999999s"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }
}
