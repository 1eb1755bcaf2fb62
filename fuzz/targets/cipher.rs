//! Keys are those of Perl's `tr` and `pack`; and what is sent encrypted, piece by piece, is read as what it was.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use lonc_proto::cipher::{Cipher, Key};
use lonc_proto::reply::{Malformed, Reply, ReplyReader};
use lonc_proto::request::{Asked, Encoder};

/// As `openremote` makes it: `tr` over both ids, three times that and the build key, and `pack("H32")` of its front.
fn reference_key(peer: &[u8], own: &[u8], build_key: &[u8]) -> [u8; 16] {
    let folded = |byte: &u8| match byte.to_ascii_uppercase() {
        letter @ b'G'..=b'Z' => b'0' + (letter - b'G') % 10,
        other => other,
    };
    let ids: Vec<u8> = [peer, own].concat().iter().map(folded).collect();
    let line = [&ids[..], build_key].concat().repeat(3);
    // In Perl a letter, of whatever case, is its low four bits and nine more, and all else its low four bits.
    let digit = |at: usize| match line.get(at) {
        Some(byte) if byte.is_ascii_alphabetic() => (byte + 9) % 16,
        Some(byte) => byte % 16,
        None => 0,
    };
    std::array::from_fn(|at| digit(2 * at) * 16 + digit(2 * at + 1))
}

/// What is read of a request that was sent encrypted, as whoever has the key reads it.
fn round_trip(command: &[u8], cipher: &Cipher, room: usize) {
    let line = [b"encrypt:", command].concat();
    let request = match Asked::of(Bytes::from(line)) {
        Asked::Forward(request) => request,
        Asked::Refused(_) => return,
        Asked::Nothing | Asked::Stop | Asked::Retry => panic!("a command is one"),
    };
    assert!(request.is_encrypted() && request.command() == command);
    let (mut encoder, mut wire) = (Encoder::default(), BytesMut::new());
    while !encoder.encode(&request, cipher, room, &mut wire) {}
    let front = format!("enc:{}:", command.len());
    assert!(wire.starts_with(front.as_bytes()));
    // The original pads always.
    let num_blocks = command.len() / 8 + 1;
    assert_eq!(wire.len(), front.len() + 16 * num_blocks + 1);
    let mut pieces = ReplyReader::default();
    let reply = pieces
        .read(&mut wire, cipher, usize::MAX)
        .expect("no limit")
        .expect("whole");
    let newline = command.iter().position(|byte| *byte == b'\n');
    match reply {
        Reply::Plain(_) => panic!("it goes in the clear"),
        Reply::Decrypted(plain) => {
            assert!(newline.is_none_or(|at| at + 1 == command.len()));
            assert_eq!(&plain[..], command.strip_suffix(b"\n").unwrap_or(command));
        }
        Reply::Malformed(why) => {
            assert_eq!(why, Malformed::Newline);
            assert!(newline.is_some_and(|at| at + 1 < command.len()));
        }
    }
    assert!(wire.is_empty());
}

fuzz_target!(|input: &[u8]| {
    let Some((&[peer, own, build, room], rest)) = input.split_first_chunk() else {
        return;
    };
    let (peer, rest) = rest.split_at(rest.len().min(usize::from(peer % 32)));
    let (own, rest) = rest.split_at(rest.len().min(usize::from(own % 32)));
    let (build_key, command) = rest.split_at(rest.len().min(usize::from(build % 64)));
    let key = Key::derive(peer, own, build_key);
    assert_eq!(key.as_bytes(), &reference_key(peer, own, build_key));
    if !command.is_empty() {
        let cipher = Cipher::new(&key);
        round_trip(command, &cipher, room.into());
        round_trip(command, &cipher, usize::MAX);
    }
});
