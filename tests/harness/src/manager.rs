//! The service manager's end of `NOTIFY_SOCKET`.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::{Lonc, Peer, Site, wait_for};

/// Collects what is sent; each message is the lines of one datagram.
pub struct Manager {
    path: PathBuf,
    messages: Arc<Mutex<Vec<String>>>,
}

impl Manager {
    /// One that lonc in this site can be told of.
    pub fn new(site: &Site) -> Self {
        let path = site.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::downgrade(&messages);
        thread::spawn(move || {
            let mut room = [0; 4096];
            // Read all the time: a full socket would hold up whoever notifies.
            while let Some(messages) = collected.upgrade() {
                if let Ok(count) = socket.recv(&mut room) {
                    let text = String::from_utf8_lossy(&room[..count]).into_owned();
                    messages.lock().unwrap().push(text);
                }
            }
        });
        Self { path, messages }
    }

    /// lonc for `peer`, under this manager; not waited for.
    pub fn launch(peer: &Peer, toml: &str, more: impl FnOnce(&mut Command)) -> (Self, Lonc) {
        let site = Site::new(peer.addr(), toml);
        let manager = Self::new(&site);
        let mut command = site.command();
        command.env("NOTIFY_SOCKET", &manager.path);
        more(&mut command);
        (manager, Lonc::spawn(site, command))
    }

    /// The same, with its socket there and READY told.
    pub fn start(peer: &Peer, toml: &str) -> (Self, Lonc) {
        let (manager, lonc) = Self::launch(peer, toml, |_| {});
        lonc.await_socket();
        manager.await_message("READY=1");
        (manager, lonc)
    }

    /// What came so far.
    pub fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }

    /// How many messages have a line that begins so.
    pub fn count(&self, start: &str) -> usize {
        self.messages().iter().filter(|text| has(text, start)).count()
    }

    /// Waits for a message with a line that begins so; the first.
    pub fn await_message(&self, start: &str) -> String {
        self.await_after(0, start)
    }

    /// The same, among those behind the first `seen`.
    pub fn await_after(&self, seen: usize, start: &str) -> String {
        wait_for(start, || {
            let messages = self.messages();
            messages.into_iter().skip(seen).find(|text| has(text, start))
        })
    }
}

fn has(text: &str, start: &str) -> bool {
    text.lines().any(|line| line.starts_with(start))
}
