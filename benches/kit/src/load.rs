//! Clients in a closed loop: each asks, and asks again when it has its reply.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

pub use crate::dialogue::Style;
pub use crate::stream::Target;

use crate::dialogue::Dialogue;
use crate::stream::{Poller, Stream};

/// After this without any reply those that are missing are lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Latencies above this, in nanoseconds, count as this.
const LONGEST: u64 = 60_000_000_000;

/// What is asked, by how many, for how long.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Connections.
    pub clients: usize,
    /// Requests that each client has under way.
    pub depth: usize,
    /// Bytes of a request, newline included.
    pub size: usize,
    /// How the requests look.
    pub style: Style,
    /// How long it is measured.
    pub span: Duration,
    /// How long it runs before that.
    pub warm_up: Duration,
}

impl Load {
    /// Lines of 40 bytes in the clear, one at a time, for a second.
    #[must_use]
    pub fn of(clients: usize) -> Self {
        Self {
            clients,
            depth: 1,
            size: 40,
            style: Style::Plain,
            span: Duration::from_secs(1),
            warm_up: Duration::from_millis(200),
        }
    }

    /// The same with so many bytes a request.
    #[must_use]
    pub fn size(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// The same with requests of this kind.
    #[must_use]
    pub fn style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// The same with so many requests of each client under way.
    #[must_use]
    pub fn depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// The same for so long.
    #[must_use]
    pub fn lasting(self, span: Duration) -> Self {
        Self { span, ..self }
    }

    /// The same, measured after so long.
    #[must_use]
    pub fn warming_up(self, warm_up: Duration) -> Self {
        Self { warm_up, ..self }
    }

    /// Runs it.
    pub fn run(self, target: &Target) -> io::Result<Report> {
        self.run_around(target, || ()).map(|(report, _)| report)
    }

    /// Runs it, and looks at something at the beginning and at the end of what is measured.
    pub fn run_around<L>(self, target: &Target, look: impl FnMut() -> L) -> io::Result<(Report, [L; 2])> {
        Run::new(self, target)?.run(look)
    }
}

/// What came of a load.
#[derive(Debug)]
pub struct Report {
    /// Replies while it was measured.
    pub replies: u64,
    /// How long that was.
    pub span: Duration,
    /// From a request to its reply, in nanoseconds; of all that were under way while it was measured.
    pub latency: Histogram<u64>,
    /// Replies that were another's, from beginning to end.
    pub wrong: u64,
    /// Requests that got no reply, or the answer that there is none.
    pub lost: u64,
}

impl Report {
    /// Replies a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.replies as f64 / self.span.as_secs_f64()
    }

    /// The latency that this share of all replies did not exceed.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Duration {
        Duration::from_nanos(self.latency.value_at_percentile(percent))
    }
}

struct Client {
    stream: Stream,
    dialogue: Dialogue,
    unsent: Vec<u8>,
    sent: usize,
    wants_write: bool,
    input: Vec<u8>,
    filled: usize,
    asked: u64,
    replied: u64,
    /// When each that is under way was asked, at its number modulo the depth.
    since: Vec<Instant>,
}

struct Run {
    load: Load,
    clients: Vec<Client>,
    poller: Poller,
    phase: Phase,
    report: Report,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measured,
    /// Nobody asks any more; what was under way is waited for.
    End,
}

impl Run {
    fn new(load: Load, target: &Target) -> io::Result<Self> {
        // Both ends of all connections may be in this process.
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
        let poller = Poller::new()?;
        let mut clients = Vec::new();
        for number in 0..load.clients {
            let stream = Stream::connect(target)?;
            poller.add(&stream, number)?;
            clients.push(Client::new(stream, load, number));
        }
        Ok(Self {
            load,
            clients,
            poller,
            phase: Phase::WarmUp,
            report: Report {
                replies: 0,
                span: Duration::ZERO,
                latency: Histogram::new_with_max(LONGEST, 3).map_err(io::Error::other)?,
                wrong: 0,
                lost: 0,
            },
        })
    }

