//! `lonc-generator <normal> <early> <late>`, `lonc-generator --apply`: arguments only; the library does the work.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    lonc::generator_main(std::env::args_os())
}
