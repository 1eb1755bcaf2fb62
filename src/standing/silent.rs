//! The account of a peer whose daemon does not answer.

use std::path::Path;

use super::account::{self, Account};
use super::{Seen, Standing, advice, disabled_words};
use crate::config::text::safe;
use crate::control::client::CallError;
use crate::socket::place;

/// About one whose daemon did not answer at `control`; its clients ask at `socket`.
pub(crate) fn of_silent(seen: &Seen, socket: &Path, control: &Path, fault: &CallError, now: u64) -> Account {
    let id = &seen.peer.id;
    let headline = match seen.standing {
        Standing::NotStarted => format!("{id} is not started"),
        Standing::Off => format!("{id} is off: nobody listens where its workers ask"),
        Standing::Foreign if seen.is_left_alone() => {
            format!("{id} is not taken over, and nobody listens where its workers ask")
        }
        Standing::Foreign => format!("{id} is not taken over: it is left to the Perl lonc"),
        Standing::Displaced => format!("{id} is displaced: another program listens where its workers ask"),
        Standing::Disabled => format!("{id} is disabled"),
        Standing::Unlisted => format!("{id} is in no table any more, and messages for it are on disk"),
        Standing::Hung => format!("{id}: its daemon hangs"),
        Standing::Dead => format!("{id}: its daemon is dead"),
        Standing::Denied => format!("{id}: you may not ask its daemon"),
        Standing::Odd
        | Standing::Up
        | Standing::Stuck
        | Standing::Idle
        | Standing::Connecting
        | Standing::Down
        | Standing::Draining => format!("{id}: its daemon cannot be asked"),
    };
    let mut account = Account::new(headline, seen.standing.grade());
    if seen.standing != Standing::Unlisted {
        account.line("address", seen.peer.address.to_string());
        account.line("asked at", safe(&control.to_string_lossy()));
        account.line("answer", safe(&fault.to_string()));
    }
    if let Some(waiting) = &seen.waiting {
        account.line("waiting", account::on_disk(waiting, now));
    }
    if let Some(disabled) = &seen.disabled {
        account.line("disabled", disabled_words(disabled));
    }
    if matches!(seen.standing, Standing::Foreign | Standing::Displaced) {
        // Whoever it is, it is nobody whom that would start.
        let found = place::occupant(socket).map_or_else(|fault| fault.to_string(), |found| found.to_string());
        account.line("workers ask", safe(&socket.to_string_lossy()));
        account.line("there", safe(&found));
    }
    account.remedy = advice::about_silent(seen.standing, fault, id, socket, control);
    account
}
