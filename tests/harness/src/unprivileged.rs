//! lonc as a user whom permissions bind.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Gid, Uid, chown};

use crate::harness::{Lonc, Site, program};

const NOBODY: u32 = 65534;

/// Starts lonc as nobody if these tests run as root, for whom nothing is forbidden; the site's directories are its
/// own.
pub(crate) fn start(site: Site) -> Option<Lonc> {
    let mut command = site.command();
    if Uid::effective().is_root() {
        let setpriv = program("setpriv")?;
        // Where the program was built nobody may have no business.
        let own = site.path("lonc");
        fs::copy(command.get_program(), &own).unwrap();
        let mut as_nobody = Command::new(setpriv);
        as_nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        as_nobody.arg(own).args(command.get_args());
        Site::clean(&mut as_nobody);
        command = as_nobody;
        give(&site.path(""));
        give(&site.path("delayed"));
    }
    let lonc = Lonc::spawn(site, command);
    lonc.await_socket();
    Some(lonc)
}

fn give(path: &Path) {
    chown(path, Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY))).unwrap();
}
