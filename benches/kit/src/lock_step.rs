//! Several links in lock step: how the successor of the old daemon carries requests.
//!
//! One request at a time on each link, the rest in one queue; a client's next request is taken when it has its reply. It
//! is no slower than it need be: one thread, which waits with epoll.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::thread::spawn;

use tempfile::TempDir;

use crate::load::Target;
use crate::stream::{Poller, Stream};

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// The listener among the members; the links follow it, and the clients those.
const DOOR: usize = 0;

/// A proxy that runs until the process ends.
pub struct LockStep {
    dir: TempDir,
}

impl LockStep {
    /// Opens so many links to `peer`, and listens.
    pub fn start(peer: SocketAddr, links: usize) -> io::Result<Self> {
        let dir = TempDir::new()?;
        let listener = UnixListener::bind(dir.path().join("socket"))?;
        listener.set_nonblocking(true)?;
        let poller = Poller::new()?;
        poller.add(&listener, DOOR)?;
        let mut proxy = Proxy {
            listener,
            poller,
            links: Vec::new(),
            clients: HashMap::new(),
            next: DOOR + 1 + links,
            free: (0..links).collect(),
            queue: VecDeque::new(),
            chunk: vec![0; CHUNK],
        };
        for number in 0..links {
            let stream = Stream::connect(&Target::Tcp(peer))?;
            proxy.poller.add(&stream, DOOR + 1 + number)?;
            proxy.links.push(End::new(stream));
        }
        spawn(move || proxy.serve().expect("the links stay"));
        Ok(Self { dir })
    }

    /// Where its clients connect to.
    #[must_use]
    pub fn target(&self) -> Target {
        Target::Unix(self.dir.path().join("socket"))
    }
}

struct Proxy {
    listener: UnixListener,
    poller: Poller,
    links: Vec<End>,
    clients: HashMap<usize, End>,
    next: usize,
    /// Links that wait for work.
    free: Vec<usize>,
    /// Clients whose next request waits for a link.
    queue: VecDeque<usize>,
    chunk: Vec<u8>,
}

/// A link or a client.
struct End {
    stream: Stream,
    input: Vec<u8>,
    /// The client that a link works for; the same number where a client waits for its reply.
    busy_for: Option<usize>,
}

impl End {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            input: Vec::new(),
            busy_for: None,
        }
    }

    /// Reads once; false at the end.
    fn fill(&mut self, chunk: &mut [u8]) -> io::Result<bool> {
        let Some(count) = self.stream.read(chunk)? else {
            return Ok(true);
        };
        self.input.extend_from_slice(&chunk[..count]);
        Ok(count > 0)
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = memchr::memchr(b'\n', &self.input)? + 1;
        let rest = self.input.split_off(end);
        Some(std::mem::replace(&mut self.input, rest))
    }

    /// Sends a line, for which there is room: nothing else is on its way.
    fn send(&self, line: &[u8]) -> io::Result<()> {
        let sent = self.stream.write(line)?;
        assert_eq!(sent, Some(line.len()), "a line is written at once");
        Ok(())
    }
}

impl Proxy {
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let ready: Vec<_> = self.poller.wait(u16::MAX)?.collect();
            for number in ready {
                match number.checked_sub(DOOR + 1) {
                    None => self.accept()?,
                    Some(link) if link < self.links.len() => self.hear_link(link)?,
                    Some(_) => self.hear_client(number)?,
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true)?;
            let client = End::new(Stream::Unix(stream));
            self.poller.add(&client.stream, self.next)?;
            self.clients.insert(self.next, client);
            self.next += 1;
        }
        Ok(())
    }

    fn hear_client(&mut self, number: usize) -> io::Result<()> {
        let Some(client) = self.clients.get_mut(&number) else {
            return Ok(());
        };
        if !client.fill(&mut self.chunk).unwrap_or(false) {
            self.clients.remove(&number);
            return Ok(());
        }
        self.take_up(number)
    }

    /// The client's next request, if it has one and no other is under way.
    fn take_up(&mut self, number: usize) -> io::Result<()> {
        let Some(client) = self.clients.get_mut(&number) else {
            return Ok(());
        };
        if client.busy_for.is_none() && memchr::memchr(b'\n', &client.input).is_some() {
            client.busy_for = Some(number);
            self.queue.push_back(number);
        }
        self.feed_links()
    }

    fn feed_links(&mut self) -> io::Result<()> {
        while let Some(&free) = self.free.last()
            && let Some(number) = self.queue.pop_front()
        {
            // It may have gone while it waited.
            if let Some(line) = self.clients.get_mut(&number).and_then(End::take_line) {
                self.free.pop();
                self.links[free].busy_for = Some(number);
                self.links[free].send(&line)?;
            }
        }
        Ok(())
    }

    fn hear_link(&mut self, number: usize) -> io::Result<()> {
        let link = &mut self.links[number];
        assert!(link.fill(&mut self.chunk)?, "the lond stays");
        let Some(reply) = link.take_line() else {
            return Ok(());
        };
        let asker = link.busy_for.take().expect("a reply follows a request");
        self.free.push(number);
        self.feed_links()?;
        let Some(client) = self.clients.get_mut(&asker) else {
            return Ok(());
        };
        client.busy_for = None;
        client.send(&reply)?;
        self.take_up(asker)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::Load;
    use crate::serial::{self, Work};

    #[test]
    fn each_client_gets_its_own_replies_over_all_links() {
        let (lond, counts) = serial::start("msul1", Work::of(Duration::from_millis(1))).unwrap();
        let proxy = LockStep::start(lond, 4).unwrap();
        let load = Load::of(16).depth(3).lasting(Duration::from_millis(300));
        let report = load.run(&proxy.target()).unwrap();
        assert_eq!((report.wrong, report.lost, counts.most()), (0, 0, 4));
        assert!(report.replies > 100, "{report:?}");
    }
}
