//! A link's bytes, however they come in, are the replies that they are taken for when read whole, by other code.
#![no_main]

use bytes::{Buf as _, BytesMut};
use idea::Idea;
use idea::cipher::{Array, BlockCipherDecrypt as _, KeyInit as _};
use libfuzzer_sys::fuzz_target;
use lonc_proto::cipher::{Cipher, Key};
use lonc_proto::reply::{Malformed, Reply, ReplyReader};

const KEY: [u8; 16] = *b"\x62\x45\x16\x24\x52\x54\x32\x1a\xfe\x98\x70\x0b\xcd\x12\x34\x59";

type Read = Result<Vec<u8>, Malformed>;

fn decrypted(mut blocks: Vec<u8>) -> Vec<u8> {
    let idea = Idea::new(&Array::from(KEY));
    for block in blocks.chunks_exact_mut(8) {
        idea.decrypt_block(block.try_into().expect("whole blocks"));
    }
    blocks
}

/// What a whole line is, without its newline.
fn reference(line: &[u8]) -> Read {
    let text = line.strip_prefix(b"enc:");
    let colon = text.and_then(|rest| rest.iter().position(|byte| *byte == b':'));
    let (Some(text), Some(colon)) = (text, colon) else {
        return Ok(line.to_vec());
    };
    let (digits, hex) = (&text[..colon], &text[colon + 1..]);
    let is_number = (1..=20).contains(&colon) && digits.iter().all(u8::is_ascii_digit);
    if !is_number {
        return Ok(line.to_vec());
    }
    let announced: u128 = str::from_utf8(digits)
        .expect("digits")
        .parse()
        .expect("at most 20");
    if hex.len() % 16 != 0 {
        // Which of two faults is told depends on where it is found first.
        return Err(Malformed::NotWholeBlocks);
    }
    if !hex.iter().all(u8::is_ascii_hexdigit) {
        return Err(Malformed::NotHex);
    }
    let plain = decrypted(const_hex::decode(hex).expect("hex"));
    if (plain.len() as u128) < announced {
        return Err(Malformed::TooShort);
    }
    let body = &plain[..announced as usize];
    match body.iter().position(|byte| *byte == b'\n') {
        Some(at) if at + 1 < body.len() => Err(Malformed::Newline),
        Some(at) => Ok(body[..at].to_vec()),
        None => Ok(body.to_vec()),
    }
}

/// All whole lines before the first that is too long, and whether there is such a one.
fn references(bytes: &[u8], longest: usize) -> (Vec<Read>, bool) {
    let mut replies = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let body = line.strip_suffix(b"\n");
        if body.unwrap_or(line).len() > longest {
            return (replies, true);
        }
        replies.extend(body.map(reference));
    }
    (replies, false)
}

fn check(bytes: &[u8], cuts: &[u8], longest: usize) {
    let cipher = Cipher::new(&Key::from_bytes(KEY));
    let (mut reader, mut input, mut rest) = (ReplyReader::default(), BytesMut::new(), bytes);
    let (mut replies, mut is_too_long) = (Vec::new(), false);
    let mut cuts = cuts.iter();
    while !is_too_long && !(rest.is_empty() && input.is_empty()) {
        let most = cuts.next().map_or(rest.len(), |cut| usize::from(*cut));
        let (piece, behind) = rest.split_at(most.min(rest.len()));
        input.extend_from_slice(piece);
        rest = behind;
        loop {
            match reader.read(&mut input, &cipher, longest) {
                Ok(Some(Reply::Plain(len))) => {
                    replies.push(Ok(input.split_to(len).to_vec()));
                    assert_eq!(input.get_u8(), b'\n');
                }
                Ok(Some(Reply::Decrypted(body))) => {
                    assert!(body.is_secret(), "what came encrypted is not wiped");
                    replies.push(Ok(body.to_vec()));
                }
                Ok(Some(Reply::Malformed(why))) => replies.push(Err(why)),
                Ok(None) => break,
                Err(_) => {
                    is_too_long = true;
                    break;
                }
            }
            assert_eq!(
                reader.decrypted(),
                0,
                "of a reply that is through something is kept"
            );
        }
        assert!(
            2 * reader.decrypted() + input.len() <= bytes.len() - rest.len(),
            "more is kept than came"
        );
        if rest.is_empty() {
            break;
        }
    }
    let (mut wanted, must_be_too_long) = references(bytes, longest);
    assert_eq!(is_too_long, must_be_too_long, "too long");
    assert_eq!(replies.len(), wanted.len());
    for (reply, wanted) in replies.iter().zip(&mut wanted) {
        let both = [&reply, &&*wanted]
            .map(|read| matches!(read, Err(Malformed::NotHex | Malformed::NotWholeBlocks)));
        assert!(both == [true; 2] || reply == wanted, "{reply:?}, not {wanted:?}");
    }
}

fuzz_target!(|input: &[u8]| {
    if let Some((&[num_cuts, longest], rest)) = input.split_first_chunk()
        && let Some((cuts, bytes)) = rest.split_at_checked(usize::from(num_cuts % 16))
    {
        let longest = 8 * usize::from(longest);
        check(bytes, cuts, longest);
        check(bytes, &[], longest);
        check(bytes, &[1; 1 << 12], longest);
    }
});
