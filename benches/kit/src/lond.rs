//! A lond that echoes.
//!
//! After the handshake it gives every line back as it came, but for a lone `ping`, which it answers by its id: an
//! encrypted request is its own reply under the key of the link, so that it need not know the key. A connection that
//! does not begin with `init` is echoed from its first byte: that is what lonc is compared with.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::spawn;

use crate::counts::Counts;
use crate::opening;
use crate::stream::{Poller, Stream};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;
/// The listener among the members.
const DOOR: usize = 0;

/// Listens on a free port of loopback until the process ends, as the lond of host `id`.
pub fn start(id: &str) -> io::Result<SocketAddr> {
    listen(id, (Ipv4Addr::LOCALHOST, 0).into())
}

/// Listens at `address` until the process ends, as the lond of host `id`.
pub fn listen(id: &str, address: SocketAddr) -> io::Result<SocketAddr> {
    counting(id, address).map(|(address, _)| address)
}

/// The same, with its connections counted.
pub fn counting(id: &str, address: SocketAddr) -> io::Result<(SocketAddr, Arc<Counts>)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let poller = Poller::new()?;
    poller.add(&listener, DOOR)?;
    let counts = Arc::<Counts>::default();
    let mut lond = Lond {
        id: id.to_owned(),
        listener,
        poller,
        links: HashMap::new(),
        next: DOOR + 1,
        chunk: vec![0; CHUNK],
        counts: Arc::clone(&counts),
    };
    spawn(move || lond.serve().expect("the echoing lond can wait for its links"));
    Ok((address, counts))
}

struct Lond {
    id: String,
    listener: TcpListener,
    poller: Poller,
    links: HashMap<usize, Link>,
    next: usize,
    chunk: Vec<u8>,
    counts: Arc<Counts>,
}

struct Link {
    stream: Stream,
    stage: Stage,
    /// A line of which the end has not come: nobody answers before that.
    partial: Vec<u8>,
    /// What could not be written at once.
    unsent: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Opening,
    Up,
}

impl Lond {
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let ready: Vec<_> = self.poller.wait(u16::MAX)?.collect();
            for number in ready {
                if number == DOOR {
                    self.accept()?;
                } else if let Some(link) = self.links.get_mut(&number) {
                    let had_unsent = !link.unsent.is_empty();
                    // Either end may go at any time.
                    let goes_on = link.turn(&self.id, &mut self.chunk).unwrap_or(false);
                    let has_unsent = !link.unsent.is_empty();
                    if !goes_on {
                        self.links.remove(&number);
                        self.counts.closed();
                    } else if had_unsent != has_unsent {
                        self.poller.want_write(&link.stream, number, has_unsent)?;
                    }
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            self.poller.add(&stream, self.next)?;
            let link = Link {
                stream: Stream::Tcp(stream),
                stage: Stage::New,
                partial: Vec::new(),
                unsent: Vec::new(),
            };
            self.links.insert(self.next, link);
            self.counts.opened();
            self.next += 1;
        }
        Ok(())
    }
}

impl Link {
    /// False once it is at its end.
    fn turn(&mut self, id: &str, chunk: &mut [u8]) -> io::Result<bool> {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            self.send(&unsent)?;
            if !self.unsent.is_empty() {
                return Ok(true);
            }
        }
        let Some(count) = self.stream.read(chunk)? else {
            return Ok(true);
        };
        let bytes = &chunk[..count];
        let is_opening = match self.stage {
            Stage::New => bytes == opening::FIRST,
            Stage::Opening => true,
            Stage::Up => false,
        };
        // lonc sends one step at a time, so that each comes in one piece.
        self.stage = if is_opening && bytes != opening::LAST {
            Stage::Opening
        } else {
            Stage::Up
        };
        if is_opening {
            self.send(&opening::answer(bytes, id))?;
        } else if bytes == opening::PING && self.partial.is_empty() {
            self.send(format!("{id}\n").as_bytes())?;
        } else {
            self.echo(bytes)?;
        }
        Ok(count > 0)
    }

    fn echo(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(end) = memchr::memrchr(b'\n', bytes) else {
            self.partial.extend_from_slice(bytes);
            return Ok(());
        };
        let (lines, rest) = bytes.split_at(end + 1);
        if !self.partial.is_empty() {
            let first = std::mem::take(&mut self.partial);
            self.send(&first)?;
        }
        self.send(lines)?;
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        // What came before goes first.
        while self.unsent.is_empty() && sent < bytes.len() {
            match self.stream.write(&bytes[sent..])? {
                Some(count) => sent += count,
                None => break,
            }
        }
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }
}
