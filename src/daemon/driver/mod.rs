//! Drives the [`Session`] of one peer: owns its links and the list of its clients, moves bytes between them and the
//! machine, and obeys the machine's commands.

mod clients;
mod config;
mod idle_exit;
mod inbox;
mod links;
mod log;
mod memory;
mod moves;
mod places;
mod repeated;
mod rounds;
mod spool;
mod timer;

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use lonc_proto::drain::Drain;
use lonc_proto::session::{Command, Event, Session};
use lonc_proto::time::Instant;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::info;

pub(crate) use self::clients::ClientReport;
use self::clients::Clients;
use self::config::session_config;
use self::idle_exit::IdleExit;
pub(crate) use self::inbox::{Question, Questions, ToDriver};
use self::links::Links;
use self::log::Log;
use self::memory::Memory;
use self::moves::Moves;
use self::places::Lobby;
use self::rounds::Rounds;
use self::timer::Timer;
use crate::config::Settings;
use crate::daemon::acceptor::Acceptor;
use crate::daemon::client::FromClient;
use crate::daemon::give_way::give_way;
use crate::daemon::status::Snapshot;
use crate::journal::message;
use crate::spool::{FromSpool, Lock, Spool};
use crate::systemd;
use crate::tls::Tls;

/// Clients accepted, and messages of clients taken, before the other work has its turn again.
const BATCH: usize = 64;
/// How long it works before others have their turn: encrypting a large request takes many milliseconds.
const SLICE: Duration = Duration::from_micros(200);
/// The number of clients in the status may be this old.
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// The only owner of the links, the session, and the list of clients.
pub(crate) struct Driver {
    session: Session,
    settings: Settings,
    links: Links,
    clients: Clients,
    memory: Memory,
    acceptor: Option<Acceptor>,
    lobby: Lobby,
    from_clients: mpsc::UnboundedReceiver<FromClient>,
    inbox: mpsc::Receiver<ToDriver>,
    spool: Spool,
    from_spool: mpsc::UnboundedReceiver<FromSpool>,
    status: watch::Sender<Snapshot>,
    /// When the status was published; `None`: what is published is no longer true.
    published: Option<Instant>,
    stale: bool,
    timer: Timer,
    rounds: Rounds,
    moves: Moves,
    drain: Drain,
    idle_exit: IdleExit,
    log: Log,
}

impl Driver {
    /// A driver for the peer of `settings`, taking clients from `acceptor`; and where to read its status.
    pub(crate) fn new(
        settings: Settings,
        tls: Tls,
        acceptor: Acceptor,
        inbox: mpsc::Receiver<ToDriver>,
        lock: Lock,
    ) -> io::Result<(Self, watch::Receiver<Snapshot>)> {
        let (spool, from_spool) = Spool::start(&settings, lock)?;
        let memory = Memory::new(&settings);
        let (clients, from_clients) = Clients::new(memory.budget.clone());
        let timer = Timer::new()?;
        let now = timer.now();
        let session = Session::new(session_config(&settings), fastrand::u64(..), now);
        let snapshot = Snapshot::new(&settings, session.status(), now, SystemTime::now());
        let (status, status_reader) = watch::channel(snapshot);
        let idle_exit = IdleExit::new(acceptor.socket_stays());
        idle_exit.check(settings.daemon.idle_exit);
        let driver = Self {
            session,
            links: Links::secured_with(tls),
            clients,
            memory,
            acceptor: Some(acceptor),
            lobby: Lobby::default(),
            from_clients,
            inbox,
            spool,
            from_spool,
            status,
            published: Some(now),
            stale: false,
            timer,
            rounds: Rounds::default(),
            moves: Moves::default(),
            drain: Drain::default(),
            idle_exit,
            log: Log::default(),
            settings,
        };
        Ok((driver, status_reader))
    }

