//! The bytes of a link: as they are, or over TLS.

use std::io;
use std::mem;
use std::os::fd::AsRawFd as _;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::{BufMut as _, BytesMut};
use lonc_proto::session::LinkError;
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::net::TcpStream;
use tokio_rustls::Connect;
use tokio_rustls::client::TlsStream;

use crate::tls::{self, Tls};

/// A TCP connection.
pub(super) enum Stream {
    Plain(TcpStream),
    /// The TLS handshake is under way, and whether the peer has said anything yet.
    Securing(Box<Connect<TcpStream>>, Tls, bool),
    Secured(Box<TlsStream<TcpStream>>),
    /// It could not be secured.
    Gone,
}

impl Stream {
    /// To be secured by `tls`, if it says so.
    pub(super) fn new(tcp: TcpStream, tls: Tls) -> Self {
        match tls.connect(tcp) {
            Ok(connect) => Self::Securing(Box::new(connect), tls, false),
            Err(tcp) => Self::Plain(tcp),
        }
    }

    /// The connection below.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(tcp) => Some(tcp),
            Self::Securing(connect, ..) => connect.get_ref(),
            Self::Secured(stream) => Some(stream.get_ref().0),
            Self::Gone => None,
        }
    }

    /// True until it may be spoken on.
    pub(super) fn is_securing(&self) -> bool {
        matches!(self, Self::Securing(..))
    }

    /// Goes on with the TLS handshake; at its end, when the peer's certificate expires.
    pub(super) fn poll_secure(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<SystemTime>, LinkError>> {
        let Self::Securing(connect, tls, is_heard) = self else {
            return Poll::Pending;
        };
        *is_heard = *is_heard || connect.get_ref().is_some_and(has_unread);
        let secured =
            ready!(pin!(connect.as_mut()).poll(cx)).map_err(|error| tls::refused(&error, *is_heard));
        let accepted = secured.and_then(|stream| Ok((tls.accept(stream.get_ref().1)?, stream)));
        *self = Self::Gone;
        let (expires, stream) = accepted?;
        *self = Self::Secured(Box::new(stream));
        Poll::Ready(Ok(expires))
    }

    /// Reads at most `most` bytes into `input`; how many, none at the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut BytesMut,
        most: usize,
    ) -> Poll<Result<usize, LinkError>> {
        let mut room = input.limit(most);
        match self {
            Self::Plain(tcp) => pin!(tcp.read_buf(&mut room))
                .poll(cx)
                .map_err(|error| LinkError::Io(error.to_string())),
            Self::Secured(stream) => pin!(stream.read_buf(&mut room))
                .poll(cx)
                .map_err(|error| tls::broken(&error)),
            Self::Securing(..) | Self::Gone => Poll::Pending,
        }
    }

    /// Writes some of `bytes`; how many.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Secured(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
            Self::Securing(..) | Self::Gone => Poll::Pending,
        }
    }

    /// Writes on what was taken and encrypted, and is not with the system yet.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Secured(stream) if stream.get_ref().1.wants_write() => {
                Pin::new(stream.as_mut()).poll_flush(cx)
            }
            Self::Secured(_) | Self::Plain(_) | Self::Securing(..) | Self::Gone => Poll::Pending,
        }
    }

    /// Whether anything has arrived that is not given out yet.
    pub(super) fn has_unread(&self) -> bool {
        let is_held = match self {
            Self::Secured(stream) => !stream.get_ref().1.wants_read(),
            Self::Plain(_) | Self::Securing(..) | Self::Gone => false,
        };
        is_held || self.tcp().is_some_and(has_unread)
    }

    /// Says the word that ends TLS, if it can be said at once.
    pub(super) fn end(&mut self) {
        if let Self::Secured(stream) = mem::replace(self, Self::Gone) {
            let (tcp, mut session) = stream.into_inner();
            session.send_close_notify();
            let _ = session.write_tls(&mut Now(&tcp));
        }
    }
}

/// Whether anything has arrived that is not read yet. The system is asked: the runtime learns of it only when it looks the
/// next time.
fn has_unread(tcp: &TcpStream) -> bool {
    let peek = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    recv(tcp.as_raw_fd(), &mut [0], peek).is_ok_and(|bytes| bytes > 0)
}

/// Writes what the system takes without a wait.
struct Now<'t>(&'t TcpStream);

impl io::Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
