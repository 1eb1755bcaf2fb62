//! The spool's machine on a disk that forgets at a power cut what was not synced.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| lonc_proto::fuzzing::spool(script));
