//! What all our programs do about their command lines.

use std::process::ExitCode;

use clap::Error;

/// Exit status of wrong arguments, as sysexits.h has it.
const EX_USAGE: u8 = 64;

/// Prints what is wrong with the arguments, or the help that they ask for; how the program ends then.
pub(crate) fn wrong_usage(usage: &Error) -> ExitCode {
    // Where it cannot be printed there is nobody to read it.
    let _ = usage.print();
    ExitCode::from(if usage.use_stderr() { EX_USAGE } else { 0 })
}
