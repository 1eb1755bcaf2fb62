//! What comes in where metrics and pages are served: one sound response, the same however it comes in.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| lonc::fuzzing::requests(input));
