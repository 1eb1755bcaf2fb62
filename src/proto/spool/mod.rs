//! The decisions of the spool, where messages that must not be lost are on disk until the peer has answered them.
//!
//! The thread hands in what is asked for and what became of its operations, each with the time; the [`Machine`]
//! answers with [`Command`]s. It does one job after the other, and awaits the outcome of one operation at a time. It
//! keeps these promises, whatever the disk refuses and whenever the power fails:
//!
//! * a request is said to be stored when its file and the file's name are safe, and then it stays until it is answered,
//!   or where it was set aside;
//! * messages are handed to the driver whole, in the order of their names, and none that the driver has already;
//! * what was answered is not handed in again, removed or not; only a crash has it sent a second time, and none of which
//!   it was told that no crash does;
//! * what cannot be sent is set aside, or left alone and told of; nothing is removed but what was answered, and what is
//!   moved takes nobody's place.
//!
//! ```text
//!   handle_appeared, _look ─► looking.rs ─► window.rs (the next names, in order)
//!   handle_more ─► giving.rs (read, one by one) ─► Command::Tell: Messages, or CaughtUp
//!   handle_delivered ─► removing.rs (remove, record; sync once for many);  handle_set_aside ─► moving.rs
//!   handle_store ─► storing.rs (write, sync, rename; sync once for many) ─► Command::Tell: Stored
//!   handle_errand ─► desk.rs (find, move), counting.rs, listing.rs ─► Command::Answer
//!                         book.rs: what is known of single messages
//! ```

mod asking;
mod book;
mod command;
mod counting;
mod desk;
mod disk;
mod errand;
mod first_names;
mod giving;
mod inputs;
mod listing;
mod looking;
mod message;
#[cfg(any(test, fuzzing))]
pub(crate) mod model;
mod moving;
mod name;
mod names;
mod removing;
mod storing;
#[cfg(test)]
mod tests;
mod window;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub use self::asking::Asking;
pub use self::command::{Command, Event, Fate, FromSpool, Operation, Why};
pub use self::disk::{Fault, FaultKind, Place, Shelf, Stat};
pub use self::errand::{Errand, ErrandId, Found, Listing, Message, MessageState, MoveError, Reply, Summary};
pub use self::message::{Content, Unsendable, most_read, parse};
pub use self::name::Name;
pub use self::names::addressee;
#[cfg(fuzzing)]
pub(crate) use self::names::fuzzing::play as play_with_names;

use self::book::Book;
use self::counting::{Counted, Counting};
use self::desk::Finding;
use self::giving::Giving;
use self::listing::Lister;
use self::looking::Leftovers;
use self::moving::Move;
use self::names::{Namer, Owner};
use self::removing::Removal;
use self::storing::{Storing, Writing};
use self::window::{Refill, Window};
use crate::request::Request;
use crate::session::{MessageId, Ticket};
use crate::time::Instant;

/// What the machine goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The peer's id; the names of its messages end in `.<peer>`.
    pub peer: String,
    /// Other hosts whose ids end in `.<peer>`.
    pub alike: Vec<String>,
    /// Most bytes that a request may have.
    pub max_request_bytes: usize,
    /// A message that no lonc stored is left alone for so long after it was written last.
    pub settle: Duration,
    /// Of the process; it is in the names it makes.
    pub pid: u32,
    /// How much is done at once.
    pub limits: Limits,
}

/// How much is done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Names kept; a fuller directory is listed again when they are through.
    pub window: usize,
    /// Bytes of messages given together; the last may go beyond.
    pub batch_bytes: usize,
    /// Requests that are stored with one sync of the directory.
    pub stores: usize,
    /// Removals after which the directory is synced even while more are to come.
    pub removals: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: 8192,
            batch_bytes: 4 * 1024 * 1024,
            stores: 64,
            removals: 8192,
        }
    }
}

/// What the clocks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// By the clock that only goes on.
    pub instant: Instant,
    /// In seconds since 1970, by the clock that may be set.
    pub epoch: u64,
}

/// The state of one peer's spool.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    owner: Owner,
    namer: Namer,
    window: Window,
    book: Book,
    /// The queue could not be read, and that was told.
    is_unreadable: bool,
    /// The driver knows that there is something to ask for.
    has_told_fresh: bool,
    /// When the next message will have been left alone for long enough.
    settles_at: Option<Instant>,
    /// Messages that were answered and removed, or were to be, since the directory was synced.
    unsafe_removals: usize,
    /// What was counted last for an operator.
    counted: Option<Counted>,
    now: Now,
    /// What was asked for, in order.
    jobs: VecDeque<Task>,
    /// To look at everything is among that.
    is_look_due: bool,
    /// What is left of the job that was begun; the next is the last.
    agenda: Vec<Task>,
    /// The operation under way.
    awaited: Option<Awaited>,
    commands: VecDeque<Command>,
}

/// Something to do.
#[derive(Debug)]
enum Task {
    /// Begin: with another directory, perhaps.
    Begin,
    /// Look at the whole directory again.
    Look,
    /// Look whether this is a message.
    Appeared(Name),
    /// Give the next messages, up to so many.
    More(usize),
    /// It was answered.
    Delivered(MessageId),
    /// It breaks the link whenever it is sent.
    SetAside(MessageId),
    /// It is critical and cannot be sent now.
    Store(Ticket, Request),
    Errand(ErrandId, Errand),
    Reconfigure(Config),
    /// A message has been left alone for long enough.
    Settled,
    Finish,

