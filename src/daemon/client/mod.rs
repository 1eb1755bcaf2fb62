//! The clients: a task each, lines in, answers out in order.
//!
//! A client is read as long as what it holds stays within its own limit and within everybody's
//! [budget](budget::Budget); a small reserve is always granted, so that a client with one small request is served
//! even when others have used up all there is.

mod account;
mod budget;
mod outbox;

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lonc_proto::buffer::Buffer;
use lonc_proto::line::{LineBuffer, Lines};
use lonc_proto::request::answer;
use lonc_proto::session::{Answers, ClientId, PER_REQUEST};
use nix::sys::socket::{Shutdown, shutdown};
use std::os::fd::AsRawFd as _;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use zeroize::{Zeroize as _, Zeroizing};

use crate::daemon::give_way::give_way;

pub(crate) use self::account::{Account, RESERVE};
pub(crate) use self::budget::Budget;
use self::outbox::Outbox;

/// Bytes asked for in one read.
const READ: usize = 16 * 1024;
/// Reads in a row, before others have their turn.
const TURNS: usize = 8;
/// Bytes of answers taken of which the driver is told at once: less than what it lets a client have while memory is scarce.
const TELL: usize = 16 * 1024;
/// How long a client whose line was too long may go on sending it before the connection is cut.
const LINGER: Duration = Duration::from_secs(2);

/// What a client's task tells the driver.
pub(crate) enum FromClient {
    /// Whole lines; and so many bytes of answers were taken since the last word.
    Sent { id: ClientId, lines: Lines, took: usize },
    /// So many bytes of answers were taken since the last word.
    Took { id: ClientId, bytes: usize },
    /// The client is gone, and was before these were read; the last word.
    Left { id: ClientId, unheard: Vec<Lines> },
}

/// What the driver tells a client's task.
pub(crate) enum ToClient {
    /// To be written to it.
    Answers(Answers),
    /// Read what it has sent so far, and no more.
    Drain,
    /// End it at once.
    Cut,
}

/// Limits of one client.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Longest line, in bytes.
    pub(crate) request: usize,
    /// What it may hold before it is read no further, in bytes.
    pub(crate) held: usize,
}

/// What ties a client's task to the driver.
pub(crate) struct Ports {
    pub(crate) id: ClientId,
    pub(crate) to_driver: mpsc::UnboundedSender<FromClient>,
    pub(crate) from_driver: mpsc::UnboundedReceiver<ToClient>,
    pub(crate) account: Arc<Account>,
}

/// Serves one client until it has gone or all its requests are answered after its end of file.
pub(crate) async fn serve(stream: UnixStream, limits: Limits, ports: Ports) {
    let account = ports.account.clone();
    let mut client = Client::new(stream, limits, ports);
    loop {
        let blocked = client.blocked;
        let turn = poll_fn(|cx| client.poll_turn(cx));
        let turn = if blocked {
            tokio::select! {
                biased;
                turn = turn => turn,
                // Whoever may go over the budget loses that by not making use of it, which nobody tells.
                _ = timeout(budget::STALL, account.budget().freed()) => {
                    client.blocked = false;
                    continue;
                }
            }
        } else {
            turn.await
        };
        if matches!(turn, Turn::Done) {
            break;
        }
    }
    client.leave();
    client.finish().await;
}

enum Turn {
    /// It may not be read further until the budget has room.
    Blocked,
    Done,
}

#[derive(PartialEq)]
enum Input {
    Open,
    /// At its end of file.
    Ended,
    /// A line was too long; that is told once all before it is answered.
    TooLong,
    /// That is told.
    TooLongTold,
}

struct Client {
    stream: UnixStream,
    limits: Limits,
    ports: Ports,
    lines: LineBuffer,
    input: Input,
    out: Outbox,
    /// Answers still to come, and the bytes of the requests they are for.
    owed: usize,
    owed_bytes: usize,
    /// Bytes of answers written that the driver does not know of.
    took: usize,
    blocked: bool,
    /// What it had asked when it was gone.
    unheard: Vec<Lines>,
}

impl Client {
    fn new(stream: UnixStream, limits: Limits, ports: Ports) -> Self {
        Self {
            stream,
            limits,
            ports,
            lines: LineBuffer::new(limits.request),
            input: Input::Open,
            out: Outbox::default(),
            owed: 0,
            owed_bytes: 0,
            took: 0,
            blocked: false,
            unheard: Vec::new(),
        }
    }

