//! The bytes of a link, in and out.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::Interest;
use tokio::task::coop::consume_budget;
use tokio::task::yield_now;

use crate::Behaviour;
use crate::handshake::Phase;
use crate::link::{CHUNK, CLOSE, GO_ON, Link, Next};

impl Link {
    /// Reads once; false at end of file. Returns early when the settings change; safe to cancel.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        consume_budget().await;
        let behaviour = self.settings.borrow_and_update().of(self.place).behaviour;
        if behaviour == Behaviour::NeverRead && self.phase == Phase::Up {
            return tokio::select! {
                biased;
                _ = self.settings.changed() => Ok(true),
                // Tokio reports a closed read half under this interest, without the data before it.
                closed = self.stream.ready(Interest::PRIORITY) => closed.map(|_| false),
            };
        }
        let mut most = CHUNK;
        if behaviour == Behaviour::SlowRead {
            tokio::time::sleep(Duration::from_millis(10)).await;
            most = 4;
        }
        tokio::select! {
            biased;
            _ = self.settings.changed() => return Ok(true),
            readable = self.stream.readable() => readable?,
        }
        match self.read(most) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            other => other.map(|count| count > 0),
        }
    }

    fn read(&mut self, most: usize) -> io::Result<usize> {
        let room = self.chunk.get_mut(..most).unwrap_or_default();
        let count = self.stream.try_read(room)?;
        let bytes = self.chunk.get(..count).unwrap_or_default();
        let releases = *self.shared.releases.borrow();
        self.inbox
            .push(bytes, self.key.as_ref(), releases, &self.shared.journal);
        Ok(count)
    }

    /// Records what the peer had sent before the link is closed; bounded, as the peer may send on and on.
    pub(crate) fn take_leftovers(&mut self) {
        let _ = (0..16).try_for_each(|_| self.read(CHUNK).ok().filter(|count| *count > 0).map(drop));
    }

    /// Waits with nothing else being handled; closes if the peer does so meanwhile. Lines that arrive are recorded.
    pub(crate) async fn pause(&mut self, until: impl Future<Output = ()>) -> Next {
        self.flush().await?;
        let mut until = pin!(until);
        loop {
            tokio::select! {
                biased;
                () = &mut until => return GO_ON,
                more = self.fill() => if !more? { return CLOSE },
            }
        }
    }

    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let out = std::mem::take(&mut self.out);
        if self.behaviour() == Behaviour::ByteByByte {
            for byte in &out {
                self.write(std::slice::from_ref(byte)).await?;
                yield_now().await;
            }
            return Ok(());
        }
        self.write(&out).await
    }

    /// Writes until the peer has gone.
    pub(crate) async fn write_endlessly(&mut self) -> io::Result<()> {
        self.flush().await?;
        let flood = vec![b'x'; CHUNK];
        loop {
            self.write(&flood).await?;
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            consume_budget().await;
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
