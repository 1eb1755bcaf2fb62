//! A connection of either kind, and waiting for many of them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

/// Where to connect to.
#[derive(Clone, Debug)]
pub enum Target {
    /// A UNIX stream socket.
    Unix(PathBuf),
    /// A TCP port.
    Tcp(SocketAddr),
}

/// A connection that never blocks.
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    pub(crate) fn connect(target: &Target) -> io::Result<Self> {
        let stream = match target {
            Target::Unix(path) => Self::Unix(UnixStream::connect(path)?),
            Target::Tcp(address) => Self::Tcp(TcpStream::connect(address)?),
        };
        match &stream {
            Self::Unix(stream) => stream.set_nonblocking(true)?,
            Self::Tcp(stream) => {
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
            }
        }
        Ok(stream)
    }

    /// Reads once; `None` if nothing is there, 0 at the end.
    pub(crate) fn read(&self, room: &mut [u8]) -> io::Result<Option<usize>> {
        unless_blocked(match self {
            Self::Unix(stream) => (&mut &*stream).read(room),
            Self::Tcp(stream) => (&mut &*stream).read(room),
        })
    }

    /// Writes once; `None` if there is no room.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        unless_blocked(match self {
            Self::Unix(stream) => (&mut &*stream).write(bytes),
            Self::Tcp(stream) => (&mut &*stream).write(bytes),
        })
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(stream) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
        }
    }
}

fn unless_blocked(moved: io::Result<usize>) -> io::Result<Option<usize>> {
    match moved {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        other => other.map(Some),
    }
}

/// An epoll instance whose members are numbered.
pub(crate) struct Poller {
    epoll: Epoll,
    events: Vec<EpollEvent>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            events: vec![EpollEvent::empty(); 256],
        })
    }

    /// Tells of `member` when it can be read.
    pub(crate) fn add(&self, member: impl AsFd, number: usize) -> io::Result<()> {
        Ok(self.epoll.add(member, event(number, false))?)
    }

    /// Tells of it also when it can be written, or no longer.
    pub(crate) fn want_write(&self, member: impl AsFd, number: usize, wanted: bool) -> io::Result<()> {
        Ok(self.epoll.modify(member, &mut event(number, wanted))?)
    }

    /// Those that are ready, after at most so many milliseconds.
    pub(crate) fn wait(&mut self, milliseconds: u16) -> io::Result<impl Iterator<Item = usize>> {
        let ready = match self.epoll.wait(&mut self.events, milliseconds) {
            Err(nix::errno::Errno::EINTR) => 0,
            other => other?,
        };
        let ready = self.events.iter().take(ready);
        Ok(ready.map(|event| usize::try_from(event.data()).unwrap_or(usize::MAX)))
    }
}

fn event(number: usize, writing: bool) -> EpollEvent {
    let mut flags = EpollFlags::EPOLLIN;
    flags.set(EpollFlags::EPOLLOUT, writing);
    EpollEvent::new(flags, number as u64)
}
