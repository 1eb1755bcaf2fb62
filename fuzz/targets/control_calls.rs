//! What comes in at the control socket: the same calls however it comes in.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| lonc::fuzzing::calls(input));
