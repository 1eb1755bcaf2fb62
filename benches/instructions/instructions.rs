//! Instructions of the pure parts, counted by callgrind: `cargo bench -p instruction-counts`.
//!
//! Needs valgrind, and `cargo install gungraun-runner` in the version of gungraun in Cargo.lock. The counts are the same
//! on each run of one build; the limits leave some room for another compiler. Whoever makes a part cheaper lowers its
//! limit, and whoever has a reason to make one dearer raises it and says why.
#![allow(
    missing_docs,
    unused_qualifications,
    clippy::expect_used,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    clippy::unreachable,
    reason = "the way the macros of gungraun want it"
)]

mod rig;

use std::hint::black_box;

use bytes::BytesMut;
use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use lonc_proto::cipher::Cipher;
use lonc_proto::line::LineBuffer;
use lonc_proto::reply::ReplyReader;
use lonc_proto::request::{Encoder, Request};

use rig::Busy;

/// A limit of instructions.
fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

#[library_benchmark(config = at_most(8_500))]
#[bench::of_64(rig::lines(64))]
fn split_lines((mut buffer, read): (LineBuffer, Vec<u8>)) -> usize {
    buffer.push(black_box(&read));
    buffer
        .take_lines()
        .map_or(0, |lines| lines.map_or(0, |lines| lines.count))
}

#[library_benchmark(config = at_most(1_580_000))]
#[bench::of_16_kib(rig::request(16 << 10))]
fn encrypt_request((cipher, request): (Cipher, Request)) -> BytesMut {
    let (mut encoder, mut wire) = (Encoder::default(), BytesMut::new());
    while !encoder.encode(black_box(&request), &cipher, 64 << 10, &mut wire) {}
    wire
}

#[library_benchmark(config = at_most(1_580_000))]
#[bench::of_16_kib(rig::reply(16 << 10))]
fn decrypt_reply((cipher, mut wire): (Cipher, BytesMut)) -> bool {
    let reply = ReplyReader::default().read(black_box(&mut wire), &cipher, 1 << 20);
    reply.is_ok_and(|reply| reply.is_some())
}

#[library_benchmark(config = at_most(190_000))]
#[bench::of_64_clients(Busy::new())]
fn session_turn(mut busy: Busy) -> (usize, Busy) {
    (busy.turn(), busy)
}

library_benchmark_group!(
    name = pure_parts,
    benchmarks = [split_lines, encrypt_request, decrypt_reply, session_turn]
);
main!(library_benchmark_groups = pure_parts);
