//! Clients, links, bytes, time, stops and new settings, against a model of what the session promises.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| lonc_proto::fuzzing::session(script));
