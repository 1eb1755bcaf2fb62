//! What an instance answers that is asked how it stands: told in lines that steer no terminal, and said again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| lonc::fuzzing::answers(input));
