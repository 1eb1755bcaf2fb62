//! `lonc-socket before|bound|stopping PEER`, `lonc-socket aliases`: arguments only; the library does the work.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lonc::socket_main(std::env::args_os())
}
