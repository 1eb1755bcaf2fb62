//! Plans, and a host of which no more is kept than what they change.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const PEERS: [&str; 3] = ["one", "two", "down"];

fn id(text: &str) -> HostId {
    text.parse().unwrap()
}

/// Who listens for a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Ours,
    Theirs,
}

/// A host, as far as steps change it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    taken_over: TakenOver,
    listens: BTreeMap<HostId, Who>,
    has_drop_ins: bool,
    program: Program,
    is_original_kept: bool,
    /// The peers that a running Perl lonc keeps a child for.
    perl: Option<BTreeSet<HostId>>,
    /// Those of its children that have lost their names.
    aside: BTreeSet<HostId>,
    target: (bool, bool),
    usr1: (bool, bool),
    /// Not a part of the host: what [`Step::PerlAsBefore`] goes by.
    is_disturbed: bool,
}

impl Model {
    /// A classic host on which nothing has happened yet.
    fn classic() -> Self {
        let mut model = Self {
            taken_over: TakenOver::All,
            listens: PEERS.iter().map(|peer| (id(peer), Who::Nobody)).collect(),
            has_drop_ins: false,
            program: Program::Original,
            is_original_kept: false,
            perl: None,
            aside: BTreeSet::new(),
            target: (true, true),
            usr1: (false, false),
            is_disturbed: false,
        };
        model.start_perl();
        model
    }

    fn facts(&self) -> Facts {
        let unit = |name, (is_active, is_enabled)| Unit {
            name,
            is_active,
            is_enabled,
        };
        Facts {
            taken_over: self.taken_over.clone(),
            peers: PEERS.iter().map(|peer| self.found(&id(peer))).collect(),
            active: self.of(Who::Ours).collect(),
            missing_drop_ins: if self.has_drop_ins {
                vec![]
            } else {
                vec!["classic.conf"]
            },
            program: self.program,
            is_original_kept: self.is_original_kept,
            is_perl_running: self.perl.is_some(),
            has_stand_in: true,
            target: unit("lonc.target", self.target),
            usr1: unit("lonc-usr1.service", self.usr1),
        }
    }

    fn found(&self, id: &HostId) -> Found {
        Found {
            id: id.clone(),
            names: vec![id.to_string()],
            host: Some(format!("{id}.example")),
            is_ours: self.listens[id] == Who::Ours,
            is_theirs: self.listens[id] == Who::Theirs,
            is_kept: self.aside.contains(id),
        }
    }

    fn of(&self, who: Who) -> impl Iterator<Item = HostId> {
        let listens = self.listens.clone().into_iter();
        listens.filter(move |(_, other)| *other == who).map(|(id, _)| id)
    }

    fn stop_perl(&mut self) {
        self.perl = None;
        self.aside.clear();
        for who in self.listens.values_mut().filter(|who| **who == Who::Theirs) {
            *who = Who::Nobody;
        }
    }

    /// Its children remove the sockets of all whom they find in their table, and listen where they reach the peer.
    fn start_perl(&mut self) {
        self.stop_perl();
        assert_ne!(self.program, Program::StandIn, "that starts no Perl lonc");
        let is_hidden = |id: &HostId| {
            self.program == Program::Beside && self.taken_over != TakenOver::All && self.taken_over.has(id)
        };
        let children: BTreeSet<_> = PEERS
            .iter()
            .map(|peer| id(peer))
            .filter(|id| !is_hidden(id))
            .collect();
        for child in &children {
            let is_reached = child.as_ref() != "down";
            self.listens
                .insert(child.clone(), if is_reached { Who::Theirs } else { Who::Nobody });
        }
        self.perl = Some(children);
    }