    /// Moves bytes until nothing moves: 1. answers in, 2. answers out, 3. requests in.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        for _ in 0..TURNS {
            while let Poll::Ready(word) = self.ports.from_driver.poll_recv(cx) {
                match word {
                    Some(ToClient::Answers(answers)) => self.take_answers(answers),
                    Some(ToClient::Drain) => self.shut_input(),
                    Some(ToClient::Cut) | None => return Poll::Ready(Turn::Done),
                }
            }
            let written = self.write(cx);
            self.adjust_account();
            if written.is_err() || self.is_done() {
                return Poll::Ready(Turn::Done);
            }
            if self.input != Input::Open || !self.may_read() {
                return Poll::Pending;
            }
            if self.budget().is_spent() && !self.may_overdraw() {
                let told = std::mem::replace(&mut self.blocked, true);
                return if told {
                    Poll::Pending
                } else {
                    Poll::Ready(Turn::Blocked)
                };
            }
            self.blocked = false;
            match self.poll_read(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Turn::Done),
            }
        }
        give_way(cx);
        Poll::Pending
    }

    fn take_answers(&mut self, answers: Answers) {
        self.owed = self.owed.saturating_sub(answers.count);
        self.owed_bytes = self.owed_bytes.saturating_sub(answers.retired);
        self.out.push(answers.bytes);
    }

    /// Writes what the client takes.
    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.input == Input::TooLong && self.owed == 0 {
            let words = [answer::TOO_LONG, b"\n"].concat();
            self.ports.account.owes(words.len());
            self.out.push(Buffer::copy_of(&words));
            self.input = Input::TooLongTold;
        }
        let took = self.out.write(&mut self.stream, cx)?;
        self.ports.account.took(took);
        self.took += took;
        // The driver is told before its own account of untaken answers could stop it.
        if self.took >= TELL.min(self.limits.held / 4) {
            self.tell(|id, took| FromClient::Took { id, bytes: took });
        }
        Ok(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let count = if self.lines.len() < READ {
            // Only what came gets memory: a client between two lines holds none, and small lines pin no large block.
            let mut room = [const { MaybeUninit::uninit() }; READ];
            let mut read = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            self.lines.push(read.filled());
            if self.lines.is_secret() {
                read.filled_mut().zeroize();
            }
            read.filled().len()
        } else {
            let space = self.lines.space(READ);
            ready!(pin!(self.stream.read_buf(space)).poll(cx))?
        };
        if count == 0 {
            return Poll::Ready(self.end_input());
        }
        self.budget().touch(self.budget_name());
        Poll::Ready(self.take_lines())
    }

    /// Hands the driver what is whole of what was read.
    fn take_lines(&mut self) -> io::Result<()> {
        let mut is_gone = None;
        loop {
            match self.lines.take_lines() {
                Ok(None) => break,
                // Nobody waits for what they would bring, but for what is critical of them.
                Ok(Some(lines)) if *is_gone.get_or_insert_with(|| self.is_gone()) => self.unheard.push(lines),
                Ok(Some(lines)) => {
                    self.owed += lines.count;
                    self.owed_bytes += lines.bytes.len();
                    self.tell(|id, took| FromClient::Sent { id, lines, took });
                }
                Err(_) => {
                    self.input = Input::TooLong;
                    self.lines = LineBuffer::new(self.limits.request);
                    break;
                }
            }
        }
        if is_gone == Some(true) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    /// At end of file a partial line is dropped.
    fn end_input(&mut self) -> io::Result<()> {
        self.input = Input::Ended;
        self.lines = LineBuffer::new(self.limits.request);
        if self.is_gone() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    /// A client that only ended its own side still takes answers, one that vanished does not, and writing nothing tells
    /// them apart.
    fn is_gone(&self) -> bool {
        let tried = self.stream.try_write(&[]);
        tried.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock)
    }

    fn tell(&mut self, word: impl FnOnce(ClientId, usize) -> FromClient) {
        let took = std::mem::take(&mut self.took);
        // Without a driver the answers' channel is closed as well, and that ends the task.
        let _ = self.ports.to_driver.send(word(self.ports.id, took));
    }

    fn budget(&self) -> &Budget {
        self.ports.account.budget()
    }

    fn requests(&self) -> usize {
        self.lines.len() + self.owed_bytes + self.owed * PER_REQUEST
    }

    fn held(&self) -> usize {
        self.requests() + self.ports.account.num_answers()
    }

    /// True while its own limit allows reading; a line that is all it holds may grow beyond.
    fn may_read(&self) -> bool {
        let held = self.held();
        held < self.limits.held || held == self.lines.len()
    }

    /// True if it may be read although the budget is spent.
    fn may_overdraw(&self) -> bool {
        let held = self.held();
        held < RESERVE || (held == self.lines.len() && self.budget().may_go_over(self.budget_name()))
    }

    fn budget_name(&self) -> usize {
        self.ports.id.slot() + 1
    }

    fn adjust_account(&self) {
        self.ports.account.set_requests(self.requests());
        self.ports.account.set_asking(self.owed > 0);
        if self.lines.len() < RESERVE {
            self.budget().give_back(self.budget_name());
        }
    }

    /// Leaves the others what it held, and tells the driver.
    fn leave(&mut self) {
        self.lines = LineBuffer::new(self.limits.request);
        self.adjust_account();
        // What is still to come is not taken, and not accounted for.
        self.ports.from_driver.close();
        self.out = Outbox::default();
        self.ports.account.close();
        // The driver may be gone already; then nobody needs to know.
        let (id, unheard) = (self.ports.id, std::mem::take(&mut self.unheard));
        let _ = self.ports.to_driver.send(FromClient::Left { id, unheard });
    }

    fn is_done(&self) -> bool {
        let ended = matches!(self.input, Input::Ended | Input::TooLongTold);
        ended && self.owed == 0 && self.out.is_empty()
    }

    /// Takes what the client has sent so far, and lets it know that no more is read.
    fn shut_input(&mut self) {
        // If that fails the client is gone, and reading says so.
        let _ = shutdown(self.stream.as_raw_fd(), Shutdown::Read);
    }

    /// Cuts the connection; a client still busy sending its over-long line first gets the chance to read why.
    async fn finish(mut self) {
        if self.input == Input::TooLongTold && self.stream.shutdown().await.is_ok() {
            // On the heap: else each client would carry the room for this from its beginning.
            let mut rest = Zeroizing::new(vec![0; READ]);
            let discard = async { while matches!(self.stream.read(&mut rest).await, Ok(1..)) {} };
            let _ = timeout(LINGER, discard).await;
        }
    }
}
