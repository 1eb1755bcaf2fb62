//! The key and the cipher against fixed cases, against Perl and against libgcrypt.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests are tests too"
)]

use std::process::{Command, Output};

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use lonc_proto::cipher::{Cipher, Key};
use lonc_proto::reply::{Reply, ReplyReader};
use lonc_proto::request::{Asked, Encoder};
use proptest::prelude::*;
use stand_in_lond::cipher::{from_hex, to_hex};
use test_harness::programs::{fed, installed};

/// Exit status by which a script says that what it needs is not installed.
const NOT_INSTALLED: i32 = 77;

/// The key as Perl's own `tr` and `pack` make it, for lines of peer, own id and build key in hex.
const PERL_KEY: &str = r#"
    use strict; use warnings;
    while (my $question = <STDIN>) {
        chomp $question;
        my ($ids, $build) = map { pack 'H*', $_ } split / /, $question, -1;
        $ids =~ tr/a-z/A-Z/;
        $ids =~ tr/G-P/0-9/;
        $ids =~ tr/Q-Z/0-9/;
        my $digits = substr(($ids . $build) x 3, 0, 32);
        print unpack('H32', pack('H32', $digits)), "\n";
    }
"#;

#[test]
fn keys_are_those_of_perl() {
    for row in rows(include_str!("vectors/keys.tsv")) {
        let [peer, own, build_key, key] = row[..] else {
            panic!("{row:?}")
        };
        let derived = Key::derive(peer.as_bytes(), own.as_bytes(), build_key.as_bytes());
        assert_eq!(to_hex(derived.as_bytes()), key, "{row:?}");
    }
}

#[test]
fn encrypted_lines_are_those_of_libgcrypt() {
    for row in rows(include_str!("vectors/enc.tsv")) {
        let [key, plain, wire] = row[..] else {
            panic!("{row:?}")
        };
        let cipher = Cipher::new(&Key::from_bytes(
            from_hex(key.as_bytes()).unwrap().try_into().unwrap(),
        ));
        let line = format!("{wire}\n").into_bytes();
        assert_eq!(
            encrypted(&cipher, &from_hex(plain.as_bytes()).unwrap(), 1 << 16),
            line,
            "{row:?}"
        );
        assert_eq!(
            decrypted(&cipher, &line, 1 << 16),
            from_hex(plain.as_bytes()).unwrap(),
            "{row:?}"
        );
        let (head, digits) = wire.rsplit_once(':').unwrap();
        let upper = format!("{head}:{}\n", digits.to_ascii_uppercase());
        assert_eq!(
            decrypted(&cipher, upper.as_bytes(), 5),
            from_hex(plain.as_bytes()).unwrap(),
            "{row:?}"
        );
    }
}

proptest! {
    #[test]
    fn what_was_encrypted_is_decrypted_however_it_is_cut(
        key: [u8; 16],
        // A command holds no newline: that would end it.
        plain in prop::collection::vec((0..=255u8).prop_filter("newline", |byte| *byte != b'\n'), 0..2000),
        room in 1..3000usize,
        piece in 1..3000usize,
    ) {
        let cipher = Cipher::new(&Key::from_bytes(key));
        let wire = encrypted(&cipher, &plain, room);
        prop_assert_eq!(decrypted(&cipher, &wire, piece), plain);
    }
}

#[test]
fn random_lines_are_encrypted_as_libgcrypt_does() {
    let mut rng = Rng::new();
    let cases: Vec<(Vec<u8>, Vec<u8>)> = (0..400)
        .map(|case| {
            let key = (0..16).map(|_| rng.u8(..)).collect();
            // Every short length, and some long ones across the pieces in which it is done.
            let length = if case < 300 { case / 4 } else { rng.usize(..9000) };
            let plain = (0..length)
                .map(|_| rng.u8(..))
                .map(|byte| byte - u8::from(byte == b'\n'))
                .collect();
            (key, plain)
        })
        .collect();
    let padded = |plain: &[u8]| [plain, &b"        "[..8 - plain.len() % 8]].concat();
    let questions: Vec<_> = cases
        .iter()
        .map(|(key, plain)| format!("{} {}", to_hex(key), to_hex(&padded(plain))))
        .collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/idea.py");
    let Some(answers) = asked("python3", &[script], &questions) else {
        return;
    };
    for ((key, plain), blocks) in cases.iter().zip(answers) {
        let cipher = Cipher::new(&Key::from_bytes(key[..].try_into().unwrap()));
        let line = format!("enc:{}:{blocks}\n", plain.len()).into_bytes();
        assert_eq!(
            encrypted(&cipher, plain, rng.usize(1..9000)),
            line,
            "key {}",
            to_hex(key)
        );
        assert_eq!(
            decrypted(&cipher, &line, rng.usize(1..9000)),
            *plain,
            "key {}",
            to_hex(key)
        );
    }
}

