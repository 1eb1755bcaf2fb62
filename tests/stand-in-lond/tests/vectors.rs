//! Keys and encrypted lines against cases made by Perl and libgcrypt.

use stand_in_lond::cipher::{LinkKey, from_hex, key_bytes, to_hex};

#[test]
fn keys_are_those_of_perl() {
    let mut seen = 0;
    for row in rows(include_str!("../../vectors/keys.tsv")) {
        let [peer, own, build_key, key] = row[..] else {
            panic!("{row:?}")
        };
        assert_eq!(
            to_hex(&key_bytes(peer, own, build_key.as_bytes())),
            key,
            "{row:?}"
        );
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn encrypted_lines_are_those_of_libgcrypt() {
    let mut seen = 0;
    for row in rows(include_str!("../../vectors/enc.tsv")) {
        let [key, plain, wire] = row[..] else {
            panic!("{row:?}")
        };
        let key = LinkKey::from_bytes(from_hex(key.as_bytes()).unwrap().try_into().unwrap());
        let plain = from_hex(plain.as_bytes()).unwrap();
        assert_eq!(key.encrypt(&plain), wire.as_bytes(), "{row:?}");
        assert_eq!(key.decrypt(wire.as_bytes()).as_ref(), Some(&plain), "{row:?}");
        let (head, hex) = wire.rsplit_once(':').unwrap();
        let upper = format!("{head}:{}", hex.to_ascii_uppercase());
        assert_eq!(key.decrypt(upper.as_bytes()), Some(plain), "{row:?}");
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn the_shorter_padding_is_understood() {
    let key = LinkKey::from_bytes(*b"0123456789abcdef");
    let mut wire = key.encrypt(b"12345678");
    wire.truncate(wire.len() - 16);
    assert_eq!(key.decrypt(&wire).unwrap(), b"12345678");
}

#[test]
fn malformed_lines_are_not_decrypted() {
    let key = LinkKey::from_bytes([7; 16]);
    for line in [
        "ping",
        "enc:",
        "enc:4",
        "enc:4:",
        "enc::d801bbfd2e90c6eb",
        "enc:+4:d801bbfd2e90c6eb",
    ] {
        assert_eq!(key.decrypt(line.as_bytes()), None, "{line}");
    }
    for line in [
        "enc:9:d801bbfd2e90c6eb",
        "enc:4:d801bbfd2e90c6e",
        "enc:4:d801bbfd2e90c6",
        "enc:4:d801bbfd2e90c6eg",
    ] {
        assert_eq!(key.decrypt(line.as_bytes()), None, "{line}");
    }
}

fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table.lines().skip(1).map(|line| line.split('\t').collect())
}
