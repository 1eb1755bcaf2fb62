//! Programs that run as a user who is neither root, for whom nothing is forbidden, nor the tests' own.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use nix::unistd::geteuid;

use crate::programs::{self, installed};
use crate::{Lonc, Site};

/// The number of that user, and of its only group: nobody.
pub const ID: u32 = 65534;

/// Whether the tests run as root; if not, says that a test is skipped because only root can be another user.
pub fn is_possible() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("SKIPPED: only root can run a program as another user");
    }
    is_root
}

/// A program that runs as that user; as the tests' own, if that is not root.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    if geteuid().is_root() {
        // Without other groups, as the standard library sees to.
        command.uid(ID).gid(ID);
    }
    // Where the tests run it may have no business.
    command.current_dir("/");
    Site::clean(&mut command);
    command
}

/// What a client of that user is answered at a socket, asking one after the other, where `end` is behind each question
/// and each answer; and what went wrong. Nothing if that cannot be tried here.
pub fn ask(socket: &Path, end: char, asked: &[impl AsRef<OsStr>]) -> Option<(Vec<String>, String)> {
    let perl = installed("perl").filter(|_| is_possible())?;
    let mut client = command(perl);
    client
        .args(["-e", CLIENT])
        .arg(socket)
        .arg(u32::from(end).to_string());
    let output = client.args(asked).output().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    Some((answers.lines().map(str::to_owned).collect(), said))
}

const CLIENT: &str = r#"
    use IO::Socket::UNIX;
    my ($path, $end, @asked) = @ARGV;
    my $lonc = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!";
    $/ = chr $end;
    for (@asked) {
        $lonc->print("$_$/");
        my $answer = <$lonc>;
        chomp $answer;
        print "$answer\n";
    }
"#;

/// Gives a file or a directory to that user, if the tests run as root.
pub fn give(path: &Path) {
    if geteuid().is_root() {
        chown(path, Some(ID), Some(ID)).unwrap();
    }
}

/// Starts lonc as that user, or as the tests' own if that is not root; the site's directories are its own.
pub fn start(site: Site) -> Lonc {
    let plain = site.command();
    // Where the program was built that user may have no business.
    let own = site.path("lonc");
    programs::put(plain.get_program(), &own);
    let mut command = command(own);
    command.args(plain.get_args());
    give(&site.path(""));
    give(&site.path("delayed"));
    let lonc = Lonc::spawn(site, command);
    lonc.await_socket();
    lonc
}
