//! One TCP link: opens it, secures it, moves its bytes, drops it. What the bytes mean is the session's business.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use lonc_proto::session::{LinkError, Others};

use crate::config::{Address, LinkSettings};
use crate::daemon::dial::{self, Addresses, Route};
use crate::daemon::path::{self, Death, Path};
use crate::daemon::stream::Stream;
use crate::tls::Tls;

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
    Resolving(Opening<(Route, LinkSettings, Tls)>),
    Connecting(Opening<Connection>),
    Open(Connection),
}

type Opening<T> = Pin<Box<dyn Future<Output = Result<T, LinkError>> + Send>>;

struct Connection {
    stream: Stream,
    remote: SocketAddr,
    others: Others,
    path: Path,
    /// When the peer's certificate expires.
    expires: Option<SystemTime>,
}

impl Connection {
    async fn open(route: Route, settings: LinkSettings, tls: Tls) -> Result<Self, LinkError> {
        let dialed = route.connect().await?;
        let path = Path::new(&dialed.stream, &settings).map_err(|error| LinkError::Io(error.to_string()))?;
        Ok(Self {
            stream: Stream::new(dialed.stream, tls),
            remote: dialed.remote,
            others: dialed.others,
            path,
            expires: None,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(tcp) = self.stream.tcp() {
            path::forget_undelivered(tcp);
        }
        self.stream.end();
    }
}

/// What happened on a link.
pub(crate) enum Progress {
    /// It is known which addresses to try.
    Resolved,
    /// The connection is there; and which other addresses may do better. It may have to be secured first.
    Connected { others: Others, is_secured: bool },
    /// It is secured.
    Secured,
    /// More input is there.
    Read,
}

impl Link {
    /// Begins a try, ending whatever was before.
    pub(crate) fn open(
        &mut self,
        address: Address,
        addresses: Addresses,
        settings: &LinkSettings,
        tls: &Tls,
    ) {
        self.close();
        let (settings, tls) = (settings.clone(), tls.clone());
        self.state = State::Resolving(Box::pin(async {
            let route = dial::look_up(address, addresses, settings.connect_timeout).await?;
            Ok((route, settings, tls))
        }));
    }

    /// The address it is connected to.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Open(connection) => Some(connection.remote),
            State::Closed | State::Resolving(_) | State::Connecting(_) => None,
        }
    }

    /// By what its path is dead, if it is, where the oldest request on it has been in flight for `waiting`; to be called
    /// as [`Path::look`].
    pub(crate) fn look(&mut self, waiting: Duration) -> Option<Death> {
        match &mut self.state {
            State::Open(connection) => {
                let tcp = connection.stream.tcp()?;
                let death = connection.path.look(tcp, waiting);
                death.filter(|_| !connection.stream.has_unread())
            }
            State::Closed | State::Resolving(_) | State::Connecting(_) => None,
        }
    }

    /// Whether anything has arrived on it that is not read yet.
    pub(crate) fn has_unread(&self) -> bool {
        match &self.state {
            State::Open(connection) => connection.stream.has_unread(),
            State::Closed | State::Resolving(_) | State::Connecting(_) => false,
        }
    }

    /// When the certificate expires that the peer has shown on it.
    pub(crate) fn expires(&self) -> Option<SystemTime> {
        match &self.state {
            State::Open(connection) => connection.expires,
            State::Closed | State::Resolving(_) | State::Connecting(_) => None,
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
                let (route, settings, tls) = resolved?;
                self.state = State::Connecting(Box::pin(Connection::open(route, settings, tls)));
                Poll::Ready(Ok(Progress::Resolved))
            }
            State::Connecting(connecting) => {
                let connected = ready!(connecting.as_mut().poll(cx));
                self.state = State::Closed;
                let connection = connected?;
                let others = connection.others;
                let is_secured = !connection.stream.is_securing();
                self.state = State::Open(connection);
                Poll::Ready(Ok(Progress::Connected { others, is_secured }))
            }
            State::Open(connection) if connection.stream.is_securing() => {
                connection.expires = ready!(connection.stream.poll_secure(cx))?;
                Poll::Ready(Ok(Progress::Secured))
            }
            State::Open(connection) => poll_read(&mut connection.stream, &mut self.input, cx),
        }
    }

    /// Has what was written, and is held back, go on its way; true if any did.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.state {
            State::Open(connection) if !self.write_closed => match connection.stream.poll_flush(cx) {
                Poll::Ready(flushed) => {
                    self.write_closed = flushed.is_err();
                    true
                }
                Poll::Pending => false,
            },
            State::Open(_) | State::Closed | State::Resolving(_) | State::Connecting(_) => false,
        }
    }

    /// Writes some of `bytes`; how many. Pending, too, if the link is not open, or can only be read.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<usize> {
        match &mut self.state {
            State::Open(connection) if !self.write_closed => {
                let written = ready!(connection.stream.poll_write(cx, bytes));
                self.write_closed = written.is_err();
                Poll::Ready(written.unwrap_or(0))
            }
            State::Open(_) | State::Closed | State::Resolving(_) | State::Connecting(_) => Poll::Pending,
        }
    }
}

fn poll_read(
    stream: &mut Stream,
    input: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<Result<Progress, LinkError>> {
    if input.is_empty() && input.capacity() > KEEP {
        *input = BytesMut::new();
    }
    input.reserve(READ);
    if ready!(stream.poll_read(cx, input, READ))? == 0 {
        return Poll::Ready(Err(LinkError::Closed));
    }
    Poll::Ready(Ok(Progress::Read))
}
