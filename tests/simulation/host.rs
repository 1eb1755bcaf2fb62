//! A host: its disk and clock, its lond, the instances of lonc that it runs.

use std::collections::BTreeSet;

use forgetful_disk::Disk;
use lonc_proto::spool::Place;

use crate::queue::{ConnId, Pid};
use crate::serving::Health;
use crate::time::Micros;

/// How the disk does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DiskHealth {
    #[default]
    Well,
    /// It refuses one of four.
    Fails,
    /// It takes seconds.
    Slow,
}

pub(crate) struct Host {
    pub(crate) id: String,
    /// It has power.
    pub(crate) is_on: bool,
    pub(crate) off_since: Option<Micros>,
    /// Where it is, since when, and where others think it is.
    pub(crate) address: u32,
    pub(crate) moved_at: Micros,
    pub(crate) known_address: u32,
    /// For each peer the instance that takes clients, and the one that has the spool.
    pub(crate) instances: Vec<Option<Pid>>,
    pub(crate) locks: Vec<Option<Pid>>,
    pub(crate) disabled: Vec<bool>,
    pub(crate) lond: Health,
    /// How often that has changed.
    pub(crate) lond_changes: u64,
    /// Connections at whose other end a lond is.
    pub(crate) accepted: BTreeSet<ConnId>,
    pub(crate) disk: Disk<Place>,
    pub(crate) disk_health: DiskHealth,
    pub(crate) disk_changes: u64,
    /// When each file was written, by the host's clock.
    pub(crate) written_at: Vec<u64>,
    /// How far its clock is off, in seconds.
    pub(crate) clock: i64,
}

impl Host {
    pub(crate) fn new(number: usize, of: usize) -> Self {
        Self {
            id: format!("h{number:02}"),
            is_on: true,
            off_since: None,
            address: 0,
            moved_at: 0,
            known_address: 0,
            instances: vec![None; of],
            locks: vec![None; of],
            disabled: vec![false; of],
            lond: Health::Well,
            lond_changes: 0,
            accepted: BTreeSet::new(),
            disk: Disk::default(),
            disk_health: DiskHealth::Well,
            disk_changes: 0,
            written_at: Vec::new(),
            clock: 0,
        }
    }
}
