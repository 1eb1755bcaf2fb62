//! The link key and encrypted lines, written from the wire's description alone: nothing here is shared with the
//! daemon, so that agreement between the two proves something.

use std::fmt::Write as _;

use idea::Idea;
use idea::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

const BLOCK: usize = 8;

/// The IDEA key of one link.
pub struct LinkKey {
    idea: Idea,
}

impl LinkKey {
    /// The key between the lond `lond` and the calling host `caller`, for this link's build key (without newline).
    #[must_use]
    pub fn derive(lond: &str, caller: &str, build_key: &[u8]) -> Self {
        Self::from_bytes(key_bytes(lond, caller, build_key))
    }

    /// A key given as its 16 bytes.
    #[must_use]
    pub fn from_bytes(key: [u8; 16]) -> Self {
        Self {
            idea: Idea::new(&key.into()),
        }
    }

    /// `enc:<length>:<hex>` in lower case, padded with at least one space as the original does.
    #[must_use]
    pub fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let mut padded = plain.to_vec();
        padded.resize((plain.len() / BLOCK + 1) * BLOCK, b' ');
        let (blocks, _) = padded.as_chunks_mut::<BLOCK>();
        for chunk in blocks {
            let mut block = Block::<Idea>::from(*chunk);
            self.idea.encrypt_block(&mut block);
            *chunk = block.into();
        }
        let mut line = format!("enc:{}:", plain.len()).into_bytes();
        line.extend_from_slice(to_hex(&padded).as_bytes());
        line
    }

    /// What an `enc:` line (without its newline) says; `None` when it is malformed.
    #[must_use]
    pub fn decrypt(&self, line: &[u8]) -> Option<Vec<u8>> {
        let rest = line.strip_prefix(b"enc:")?;
        let colon = rest.iter().position(|byte| *byte == b':')?;
        let (digits, hex) = rest.split_at(colon);
        let length: usize = decimal(digits)?;
        let mut bytes = from_hex(hex.strip_prefix(b":")?)?;
        if bytes.len() % BLOCK != 0 || length > bytes.len() {
            return None;
        }
        let (blocks, _) = bytes.as_chunks_mut::<BLOCK>();
        for chunk in blocks {
            let mut block = Block::<Idea>::from(*chunk);
            self.idea.decrypt_block(&mut block);
            *chunk = block.into();
        }
        bytes.truncate(length);
        Some(bytes)
    }
}

/// The 128 bits of the key: both ids with their letters turned to digits, alternating with the build key.
#[must_use]
pub fn key_bytes(lond: &str, caller: &str, build_key: &[u8]) -> [u8; 16] {
    let ids: Vec<u8> = lond.bytes().chain(caller.bytes()).map(letter_to_digit).collect();
    let period = ids.iter().chain(build_key);
    let mut nibbles = period
        .clone()
        .chain(period.clone())
        .chain(period)
        .map(|byte| nibble(*byte));
    std::array::from_fn(|_| {
        let high = nibbles.next().unwrap_or(0);
        high << 4 | nibbles.next().unwrap_or(0)
    })
}

fn letter_to_digit(byte: u8) -> u8 {
    let upper = byte.to_ascii_uppercase();
    match upper {
        b'G'..=b'P' => upper - b'G' + b'0',
        b'Q'..=b'Z' => upper - b'Q' + b'0',
        _ => upper,
    }
}

/// As Perl's `pack("H")` sees a character.
fn nibble(byte: u8) -> u8 {
    if byte.is_ascii_alphabetic() {
        byte.wrapping_add(9) & 15
    } else {
        byte & 15
    }
}

/// Lower-case hex.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            // Writing into a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// The bytes that hex of either case stands for; `None` for an odd length or another character.
#[must_use]
pub fn from_hex(hex: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = hex.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(hex_digit(*high)? << 4 | hex_digit(*low)?))
        .collect()
}

fn hex_digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

/// A number in plain ASCII digits (no sign, unlike `str::parse`).
pub(crate) fn decimal<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| str::from_utf8(digits).ok()?.parse().ok()).flatten()
}
