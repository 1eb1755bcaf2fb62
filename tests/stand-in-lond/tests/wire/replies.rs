use std::time::Duration;

use stand_in_lond::cipher::from_hex;
use stand_in_lond::{BadHex, Behaviour};

use crate::raw::{Raw, behaving, lond};

#[tokio::test]
async fn extra_reply_sends_two_lines_for_one() {
    let lond = behaving(Behaviour::ExtraReply).await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send("echo:1\necho:2").await;
    for line in ["1", "extra", "2", "extra"] {
        assert_eq!(raw.text().await, line);
    }
}

#[tokio::test]
async fn garbage_is_the_same_for_the_same_seed() {
    let mut all = Vec::new();
    for seed in [7, 7, 8] {
        let lond = behaving(Behaviour::Garbage(seed)).await;
        let (mut raw, _) = Raw::open(&lond).await;
        raw.send(&["ping"; 40].join("\n")).await;
        // Done with the garbage when the next behaviour closes the link.
        raw.send("last").await;
        crate::raw::seen(&lond, "last").await;
        raw.send("really last").await;
        crate::raw::seen(&lond, "really last").await;
        lond.drop_links();
        all.push(raw.rest().await);
    }
    let lines = all[0].split(|byte| *byte == b'\n').count();
    assert!(lines > 43, "{lines}");
    // The last line's own garbage may or may not have gone out.
    let both = all[0].len().min(all[1].len());
    assert_eq!(all[0][..both], all[1][..both]);
    assert_ne!(all[0][..100], all[2][..100]);
}

#[tokio::test]
async fn bad_hex_is_bad_in_the_way_it_says() {
    let lond = lond().await;
    let (mut raw, key) = Raw::open(&lond).await;
    let good = String::from_utf8(key.encrypt(b"hello")).unwrap();
    let hex = good.strip_prefix("enc:5:").unwrap();
    let cut = |most| hex.chars().take(most).collect::<String>();
    let cases = [
        (BadHex::OddLength, format!("enc:5:{}", cut(15))),
        (BadHex::NonHex, format!("enc:5:{}g", cut(15))),
        (BadHex::PartBlock, format!("enc:5:{}", cut(14))),
        (BadHex::LengthTooLarge, format!("enc:9:{hex}")),
    ];
    for (how, line) in cases {
        lond.behave(Behaviour::BadHex(how));
        assert_eq!(raw.ask("encecho:hello").await, line, "{how:?}");
        assert_eq!(key.decrypt(line.as_bytes()), None, "{how:?}");
        assert_eq!(raw.ask_encrypted(&key, "echo:hello").await, line, "{how:?}");
        assert_eq!(raw.ask("echo:hello").await, "hello");
    }
    lond.behave(Behaviour::BadHex(BadHex::NewlineInside));
    let reply = raw.ask("encecho:hello").await;
    assert_eq!(key.decrypt(reply.as_bytes()).unwrap(), b"hello\nsecond");
    assert!(from_hex(reply.rsplit(':').next().unwrap().as_bytes()).is_some());
}

#[tokio::test]
async fn late_replies_are_late_one_after_the_other() {
    let lond = behaving(Behaviour::LateReply(Duration::from_millis(30))).await;
    let (mut raw, _) = Raw::open(&lond).await;
    let start = std::time::Instant::now();
    raw.send("echo:1\necho:2").await;
    assert_eq!(raw.text().await, "1");
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert_eq!(raw.text().await, "2");
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn byte_by_byte_trickles() {
    use tokio::io::AsyncReadExt;
    let lond = behaving(Behaviour::ByteByByte).await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send("big:500").await;
    let (mut reads, mut bytes, mut room) = (0, 0, [0; 4096]);
    while bytes < 501 {
        bytes += crate::raw::soon(raw.stream.read(&mut room)).await.unwrap();
        reads += 1;
    }
    assert_eq!(bytes, 501);
    assert!(reads > 50, "{reads} reads");
}
