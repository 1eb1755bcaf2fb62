//! What is followed of what the files say now.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Alias, Doubt, DoubtKind, HostId, MAX_PEERS, Offer, Place, Snapshot, is_large_part};

/// Removals within so many seconds count together: a table may come down in steps. So long, too, all that came together
/// may go together without counting: a table that was somebody's joke is put right.
const LATELY: u64 = 600;
/// So many removals are what an administrator does one by one.
const MAX_LATELY: usize = 5;
/// So many new peers at once, or within the same time, or as many as there are, are what a network gains. systemd answers
/// nobody while it reads what it wants, some milliseconds a peer: so many take less than a second.
const MOST_NEW: usize = 400;
/// Of those that are not removed so many are named.
const MAX_NAMED: usize = 5;

/// What is to be kept from now on.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) next: Snapshot,
    /// Why nobody is removed, or added either, and what to do; one line.
    pub(super) held: Option<String>,
    /// Whether that was told by who read the files.
    pub(super) is_told: bool,
    /// Peers that there is no room for.
    pub(super) num_beyond: usize,
}

/// What becomes of `kept` by `offer`, `now`, in seconds since 1970; `is_meant` if an administrator says that it is meant
/// as it is.
pub(super) fn decide(kept: Option<&Snapshot>, offer: &Offer, is_meant: bool, now: u64) -> Decision {
    let nobody = Snapshot::default();
    let before = kept.unwrap_or(&nobody);
    let doubt = offer
        .doubt
        .as_ref()
        .filter(|doubt| !(is_meant && doubt.kind.can_be_meant()));
    let missing: Vec<_> = before.peers.keys().filter(|id| is_missing(id, offer)).collect();
    let would_add = doubt.is_none_or(|doubt| doubt.kind.lets_add() || kept.is_none());
    let flood = flood(before, offer, now).filter(|_| !is_meant && would_add);
    let loss = loss(&missing, before, offer, now).filter(|_| !is_meant && doubt.is_none());
    let is_held = doubt.is_some() || flood.is_some() || loss.is_some();
    let lets_add = flood.is_none() && would_add;
    let (peers, num_beyond) = peers(before, offer, is_held, lets_add);
    let places = places(before, offer, &peers, is_held);
    let mut next = Snapshot {
        places,
        watched: offer.snapshot.watched.clone(),
        removed: removed(before, offer, now),
        added: added(kept, &peers, now),
        peers,
        ..if lets_add { &offer.snapshot } else { before }.clone()
    };
    if !is_held && is_meant {
        next.removed.clear();
        next.added.clear();
    } else if !is_held {
        let count = counting(&missing, before, now);
        next.removed.extend(count.into_iter().map(|id| (id.clone(), now)));
    }
    Decision {
        held: flood.or_else(|| held(doubt, loss, &missing)),
        is_told: doubt.is_some_and(|doubt| doubt.kind == DoubtKind::Fault),
        num_beyond,
        next,
    }
}

/// Neither a peer any more, nor one whose line is broken.
fn is_missing(id: &HostId, offer: &Offer) -> bool {
    !offer.snapshot.peers.contains_key(id) && !offer.mentioned.contains(id)
}

/// Those that are known have their place before those that are new.
fn peers(
    before: &Snapshot,
    offer: &Offer,
    is_held: bool,
    lets_add: bool,
) -> (BTreeMap<HostId, Alias>, usize) {
    if !lets_add {
        return (before.peers.clone(), 0);
    }
    let stays = |(id, _): &(&HostId, &Alias)| is_held || !is_missing(id, offer);
    let known = before.peers.iter().filter(stays);
    let mut peers: BTreeMap<_, _> = known.map(|(id, alias)| (id.clone(), alias.clone())).collect();
    let mut num_beyond = 0;
    for (id, alias) in &offer.snapshot.peers {
        if let Some(known) = peers.get_mut(id) {
            if *alias != Alias::Unknown && !is_held {
                known.clone_from(alias);
            }
        } else if peers.len() < MAX_PEERS {
            peers.insert(id.clone(), alias.clone());
        } else {
            num_beyond += 1;
        }
    }
    (peers, num_beyond)
}

/// Where they are; by what is not to be believed, those that are known are where they were.
fn places(
    before: &Snapshot,
    offer: &Offer,
    peers: &BTreeMap<HostId, Alias>,
    is_in_doubt: bool,
) -> BTreeMap<HostId, Place> {
    let (old, new) = (&before.places, &offer.snapshot.places);
    let (first, second) = if is_in_doubt { (old, new) } else { (new, old) };
    let place = |id: &HostId| first.get(id).or_else(|| second.get(id));
    let all = peers
        .keys()
        .filter_map(|id| Some((id.clone(), place(id)?.clone())));
    all.collect()
}

