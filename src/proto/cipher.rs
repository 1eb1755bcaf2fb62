//! The key of a link, and IDEA-ECB under it.
//!
//! Source of the facts: the original's `openremote` (key) and `handle` (encrypted lines); lond cuts the plain
//! text to the announced length, so the padding is never seen.

use bytes::BytesMut;
use core::iter;
use idea::Idea;
use idea::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit, consts::U8};
use zeroize::Zeroizing;

use crate::buffer::Buffer;

/// Bytes of one IDEA block.
pub const BLOCK: usize = 8;
/// Bytes of an IDEA key.
const KEY: usize = 16;
/// Plain bytes that are encrypted at once.
const SLICE: usize = 256 * BLOCK;

type Block = Array<u8, U8>;

/// The 128-bit key of one link. It has no `Debug`, and is wiped when dropped.
pub struct Key(Zeroizing<[u8; KEY]>);

impl Key {
    /// The key that both ends of a link derive from their ids and lond's build key (without its newline).
    #[must_use]
    pub fn derive(peer: &[u8], own: &[u8], build_key: &[u8]) -> Self {
        let ids = peer.iter().chain(own).map(|byte| fold(*byte));
        let once = ids.chain(build_key.iter().copied());
        let thrice = once.clone().chain(once.clone()).chain(once);
        // Taken one by one, so that there is no copy of them to be wiped.
        let mut digits = thrice.chain(iter::repeat(b'0')).map(nibble);
        let mut key = Zeroizing::new([0; KEY]);
        for byte in key.iter_mut() {
            *byte = digits.by_ref().take(2).fold(0, |high, digit| 16 * high + digit);
        }
        Self(key)
    }

    /// A key of these bytes, for comparing with other implementations.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEY] {
        &self.0
    }
}

/// Upper-cases a letter, then maps `G`–`P` and after that `Q`–`Z` to the digits.
fn fold(byte: u8) -> u8 {
    match byte.to_ascii_uppercase() {
        letter @ b'G'..=b'P' => letter - b'G' + b'0',
        letter @ b'Q'..=b'Z' => letter - b'Q' + b'0',
        other => other,
    }
}

/// The value Perl's `pack("H")` gives a character.
fn nibble(byte: u8) -> u8 {
    if byte.is_ascii_alphabetic() {
        ((byte & 15) + 9) & 15
    } else {
        byte & 15
    }
}

/// IDEA under a link's key. It has no `Debug`; the key schedule is wiped when dropped.
pub struct Cipher(Idea);

impl Cipher {
    /// The cipher for `key`.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        Self(Idea::new(key.as_bytes().into()))
    }

    /// Encrypts `plain`, padded with spaces to a whole block, and appends it to `out` as lower-case hex.
    pub fn encrypt_hex(&self, plain: &[u8], out: &mut BytesMut) {
        for slice in plain.chunks(SLICE) {
            let mut room = [b' '; SLICE];
            let whole = slice.len().next_multiple_of(BLOCK);
            let (used, _) = room.split_at_mut(whole);
            for (to, from) in used.iter_mut().zip(slice) {
                *to = *from;
            }
            self.0.encrypt_blocks(Block::slice_as_chunks_mut(used).0);
            let start = out.len();
            out.resize(start + 2 * whole, 0);
            let (_, hex) = out.split_at_mut(start);
            // The sizes match by construction, and that is all encoding can object to.
            let _ = const_hex::encode_to_slice(used, hex);
        }
    }

    /// Decrypts whole blocks of hex (a multiple of 16 digits, either case) and appends the plain bytes to
    /// `out`; `false`, and nothing appended, if a digit is none.
    #[must_use]
    pub fn decrypt_hex(&self, hex: &[u8], out: &mut Buffer) -> bool {
        let start = out.len();
        out.resize(start + hex.len() / 2);
        let (_, plain) = out.split_at_mut(start);
        // The decoder would take a leading 0x for a mark.
        if hex.starts_with(b"0x") || const_hex::decode_to_slice(hex, plain).is_err() {
            out.resize(start);
            return false;
        }
        self.0.decrypt_blocks(Block::slice_as_chunks_mut(plain).0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn letters_fold_as_perls_tr_does() {
        assert_eq!(
            "azAZgpqz_-.9".bytes().map(fold).collect::<Vec<_>>(),
            b"A9A90909_-.9"
        );
        assert_eq!(
            [b'a', b'F', b'g', b'_', b'-', b'.', b'7'].map(nibble),
            [10, 15, 0, 15, 13, 14, 7]
        );
    }

    #[test]
    fn hex_that_is_none_leaves_the_output_alone() {
        let cipher = Cipher::new(&Key::from_bytes([7; 16]));
        let mut out = Buffer::copy_of(b"kept");
        assert!(!cipher.decrypt_hex(b"00112233445566zz", &mut out));
        assert!(!cipher.decrypt_hex(b"0x112233445566ff", &mut out));
        assert_eq!(&out[..], b"kept");
    }
}
