//! What the process is called, where `ps`, `top` and `killall` look.
//!
//! On a host with LON-CAPA the nightly loncron, which is of the same user there, does `killall lonc` and
//! `killall -9 lonc` where it finds no lonc. killall takes the name as the kernel has it, and only the whole of it. For
//! the few milliseconds before this is called it is `lonc`: one that is ended then is started again by systemd, or by
//! its next client.

use std::ffi::CString;

use nix::sys::prctl;

use crate::config::HostId;

/// What the kernel keeps of a name, in bytes.
const MAX: usize = 15;
/// Of an id that is too long: so much of its front. What follows this is of its end.
const FRONT: usize = 4;

/// Calls this process `lonc@<peer>`; threads that start later are called so too, unless they have names of their own.
pub(super) fn instance(peer: &HostId) {
    set(of(peer));
}

/// Calls this process `lonc-<errand>`: it is to be killed for another no more than an instance is.
pub(super) fn errand(errand: &str) {
    set(format!("lonc-{errand}"));
}

fn set(name: String) {
    if let Ok(name) = CString::new(name) {
        // It fails for nothing that could be mended; under its old name all works as well.
        let _ = prctl::set_name(&name);
    }
}

/// Ids of one house begin alike and differ at the end, so a long one keeps both.
fn of(peer: &HostId) -> String {
    let id = peer.as_ref();
    let room = MAX - "lonc@".len();
    if id.len() <= room {
        return format!("lonc@{id}");
    }
    let tail = id.len() - (room - FRONT - 1);
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    format!("lonc@{}~{}", part(id.get(..FRONT)), part(id.get(tail..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_peer_and_fit() {
        for (id, name) in [
            ("msul1", "lonc@msul1"),
            ("x", "lonc@x"),
            ("0123456789", "lonc@0123456789"),
            ("01234567890", "lonc@0123~67890"),
            ("msuzaphodlibrary12", "lonc@msuz~ary12"),
        ] {
            let name_of = of(&id.parse().unwrap());
            assert_eq!(name_of, name);
            assert!(name_of.len() <= MAX, "{name_of}");
        }
    }
}