#[test]
fn random_keys_are_those_of_perl() {
    let mut rng = Rng::new();
    let mut id = |most: usize| -> Vec<u8> {
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
        (0..rng.usize(1..=most))
            .map(|_| letters[rng.usize(..letters.len())])
            .collect()
    };
    let names: Vec<_> = (0..500)
        .map(|case| (id(1 + case % 20), id(1 + case % 9)))
        .collect();
    let cases: Vec<_> = names
        .into_iter()
        .enumerate()
        .map(|(case, (peer, own))| {
            // Build keys are digits and upper-case letters, but any byte has a value.
            let build_key: Vec<u8> = (0..rng.usize(1..40))
                .map(|_| match case % 3 {
                    0 => rng.digit(16).to_ascii_uppercase().try_into().unwrap(),
                    1 => rng.u8(b' '..=b'~'),
                    _ => rng.u8(b'\n' + 1..),
                })
                .collect();
            (peer, own, build_key)
        })
        .collect();
    let questions: Vec<_> = cases
        .iter()
        .map(|(peer, own, build_key)| format!("{}{} {}", to_hex(peer), to_hex(own), to_hex(build_key)))
        .collect();
    let Some(keys) = asked("perl", &["-e", PERL_KEY], &questions) else {
        return;
    };
    for ((peer, own, build_key), key) in cases.iter().zip(keys) {
        let derived = to_hex(Key::derive(peer, own, build_key).as_bytes());
        assert_eq!(
            derived,
            key,
            "{}",
            [&peer[..], own, build_key].concat().escape_ascii()
        );
    }
}

/// The rows of a table below its head.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let rows: Vec<_> = table
        .lines()
        .skip(1)
        .map(|row| row.split('\t').collect())
        .collect();
    assert!(!rows.is_empty());
    rows
}

/// `command` as it goes on the wire when asked for by `encrypt:`, made in pieces of about `room` bytes.
fn encrypted(cipher: &Cipher, command: &[u8], room: usize) -> Vec<u8> {
    let Asked::Forward(request) = Asked::of(Bytes::from([b"encrypt:", command].concat())) else {
        panic!("that is a request");
    };
    let mut encoder = Encoder::default();
    let mut wire = BytesMut::new();
    while !encoder.encode(&request, cipher, room, &mut wire) {}
    wire.to_vec()
}

/// What the reply `wire` says, read in pieces of `piece` bytes.
fn decrypted(cipher: &Cipher, wire: &[u8], piece: usize) -> Vec<u8> {
    let (mut reader, mut input) = (ReplyReader::default(), BytesMut::new());
    for piece in wire.chunks(piece) {
        input.extend_from_slice(piece);
        match reader.read(&mut input, cipher, usize::MAX).unwrap() {
            None => {}
            Some(Reply::Decrypted(plain)) => return plain.to_vec(),
            Some(other @ (Reply::Plain(_) | Reply::Malformed(_))) => panic!("{other:?}"),
        }
    }
    panic!("no whole line");
}

/// Runs a script on these lines; the lines it answers, or none if the test is to be skipped.
fn asked(name: &str, script: &[&str], lines: &[String]) -> Option<Vec<String>> {
    let mut program = Command::new(installed(name)?);
    let output = fed(program.args(script), lines.join("\n") + "\n");
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    let stderr = String::from_utf8_lossy(&stderr);
    if status.code() == Some(NOT_INSTALLED) {
        eprintln!("SKIPPED: {}", stderr.trim());
        return None;
    }
    assert!(status.success(), "{name}: {stderr}");
    let answers: Vec<_> = String::from_utf8(stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(answers.len(), lines.len(), "{name}: {stderr}");
    Some(answers)
}
