//! What is to be done, as data: from what was found on the host to the steps, each with the one that undoes it.

use std::collections::BTreeSet;

use super::step::{Item, Program, Step, Unit};
use crate::config::{HostId, TakenOver};

/// What was found on this host.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) taken_over: TakenOver,
    /// All peers, in the order of the configuration.
    pub(super) peers: Vec<Found>,
    /// The peers whose sockets systemd listens at.
    pub(super) active: Vec<HostId>,
    /// The drop-ins of a classic host that are not there yet.
    pub(super) missing_drop_ins: Vec<&'static str>,
    /// What stands at the place of the Perl lonc.
    pub(super) program: Program,
    /// Whether LON-CAPA's own lonc stands beside it.
    pub(super) is_original_kept: bool,
    pub(super) is_perl_running: bool,
    /// Whether there is a stand-in for a host without the Perl lonc.
    pub(super) has_stand_in: bool,
    pub(super) target: Unit,
    pub(super) usr1: Unit,
}

/// A peer, and who listens at its sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) id: HostId,
    /// The names of its sockets: its id, and that of its host where this is the host's first id.
    pub(super) names: Vec<String>,
    /// The name of its host, if it has one.
    pub(super) host: Option<String>,
    /// systemd listens at the first of the names.
    pub(super) is_ours: bool,
    /// Somebody else listens at one of them.
    pub(super) is_theirs: bool,
    /// Somebody else listens at a socket that is kept beside.
    pub(super) is_kept: bool,
}

/// Which peers, and how.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Those that are named; `None` for all.
    pub(super) peers: Option<Vec<HostId>>,
    /// Also those whose link does not come up.
    pub(super) even_if_down: bool,
}

/// The steps to take peers over from the Perl lonc; none if nothing is to be done.
///
/// The Perl lonc's child for a peer is left alone, without the name that workers know: it goes on with the workers it
/// has, and its parent has no reason to start another. What the parent does when it starts again is what
/// [`Program::Beside`] is for.
pub(super) fn takeover(facts: &Facts, wish: &Wish) -> Vec<Item> {
    if facts.is_finished() {
        return Vec::new();
    }
    let is_all = wish.peers.is_none();
    let is_done = |peer: &&Found| peer.is_ours && facts.is_listed(&peer.id);
    let chosen: Vec<_> = facts
        .chosen(wish)
        .into_iter()
        .filter(|peer| !is_done(peer))
        .collect();
    let is_begun = facts.taken_over != TakenOver::All && facts.program != Program::Original;
    if chosen.is_empty() && !is_all && is_begun {
        return Vec::new();
    }
    let (heard, silent): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|peer| peer.is_theirs);
    // It starts a child for such a peer again and again, and each begins by removing the socket.
    let is_perl_to_forget =
        !is_all && facts.is_perl_running && silent.iter().any(|peer| !facts.is_listed(&peer.id));
    let mut items = Vec::new();
    if is_all || is_perl_to_forget {
        items.push(Item::only_undo(Step::PerlAsBefore {
            was_running: facts.is_perl_running,
        }));
    }
    items.extend(begin(facts));
    let to_do: Vec<_> = heard.iter().copied().chain(silent.iter().copied()).collect();
    items.extend(
        to_do
            .iter()
            .map(|peer| Item::both(Step::Keep(peer.names.clone()), Step::Unkeep(peer.names.clone()))),
    );
    let new: Vec<_> = to_do
        .iter()
        .filter(|peer| !facts.is_listed(&peer.id))
        .map(|peer| peer.id.clone())
        .collect();
    if !new.is_empty() {
        items.push(Item::both(Step::Record(new.clone()), Step::Unrecord(new)));
    }
    if is_perl_to_forget {
        items.push(Item::one_way(Step::RestartPerl));
    }
    items.extend(heard.iter().flat_map(|peer| listen(peer, !wish.even_if_down)));
    if is_all && facts.is_perl_running {
        items.push(Item::one_way(Step::StopPerl));
    }
    items.extend(silent.iter().flat_map(|peer| listen(peer, false)));
    if is_all {
        items.extend(finish(facts));
    }
    items
}

