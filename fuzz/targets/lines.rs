//! A client's bytes, however they come in, are the same lines; and no line is longer than it may be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lonc_proto::line::LineBuffer;

const ENCRYPT: &[u8] = b"encrypt";

/// Longest line, how the rest is cut, and the rest.
fn parts(input: &[u8]) -> Option<(usize, &[u8], &[u8])> {
    let (longest, rest) = input.split_first()?;
    let (num_cuts, rest) = rest.split_first()?;
    let (cuts, bytes) = rest.split_at_checked(usize::from(num_cuts % 16))?;
    Some((usize::from(*longest), cuts, bytes))
}

/// The lines that come before the first that is too long, and whether there is such a one: told by all of the bytes at
/// once, without looking for newlines.
fn reference(bytes: &[u8], longest: usize) -> (Vec<u8>, bool) {
    let mut taken = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let body = line.strip_suffix(b"\n");
        if body.unwrap_or(line).len() > longest {
            return (taken, true);
        }
        if body.is_some() {
            taken.extend_from_slice(line);
        }
    }
    (taken, false)
}

fn check(bytes: &[u8], cuts: &[u8], longest: usize, into_space: bool) {
    let (mut buffer, mut taken, mut rest) = (LineBuffer::new(longest), Vec::new(), bytes);
    let mut cuts = cuts.iter();
    let is_too_long = 'reading: loop {
        let most = cuts.next().map_or(rest.len(), |cut| usize::from(*cut));
        let (piece, behind) = rest.split_at(most.min(rest.len()));
        if into_space {
            buffer.space(piece.len()).extend_from_slice(piece);
        } else {
            buffer.push(piece);
        }
        rest = behind;
        loop {
            match buffer.take_lines() {
                Ok(Some(lines)) => {
                    assert_eq!(lines.bytes.last(), Some(&b'\n'));
                    let num_newlines = lines.bytes.iter().filter(|byte| **byte == b'\n').count();
                    assert_eq!(lines.count, num_newlines);
                    taken.extend_from_slice(&lines.bytes);
                }
                Ok(None) if rest.is_empty() => break 'reading false,
                Ok(None) => break,
                Err(_) => break 'reading true,
            }
        }
        let come = bytes.len() - rest.len();
        assert_eq!(taken.len() + buffer.len(), come, "bytes are lost, or doubled");
        let left = &bytes[taken.len()..come];
        if left.windows(ENCRYPT.len()).any(|word| word == ENCRYPT) {
            assert!(buffer.is_secret(), "a secret is not wiped");
        }
    };
    assert_eq!(
        (taken, is_too_long),
        reference(bytes, longest),
        "in pieces of {cuts:?}"
    );
}

fuzz_target!(|input: &[u8]| {
    if let Some((longest, cuts, bytes)) = parts(input) {
        check(bytes, cuts, longest, false);
        check(bytes, cuts, longest, true);
        check(bytes, &[], longest, false);
        check(bytes, &[1; 1 << 12], longest, true);
    }
});
