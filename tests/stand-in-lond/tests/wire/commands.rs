use stand_in_lond::{EncryptedReplies, cipher::LinkKey};
use tokio::io::AsyncReadExt;

use crate::raw::{Raw, lond, seen, soon};

#[tokio::test]
async fn plain_commands() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    let cases = [
        ("ping", "msul1"),
        ("echo:a:b ", "a:b "),
        ("echo:", ""),
        ("len:four", "8"),
        ("big:5", "xxxxx"),
        ("big:0", ""),
        ("big:-1", "unknown_cmd"),
        ("big:99999999999999999999", "unknown_cmd"),
        ("hex:4142", "AB"),
        ("hex:4", "unknown_cmd"),
        ("sleep:1:woken", "woken"),
        ("sleep:x:woken", "unknown_cmd"),
        ("", "unknown_cmd"),
        ("pingpong", "unknown_cmd"),
        ("init", "unknown_cmd"),
        ("enc:4:00", "unknown_cmd"),
        ("pong", "msul1:msul2"),
    ];
    for (line, reply) in cases {
        assert_eq!(raw.ask(line).await, reply, "{line}");
    }
    raw.send("hex:000d0aff").await;
    assert_eq!(raw.line().await.unwrap(), b"\0\r");
    assert_eq!(raw.line().await.unwrap(), b"\xff");
}

#[tokio::test]
async fn many_lines_in_one_write_are_answered_in_order() {
    let lond = lond().await;
    lond.keep_journal(false);
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send(
        &(0..5000)
            .map(|n| format!("echo:{n}"))
            .collect::<Vec<_>>()
            .join("\n"),
    )
    .await;
    for n in 0..5000 {
        assert_eq!(raw.text().await, n.to_string());
    }
    assert_eq!(lond.received(), []);
}

#[tokio::test]
async fn encrypted_commands_are_answered_encrypted() {
    let lond = lond().await;
    let (mut raw, key) = Raw::open(&lond).await;
    let ping = raw.ask_encrypted(&key, "ping").await;
    assert_eq!(ping.as_bytes(), key.encrypt(b"msul1"));
    assert_eq!(
        key.decrypt(raw.ask_encrypted(&key, "len:1\n").await.as_bytes())
            .unwrap(),
        b"5"
    );
    let received = lond.received();
    assert_eq!(
        received[received.len() - 1].decrypted.as_deref(),
        Some(b"len:1\n".as_slice())
    );
    assert_eq!(raw.ask("encecho:secret").await.as_bytes(), key.encrypt(b"secret"));
    assert_eq!(raw.ask("encbig:9").await.as_bytes(), key.encrypt(b"xxxxxxxxx"));
}

#[tokio::test]
async fn encrypted_replies_take_other_forms() {
    let lond = lond().await;
    let (mut raw, key) = Raw::open(&lond).await;
    lond.encrypted_replies(EncryptedReplies::UpperHex);
    let reply = raw.ask_encrypted(&key, "ping").await;
    let lower = String::from_utf8(key.encrypt(b"msul1")).unwrap();
    assert_eq!(reply, lower.to_ascii_uppercase().replace("ENC", "enc"));
    assert_ne!(reply, lower);
    lond.encrypted_replies(EncryptedReplies::Plain);
    assert_eq!(raw.ask_encrypted(&key, "ping").await, "msul1");
}

#[tokio::test]
async fn the_caller_is_part_of_the_key() {
    let lond = lond().await;
    lond.caller("other");
    let mut raw = Raw::greet(&lond).await;
    let build_key = raw.ask("ekey").await;
    let key = LinkKey::derive("msul1", "other", build_key.as_bytes());
    assert_eq!(
        raw.ask_encrypted(&key, "ping").await.as_bytes(),
        key.encrypt(b"msul1")
    );
    lond.any_caller();
    let mut raw = Raw::greet(&lond).await;
    raw.ask("ekey").await;
    assert_eq!(raw.ask_encrypted(&key, "ping").await, "unknown_cmd");
    assert_eq!(raw.ask("encecho:open").await, "open");
}

#[tokio::test]
async fn held_requests_wait_for_release_and_hold_up_the_rest() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send("hold:first\necho:second").await;
    seen(&lond, "echo:second").await;
    lond.inject(b"marker\n");
    assert_eq!(raw.text().await, "marker");
    lond.release();
    assert_eq!(raw.text().await, "first");
    assert_eq!(raw.text().await, "second");
    raw.send("hold:third").await;
    seen(&lond, "hold:third").await;
    drop(raw);
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
}

#[tokio::test]
async fn die_closes_after_the_replies_before_it() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send("ping\ndie\nping").await;
    assert_eq!(raw.text().await, "msul1");
    raw.ends().await;
}

#[tokio::test]
async fn large_lines_go_both_ways() {
    let lond = lond().await;
    let (mut raw, key) = Raw::open(&lond).await;
    assert_eq!(
        raw.ask(&format!("len:{}", "y".repeat(3_000_000))).await,
        "3000004"
    );
    raw.send("encbig:1000000").await;
    let reply = raw.line().await.unwrap();
    assert_eq!(key.decrypt(&reply).unwrap().len(), 1_000_000);
    raw.send("big:70000").await;
    let mut reply = vec![0; 70_001];
    soon(raw.stream.read_exact(&mut reply)).await.unwrap();
    assert!(reply.ends_with(b"x\n"));
}
