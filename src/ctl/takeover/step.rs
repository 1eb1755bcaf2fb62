//! A step of a takeover or a giveback, and how it is told.

use crate::config::HostId;

/// Something to be done as a whole, and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// systemd no longer listens for these, at places where no worker looks.
    Stop(Vec<HostId>),
    Start(Vec<HostId>),
    /// The directory of what is taken over comes into being, with these in it.
    Begin(Vec<HostId>),
    /// It goes: from now on all peers are ours.
    End,
    AddDropIns(Vec<&'static str>),
    RemoveDropIns(Vec<&'static str>),
    Up(Unit),
    Down(Unit),
    Place(Program),
    /// Sockets of these names get another name besides.
    Keep(Vec<String>),
    Unkeep(Vec<String>),
    Record(Vec<HostId>),
    Unrecord(Vec<HostId>),
    /// systemd listens in the place of whoever does.
    Listen {
        id: HostId,
        names: Vec<String>,
    },
    /// What was kept gets its names again, and ours finishes.
    PutBack {
        id: HostId,
        names: Vec<String>,
    },
    /// The daemon is started and asked, as by a worker.
    Serve {
        id: HostId,
        must_be_up: bool,
    },
    /// The Perl lonc reads its table anew.
    RestartPerl,
    StopPerl,
    StartPerl,
    /// If one of the three was done: as it was, and with the table as it is now.
    PerlAsBefore {
        was_running: bool,
    },
}

/// A step, and what undoes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) step: Option<Step>,
    pub(super) undo: Option<Step>,
}

impl Item {
    pub(super) fn both(step: Step, undo: Step) -> Self {
        Self {
            step: Some(step),
            undo: Some(undo),
        }
    }

    /// What was done before this undoes it, too.
    pub(super) fn one_way(step: Step) -> Self {
        Self {
            step: Some(step),
            undo: None,
        }
    }

    /// For what must be undone later than the steps that did it.
    pub(super) fn only_undo(undo: Step) -> Self {
        Self {
            step: None,
            undo: Some(undo),
        }
    }
}

/// What may stand in the place of the Perl lonc's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// Nothing.
    None,
    /// LON-CAPA's.
    Original,
    /// LON-CAPA's for the peers that are not taken over.
    Beside,
    /// What tells loncron that there is no Perl lonc any more.
    StandIn,
}

/// A unit, and in what way it is up, or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: &'static str,
    pub(super) is_active: bool,
    pub(super) is_enabled: bool,
}

impl Unit {
    pub(super) fn is_up(&self) -> bool {
        self.is_active || self.is_enabled
    }

    /// What it lacks to be active and enabled.
    pub(super) fn missing(&self) -> Self {
        Self {
            name: self.name,
            is_active: !self.is_active,
            is_enabled: !self.is_enabled,
        }
    }
}

impl Step {
    /// In the words for the administrator, without a full stop.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Stop(ids) => format!("sockets that no worker asks are stopped: {}", listed(ids)),
            Self::Start(ids) => format!("sockets are started again: {}", listed(ids)),
            Self::Begin(ids) if ids.is_empty() => "from now on only what is taken over is ours".to_owned(),
            Self::Begin(ids) => format!("from now on only these are ours: {}", listed(ids)),
            Self::End => "from now on all peers are ours".to_owned(),
            Self::AddDropIns(names) => format!("drop-ins of a classic host: {}", names.join(" ")),
            Self::RemoveDropIns(names) => format!("drop-ins are removed: {}", names.join(" ")),
            Self::Up(unit) => format!("systemctl {} {}", unit.verbs("enable", "start"), unit.name),
            Self::Down(unit) => format!("systemctl {} {}", unit.verbs("disable", "stop"), unit.name),
            Self::Place(program) => program.told().to_owned(),
            Self::Keep(names) => format!("what listens at {} gets a second name", names.join(" ")),
            Self::Unkeep(names) => format!("the second name of {} goes", names.join(" ")),
            Self::Record(ids) => format!("taken over, also after a boot: {}", listed(ids)),
            Self::Unrecord(ids) => format!("no longer taken over: {}", listed(ids)),
            Self::Listen { names, .. } => format!("systemd listens at {}", names.join(" ")),
            Self::PutBack { names, .. } => {
                format!("{} goes back; what is in flight here is finished", names.join(" "))
            }
            Self::Serve { id, .. } => format!("{id} is asked for its name"),
            Self::RestartPerl => {
                "the Perl lonc reads its table anew (HUP): workers of its peers get no answer for some seconds".to_owned()
            }
            Self::StopPerl => "the Perl lonc is stopped, when its workers have left or, after ten seconds, have their answers".to_owned(),
            Self::StartPerl => "the Perl lonc is started".to_owned(),
            Self::PerlAsBefore { .. } => "the Perl lonc is as before".to_owned(),
        }
    }
}

impl Program {
    fn told(self) -> &'static str {
        match self {
            Self::None => "there is no program lonc",
            Self::Original => "LON-CAPA's lonc stands in its own place again",
            Self::Beside => "the Perl lonc, when it starts, leaves alone what is taken over",
            Self::StandIn => "loncron starts no Perl lonc any more",
        }
    }
}

impl Unit {
    fn verbs(&self, enable: &'static str, start: &'static str) -> String {
        let verbs = [(self.is_enabled, enable), (self.is_active, start)];
        let verbs: Vec<_> = verbs
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, verb)| *verb)
            .collect();
        verbs.join(" and ")
    }
}

fn listed(ids: &[HostId]) -> String {
    let ids: Vec<_> = ids.iter().map(HostId::as_ref).collect();
    ids.join(" ")
}
