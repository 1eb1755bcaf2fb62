//! The same with a spool: nothing critical is lost, doubled, or out of its turn.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| lonc_proto::fuzzing::session_with_spool(script));
