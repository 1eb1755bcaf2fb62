//! A lond's side of the opening of a link. Which steps there are, and in which order, is the caller's choice.

/// What a caller that speaks lond's language says first.
pub(crate) const FIRST: &[u8] = b"init\n";
/// What it says last.
pub(crate) const LAST: &[u8] = b"ekey\n";
/// What it may ask at any time.
pub(crate) const PING: &[u8] = b"ping\n";

const CHALLENGE: &[u8] = b"challenge\n";

/// The answer of the lond of host `id` to a line of the opening.
pub(crate) fn answer(line: &[u8], id: &str) -> Vec<u8> {
    match line {
        FIRST => CHALLENGE.to_vec(),
        LAST => b"0123456789abcdef0123456789abcdef\n".to_vec(),
        b"pong\n" => format!("{id}\n").into_bytes(),
        version if version.starts_with(b"version:") => version.to_vec(),
        _ => b"ok\n".to_vec(),
    }
}
