//! Those who cannot be served are answered all the same: whatever they ask came to nothing, and was not sent.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use lonc_proto::line::{LineBuffer, Lines};
use lonc_proto::request::{Asked, answer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Bytes asked for in one read.
const READ: usize = 4096;
/// How long a client is listened to that says nothing: who has connected asks at once.
const SILENCE: Duration = Duration::from_secs(1);
/// How long one is in all.
const LIMIT: Duration = Duration::from_secs(5);

/// Answers what `stream` asks, in lines of up to `longest` bytes, until it asks nothing for a while.
pub(super) async fn answer_all(stream: UnixStream, longest: usize) {
    // What ends it, whether time or the client, is no news.
    let _ = timeout(LIMIT, talk(stream, LineBuffer::new(longest))).await;
}

async fn talk(mut stream: UnixStream, mut lines: LineBuffer) -> io::Result<()> {
    loop {
        let read = timeout(SILENCE, stream.read_buf(lines.space(READ))).await;
        if !matches!(read, Ok(Ok(1..))) {
            return Ok(());
        }
        loop {
            match lines.take_lines() {
                Ok(Some(asked)) => stream.write_all(&answers(asked)).await?,
                Ok(None) => break,
                Err(_) => return end_too_long(stream).await,
            }
        }
    }
}

/// Says so, and gives a client that is still busy sending the chance to read it.
async fn end_too_long(mut stream: UnixStream) -> io::Result<()> {
    stream.write_all(&[answer::TOO_LONG, b"\n"].concat()).await?;
    stream.shutdown().await?;
    let mut rest = Zeroizing::new([0; READ]);
    while stream.read(&mut *rest).await? > 0 {}
    Ok(())
}

fn answers(mut asked: Lines) -> BytesMut {
    let mut answers = BytesMut::new();
    while let Some(end) = memchr::memchr(b'\n', &asked.bytes) {
        let line = asked.bytes.split_to(end + 1);
        answers.extend_from_slice(answer_to(Asked::of(line.slice(..end))));
        answers.extend_from_slice(b"\n");
    }
    answers
}

fn answer_to(asked: Asked) -> &'static [u8] {
    match asked {
        Asked::Nothing => answer::UNKNOWN_CMD,
        Asked::Refused(_) => answer::REFUSED,
        Asked::Forward(request) if request.is_critical() => answer::CON_FAILED,
        Asked::Forward(_) | Asked::Stop | Asked::Retry => answer::CON_LOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_line_has_the_answer_of_one_that_came_to_nothing() {
        let (client, ours) = UnixStream::pair().unwrap();
        let serving = tokio::spawn(answer_all(ours, 100));
        let (mut read, mut write) = client.into_split();
        write
            .write_all(b"echo:1\ncritical:echo:2\nencrypt:echo:3\n\nreset_retries\nhalf")
            .await
            .unwrap();
        drop(write);
        let mut said = String::new();
        read.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "con_lost\ncon_failed\ncon_lost\nunknown_cmd\ncon_lost\n");
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn neither_silence_nor_an_endless_line_holds_it_up() {
        let (_silent, ours) = UnixStream::pair().unwrap();
        answer_all(ours, 100).await;
        let (mut client, ours) = UnixStream::pair().unwrap();
        let serving = tokio::spawn(answer_all(ours, 100));
        client.write_all(&vec![b'x'; 300_000]).await.unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "error: request too long\n");
        drop(client);
        serving.await.unwrap();
    }
}