fn is_lately(when: u64, now: u64) -> bool {
    when <= now && now - when < LATELY
}

/// Those of `missing` that count as lost: all, unless nothing is missing but what came together a short while ago.
fn counting<'a>(missing: &[&'a HostId], before: &Snapshot, now: u64) -> Vec<&'a HostId> {
    let came = |id: &HostId| before.added.get(id).copied().filter(|when| is_lately(*when, now));
    let gone: BTreeSet<_> = missing.iter().filter_map(|id| came(id)).collect();
    let goes_as_it_came = missing.iter().all(|id| came(id).is_some())
        && before
            .added
            .iter()
            .all(|(id, when)| !gone.contains(when) || missing.contains(&id));
    if goes_as_it_came {
        Vec::new()
    } else {
        missing.to_vec()
    }
}

fn removed(before: &Snapshot, offer: &Offer, now: u64) -> BTreeMap<HostId, u64> {
    let counts = |(id, when): &(&HostId, &u64)| is_lately(**when, now) && is_missing(id, offer);
    let gone = before.removed.iter().filter(counts);
    gone.map(|(id, when)| (id.clone(), *when)).collect()
}

/// Nobody is new to who knew nothing.
fn added(kept: Option<&Snapshot>, peers: &BTreeMap<HostId, Alias>, now: u64) -> BTreeMap<HostId, u64> {
    let Some(kept) = kept else {
        return BTreeMap::new();
    };
    let since = |id: &HostId| match kept.added.get(id) {
        _ if !kept.peers.contains_key(id) => Some(now),
        when => when.copied().filter(|when| is_lately(*when, now)),
    };
    let new = peers.keys().filter_map(|id| Some((id.clone(), since(id)?)));
    new.collect()
}

/// What is new, if that is too much to be meant. To who knows nobody everybody is new.
fn flood(before: &Snapshot, offer: &Offer, now: u64) -> Option<String> {
    let is_new = |id: &&HostId| !before.peers.contains_key(*id);
    let new = offer.snapshot.peers.keys().filter(is_new).count();
    let lately = before
        .added
        .values()
        .filter(|when| is_lately(**when, now))
        .count();
    let known = before.peers.len().saturating_sub(lately);
    let is_large = new > 0 && known > 0 && new + lately > MOST_NEW.max(known);
    let when = match lately {
        0 => "at once".to_owned(),
        _ => format!("within {} minutes", LATELY / 60),
    };
    is_large.then(|| {
        format!(
            "{} new peers {when}, beside {known}: no peer is removed or added; if it is meant so: loncctl peers accept",
            new + lately
        )
    })
}

/// What is lost, if that is too much to be meant.
fn loss(missing: &[&HostId], before: &Snapshot, offer: &Offer, now: u64) -> Option<String> {
    let count = counting(missing, before, now).len();
    let all = before.peers.len() - (missing.len() - count);
    let missing = count;
    if is_large_part(missing, all) {
        return Some(format!(
            "{missing} of {all} peers are gone from the table at once"
        ));
    }
    let lately = removed(before, offer, now).len();
    let (missing_lately, all_lately) = (missing + lately, all + lately);
    let is_large = missing > 0 && missing_lately > MAX_LATELY && is_large_part(missing_lately, all_lately);
    is_large.then(|| {
        format!(
            "{missing_lately} of {all_lately} peers are gone from the table within {} minutes",
            LATELY / 60
        )
    })
}

