//! One TCP link: opens it, moves its bytes, drops it. What the bytes mean is the session's business.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use lonc_proto::session::{ConnectFault, LinkError};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::config::{Address, LinkSettings};

/// Bytes asked for in one read.
const READ: usize = 64 * 1024;
/// An empty input buffer larger than this is given back.
const KEEP: usize = 4 * READ;
/// Seconds between TCP keepalive probes, once they began.
const KEEPALIVE_INTERVAL: u32 = 10;

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
    Resolving(
        Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, LinkError>> + Send>>,
        LinkSettings,
    ),
    Connecting(Pin<Box<dyn Future<Output = Result<TcpStream, LinkError>> + Send>>),
    Open(TcpStream),
}

/// What happened on a link.
pub(crate) enum Progress {
    /// The name has addresses.
    Resolved,
    /// The connection is there.
    Connected,
    /// More input is there.
    Read,
}

impl Link {
    /// Begins a try, ending whatever was before.
    pub(crate) fn open(&mut self, address: Address, settings: &LinkSettings) {
        self.close();
        let resolving = resolve(address, settings.connect_timeout);
        self.state = State::Resolving(Box::pin(resolving), settings.clone());
    }

    /// The address it is connected to.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Open(stream) => stream.peer_addr().ok(),
            State::Closed | State::Resolving(..) | State::Connecting(_) => None,
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
            State::Resolving(resolving, settings) => {
                let resolved = ready!(resolving.as_mut().poll(cx));
                let settings = settings.clone();
                self.state = State::Closed;
                self.state = State::Connecting(Box::pin(connect(resolved?, settings)));
                Poll::Ready(Ok(Progress::Resolved))
            }
            State::Connecting(connecting) => {
                let opened = ready!(connecting.as_mut().poll(cx));
                self.state = State::Closed;
                self.state = State::Open(opened?);
                Poll::Ready(Ok(Progress::Connected))
            }
            State::Open(stream) => {
                if self.input.is_empty() && self.input.capacity() > KEEP {
                    self.input = BytesMut::new();
                }
                self.input.reserve(READ);
                let mut room = (&mut self.input).limit(READ);
                let read =
                    ready!(pin!(stream.read_buf(&mut room)).poll(cx)).map_err(|error| broken(&error))?;
                if read == 0 {
                    return Poll::Ready(Err(LinkError::Closed));
                }
                Poll::Ready(Ok(Progress::Read))
            }
        }
    }

    /// Writes some of `bytes`; how many. Pending, too, if the link is not open, or can only be read.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<usize> {
        match &mut self.state {
            State::Open(stream) if !self.write_closed => {
                let written = ready!(Pin::new(stream).poll_write(cx, bytes));
                self.write_closed = written.is_err();
                Poll::Ready(written.unwrap_or(0))
            }
            State::Open(_) | State::Closed | State::Resolving(..) | State::Connecting(_) => Poll::Pending,
        }
    }
}

fn broken(error: &io::Error) -> LinkError {
    LinkError::Io(error.to_string())
}

/// The addresses of the host, looked up anew.
async fn resolve(address: Address, limit: Duration) -> Result<Vec<SocketAddr>, LinkError> {
    let failed = |error: String| LinkError::Lookup {
        name: address.host.clone(),
        error,
    };
    let lookup = timeout(limit, lookup_host((address.host.as_str(), address.port)));
    match lookup.await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.collect();
            if addresses.is_empty() {
                return Err(failed("no address".to_owned()));
            }
            Ok(addresses)
        }
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("no answer in time".to_owned())),
    }
}

/// Tries the addresses one after the other.
async fn connect(addresses: Vec<SocketAddr>, settings: LinkSettings) -> Result<TcpStream, LinkError> {
    let mut failures = Vec::new();
    let mut fault = None;
    for candidate in addresses {
        let connected = timeout(settings.connect_timeout, TcpStream::connect(candidate)).await;
        let error = match connected {
            Ok(opened) => match opened.and_then(|stream| tune(&stream, &settings).map(|()| stream)) {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            },
            Err(_) => io::Error::new(ErrorKind::TimedOut, "no answer in time"),
        };
        failures.push(format!("{candidate}: {error}"));
        fault = fault.max(Some(connect_fault(&error)));
    }
    Err(LinkError::Connect {
        fault: fault.unwrap_or(ConnectFault::Other),
        error: failures.join("; "),
    })
}

fn connect_fault(error: &io::Error) -> ConnectFault {
    let faults = [
        (ErrorKind::ConnectionRefused, ConnectFault::Refused),
        (ErrorKind::HostUnreachable, ConnectFault::Unreachable),
        (ErrorKind::NetworkUnreachable, ConnectFault::Unreachable),
        (ErrorKind::TimedOut, ConnectFault::TimedOut),
    ];
    let known = faults.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or(ConnectFault::Other, |(_, fault)| *fault)
}

/// Sets what makes the kernel find out that the peer is gone.
fn tune(stream: &TcpStream, settings: &LinkSettings) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let idle = if settings.probe_interval.is_zero() {
        settings.handshake_timeout
    } else {
        settings.probe_interval
    };
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &seconds(idle))?;
    setsockopt(stream, sockopt::TcpKeepInterval, &KEEPALIVE_INTERVAL)?;
    // Not less than a request may take: while lond works on one it reads nothing, and for Linux a window that
    // stays shut counts as unacknowledged even if the peer's kernel answers.
    let user_timeout = i32::try_from(settings.request_timeout.as_millis()).unwrap_or(i32::MAX);
    setsockopt(stream, sockopt::TcpUserTimeout, &user_timeout.unsigned_abs())?;
    Ok(())
}

/// Whole seconds within what the kernel takes for keepalive.
fn seconds(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX).clamp(1, 32_767)
}
