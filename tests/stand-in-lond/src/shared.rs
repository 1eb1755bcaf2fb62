//! What the handle, the listener and the links have in common.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::journal::Journal;
use crate::link::Link;
use crate::{Behaviour, EncryptedReplies};

/// What a test may change at any time.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) behaviour: Behaviour,
    /// Counts the changes of behaviour, so that each starts afresh.
    pub(crate) change: u64,
    /// The id the key is made with; `None`: no encryption.
    pub(crate) caller: Option<String>,
    pub(crate) replies: EncryptedReplies,
}

#[derive(Default)]
pub(crate) struct Links {
    pub(crate) accepted: usize,
    pub(crate) open: BTreeMap<usize, Arc<TcpStream>>,
}

struct Door {
    listener: TcpListener,
    accepting: AbortHandle,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

pub(crate) struct Shared {
    pub(crate) id: String,
    pub(crate) settings: watch::Sender<Settings>,
    pub(crate) journal: Journal,
    pub(crate) links: watch::Sender<Links>,
    pub(crate) releases: watch::Sender<u64>,
    pub(crate) stops: watch::Sender<u64>,
    /// Behind a lock so that closing it takes effect before the call returns.
    door: Mutex<Option<Door>>,
}

impl Shared {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            settings: watch::Sender::new(Settings {
                behaviour: Behaviour::Normal,
                change: 0,
                caller: Some("msul2".to_owned()),
                replies: EncryptedReplies::LowerHex,
            }),
            journal: Journal::new(),
            links: watch::Sender::default(),
            releases: watch::Sender::new(0),
            stops: watch::Sender::new(0),
            door: Mutex::new(None),
        }
    }

    /// Listens, unless it does already.
    pub(crate) fn open(self: &Arc<Self>, addr: SocketAddr) -> io::Result<SocketAddr> {
        let mut door = self.door();
        if let Some(door) = door.as_ref() {
            return door.listener.local_addr();
        }
        let socket = if addr.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        let listener = socket.listen(1024)?;
        let addr = listener.local_addr()?;
        let accepting = tokio::spawn(Arc::clone(self).accept()).abort_handle();
        *door = Some(Door { listener, accepting });
        Ok(addr)
    }

    /// Stops listening and resets every link.
    pub(crate) fn close(&self) {
        let mut door = self.door();
        *door = None;
        for stream in self.links.borrow().open.values() {
            // Fails only on a socket that is already gone.
            let _ = stream.set_zero_linger();
        }
        self.end_links();
    }

    pub(crate) fn end_links(&self) {
        self.stops.send_modify(|stops| *stops += 1);
    }

    async fn accept(self: Arc<Self>) {
        loop {
            match std::future::poll_fn(|cx| self.poll_accept(cx)).await {
                Ok(link) => drop(tokio::spawn(link.run())),
                // Out of descriptors, or the caller has gone: neither is a reason to stop.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
    }

    /// Accepts and registers under the lock, so that `close` misses no link.
    fn poll_accept(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<io::Result<Link>> {
        let door = self.door();
        let Some(open) = door.as_ref() else {
            return Poll::Pending;
        };
        let (stream, _) = ready!(open.listener.poll_accept(cx))?;
        stream.set_nodelay(true)?;
        let stream = Arc::new(stream);
        self.links.send_modify(|links| {
            links.accepted += 1;
            links.open.insert(links.accepted, Arc::clone(&stream));
        });
        let number = self.links.borrow().accepted;
        Poll::Ready(Ok(Link::new(Arc::clone(self), number, stream)))
    }

    fn door(&self) -> MutexGuard<'_, Option<Door>> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