    fn act(&mut self, step: &Step) {
        match step {
            Step::Stop(_) | Step::Start(_) => panic!("nothing listens elsewhere"),
            Step::Begin(ids) => self.taken_over = TakenOver::Only(ids.iter().cloned().collect()),
            Step::End => self.taken_over = TakenOver::All,
            Step::AddDropIns(_) => self.has_drop_ins = true,
            Step::RemoveDropIns(_) => self.has_drop_ins = false,
            Step::Up(unit) => self.set(unit, true),
            Step::Down(unit) => self.set(unit, false),
            Step::Place(program) => {
                self.program = *program;
                self.is_original_kept = *program != Program::Original;
            }
            Step::Keep(_) | Step::Unkeep(_) | Step::Serve { .. } => {}
            Step::Record(ids) => self.only(|set| set.extend(ids.iter().cloned())),
            Step::Unrecord(ids) => self.only(|set| set.retain(|id| !ids.contains(id))),
            Step::Listen { id, .. } => {
                if self.listens.insert(id.clone(), Who::Ours) == Some(Who::Theirs) {
                    self.aside.insert(id.clone());
                }
            }
            Step::PutBack { id, .. } => {
                let theirs = self.aside.remove(id) || self.listens[id] == Who::Theirs;
                self.listens
                    .insert(id.clone(), if theirs { Who::Theirs } else { Who::Nobody });
            }
            Step::RestartPerl | Step::StartPerl => {
                self.is_disturbed = true;
                self.start_perl();
            }
            Step::StopPerl => {
                self.is_disturbed = true;
                self.stop_perl();
            }
            Step::PerlAsBefore { was_running } => match (self.is_disturbed, was_running) {
                (false, _) => {}
                (true, true) => self.start_perl(),
                (true, false) => self.stop_perl(),
            },
        }
    }

    fn set(&mut self, unit: &Unit, is: bool) {
        let at = if unit.name == "lonc.target" {
            &mut self.target
        } else {
            &mut self.usr1
        };
        at.0 = if unit.is_active { is } else { at.0 };
        at.1 = if unit.is_enabled { is } else { at.1 };
    }

    fn only(&mut self, change: impl FnOnce(&mut BTreeSet<HostId>)) {
        match &mut self.taken_over {
            TakenOver::Only(set) => change(set),
            TakenOver::All => panic!("there is no directory"),
        }
    }

    /// What must hold between two commands, whichever they were.
    fn check(&self) {
        for (id, who) in &self.listens {
            let has_child = self.perl.as_ref().is_some_and(|children| children.contains(id));
            let is_hidden = has_child && !self.aside.contains(id);
            assert!(
                *who != Who::Ours || self.taken_over.has(id),
                "{id} would be lost by a boot: {self:?}"
            );
            assert!(
                *who != Who::Ours || !is_hidden,
                "a child of the Perl lonc will take {id} away: {self:?}"
            );
            assert!(*who != Who::Nobody || has_child, "{id} has neither: {self:?}");
        }
    }

    fn carry_out(&mut self, items: &[Item]) {
        self.is_disturbed = false;
        items
            .iter()
            .filter_map(|item| item.step.as_ref())
            .for_each(|step| self.act(step));
        self.is_disturbed = false;
    }

    /// After the steps before `index`, and that one as well if it is `done` though it failed.
    fn fail_at(&mut self, items: &[Item], index: usize, is_done: bool) {
        let steps = items[..index + usize::from(is_done)]
            .iter()
            .filter_map(|item| item.step.as_ref());
        self.is_disturbed = false;
        steps.for_each(|step| self.act(step));
        let undo = items[..=index].iter().rev().filter_map(|item| item.undo.as_ref());
        undo.for_each(|step| self.act(step));
        self.is_disturbed = false;
    }
}

fn plan(model: &Model, is_takeover: bool, peers: Option<&[&str]>) -> Vec<Item> {
    let wish = Wish {
        peers: peers.map(|peers| peers.iter().map(|peer| id(peer)).collect()),
        even_if_down: true,
    };
    if is_takeover {
        takeover(&model.facts(), &wish)
    } else {
        giveback(&model.facts(), &wish).unwrap()
    }
}

