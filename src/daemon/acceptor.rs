//! Takes new clients from the listening socket; waits a little when the system has no room for one.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Sleep, sleep};

use crate::config::Alias;
use crate::daemon::listen::{ListenSocket, Place, SocketFile};

/// How long to leave the backlog alone after the system refused.
const PAUSE: Duration = Duration::from_millis(200);

/// The listening socket.
pub(crate) struct Acceptor {
    listener: UnixListener,
    file: Option<SocketFile>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Acceptor {
    /// Serves `socket`. Needs a Tokio runtime.
    pub(crate) fn new(socket: ListenSocket) -> io::Result<Self> {
        socket.listener.set_nonblocking(true)?;
        Ok(Self {
            listener: UnixListener::from_std(socket.listener)?,
            file: socket.file,
            pause: None,
        })
    }

    /// Where it was bound, if that is a file.
    pub(crate) fn place(&self) -> Option<Place> {
        let address = self.listener.local_addr().ok()?;
        let own = self.file.as_ref().map(SocketFile::place);
        own.or_else(|| address.as_pathname().map(Place::passed))
    }

    /// True if the socket is not our own: whoever made it has it when we are gone.
    pub(crate) fn socket_stays(&self) -> bool {
        self.file.is_none()
    }

    /// Has a socket of our own be reached by this second name; others have others who look after that.
    pub(crate) fn go_by(&mut self, alias: &Alias) {
        if let Some(file) = &mut self.file {
            file.go_by(alias);
        }
    }

    /// Lets nobody else come. Those who wait at a socket of our own are still served; those at systemd's stay with
    /// systemd.
    pub(crate) fn last_call(mut self) -> Vec<UnixStream> {
        let mut last = Vec::new();
        if self.file.take().is_some()
            && let Ok(listener) = self.listener.into_std()
        {
            // Its end is that nobody waits, or that no more can be served.
            while let Ok((stream, _)) = listener.accept() {
                let served = stream
                    .set_nonblocking(true)
                    .and_then(|()| UnixStream::from_std(stream));
                last.extend(served.ok());
            }
        }
        last
    }

    /// The next client. After an error nothing is accepted for a moment; the backlog keeps those who wait.
    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        loop {
            match self.listener.poll_accept(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok((stream, _))) => return Poll::Ready(Ok(stream)),
                // That client gave up while it waited.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Poll::Ready(Err(error)) => {
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}
