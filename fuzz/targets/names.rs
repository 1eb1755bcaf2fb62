//! Names of delayed messages: each sorts behind all before, is one host's, and leads back to what it was.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| lonc_proto::fuzzing::names(script));