/// The steps to give peers back to the Perl lonc; none if nothing is to be done.
pub(super) fn giveback(facts: &Facts, wish: &Wish) -> Result<Vec<Item>, String> {
    let chosen: Vec<_> = facts
        .chosen(wish)
        .into_iter()
        .filter(|peer| facts.has(peer) || peer.is_kept || peer.is_ours)
        .collect();
    let was_never_begun = facts.taken_over == TakenOver::All && facts.program == Program::Original;
    if was_never_begun || chosen.is_empty() && (wish.peers.is_some() || facts.program != Program::Beside) {
        return Ok(Vec::new());
    }
    if facts.program == Program::None && !facts.is_perl_running {
        return Err("there is no Perl lonc on this host to which a peer could be given".to_owned());
    }
    if facts.program == Program::StandIn && !facts.is_original_kept {
        return Err(
            "LON-CAPA's own lonc, lonc.perl, is not there any more: install it again first".to_owned(),
        );
    }
    let (kept, lost): (Vec<_>, Vec<_>) = chosen.iter().copied().partition(|peer| peer.is_kept);
    let mut items = Vec::new();
    if !lost.is_empty() || !facts.is_perl_running {
        items.push(Item::only_undo(Step::PerlAsBefore {
            was_running: facts.is_perl_running,
        }));
    }
    items.extend(resume(facts));
    let ids: Vec<_> = chosen.iter().map(|peer| peer.id.clone()).collect();
    if !ids.is_empty() {
        items.push(Item::both(Step::Unrecord(ids.clone()), Step::Record(ids)));
    }
    if wish.peers.is_none() && facts.program != Program::None {
        items.push(Item::both(
            Step::Place(Program::Original),
            Step::Place(Program::Beside),
        ));
    }
    items.extend(
        kept.iter()
            .chain(&lost)
            .map(|peer| Item::both(put_back(peer), listening(peer))),
    );
    if !facts.is_perl_running {
        items.push(Item::one_way(Step::StartPerl));
    } else if !lost.is_empty() {
        items.push(Item::one_way(Step::RestartPerl));
    }
    Ok(items)
}

/// From a host on which nothing is taken over to one on which something may be.
fn begin(facts: &Facts) -> Vec<Item> {
    let mut items = Vec::new();
    if facts.taken_over == TakenOver::All {
        let ours: Vec<_> = facts
            .peers
            .iter()
            .filter(|peer| peer.is_ours)
            .map(|peer| peer.id.clone())
            .collect();
        let others: Vec<_> = facts
            .active
            .iter()
            .filter(|id| !ours.contains(id))
            .cloned()
            .collect();
        if !others.is_empty() {
            items.push(Item::both(Step::Stop(others.clone()), Step::Start(others)));
        }
        items.push(Item::both(Step::Begin(ours.clone()), Step::End));
        if !facts.target.is_active && !ours.is_empty() {
            // They were started without lonc.target, and stop with it.
            items.push(Item::only_undo(Step::Start(ours)));
        }
    }
    if !facts.missing_drop_ins.is_empty() {
        let names = facts.missing_drop_ins.clone();
        items.push(Item::both(
            Step::AddDropIns(names.clone()),
            Step::RemoveDropIns(names),
        ));
    }
    items.extend(up(&facts.target));
    // It would take the place of a Perl lonc that reads its table anew.
    if facts.is_perl_running && facts.usr1.is_up() {
        items.push(Item::both(
            Step::Down(facts.usr1.clone()),
            Step::Up(facts.usr1.clone()),
        ));
    }
    if facts.program == Program::Original {
        items.push(Item::both(
            Step::Place(Program::Beside),
            Step::Place(Program::Original),
        ));
    }
    items
}

