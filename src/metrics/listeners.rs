//! The sockets at which systemd listens: many connections, of which none keeps the others out.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use listenfd::ListenFd;
use nix::sys::socket::{getsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::desk::Desk;
use super::http::{self, Request};

/// Most connections at a time. One more takes the place of the oldest that has asked nothing yet.
const MOST: usize = 64;
/// Without a connection for so long, the process ends; systemd starts another for the next.
const IDLE: Duration = Duration::from_secs(30);
/// How long nothing is accepted after that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// Whatever speaks HTTP.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

type Connection = Box<dyn Stream>;

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> io::Result<Connection> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// Those that systemd passed. With `Accept=yes` it passes a connection, which is none.
///
/// Changes the environment: to be called before any thread starts.
pub(super) fn passed() -> io::Result<Vec<Passed>> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..passed.len() {
        let taken = match passed.take_unix_listener(index) {
            Ok(taken) => taken.map(Passed::Unix),
            Err(_) => passed.take_tcp_listener(index)?.map(Passed::Tcp),
        };
        listeners.extend(taken.filter(Passed::listens));
    }
    Ok(listeners)
}

/// A socket that systemd passed.
pub(super) enum Passed {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

impl Passed {
    fn listens(&self) -> bool {
        let is_listening = match self {
            Self::Tcp(socket) => getsockopt(socket, sockopt::AcceptConn),
            Self::Unix(socket) => getsockopt(socket, sockopt::AcceptConn),
        };
        is_listening == Ok(true)
    }

    fn listener(self) -> io::Result<Listener> {
        match self {
            Self::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket).map(Listener::Tcp)
            }
            Self::Unix(socket) => {
                socket.set_nonblocking(true)?;
                UnixListener::from_std(socket).map(Listener::Unix)
            }
        }
    }
}

/// Serves all that come there, until nobody comes any more.
pub(super) async fn serve(passed: Vec<Passed>, desk: Desk) -> io::Result<()> {
    let (accepting, mut accepted) = channel(1);
    for socket in passed {
        tokio::spawn(accept(socket.listener()?, accepting.clone()));
    }
    let desk = Arc::new(desk);
    let mut places = Places::default();
    while let Some(connection) = places.next(&mut accepted).await {
        places.seat(connection, desk.clone());
    }
    Ok(())
}

async fn accept(listener: Listener, accepting: Sender<Connection>) {
    loop {
        match listener.accept().await {
            Ok(connection) => {
                if accepting.send(connection).await.is_err() {
                    return;
                }
            }
            Err(fault) => {
                super::say(&fault);
                sleep(PAUSE).await;
            }
        }
    }
}

/// The connections that are served.
#[derive(Default)]
struct Places {
    tasks: JoinSet<()>,
    /// The oldest first.
    taken: VecDeque<Place>,
}

struct Place {
    task: AbortHandle,
    has_asked: Arc<AtomicBool>,
}

impl Places {
    /// The next connection; none if there has been none for a while.
    async fn next(&mut self, accepted: &mut Receiver<Connection>) -> Option<Connection> {
        loop {
            tokio::select! {
                connection = accepted.recv() => return connection,
                Some(_) = self.tasks.join_next() => self.taken.retain(|place| !place.task.is_finished()),
                () = sleep(IDLE), if self.tasks.is_empty() => return None,
            }
        }
    }

    fn seat(&mut self, connection: Connection, desk: Arc<Desk>) {
        if self.taken.len() >= MOST {
            let idle = self.taken.iter().position(|place| !place.has_asked.load(Relaxed));
            if let Some(place) = self.taken.remove(idle.unwrap_or_default()) {
                place.task.abort();
            }
        }
        let has_asked = Arc::new(AtomicBool::new(false));
        let task = self.tasks.spawn(converse(connection, desk, has_asked.clone()));
        self.taken.push_back(Place { task, has_asked });
    }
}

async fn converse(mut connection: Connection, desk: Arc<Desk>, has_asked: Arc<AtomicBool>) {
    let answer = async |request: &Request| {
        has_asked.store(true, Relaxed);
        desk.answer(request).await
    };
    // Who has gone needs no answer.
    let _ = http::serve(&mut connection, answer).await;
}
