//! `lonc [--config FILE] <peer>`: arguments only; the library does the work.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lonc::daemon_main(std::env::args_os())
}