fn held(doubt: Option<&Doubt>, loss: Option<String>, missing: &[&HostId]) -> Option<String> {
    let is_of_use =
        |doubt: &Doubt| doubt.kind.can_be_meant() && (!missing.is_empty() || !doubt.kind.lets_add());
    let remedy = if doubt.is_none_or(is_of_use) {
        "; if it is meant so: loncctl peers accept"
    } else {
        ""
    };
    let why = doubt.map(|doubt| doubt.why.clone()).or(loss)?;
    let named: Vec<_> = missing.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    let who = match missing.len().saturating_sub(MAX_NAMED) {
        _ if missing.is_empty() => String::new(),
        0 => format!(" ({} would be)", named.join(", ")),
        more => format!(" ({} and {more} more would be)", named.join(", ")),
    };
    Some(format!("{why}: no peer is removed{who}{remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn what_is_sound_is_followed() {
        let kept = of(10);
        let offer = sound(11);
        let decision = decide(Some(&kept), &offer, false, NOW);
        assert_eq!((decision.next.peers, decision.held), (of(11).peers, None));
        assert_eq!(decision.next.added, [(id(10), NOW)].into());
        let one_less = decide(Some(&kept), &sound(9), false, NOW);
        assert_eq!(one_less.held, None);
        assert_eq!(one_less.next.peers, of(9).peers);
        assert_eq!(one_less.next.removed, [(id(9), NOW)].into());
        assert_eq!(decide(None, &sound(3), false, NOW).next, of(3));
    }

    #[test]
    fn a_large_part_that_is_gone_at_once_stays_until_it_is_meant() {
        for (before, after) in [(40, 30), (40, 0), (2, 0), (3, 1), (8, 6)] {
            let kept = of(before);
            let held = decide(Some(&kept), &sound(after), false, NOW);
            assert_eq!(held.next.peers, kept.peers, "{before} {after}");
            let lost = format!("{} of {before} peers are gone", before - after);
            assert!(held.held.as_ref().unwrap().contains(&lost), "{held:?}");
            assert!(held.held.unwrap().contains("loncctl peers accept"));
            let meant = decide(Some(&kept), &sound(after), true, NOW);
            assert_eq!((meant.next, meant.held), (of(after), None));
        }
    }

    #[test]
    fn what_is_new_is_added_while_others_stay() {
        let mut offer = sound(5);
        offer.snapshot.peers.insert("new".parse().unwrap(), Alias::None);
        let held = decide(Some(&of(20)), &offer, false, NOW);
        assert_eq!(held.next.peers.len(), 21);
    }

    #[test]
    fn a_table_that_comes_down_in_steps_is_held_and_time_forgets() {
        let (mut kept, mut now) = (of(40), NOW);
        let mut number = 40;
        while number > 0 {
            number -= 1;
            now += 10;
            kept = decide(Some(&kept), &sound(number), false, now).next;
        }
        assert!(kept.peers.len() >= 29, "{}", kept.peers.len());
        let later = decide(Some(&kept), &sound(kept.peers.len() - 1), false, now + LATELY);
        assert_eq!(later.held, None);
        assert_eq!(later.next.removed.len(), 1);
        // A clock that was set back does not hold for ever.
        let earlier = decide(Some(&kept), &sound(kept.peers.len() - 1), false, NOW - 1);
        assert_eq!(earlier.held, None);
    }

    #[test]
    fn what_came_together_a_short_while_ago_may_go_together() {
        let flooded = decide(Some(&of(20)), &sound(270), false, NOW).next;
        assert_eq!(flooded.peers.len(), 270);
        let after = decide(Some(&flooded), &sound(20), false, NOW + 60);
        assert_eq!((after.next.peers, after.held), (of(20).peers, None));
        for part in [0, 2, 19, 21, 150] {
            let part = decide(Some(&flooded), &sound(part), false, NOW + 60);
            assert!(part.held.is_some() && part.next.peers.len() == 270);
        }
        let settled = decide(Some(&flooded), &sound(270), false, NOW + LATELY).next;
        assert_eq!(settled.added, [].into());
        assert!(
            decide(Some(&settled), &sound(20), false, NOW + LATELY)
                .held
                .is_some()
        );
    }

    #[test]
    fn a_flood_is_held_until_it_is_meant() {
        for (before, after) in [(1, 402), (40, 1040), (40, MAX_PEERS + 5), (500, 1001)] {
            let kept = of(before);
            let held = decide(Some(&kept), &sound(after), false, NOW);
            let new = after - before;
            let why = format!("{new} new peers at once, beside {before}: no peer is removed or added");
            assert!(held.held.as_ref().unwrap().contains(&why), "{held:?}");
            assert_eq!((held.next.peers, held.num_beyond), (kept.peers.clone(), 0));
            let meant = decide(Some(&kept), &sound(after), true, NOW);
            assert_eq!((meant.next.peers.len(), meant.held), (after.min(MAX_PEERS), None));
            // One more is no flood, and that all go is a loss.
            let more = decide(Some(&meant.next), &sound(after + 1), false, NOW + 1);
            assert_eq!(more.held, None);
            assert!(
                decide(Some(&meant.next), &sound(before), false, NOW + 1)
                    .held
                    .is_some()
            );
        }
        for (before, after) in [(0, 2000), (1, 401), (40, 440), (500, 1000)] {
            let taken = decide(Some(&of(before)), &sound(after), false, NOW);
            assert_eq!((taken.next.peers.len(), taken.held), (after, None));
        }
        assert_eq!(decide(None, &sound(2000), false, NOW).held, None);
    }

    #[test]
    fn a_flood_in_steps_is_one_and_time_forgets() {
        let first = decide(Some(&of(40)), &sound(400), false, NOW).next;
        let second = decide(Some(&first), &sound(450), false, NOW + 60);
        assert!(
            second
                .held
                .unwrap()
                .contains("410 new peers within 10 minutes, beside 40")
        );
        assert_eq!(second.next.peers.len(), 400);
        let later = decide(Some(&second.next), &sound(450), false, NOW + LATELY);
        assert_eq!((later.next.peers.len(), later.held), (450, None));
    }

    #[test]
    fn a_flood_in_a_table_that_is_cut_is_one() {
        let kept = of(40);
        for kind in [DoubtKind::Cut, DoubtKind::Empty, DoubtKind::Unread] {
            let mut offer = doubted(kind);
            offer.snapshot.peers = sound(1040).snapshot.peers;
            let held = decide(Some(&kept), &offer, false, NOW);
            assert_eq!(held.next.peers, kept.peers, "{kind:?}");
            assert!(held.held.unwrap().contains("1000 new peers at once"));
            assert_eq!(decide(Some(&kept), &offer, true, NOW).next.peers.len(), 1040);
        }
    }

    #[test]
    fn one_table_in_the_place_of_another_changes_nothing() {
        let mut offer = sound(0);
        let others = (0..500).map(|number| (format!("a{number}").parse().unwrap(), Alias::None));
        offer.snapshot.peers = others.collect();
        let held = decide(Some(&of(20)), &offer, false, NOW);
        assert_eq!(held.next.peers, of(20).peers);
    }

    #[test]
    fn who_is_known_has_a_place_before_who_is_new() {
        let mut offer = sound(0);
        let many = (0..MAX_PEERS).map(|number| (format!("a{number}").parse().unwrap(), Alias::None));
        offer.snapshot.peers = many.collect();
        offer.snapshot.peers.extend(of(20).peers);
        let decision = decide(Some(&of(20)), &offer, true, NOW);
        assert_eq!((decision.next.peers.len(), decision.num_beyond), (MAX_PEERS, 20));
        assert!(of(20).peers.keys().all(|id| decision.next.peers.contains_key(id)));
    }

    #[test]
    fn doubt_removes_nobody_and_adds_nobody_but_where_lines_are_whole() {
        let kept = of(3);
        for (kind, lets_add, can_be_meant) in [
            (DoubtKind::Fault, false, false),
            (DoubtKind::Unsettled, false, false),
            (DoubtKind::Odd, false, true),
            (DoubtKind::Cut, true, true),
            (DoubtKind::Empty, true, true),
            (DoubtKind::Unread, true, true),
        ] {
            let mut offer = doubted(kind);
            offer.snapshot.peers = [(id(7), Alias::None)].into();
            offer.snapshot.watched = vec!["/new".into()];
            let decision = decide(Some(&kept), &offer, false, NOW);
            let all = kept.peers.keys().all(|id| decision.next.peers.contains_key(id));
            assert!(all && decision.held.unwrap().contains("why: no peer is removed"));
            assert_eq!(decision.next.peers.contains_key(&id(7)), lets_add, "{kind:?}");
            // What to watch is always followed: else nobody would see that it is mended.
            assert_eq!(decision.next.watched, offer.snapshot.watched);
            let meant = decide(Some(&kept), &offer, true, NOW);
            assert_eq!(meant.next.peers.len() == 1, can_be_meant, "{kind:?}");
            // Who knows nothing yet takes what there is.
            assert_eq!(decide(None, &offer, false, NOW).next.peers.len(), 1);
        }
    }

    #[test]
    fn one_whose_line_is_broken_is_not_gone_and_keeps_its_name() {
        let mut kept = of(2);
        let name = Alias::Name("x.edu".into());
        kept.peers.insert(id(1), name.clone());
        let mut offer = sound(1);
        offer.mentioned.insert(id(1));
        let decision = decide(Some(&kept), &offer, false, NOW);
        assert_eq!(decision.next.peers.get(&id(1)), Some(&name));
        let mut unknown = sound(2);
        unknown.snapshot.peers.insert(id(1), Alias::Unknown);
        let decision = decide(Some(&kept), &unknown, false, NOW);
        assert_eq!(decision.next.peers.get(&id(1)), Some(&name));
    }

    #[test]
    fn of_many_some_are_named() {
        let held = decide(Some(&of(40)), &sound(0), false, NOW).held.unwrap();
        assert!(held.contains("and 35 more would be"), "{held}");
        assert!(held.len() < 900, "{held}");
    }

    fn id(number: usize) -> HostId {
        format!("h{number:02}").parse().unwrap()
    }

    fn of(number: usize) -> Snapshot {
        Snapshot {
            watched: vec!["/t".into()],
            peers: (0..number).map(|number| (id(number), Alias::None)).collect(),
            ..Snapshot::default()
        }
    }

    fn sound(number: usize) -> Offer {
        Offer {
            snapshot: of(number),
            ..Offer::default()
        }
    }

    fn doubted(kind: DoubtKind) -> Offer {
        Offer {
            doubt: Some(Doubt {
                kind,
                why: "why".into(),
            }),
            ..Offer::default()
        }
    }
}