fn commands() -> impl Strategy<Value = Vec<(bool, usize)>> {
    prop::collection::vec((any::<bool>(), 0..8_usize), 1..8)
}

/// One of the peers' sets; the first is all.
fn peers(number: usize) -> Option<Vec<&'static str>> {
    let chosen = PEERS.iter().enumerate().filter(|(bit, _)| number & 1 << bit != 0);
    (number != 0).then(|| chosen.map(|(_, peer)| *peer).collect())
}

proptest! {
    #[test]
    fn whatever_fails_is_undone_and_whatever_is_done_would_outlast_a_boot(commands in commands()) {
        let mut model = Model::classic();
        for (is_takeover, number) in commands {
            let peers = peers(number);
            let items = plan(&model, is_takeover, peers.as_deref());
            for index in 0..items.len() {
                for is_done in [false, true] {
                    let mut failed = model.clone();
                    failed.fail_at(&items, index, is_done);
                    // Of children that were killed in between none has lost its name any more.
                    failed.aside.clone_from(&model.aside);
                    let perl = failed.perl.clone().zip(model.perl.clone());
                    prop_assert!(perl.is_none_or(|(now, before)| before.is_superset(&now)));
                    failed.perl.clone_from(&model.perl);
                    prop_assert_eq!(&failed, &model, "{} of {:?}", index, items);
                }
            }
            model.carry_out(&items);
            model.check();
            let chosen: Vec<_> = peers.unwrap_or(PEERS.to_vec());
            for peer in chosen {
                prop_assert_eq!(model.listens[&id(peer)] == Who::Ours, is_takeover);
            }
            // Done twice is done once.
            prop_assert_eq!(plan(&model, is_takeover, self::peers(number).as_deref()).iter().filter(|item| item.step.is_some()).count(), 0);
        }
    }
}

#[test]
fn a_peer_that_the_perl_lonc_serves_moves_without_disturbing_it() {
    let model = Model::classic();
    let items = plan(&model, true, Some(&["one"]));
    let told: Vec<_> = items
        .iter()
        .filter_map(|item| item.step.as_ref())
        .map(Step::told)
        .collect();
    assert_eq!(
        told,
        [
            "from now on only what is taken over is ours",
            "drop-ins of a classic host: classic.conf",
            "the Perl lonc, when it starts, leaves alone what is taken over",
            "what listens at one gets a second name",
            "taken over, also after a boot: one",
            "systemd listens at one",
            "one is asked for its name",
        ]
    );
}

#[test]
fn all_ids_of_a_host_go_together() {
    let mut facts = Model::classic().facts();
    facts.peers[1].host = facts.peers[0].host.clone();
    let wish = Wish {
        peers: Some(vec![id("two")]),
        even_if_down: false,
    };
    let items = takeover(&facts, &wish);
    let recorded = items.iter().find_map(|item| match &item.step {
        Some(Step::Record(ids)) => Some(ids.clone()),
        Some(_) | None => None,
    });
    assert_eq!(recorded, Some(vec![id("one"), id("two")]));
}

#[test]
fn sockets_that_no_worker_asks_are_stopped_at_the_beginning() {
    let mut facts = Model::classic().facts();
    facts.active = vec![id("one"), id("two")];
    facts.peers[1].is_ours = true;
    let wish = Wish {
        peers: Some(vec![id("one")]),
        even_if_down: false,
    };
    let items = takeover(&facts, &wish);
    assert_eq!(items[0].step, Some(Step::Stop(vec![id("one")])));
    assert_eq!(items[1].step, Some(Step::Begin(vec![id("two")])));
}

#[test]
fn without_a_perl_lonc_all_is_ours() {
    let mut facts = Model::classic().facts();
    (facts.program, facts.is_perl_running) = (Program::None, false);
    let wish = Wish {
        peers: None,
        even_if_down: false,
    };
    assert_eq!(takeover(&facts, &wish), []);
    assert!(giveback(&facts, &wish).is_err());
}
