//! `lonc-metrics [--config FILE]`: arguments only; the library does the work.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lonc::metrics_main(std::env::args_os())
}
