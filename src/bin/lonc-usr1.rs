//! `lonc-usr1 [--config FILE]`, `lonc-usr1 --reconnect`: arguments only; the library does the work.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lonc::usr1_main(std::env::args_os())
}
