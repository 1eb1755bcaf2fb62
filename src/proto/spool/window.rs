//! The next names in their order. A directory may hold more than are kept at once.

use alloc::collections::BTreeSet;

use super::name::Name;

/// However much appears meanwhile, a directory is not listed more often in a row.
const MOST_LISTINGS: usize = 8;

/// The next names, and what is known of the others.
#[derive(Debug, Default)]
pub(super) struct Window {
    names: BTreeSet<Name>,
    /// The directory holds more behind them.
    more: bool,
    /// The last name taken since everything was looked at; those up to it had their turn.
    passed: Option<Name>,
}

impl Window {
    /// All names may have a turn again, once the window is filled.
    pub(super) fn start_over(&mut self) {
        self.passed = None;
    }

    /// True if the directory must be listed to know the next name.
    pub(super) fn is_used_up(&self) -> bool {
        self.names.is_empty() && self.more
    }

    /// True if there is such a name, or one of which nobody knows what it is.
    pub(super) fn has(&self, is_such: impl Fn(&Name) -> bool) -> bool {
        self.more || self.names.iter().any(is_such)
    }

    pub(super) fn has_passed(&self, name: &[u8]) -> bool {
        self.passed
            .as_ref()
            .is_some_and(|passed| name <= passed.as_bytes())
    }

    /// Takes in a name that appeared. One beyond the window is found when the window is filled again.
    pub(super) fn insert(&mut self, name: Name) {
        let end = self.names.last().max(self.passed.as_ref());
        if !self.more || end.is_some_and(|end| name <= *end) {
            self.names.insert(name);
        }
    }

    pub(super) fn remove(&mut self, name: &Name) {
        self.names.remove(name);
    }

    /// The next name; it has had its turn then.
    pub(super) fn take(&mut self) -> Option<Name> {
        let name = self.names.pop_first()?;
        if !self.has_passed(name.as_bytes()) {
            self.passed = Some(name.clone());
        }
        Some(name)
    }

    /// The name that was taken last is to have its turn again.
    pub(super) fn put_back(&mut self, name: Name) {
        self.names.insert(name);
    }

    /// Takes what was found, or that nothing can be found.
    pub(super) fn fill(&mut self, found: Option<Refill>) {
        let found = found.unwrap_or_default();
        (self.names, self.more) = (found.names, found.more);
    }
}

/// The first names of a directory, while it is listed.
///
/// While files appear, a directory may show one and not another made before it; listed again up to what was found, it
/// shows that, too. What is new then may itself have been shown without another, so it is listed until nothing is new.
#[derive(Debug, Default)]
pub(super) struct Refill {
    names: BTreeSet<Name>,
    more: bool,
    /// When listed again: for names before this.
    end: Option<Name>,
    has_found: bool,
    num_listings: usize,
}

impl Refill {
    /// Takes in a name, if it is among the first `most`.
    pub(super) fn see(&mut self, name: &[u8], most: usize) {
        if self.end.as_ref().is_some_and(|end| name >= end.as_bytes()) {
            return;
        }
        let is_full = self.names.len() >= most;
        if is_full && self.names.last().is_none_or(|last| name > last.as_bytes()) {
            self.more = true;
            return;
        }
        self.has_found |= self.names.insert(Name::from(name));
        if self.names.len() > most {
            self.names.pop_last();
            self.more = true;
        }
    }

    /// True if the directory is to be listed again.
    pub(super) fn goes_on(&mut self) -> bool {
        self.num_listings += 1;
        self.end = self.names.last().cloned();
        core::mem::take(&mut self.has_found) && self.num_listings < MOST_LISTINGS
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn seen(refill: &mut Refill, names: &[&str], most: usize) {
        for name in names {
            refill.see(name.as_bytes(), most);
        }
    }

    fn taken(window: &mut Window) -> Vec<Name> {
        core::iter::from_fn(|| window.take()).collect()
    }

    fn names(names: &[&str]) -> Vec<Name> {
        names.iter().map(|name| Name::from(name.as_bytes())).collect()
    }

    #[test]
    fn the_first_are_kept_and_the_others_known_of() {
        let (mut window, mut refill) = (Window::default(), Refill::default());
        seen(&mut refill, &["d", "b", "c", "a", "a"], 2);
        assert!(refill.goes_on());
        seen(&mut refill, &["d", "b", "c", "a"], 2);
        assert!(!refill.goes_on());
        window.fill(Some(refill));
        window.insert(Name::from(&b"c"[..]));
        assert_eq!(taken(&mut window), names(&["a", "b"]));
        assert!(window.is_used_up() && window.has_passed(b"b") && !window.has_passed(b"c"));
        // One that is late has its turn, and changes nothing for those behind.
        window.insert(Name::from(&b"aa"[..]));
        assert_eq!(taken(&mut window), names(&["aa"]));
        assert!(window.has_passed(b"b"));
    }

    #[test]
    fn it_is_listed_until_nothing_is_found_that_was_not_shown_before() {
        let (mut window, mut refill) = (Window::default(), Refill::default());
        seen(&mut refill, &["b", "d"], 9);
        assert!(refill.goes_on());
        seen(&mut refill, &["e", "d", "c", "b"], 9);
        assert!(refill.goes_on());
        seen(&mut refill, &["e", "d", "c", "b", "a"], 9);
        assert!(refill.goes_on());
        seen(&mut refill, &["e", "d", "c", "b", "a"], 9);
        assert!(!refill.goes_on());
        window.fill(Some(refill));
        assert_eq!(taken(&mut window), names(&["a", "b", "c", "d"]));
    }

    #[test]
    fn a_name_that_is_shown_twice_is_one() {
        let (mut window, mut refill) = (Window::default(), Refill::default());
        seen(&mut refill, &["a", "b", "b"], 2);
        window.fill(Some(refill));
        assert_eq!(taken(&mut window), names(&["a", "b"]));
        assert!(!window.has(|_| true));
    }

    #[test]
    fn what_never_ends_is_not_listed_for_ever() {
        let mut refill = Refill::default();
        let mut listings = 0;
        for name in ["j", "i", "h", "g", "f", "e", "d", "c", "b", "a"] {
            seen(&mut refill, &[name], 99);
            listings += 1;
            if !refill.goes_on() {
                break;
            }
        }
        assert_eq!(listings, MOST_LISTINGS);
    }
}
