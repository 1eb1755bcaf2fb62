//! The order in which a peer's addresses have their turn.

use std::collections::VecDeque;
use std::net::SocketAddr;

/// Addresses of one peer that are dealt with; a name with more than so many is none of a lond.
const MOST: usize = 64;

/// Which addresses of a peer were reached and yet gave no link that works.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    /// Each once, the one that failed last at the end.
    failed: Vec<SocketAddr>,
}

impl Addresses {
    /// An opening failed there: all others have their turn before it.
    pub(crate) fn failed(&mut self, address: SocketAddr) {
        self.works(address);
        self.failed.push(address);
        if self.failed.len() > MOST {
            self.failed.remove(0);
        }
    }

    /// A link works there: it keeps its place.
    pub(crate) fn works(&mut self, address: SocketAddr) {
        self.failed.retain(|failed| *failed != address);
    }

    /// Whether the last opening there failed.
    pub(super) fn has_failed(&self, address: &SocketAddr) -> bool {
        self.failed.contains(address)
    }

    /// What the resolver gave, in the order in which to try: what failed longest ago before what failed last, and
    /// all others before those; else both families by turns.
    pub(super) fn order(&self, resolved: &[SocketAddr]) -> Vec<SocketAddr> {
        let place = |address: &SocketAddr| self.failed.iter().position(|failed| failed == address);
        let mut order = by_turns(resolved);
        order.sort_by_key(|address| place(address).map_or(0, |place| place + 1));
        order
    }
}

/// Each address once, IPv6 and IPv4 by turns, beginning with the family that the resolver has first (RFC 8305,
/// section 4).
fn by_turns(resolved: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut families = [VecDeque::new(), VecDeque::new()];
    let is_first = |address: &SocketAddr| {
        resolved
            .first()
            .is_some_and(|one| one.is_ipv6() == address.is_ipv6())
    };
    for address in resolved {
        let [first, second] = &mut families;
        let family = if is_first(address) { first } else { second };
        if family.len() < MOST && !family.contains(address) {
            family.push_back(*address);
        }
    }
    let mut order = Vec::new();
    while families.iter().any(|family| !family.is_empty()) {
        order.extend(families.iter_mut().filter_map(VecDeque::pop_front));
    }
    order.truncate(MOST);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_beginning_with_the_first_of_the_resolver() {
        let addresses = Addresses::default();
        for (resolved, expected) in [
            (vec![], vec![]),
            (vec!["1.1.1.1"], vec!["1.1.1.1"]),
            (vec!["::1", "::2", "::3"], vec!["::1", "::2", "::3"]),
            (
                vec!["::1", "::2", "1.1.1.1", "1.1.1.2"],
                vec!["::1", "1.1.1.1", "::2", "1.1.1.2"],
            ),
            (vec!["1.1.1.1", "::1", "::2"], vec!["1.1.1.1", "::1", "::2"]),
            (
                vec!["1.1.1.1", "1.1.1.2", "::1"],
                vec!["1.1.1.1", "::1", "1.1.1.2"],
            ),
            (vec!["1.1.1.1", "1.1.1.1", "::1", "::1"], vec!["1.1.1.1", "::1"]),
        ] {
            assert_eq!(order(&addresses, &resolved), expected);
        }
    }

    #[test]
    fn the_next_try_begins_behind_what_failed_and_goes_round() {
        let mut addresses = Addresses::default();
        let all = ["1.1.1.1", "1.1.1.2", "1.1.1.3"];
        for expected in [
            ["1.1.1.1", "1.1.1.2", "1.1.1.3"],
            ["1.1.1.2", "1.1.1.3", "1.1.1.1"],
            ["1.1.1.3", "1.1.1.1", "1.1.1.2"],
            ["1.1.1.1", "1.1.1.2", "1.1.1.3"],
            ["1.1.1.2", "1.1.1.3", "1.1.1.1"],
        ] {
            assert_eq!(order(&addresses, &all), expected);
            addresses.failed(at(expected[0]));
        }
    }

    #[test]
    fn what_works_again_has_its_old_place_and_what_is_new_comes_before_what_failed() {
        let mut addresses = Addresses::default();
        addresses.failed(at("1.1.1.1"));
        addresses.failed(at("::1"));
        assert_eq!(
            order(&addresses, &["1.1.1.1", "::1", "1.1.1.9"]),
            ["1.1.1.9", "1.1.1.1", "::1"]
        );
        addresses.works(at("1.1.1.1"));
        assert_eq!(
            order(&addresses, &["1.1.1.1", "::1", "1.1.1.9"]),
            ["1.1.1.1", "1.1.1.9", "::1"]
        );
        assert!(addresses.has_failed(&at("::1")) && !addresses.has_failed(&at("1.1.1.1")));
    }

    #[test]
    fn a_resolver_that_gives_thousands_is_not_believed() {
        let mut addresses = Addresses::default();
        let many: Vec<_> = (0..5000_u32)
            .map(|number| SocketAddr::new(std::net::Ipv4Addr::from(number).into(), 1))
            .collect();
        for one in &many {
            addresses.failed(*one);
        }
        assert_eq!(
            (addresses.failed.len(), addresses.order(&many).len()),
            (MOST, MOST)
        );
    }

    fn at(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 5663)
    }

    fn order(addresses: &Addresses, resolved: &[&str]) -> Vec<String> {
        let resolved: Vec<_> = resolved.iter().map(|one| at(one)).collect();
        let ordered = addresses.order(&resolved);
        ordered.iter().map(|one| one.ip().to_string()).collect()
    }
}