    fn run<L>(mut self, mut look: impl FnMut() -> L) -> io::Result<(Report, [L; 2])> {
        for number in 0..self.clients.len() {
            self.ask(number)?;
        }
        self.turn_until(Instant::now() + self.load.warm_up)?;
        let before = look();
        let start = Instant::now();
        self.phase = Phase::Measured;
        self.turn_until(start + self.load.span)?;
        self.report.span = start.elapsed();
        let after = look();
        self.phase = Phase::End;
        let mut heard = Instant::now();
        while self.under_way() > 0 && heard.elapsed() < PATIENCE {
            if self.turn()? {
                heard = Instant::now();
            }
        }
        self.report.lost += self.under_way();
        Ok((self.report, [before, after]))
    }

    fn under_way(&self) -> u64 {
        self.clients
            .iter()
            .map(|client| client.asked - client.replied)
            .sum()
    }

    fn turn_until(&mut self, end: Instant) -> io::Result<()> {
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    /// Serves those that are ready; true if there were any.
    fn turn(&mut self) -> io::Result<bool> {
        let ready: Vec<_> = self.poller.wait(10)?.collect();
        for number in &ready {
            self.hear(*number)?;
            self.ask(*number)?;
        }
        Ok(!ready.is_empty())
    }

    fn hear(&mut self, number: usize) -> io::Result<()> {
        let client = &mut self.clients[number];
        while let Some(count) = client.stream.read(&mut client.input[client.filled..])? {
            if count == 0 {
                return Err(io::Error::other(format!("client {number} was cut off")));
            }
            client.filled += count;
            let is_full = client.filled == client.input.len();
            client.take_replies(self.phase, &mut self.report);
            if !is_full {
                break;
            }
        }
        Ok(())
    }

    fn ask(&mut self, number: usize) -> io::Result<()> {
        let client = &mut self.clients[number];
        while self.phase != Phase::End && client.asked - client.replied < self.load.depth as u64 {
            client
                .unsent
                .extend_from_slice(client.dialogue.request(client.asked));
            client.since[slot(client.asked, self.load.depth)] = Instant::now();
            client.asked += 1;
        }
        client.send()?;
        let wanted = client.sent < client.unsent.len();
        if wanted != client.wants_write {
            client.wants_write = wanted;
            self.poller.want_write(&client.stream, number, wanted)?;
        }
        Ok(())
    }
}

impl Client {
    fn new(stream: Stream, load: Load, number: usize) -> Self {
        let dialogue = Dialogue::new(load.style, load.size, number);
        Self {
            input: vec![0; dialogue.reply_len() * load.depth.min(64) + 64],
            dialogue,
            stream,
            unsent: Vec::new(),
            sent: 0,
            wants_write: false,
            filled: 0,
            asked: 0,
            replied: 0,
            since: vec![Instant::now(); load.depth],
        }
    }

    fn send(&mut self) -> io::Result<()> {
        while self.sent < self.unsent.len() {
            match self.stream.write(&self.unsent[self.sent..])? {
                None => return Ok(()),
                Some(count) => self.sent += count,
            }
        }
        self.unsent.clear();
        self.sent = 0;
        Ok(())
    }

    fn take_replies(&mut self, phase: Phase, report: &mut Report) {
        let mut begin = 0;
        while self.replied < self.asked {
            let expected = self.dialogue.reply(self.replied);
            let rest = &self.input[begin..self.filled];
            let taken = if rest.starts_with(expected) {
                expected.len()
            } else if expected.starts_with(rest) {
                break;
            } else {
                // Redis' replies are right or the measurement is void; lines can be told apart.
                let Some(end) = memchr::memchr(b'\n', rest) else {
                    break;
                };
                let lost = &rest[..end] == b"con_lost";
                *(if lost { &mut report.lost } else { &mut report.wrong }) += 1;
                end + 1
            };
            begin += taken;
            report.replies += u64::from(phase == Phase::Measured);
            if phase != Phase::WarmUp {
                let took = self.since[slot(self.replied, self.since.len())].elapsed();
                report
                    .latency
                    .saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            }
            self.replied += 1;
        }
        if self.replied == self.asked && begin < self.filled {
            report.wrong += 1;
            begin = self.filled;
        }
        self.input.copy_within(begin..self.filled, 0);
        self.filled -= begin;
    }
}

fn slot(number: u64, depth: usize) -> usize {
    usize::try_from(number % depth as u64).unwrap_or_default()
}
