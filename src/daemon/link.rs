//! One TCP link: opens it, moves its bytes, drops it. What the bytes mean is the session's business.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use lonc_proto::session::{LinkError, Others};
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::net::TcpStream;

use crate::config::{Address, LinkSettings};
use crate::daemon::dial::{self, Addresses, Dialed, Route};
use crate::daemon::path::Path;

/// Bytes asked for in one read.
const READ: usize = 64 * 1024;
/// An empty input buffer larger than this is given back.
const KEEP: usize = 4 * READ;

/// A connection to lond, or a try to get one, or neither.
#[derive(Default)]
pub(crate) struct Link {
    state: State,
    /// Nothing more can be written. What lond has sent before that is still to be read, and reading ends the link.
    write_closed: bool,
    /// What was read and not yet taken.
    pub(crate) input: BytesMut,
}

#[derive(Default)]
enum State {
    #[default]
    Closed,
    Resolving(Opening<(Route, LinkSettings)>),
    Connecting(Opening<Connection>),
    Open(Connection),
}

type Opening<T> = Pin<Box<dyn Future<Output = Result<T, LinkError>> + Send>>;

struct Connection {
    dialed: Dialed,
    path: Path,
}

impl Connection {
    async fn open(route: Route, settings: LinkSettings) -> Result<Self, LinkError> {
        let dialed = route.connect().await?;
        let path = Path::new(&dialed.stream, &settings).map_err(|error| broken(&error))?;
        Ok(Self { dialed, path })
    }
}

/// What happened on a link.
pub(crate) enum Progress {
    /// It is known which addresses to try.
    Resolved,
    /// The connection is there; and which other addresses may do better.
    Connected(Others),
    /// More input is there.
    Read,
}

impl Link {
    /// Begins a try, ending whatever was before.
    pub(crate) fn open(&mut self, address: Address, addresses: Addresses, settings: &LinkSettings) {
        self.close();
        let settings = settings.clone();
        self.state = State::Resolving(Box::pin(async {
            let route = dial::look_up(address, addresses, settings.connect_timeout).await?;
            Ok((route, settings))
        }));
    }

    /// The address it is connected to.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Open(connection) => Some(connection.dialed.remote),
            State::Closed | State::Resolving(_) | State::Connecting(_) => None,
        }
    }

    /// For how long nothing was heard of the host, if so the path is dead, where the oldest request on it has been in
    /// flight for `waiting`; to be called as [`Path::look`].
    pub(crate) fn look(&mut self, waiting: Duration) -> Option<Duration> {
        match &mut self.state {
            State::Open(connection) => {
                let stream = &connection.dialed.stream;
                let silence = connection.path.look(stream, waiting);
                silence.filter(|_| !has_unread(stream))
            }
            State::Closed | State::Resolving(_) | State::Connecting(_) => None,
        }
    }

    /// Whether anything has arrived on it that is not read yet. The system is asked: the runtime learns of it only when it
    /// looks the next time.
    pub(crate) fn has_unread(&self) -> bool {
        match &self.state {
            State::Open(connection) => has_unread(&connection.dialed.stream),
            State::Closed | State::Resolving(_) | State::Connecting(_) => false,
        }
    }

    /// Drops the connection or the try.
    pub(crate) fn close(&mut self) {
        *self = Self::default();
    }

    /// Goes on with opening or reading. Pending, too, if the link is closed.
    pub(crate) fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<Result<Progress, LinkError>> {
        match &mut self.state {
            State::Closed => Poll::Pending,
            State::Resolving(resolving) => {
                let resolved = ready!(resolving.as_mut().poll(cx));
                self.state = State::Closed;
                let (route, settings) = resolved?;
                self.state = State::Connecting(Box::pin(Connection::open(route, settings)));
                Poll::Ready(Ok(Progress::Resolved))
            }
            State::Connecting(connecting) => {
                let connected = ready!(connecting.as_mut().poll(cx));
                self.state = State::Closed;
                let connection = connected?;
                let others = connection.dialed.others;
                self.state = State::Open(connection);
                Poll::Ready(Ok(Progress::Connected(others)))
            }
            State::Open(connection) => poll_read(&mut connection.dialed.stream, &mut self.input, cx),
        }
    }

    /// Writes some of `bytes`; how many. Pending, too, if the link is not open, or can only be read.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<usize> {
        match &mut self.state {
            State::Open(connection) if !self.write_closed => {
                let written = ready!(Pin::new(&mut connection.dialed.stream).poll_write(cx, bytes));
                self.write_closed = written.is_err();
                Poll::Ready(written.unwrap_or(0))
            }
            State::Open(_) | State::Closed | State::Resolving(_) | State::Connecting(_) => Poll::Pending,
        }
    }
}

fn poll_read(
    stream: &mut TcpStream,
    input: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<Result<Progress, LinkError>> {
    if input.is_empty() && input.capacity() > KEEP {
        *input = BytesMut::new();
    }
    input.reserve(READ);
    let mut room = input.limit(READ);
    let read = ready!(pin!(stream.read_buf(&mut room)).poll(cx)).map_err(|error| broken(&error))?;
    if read == 0 {
        return Poll::Ready(Err(LinkError::Closed));
    }
    Poll::Ready(Ok(Progress::Read))
}

fn has_unread(stream: &TcpStream) -> bool {
    let peek = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    recv(stream.as_raw_fd(), &mut [0], peek).is_ok_and(|bytes| bytes > 0)
}

fn broken(error: &io::Error) -> LinkError {
    LinkError::Io(error.to_string())
}
