//! What is to happen, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;
use lonc_proto::spool::Name;

use crate::lond::Reply;
use crate::plan::Fault;
use crate::time::Micros;

/// A host, by its place among all.
pub(crate) type HostId = usize;

/// A process of lonc; none is named twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pid(pub(crate) usize);

/// A connection, or a try to get one; none is named twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnId(pub(crate) usize);

/// A client of an instance; none is named twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientNo(pub(crate) u32);

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A host's service manager starts its instance for a peer, if there is none.
    Start { host: HostId, peer: HostId },
    /// A process does what there is to do.
    Turn(Pid),
    /// The disk has done what the spool's thread of a process waits for.
    DiskDone(Pid),
    /// Something of a spool is due.
    SpoolDue(Pid),
    /// A process is told of a file.
    Notice(Pid, Name),
    /// A process looks at its whole directory.
    LookAround(Pid),
    /// An instance that ends is ended.
    End(Pid),
    /// The name of the peer is looked up.
    Resolved(ConnId),
    /// An answer to a try to connect comes, or none in time.
    Connect(ConnId),
    /// A connection is secured, if it is to be.
    Secured(ConnId),
    /// Bytes arrive at lond, sent at this time.
    ToLond(ConnId, Bytes, Micros),
    /// Bytes arrive at lonc.
    ToLonc(ConnId, Bytes),
    /// lonc's end, or its reset, arrives at lond.
    LoncGone(ConnId),
    /// lond's end, or its reset, arrives at lonc.
    LondGone(ConnId),
    /// A connection is reset.
    Reset(ConnId),
    /// The kernel looks whether a path carries anything.
    Keepalive(ConnId),
    /// lond is done with the request it is at.
    Serve(ConnId),
    /// lond's reply to a step of the opening is ready.
    Say(ConnId, Reply),
    /// A worker comes to a host.
    Visit(HostId),
    /// A worker asks the next of what it wants.
    Ask(Pid, ClientNo),
    /// A worker takes so many bytes of answers.
    Take(Pid, ClientNo, usize),
    /// A worker leaves.
    Leave(Pid, ClientNo),
    /// A worker of the old kind leaves a message on disk.
    DropFile(HostId),
    /// It writes the rest of it.
    FinishFile(u32),
    /// A fault of this kind occurs.
    Fault(Fault),
    /// What a fault did comes to its end.
    Heal(Heal),
    /// The faults have ended: is all at rest?
    LookForRest,
}

/// The end of a fault.
#[derive(Clone, Debug)]
pub(crate) enum Heal {
    /// Of a partition.
    Path(HostId, HostId),
    /// A host has power again.
    Power(HostId),
    /// lond listens again, or goes on.
    Lond(HostId, u64),
    /// The disk is well.
    Disk(HostId, u64),
    /// The name of a host that moved is known.
    Name(HostId),
    /// An instance is enabled again.
    Enable(HostId, HostId),
    /// A held message is sent after all.
    Release(HostId, HostId, Name),
}

struct Entry {
    at: Micros,
    number: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Events in the order of their time; those of the same time in the order in which they were put there.
#[derive(Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    number: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at: Micros, event: Event) {
        self.number += 1;
        let number = self.number;
        self.heap.push(Reverse(Entry { at, number, event }));
    }

    pub(crate) fn pop(&mut self) -> Option<(Micros, Event)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}