    // Parts of those.
    /// Remove what an instance that was killed had begun to store.
    RemoveLeftovers(Leftovers),
    /// Take the next names from the directory.
    Refill,
    /// Make removals safe.
    SyncRemovals,
    /// Everything was listed.
    Looked,
    /// Look whether this can be sent now.
    LookInto(Name),
    /// Everything was looked at.
    LookedInto,
    Give(Giving),
    Remove(Name, Removal),
    Write(Storing),
    Move(Move),
    Record(Fate, Request),
    Say(Command),
}

/// An operation under way, and what it is for.
#[derive(Debug)]
enum Awaited {
    Leftovers(Vec<Name>),
    Leftover(Name, Leftovers),
    Refill(Refill),
    Read(Name, Giving),
    LookInto(Name),
    Removal(Name, Removal),
    RemovalSync,
    Written(Writing),
    FileSync(Writing),
    Placement(Writing),
    BatchSync(Storing),
    Room(Move),
    Vacancy(Move),
    Move(Move),
    MoveSync(Move),
    Record,
    Count(Counting),
    Oldest(Counting),
    List(Lister),
    Listed(Lister),
    Finding(Finding),
}

impl Machine {
    /// A machine that has not looked at anything yet. Until [`Machine::handle_start`] it is good for errands only.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            owner: Owner::new(&config.peer, &config.alike),
            config,
            namer: Namer::default(),
            window: Window::default(),
            book: Book::default(),
            is_unreadable: false,
            has_told_fresh: false,
            settles_at: None,
            unsafe_removals: 0,
            counted: None,
            now: Now::default(),
            jobs: VecDeque::new(),
            is_look_due: false,
            agenda: Vec::new(),
            awaited: None,
            commands: VecDeque::new(),
        }
    }

    /// What is to be done next; nothing while the outcome of an operation is awaited, or there is nothing to do.
    pub fn next_command(&mut self) -> Option<Command> {
        loop {
            if let Some(command) = self.commands.pop_front() {
                return Some(command);
            }
            if self.awaited.is_some() {
                return None;
            }
            let task = self.agenda.pop().or_else(|| self.next_job())?;
            self.begin(task);
        }
    }

    /// What was asked for first, unless removals are to be made safe before; they are when nothing else is to be done.
    fn next_job(&mut self) -> Option<Task> {
        if self.must_sync_removals() {
            return Some(Task::SyncRemovals);
        }
        let job = self.jobs.pop_front();
        job.or_else(|| self.may_sync_removals().then_some(Task::SyncRemovals))
    }

    fn begin(&mut self, task: Task) {
        match task {
            Task::Begin => self.operate(Operation::List(Shelf::Queue), Awaited::Leftovers(Vec::new())),
            Task::Look => self.look(),
            Task::Appeared(name) => self.appeared(name),
            Task::More(most) => self.more(most),
            Task::Delivered(id) => self.delivered(id),
            Task::SetAside(id) => self.set_aside(id),
            Task::Store(ticket, request) => self.store(ticket, request),
            Task::Errand(id, errand) => self.run_errand(id, errand),
            Task::Reconfigure(config) => self.reconfigure(config),
            Task::Settled => self.settled(),
            Task::Finish => self.commands.push_back(Command::Finished),
            Task::RemoveLeftovers(left) => self.remove_leftovers(left),
            Task::Refill => self.refill(Refill::default()),
            Task::SyncRemovals => self.operate(Operation::Sync(Shelf::Queue), Awaited::RemovalSync),
            Task::Looked => self.looked(),
            Task::LookInto(name) => self.look_into(name),
            Task::LookedInto => self.looked_into_all(),
            Task::Give(giving) => self.give(giving),
            Task::Remove(name, removal) => {
                self.operate(Operation::Remove(name.clone()), Awaited::Removal(name, removal));
            }
            Task::Write(storing) => self.write(storing),
            Task::Move(moving) => self.begin_move(moving),
            Task::Record(fate, request) => {
                self.commands.push_back(Command::Record(fate, request));
                self.awaited = Some(Awaited::Record);
            }
            Task::Say(command) => self.commands.push_back(command),
        }
    }

    /// Has this done before what is left of the job.
    fn then(&mut self, tasks: impl IntoIterator<Item = Task, IntoIter: DoubleEndedIterator>) {
        self.agenda.extend(tasks.into_iter().rev());
    }

    fn operate(&mut self, operation: Operation, awaited: Awaited) {
        self.commands.push_back(Command::Operate(operation));
        self.awaited = Some(awaited);
    }

    fn tell(&mut self, word: FromSpool) {
        self.commands.push_back(Command::Tell(word));
    }

    fn event(&mut self, event: Event) {
        self.commands.push_back(Command::Event(event));
    }

    fn reconfigure(&mut self, config: Config) {
        self.owner = Owner::new(&config.peer, &config.alike);
        self.config = config;
        // The directory may be another one from then on.
        let before = self.has_unsafe_removals().then_some(Task::SyncRemovals);
        let then = [Task::Say(Command::Reconfigured), Task::Begin, Task::Look];
        self.then(before.into_iter().chain(then));
    }
}
