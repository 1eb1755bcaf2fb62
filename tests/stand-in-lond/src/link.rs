//! One connection: its lines are handled strictly one after the other.

use std::io;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::Behaviour;
use crate::cipher::LinkKey;
use crate::handshake::Phase;
use crate::inbox::{Inbox, Line};
use crate::requests::Acting;
use crate::settings::{Place, Settings};
use crate::shared::Shared;

pub(crate) const CHUNK: usize = 64 * 1024;

/// Whether the link goes on after what was done.
pub(crate) type Next = io::Result<ControlFlow<()>>;
pub(crate) const GO_ON: Next = Ok(ControlFlow::Continue(()));
pub(crate) const CLOSE: Next = Ok(ControlFlow::Break(()));

pub(crate) struct Link {
    pub(crate) shared: Arc<Shared>,
    pub(crate) place: Place,
    pub(crate) stream: Arc<TcpStream>,
    pub(crate) settings: watch::Receiver<Settings>,
    stops: watch::Receiver<u64>,
    pub(crate) inbox: Inbox,
    pub(crate) chunk: Vec<u8>,
    pub(crate) out: Vec<u8>,
    pub(crate) phase: Phase,
    pub(crate) key: Option<LinkKey>,
    pub(crate) acting: Acting,
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, place: Place, stream: Arc<TcpStream>) -> Self {
        Self {
            settings: shared.settings.subscribe(),
            stops: shared.stops.subscribe(),
            shared,
            place,
            stream,
            inbox: Inbox::new(place.number),
            chunk: vec![0; CHUNK],
            out: Vec::new(),
            phase: Phase::Hello,
            key: None,
            acting: Acting::default(),
        }
    }

    pub(crate) async fn run(mut self) {
        let (mut stops, mut settings) = (self.stops.clone(), self.settings.clone());
        let (place, stream) = (self.place, Arc::clone(&self.stream));
        let mut serving = pin!(self.serve());
        loop {
            let silent = settings.borrow_and_update().of(place).behaviour == Behaviour::Silent;
            tokio::select! {
                biased;
                _ = stops.changed() => return,
                _ = settings.changed() => {}
                // An error here is the peer going away, which is its right.
                _ = &mut serving, if !silent => return,
                // Tokio reports a closed read half under this interest, without the data before it.
                _ = stream.ready(Interest::PRIORITY), if silent => return,
            }
        }
    }

    async fn serve(&mut self) -> io::Result<()> {
        if self.behaviour() == Behaviour::Refuse {
            return Ok(());
        }
        loop {
            while let Some(line) = self.inbox.pop() {
                if self.handle(line).await?.is_break() {
                    self.flush().await?;
                    self.take_leftovers();
                    return Ok(());
                }
                if self.out.len() >= CHUNK {
                    self.flush().await?;
                }
            }
            self.flush().await?;
            if !self.fill().await? {
                return Ok(());
            }
        }
    }

    async fn handle(&mut self, line: Line) -> Next {
        match self.phase {
            Phase::Stalled => GO_ON,
            Phase::Up => self.handle_request(line).await,
            Phase::Hello | Phase::Challenged(_) | Phase::Greeted => self.handle_handshake(line).await,
        }
    }

    pub(crate) fn behaviour(&self) -> Behaviour {
        self.settings.borrow().of(self.place).behaviour
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.inbox.end(&self.shared.journal);
        self.shared
            .links
            .send_modify(|links| drop(links.open.remove(&self.place.number)));
    }
}
