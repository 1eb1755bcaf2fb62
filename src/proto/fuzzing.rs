//! What `fuzz/` drives that nobody else can reach: the models of the tests, by bytes in place of proptest.

use crate::script::Script;
use crate::{session, spool};

/// Clients, links, bytes and time, as the script says; panics where the session breaks a promise.
pub fn session(script: &[u8]) {
    session::model::play(&mut Script::new(script));
}

/// The same with a spool.
pub fn session_with_spool(script: &[u8]) {
    session::model::play_with_spool(&mut Script::new(script));
}

/// Workers, operators, power cuts and a disk that forgets; panics where the spool's machine breaks a promise.
pub fn spool(script: &[u8]) {
    spool::model::play(&mut Script::new(script));
}

/// Names of delayed messages that are made while others are there; panics where one does not sort behind those before, or is
/// another host's.
pub fn names(script: &[u8]) {
    spool::play_with_names(&mut Script::new(script));
}
