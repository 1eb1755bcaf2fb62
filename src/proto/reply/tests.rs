use super::*;
use crate::cipher::Key;
use crate::request::{Asked, Encoder};
use alloc::vec::Vec;
use bytes::Bytes;
use proptest::prelude::*;

#[test]
fn plain_lines_pass_untouched() {
    let wire =
        b"ok\n\nenc\nenc:\nenc:x:00\nenc:12\nenc::\nenc:999999999999999999999:00\nencoding error\n\0\r\n";
    for piece in [1, 2, 3, 100] {
        let got = replies(wire, piece);
        let bodies: Vec<&[u8]> = got.iter().map(|reply| &reply.as_ref().unwrap()[..]).collect();
        let expected: [&[u8]; 10] = [
            b"ok",
            b"",
            b"enc",
            b"enc:",
            b"enc:x:00",
            b"enc:12",
            b"enc::",
            b"enc:999999999999999999999:00",
            b"encoding error",
            b"\0\r",
        ];
        assert_eq!(bodies, expected);
    }
}

#[test]
fn malformed_ones_are_told_apart_and_do_not_disturb_the_next() {
    let good = encrypted(b"fine", 999);
    for (bad, why) in [
        (&b"enc:4:zz11223344556677\n"[..], Malformed::NotHex),
        (b"enc:4:0x11223344556677\n", Malformed::NotHex),
        (b"enc:4:00112233445566\n", Malformed::NotWholeBlocks),
        (b"enc:4:0\n", Malformed::NotWholeBlocks),
        (b"enc:4:\n", Malformed::TooShort),
        (b"enc:9:0011223344556677\n", Malformed::TooShort),
        (
            b"enc:99999999999999999999:0011223344556677\n",
            Malformed::TooShort,
        ),
    ] {
        for piece in [1, 5, 16, 100] {
            let wire = [bad, &good].concat();
            assert_eq!(
                replies(&wire, piece),
                [Err(why), Ok(b"fine".to_vec())],
                "{}",
                bad.escape_ascii()
            );
        }
    }
}

#[test]
fn a_newline_in_the_plain_text_passes_only_at_the_end_and_once() {
    assert_eq!(replies(&encrypted(b"fine\n", 99), 7), [Ok(b"fine".to_vec())]);
    assert_eq!(replies(&encrypted(b"a\nb", 99), 7), [Err(Malformed::Newline)]);
    assert_eq!(replies(&encrypted(b"a\n\n", 99), 7), [Err(Malformed::Newline)]);
}

#[test]
fn hex_comes_in_either_case_and_nothing_at_all_is_a_reply() {
    let wire = encrypted(b"a longer text, to have letters in it", 99).to_ascii_uppercase();
    let wire = [b"enc", &wire[3..]].concat();
    assert_eq!(
        replies(&wire, 9),
        [Ok(b"a longer text, to have letters in it".to_vec())]
    );
    assert_eq!(replies(b"enc:0:\n", 2), [Ok(Vec::new())]);
}

#[test]
fn the_limit_holds_for_plain_and_encrypted() {
    for (start, more) in [
        (&b""[..], &b"xxxxxxxx"[..]),
        (b"enc:99:", b"0011223344556677"),
        (b"enc:", b"1111111111"),
    ] {
        let (mut reader, mut input) = (ReplyReader::default(), BytesMut::from(start));
        let mut fed = 0;
        while reader.read(&mut input, &cipher(), 64).is_ok() {
            input.extend_from_slice(more);
            fed += more.len();
            assert!(fed < 200, "the limit never struck");
        }
        assert!(fed > 40, "the limit struck early");
    }
    let mut exact = BytesMut::from(&[b'x'; 64][..]);
    exact.extend_from_slice(b"\n");
    assert_eq!(
        ReplyReader::default().read(&mut exact, &cipher(), 64),
        Ok(Some(Reply::Plain(64)))
    );
}

proptest! {
    #[test]
    fn what_is_encrypted_comes_back(plain: Vec<u8>, slice in 1usize..200, piece in 1usize..70) {
        let wire = encrypted(&plain, slice);
        let expected = match plain.strip_suffix(b"\n").unwrap_or(&plain) {
            text if text.contains(&b'\n') => Err(Malformed::Newline),
            text => Ok(text.to_vec()),
        };
        prop_assert_eq!(replies(&wire, piece), [expected]);
    }

    #[test]
    fn any_bytes_are_survived(wire: Vec<u8>, piece in 1usize..9) {
        replies(&wire, piece);
        replies(&[b"enc:5:", &wire[..]].concat(), piece);
    }
}

