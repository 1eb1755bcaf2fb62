//! Parts in the state in which they are counted.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use lonc_proto::backoff::Bounds;
use lonc_proto::cipher::{Cipher, Key};
use lonc_proto::handshake::Identity;
use lonc_proto::line::{LineBuffer, Lines};
use lonc_proto::request::{Asked, Encoder, Request};
use lonc_proto::session::{ClientId, Command, Config, LinkId, Session};
use lonc_proto::time::Instant;

const LINE: &[u8] = b"get:demouniversity:student0815:grade:x:y";
/// Clients with a request each.
pub(crate) const CLIENTS: usize = 64;

/// So many lines, as they are read in one piece.
pub(crate) fn lines(count: usize) -> (LineBuffer, Vec<u8>) {
    (LineBuffer::new(1 << 20), [LINE, b"\n"].concat().repeat(count))
}

pub(crate) fn cipher() -> Cipher {
    Cipher::new(&Key::from_bytes(*b"0123456789abcdef"))
}

/// A request of so many bytes that goes encrypted.
pub(crate) fn request(size: usize) -> (Cipher, Request) {
    let line = [&b"encrypt:"[..], &vec![b'x'; size]].concat();
    match Asked::of(Bytes::from(line)) {
        Asked::Forward(request) => (cipher(), request),
        Asked::Nothing | Asked::Stop | Asked::Retry | Asked::Refused(_) => {
            unreachable!("it asks for something")
        }
    }
}

/// The same as lond's reply to it.
pub(crate) fn reply(size: usize) -> (Cipher, BytesMut) {
    let (cipher, request) = request(size);
    let mut wire = BytesMut::new();
    while !Encoder::default().encode(&request, &cipher, usize::MAX, &mut wire) {}
    (cipher, wire)
}

/// A session that is up, and its clients.
pub(crate) struct Busy {
    session: Session,
    link: LinkId,
    clients: Vec<ClientId>,
    now: Instant,
    wire: BytesMut,
}

impl Busy {
    pub(crate) fn new() -> Self {
        let now = Instant::after_origin(Duration::from_secs(1));
        let mut session = Session::new(config(), 7, now);
        let link = session.link_ids().next().expect("a session has a link");
        while session.next_command(now).is_some() {}
        session.handle_connected(link, now);
        for answer in ["challenge", "ok", "ok", "version:1", "0123456789abcdef", "msul1"] {
            let unsent = session.unsent(link).len();
            session.handle_written(link, unsent, now);
            session.handle_input(link, &mut BytesMut::from(format!("{answer}\n").as_bytes()), now);
            while session.next_command(now).is_some() {}
        }
        let clients = (0..CLIENTS)
            .map(|_| session.handle_client_joined(false, now))
            .collect();
        let mut busy = Self {
            session,
            link,
            clients,
            now,
            wire: BytesMut::new(),
        };
        // The first turn makes room for what the others use again.
        busy.turn();
        busy
    }

    /// Each client asks once, and gets its reply; how many bytes they got.
    pub(crate) fn turn(&mut self) -> usize {
        let link = self.link;
        for client in &self.clients {
            let bytes = Bytes::from_static(b"get:demouniversity:student0815:grade:x\n");
            self.session
                .handle_lines(*client, Lines { bytes, count: 1 }, self.now);
        }
        let mut got = self.obey();
        while !self.session.unsent(link).is_empty() {
            while !self.session.unsent(link).is_empty() {
                let unsent = self.session.unsent(link);
                let len = unsent.len();
                self.wire.extend_from_slice(unsent);
                self.session.handle_written(link, len, self.now);
                got += self.obey();
            }
            self.session.handle_input(link, &mut self.wire, self.now);
            got += self.obey();
        }
        got
    }

    fn obey(&mut self) -> usize {
        let mut got = 0;
        while let Some(command) = self.session.next_command(self.now) {
            if let Command::Answer(client, answers) = command {
                got += answers.bytes.len();
                self.session.handle_taken(client, answers.bytes.len(), self.now);
            }
        }
        got
    }
}

fn config() -> Config {
    let minute = Duration::from_secs(60);
    Config {
        identity: Identity {
            peer: "msul1".into(),
            own: "msul2".into(),
            version: "1".into(),
        },
        pong: false,
        connections: 1,
        max_connections: 1,
        idle_timeout: minute,
        pipeline: CLIENTS,
        handshake_timeout: minute,
        opening_timeout: minute,
        request_timeout: minute,
        connect_wait: minute,
        probe_interval: minute,
        backoff: Bounds::default(),
        max_reply_bytes: 1 << 20,
        spool: false,
        message_timeout: minute,
        max_attempts: 5,
        disabled: false,
        drain_timeout: minute,
        max_client_bytes: 1 << 20,
    }
}