    /// Works until it has drained.
    pub(crate) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
        // Who asks from now on is answered from what was published last.
        drop(self.inbox);
        let rest = self.drain.rest(self.timer.now());
        if timeout(rest, self.spool.finish()).await.is_err() {
            log::disk_hangs();
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let begun = self.timer.now();
        loop {
            let now = self.timer.now();
            let mut progress = false;
            // Before time is judged anywhere: after a stop of the process both are there, the deadline and the reply.
            if self.timer.is_past(now) {
                self.look_for_unread(now);
            }
            // 1. What the daemon asks for is rare and must not wait.
            progress |= self.poll_inbox(cx, now);
            // What that closes must not be read from any more: its number may be another link's already.
            progress |= self.obey(now);
            self.session.handle_memory(self.memory.budget.is_spent(), now);
            // 2. Replies make room for requests.
            progress |= self.poll_links(cx, now);
            progress |= self.poll_moves(cx, now);
            progress |= self.poll_spool(cx, now);
            // 3. Requests of all clients that are ready, so that one write carries them.
            progress |= self.poll_clients(cx, now);
            // 4. New clients.
            progress |= self.poll_acceptor(cx, now);
            // 5. What is due.
            progress |= self.poll_timer(cx, now);
            progress |= self.obey(now);
            // 6. What all that put on the links.
            progress |= self.poll_writes(cx, now);
            progress |= self.obey(now);
            // 7. Whether there will be any work.
            self.poll_idle_exit(cx, now);
            if self.drain.is_over(&self.session, now) {
                return Poll::Ready(());
            }
            let enough = now.since(begun) >= SLICE;
            if !progress || enough {
                self.publish(now);
                // The deadlines are those of now; whoever moved one has been dealt with above.
                self.timer.arm(cx, self.next_deadline(now), now);
                if progress {
                    give_way(cx);
                }
                return Poll::Pending;
            }
        }
    }

    fn poll_clients(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        for taken in 0..BATCH {
            let Poll::Ready(Some(word)) = self.from_clients.poll_recv(cx) else {
                return taken > 0;
            };
            match word {
                FromClient::Sent { id, lines, took } => {
                    if took > 0 {
                        self.session.handle_taken(id, took, now);
                    }
                    self.clients.heard_of(id, now);
                    self.session.handle_lines(id, lines, now);
                }
                FromClient::Took { id, bytes } => self.session.handle_taken(id, bytes, now),
                FromClient::Left { id, unheard } => {
                    // In one go: nothing of it is sent but what is sent of those who have left.
                    for lines in unheard {
                        self.session.handle_lines(id, lines, now);
                    }
                    self.session.handle_client_left(id, now);
                    self.clients.leave(id);
                    self.stale = true;
                }
            }
        }
        true
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.timer.poll_due(cx, now).is_pending() {
            return false;
        }
        if self.session.poll_timeout().is_some_and(|due| due <= now) {
            self.session.handle_timeout(now);
        }
        self.go_round(now);
        self.look_for_moves(now);
        if self.drain.is_to_stop(now, || self.links.any_unread()) {
            self.session.handle_stop(now);
        }
        if self.drain.is_to_give_up(now) {
            self.session.handle_no_disk(now);
        }
        true
    }

    /// Does what the session says; true if it said anything: a link that begins to open wants to be polled.
    fn obey(&mut self, now: Instant) -> bool {
        let mut obeyed = false;
        while let Some(command) = self.session.next_command(now) {
            obeyed = true;
            match command {
                Command::Connect(id) => self.links.open(id, &self.settings),
                Command::PassBy(id) => {
                    let remote = self.links.pass_by(id);
                    log::silent(id.index(), remote);
                }
                Command::Close(id) => self.links.close(id),
                Command::Answer(id, answers) => self.clients.answer(id, answers, now),
                Command::Stop => self.drain(now),
                Command::Retry => self.retry(now),
                Command::Flush => self.spool.look(),
                Command::Delivered(id) => self.spool.delivered(id),
                Command::SetAside(id) => self.spool.set_aside(id),
                Command::Store(ticket, request) => self.spool.store(ticket, request),
                Command::Event(event) => self.tell(&event, now),
            }
        }
        obeyed
    }

