//! `lonc-metrics [--config FILE]`: arguments only; the library does the work.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lonc::metrics::command::run(std::env::args_os())
}
