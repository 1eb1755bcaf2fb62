//! What the handle, the listener and the links have in common.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::blackhole::socket_for;
use crate::journal::Journal;
use crate::link::Link;
use crate::settings::{Place, Settings};

#[derive(Default)]
pub(crate) struct Links {
    pub(crate) accepted: usize,
    pub(crate) open: BTreeMap<usize, Open>,
    /// Open at once.
    pub(crate) most: usize,
}

pub(crate) struct Open {
    pub(crate) stream: Arc<TcpStream>,
    is_beyond: bool,
}

impl Links {
    /// How many were accepted, are open, and were open at most.
    pub(crate) fn counts(&self) -> String {
        format!("{} {} {}", self.accepted, self.open.len(), self.most)
    }

    /// Counts one more; `limit` is how many may be open.
    fn admit(&mut self, stream: &Arc<TcpStream>, limit: Option<usize>) -> Place {
        let admitted = self.open.values().filter(|open| !open.is_beyond).count();
        self.accepted += 1;
        let place = Place {
            number: self.accepted,
            is_beyond: limit.is_some_and(|most| admitted >= most),
        };
        let open = Open {
            stream: Arc::clone(stream),
            is_beyond: place.is_beyond,
        };
        self.open.insert(place.number, open);
        self.most = self.most.max(self.open.len());
        place
    }
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
    /// Requests that have been worked on, those that take no time apart.
    pub(crate) worked: AtomicU64,
    /// Behind a lock so that closing it takes effect before the call returns.
    door: Mutex<Option<Door>>,
}

impl Shared {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            settings: watch::Sender::new(Settings::new()),
            journal: Journal::new(),
            links: watch::Sender::default(),
            releases: watch::Sender::new(0),
            stops: watch::Sender::new(0),
            worked: AtomicU64::new(0),
            door: Mutex::new(None),
        }
    }

    /// Listens, unless it does already.
    pub(crate) fn open(self: &Arc<Self>, addr: SocketAddr) -> io::Result<SocketAddr> {
        let mut door = self.door();
        if let Some(door) = door.as_ref() {
            return door.listener.local_addr();
        }
        let socket = socket_for(addr)?;
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
        for open in self.links.borrow().open.values() {
            // Fails only on a socket that is already gone.
            let _ = open.stream.set_zero_linger();
        }
        self.end_links();
    }

    /// Ends every link; none that is being accepted is missed.
    pub(crate) fn drop_links(&self) {
        let _door = self.door();
        self.end_links();
    }

    fn end_links(&self) {
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

    /// Accepts and registers under the lock, so that `close` and `drop_links` miss no link.
    fn poll_accept(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<io::Result<Link>> {
        let door = self.door();
        let Some(open) = door.as_ref() else {
            return Poll::Pending;
        };
        let (stream, _) = ready!(open.listener.poll_accept(cx))?;
        stream.set_nodelay(true)?;
        let stream = Arc::new(stream);
        let limit = self.settings.borrow().limit();
        let mut place = Place::default();
        self.links
            .send_modify(|links| place = links.admit(&stream, limit));
        Poll::Ready(Ok(Link::new(Arc::clone(self), place, stream)))
    }

    fn door(&self) -> MutexGuard<'_, Option<Door>> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