/// From a host on which all is taken over to one without the Perl lonc.
fn finish(facts: &Facts) -> Vec<Item> {
    let mut items = Vec::new();
    let before = match facts.program {
        // It has taken its place at the beginning.
        Program::Original | Program::Beside => Program::Beside,
        other @ (Program::StandIn | Program::None) => other,
    };
    if facts.has_stand_in && before == Program::Beside {
        items.push(Item::both(
            Step::Place(Program::StandIn),
            Step::Place(Program::Beside),
        ));
    }
    if facts.has_stand_in || before != Program::Beside {
        items.extend(up(&facts.usr1_when_begun()));
        let all = facts.peers.iter().map(|peer| peer.id.clone()).collect();
        items.push(Item::both(Step::End, Step::Begin(all)));
    }
    items
}

/// From a host without the Perl lonc to one that may have it again.
fn resume(facts: &Facts) -> Vec<Item> {
    let mut items = Vec::new();
    if facts.usr1.is_up() {
        items.push(Item::both(
            Step::Down(facts.usr1.clone()),
            Step::Up(facts.usr1.clone()),
        ));
    }
    if facts.taken_over == TakenOver::All {
        let all = facts.peers.iter().map(|peer| peer.id.clone()).collect();
        items.push(Item::both(Step::Begin(all), Step::End));
    }
    if facts.program == Program::StandIn {
        items.push(Item::both(
            Step::Place(Program::Beside),
            Step::Place(Program::StandIn),
        ));
    }
    items
}

fn up(unit: &Unit) -> Option<Item> {
    let missing = unit.missing();
    missing
        .is_up()
        .then(|| Item::both(Step::Up(missing.clone()), Step::Down(missing)))
}

fn listen(peer: &Found, must_be_up: bool) -> [Item; 2] {
    [
        Item::both(listening(peer), put_back(peer)),
        Item::one_way(Step::Serve {
            id: peer.id.clone(),
            must_be_up,
        }),
    ]
}

fn listening(peer: &Found) -> Step {
    Step::Listen {
        id: peer.id.clone(),
        names: peer.names.clone(),
    }
}

fn put_back(peer: &Found) -> Step {
    Step::PutBack {
        id: peer.id.clone(),
        names: peer.names.clone(),
    }
}

impl Facts {
    /// No Perl lonc is left, or there never was one.
    fn is_finished(&self) -> bool {
        let is_gone = matches!(self.program, Program::StandIn | Program::None) && !self.is_perl_running;
        self.taken_over == TakenOver::All && is_gone
    }

    /// How it stands when the steps of the beginning are done.
    fn usr1_when_begun(&self) -> Unit {
        let is_left = !self.is_perl_running;
        Unit {
            is_active: self.usr1.is_active && is_left,
            is_enabled: self.usr1.is_enabled && is_left,
            ..self.usr1.clone()
        }
    }

    /// Whether systemd is to listen for it; on a host that has not begun, nothing says so.
    fn has(&self, peer: &Found) -> bool {
        match &self.taken_over {
            TakenOver::All => self.program != Program::Original || peer.is_ours,
            TakenOver::Only(ids) => ids.contains(&peer.id),
        }
    }

    /// Whether it has its file in the directory already, or gets it when that is made.
    fn is_listed(&self, id: &HostId) -> bool {
        match &self.taken_over {
            TakenOver::All => self.peers.iter().any(|peer| peer.id == *id && peer.is_ours),
            TakenOver::Only(ids) => ids.contains(id),
        }
    }

    /// The peers that are wished for, and with each the other ids of its host: workers of today reach them by one path.
    fn chosen(&self, wish: &Wish) -> Vec<&Found> {
        let Some(names) = &wish.peers else {
            return self.peers.iter().collect();
        };
        let is_named = |peer: &&Found| names.contains(&peer.id);
        let hosts: BTreeSet<_> = self
            .peers
            .iter()
            .filter(is_named)
            .filter_map(|peer| peer.host.as_ref())
            .collect();
        let is_there = |peer: &&Found| peer.host.as_ref().is_some_and(|host| hosts.contains(host));
        self.peers
            .iter()
            .filter(|peer| is_named(peer) || is_there(peer))
            .collect()
    }
}

#[cfg(test)]
mod tests;
