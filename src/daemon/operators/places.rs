//! How many operators may be there at a time, and how many of them one user may be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections at a time, for all who may connect.
const MOST: usize = 24;
/// Of these one user may have so many, so that it does not keep the others out.
const EACH: usize = 8;
/// Connections beyond those, for who may change something.
const RESERVED: usize = 8;

/// The places that are taken.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    /// By user; of those who have any.
    each: BTreeMap<u32, usize>,
}

/// One that is taken until this is dropped.
pub(super) struct Place {
    user: u32,
    places: Places,
}

impl Places {
    /// One for a connection of this user, unless there is none for it.
    pub(super) fn take(&self, user: u32, is_privileged: bool) -> Option<Place> {
        let is_free = self.change(|taken| {
            let theirs = taken.each.get(&user).copied().unwrap_or_default();
            let is_free = if is_privileged {
                taken.all < MOST + RESERVED
            } else {
                taken.all < MOST && theirs < EACH
            };
            if is_free {
                taken.all += 1;
                taken.each.insert(user, theirs + 1);
            }
            is_free
        });
        is_free.then(|| Place {
            user,
            places: self.clone(),
        })
    }

    fn change<T>(&self, what: impl FnOnce(&mut Taken) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.change(|taken| {
            taken.all = taken.all.saturating_sub(1);
            match taken.each.get_mut(&self.user) {
                Some(theirs) if *theirs > 1 => *theirs -= 1,
                Some(_) | None => drop(taken.each.remove(&self.user)),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_does_not_keep_the_others_out() {
        let places = Places::default();
        let mut greedy: Vec<_> = (0..MOST).map_while(|_| places.take(1000, false)).collect();
        assert_eq!(greedy.len(), EACH);
        let other = places.take(1001, false);
        assert!(other.is_some() && places.take(1000, false).is_none());
        greedy.pop();
        assert!(places.take(1000, false).is_some());
        assert_eq!(places.change(|taken| taken.all), EACH);
    }

    #[test]
    fn all_together_leave_room_for_who_may_change_something() {
        let places = Places::default();
        let kept: Vec<_> = (1..=24).filter_map(|user| places.take(user, false)).collect();
        assert_eq!(kept.len(), MOST);
        assert!(places.take(5000, false).is_none());
        let privileged: Vec<_> = (0..MOST).map_while(|_| places.take(0, true)).collect();
        assert_eq!(privileged.len(), RESERVED);
        drop(kept);
        assert_eq!(places.change(|taken| taken.each.len()), 1);
    }
}