fn cipher() -> Cipher {
    Cipher::new(&Key::from_bytes(*b"0123456789abcdef"))
}

/// Every reply in `wire`, fed in pieces of `piece` bytes.
fn replies(wire: &[u8], piece: usize) -> Vec<Result<Vec<u8>, Malformed>> {
    let (mut reader, mut input, mut got) = (ReplyReader::default(), BytesMut::new(), Vec::new());
    for part in wire.chunks(piece) {
        input.extend_from_slice(part);
        while let Some(reply) = reader.read(&mut input, &cipher(), 1 << 20).unwrap() {
            got.push(match reply {
                Reply::Plain(len) => {
                    let body = input.split_to(len).to_vec();
                    input.advance(1);
                    Ok(body)
                }
                Reply::Decrypted(body) => Ok(body.to_vec()),
                Reply::Malformed(why) => Err(why),
            });
        }
    }
    assert!(input.is_empty() || !input.contains(&b'\n'));
    got
}

fn encrypted(plain: &[u8], slice: usize) -> Vec<u8> {
    let mut line = b"encrypt:".to_vec();
    line.extend_from_slice(plain);
    let Asked::Forward(request) = Asked::of(Bytes::from(line)) else {
        panic!("is a command")
    };
    let (mut encoder, mut wire) = (Encoder::default(), BytesMut::new());
    while !encoder.encode(&request, &cipher(), slice, &mut wire) {}
    wire.to_vec()
}

#[test]
fn a_log_shows_what_a_reply_is_and_nothing_that_it_says() {
    for (reply, shown) in [
        (Reply::Plain(6), "a plain reply of 6 bytes"),
        (
            Reply::Decrypted(Buffer::copy_of(b"secret")),
            "an encrypted reply of 6 bytes",
        ),
        (
            Reply::Malformed(Malformed::TooShort),
            "a malformed reply: announces more than it holds",
        ),
    ] {
        assert_eq!(std::format!("{reply:?}"), shown);
    }
}

#[test]
fn of_an_encrypted_reply_whole_blocks_leave_the_input_and_are_counted() {
    let (mut reader, mut input) = (ReplyReader::default(), BytesMut::from("enc:30:"));
    for (more, decrypted, left) in [
        ("0123456789abcdef", 8, 0),
        ("0123456789", 8, 10),
        ("abcdef0123", 16, 4),
    ] {
        input.extend_from_slice(more.as_bytes());
        assert_eq!(reader.read(&mut input, &cipher(), 1000), Ok(None));
        assert_eq!((reader.decrypted(), input.len()), (decrypted, left));
    }
}

#[test]
fn what_is_dropped_ends_where_it_ends_and_counts() {
    let (cipher, hex) = (cipher(), "0123456789abcdef".repeat(4));
    for (line, rest) in [
        ("a long reply", "\nnext\n"),
        (&*std::format!("enc:30:{hex}"), "89abcdef01234567\nnext\n"),
        ("enc:3", "0:zz\nnext\n"),
        ("enc", "\nnext\n"),
    ] {
        let (mut reader, mut input) = (ReplyReader::default(), BytesMut::from(line));
        assert_eq!(reader.read(&mut input, &cipher, 1000), Ok(None));
        reader.drop_begun(&mut input);
        assert!(input.is_empty() && reader.decrypted() == 0);
        input.extend_from_slice(rest.as_bytes());
        let Ok(Some(Reply::Plain(len))) = reader.read(&mut input, &cipher, 1000) else {
            panic!("{line} has no end");
        };
        input.advance(len + 1);
        assert_eq!(reader.read(&mut input, &cipher, 1000), Ok(Some(Reply::Plain(4))));
    }
    let (mut reader, mut input) = (ReplyReader::default(), BytesMut::new());
    for _ in 0..10 {
        input.extend_from_slice(&[b'x'; 100]);
        assert_eq!(reader.read(&mut input, &cipher, 1000), Ok(None));
        reader.drop_begun(&mut input);
    }
    input.extend_from_slice(b"x");
    assert_eq!(reader.read(&mut input, &cipher, 1000), Err(TooLong));
}