    fn tell(&mut self, event: &Event, now: Instant) {
        if let Event::LinkUp { link, .. } = event {
            self.links.is_now_up(*link);
            self.moves.look_now_and_then(&self.settings.link, now);
        }
        let credentials = match event {
            Event::Unanswered { client, .. } | Event::Refused { client, .. } => {
                self.clients.credentials(*client)
            }
            Event::MalformedReply { client, .. } => {
                client.and_then(|client| self.clients.credentials(client))
            }
            Event::StateChanged(_)
            | Event::HandshakeNote(_)
            | Event::NotStored { .. }
            | Event::StoredLate(_)
            | Event::LinkUp { .. }
            | Event::LinkRefused { .. }
            | Event::LinkRetired { .. }
            | Event::OtherHost { .. }
            | Event::TryFailed { .. }
            | Event::Poison { .. }
            | Event::LinkLost { .. } => {
                self.publish_at_once();
                None
            }
        };
        let is_up = matches!(event, Event::LinkUp { .. });
        let remotes = if is_up { self.links.remotes() } else { Vec::new() };
        self.log
            .event(event, credentials, &self.settings.address, &remotes, now);
    }

    fn reconfigure(&mut self, settings: Settings, tls: Tls, now: Instant) {
        let (old, new) = (&self.settings.address, &settings.address);
        let is_elsewhere = (&old.host, old.port) != (&new.host, new.port);
        let reopen = is_elsewhere || !tls.trusts_as(self.links.tls());
        self.links.secure_with(tls);
        if old != new {
            self.links.forget_addresses();
            self.moves.forget();
        }
        self.moves.look_soon(now);
        self.memory.reconfigure(&settings);
        if let Some(acceptor) = &mut self.acceptor {
            acceptor.go_by(&settings.alias);
        }
        self.settings = settings;
        self.idle_exit.check(self.settings.daemon.idle_exit);
        self.spool.reconfigure(&self.settings);
        self.session
            .handle_reconfigure(session_config(&self.settings), reopen, now);
        self.publish_at_once();
    }

    /// Takes no more clients; those there are read to the end of what they have sent.
    fn drain(&mut self, now: Instant) {
        if self.drain.is_on() {
            return;
        }
        info!(
            MESSAGE_ID = message::STOPPING,
            "stopping: finishing what is in flight"
        );
        systemd::stopping();
        self.drain.begin(now + self.settings.daemon.drain_timeout);
        // The backlog of systemd's socket stays with systemd; that of our own would be lost.
        let last = self.acceptor.take().map(Acceptor::last_call).unwrap_or_default();
        for stream in self.lobby.leave().chain(last) {
            self.admit(stream, now);
        }
        self.clients.drain();
        self.publish_at_once();
    }

    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let status = self.published.filter(|_| self.stale).map(|at| at + STATUS_EVERY);
        let deadlines = [
            self.session.poll_timeout(),
            self.drain.deadline(now),
            self.rounds.deadline(),
            self.moves.deadline(),
            self.memory.deadline(now),
            self.idle_exit.deadline(self.settings.daemon.idle_exit),
            self.lobby.deadline(self.patience()),
            status,
        ];
        deadlines.into_iter().flatten().min()
    }

    /// What is published is no longer true, and not only in the number of clients.
    fn publish_at_once(&mut self) {
        self.stale = true;
        self.published = None;
    }

    fn publish(&mut self, now: Instant) {
        let old = self.published.is_none_or(|at| now >= at + STATUS_EVERY);
        if self.stale && old {
            self.status.send_replace(self.snapshot(now));
            self.stale = false;
            self.published = Some(now);
        }
    }
}
