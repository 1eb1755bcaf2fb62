//! What loncron finds on this host, and who else serves it: the process of `lonc.pid`, and the Perl lonc.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use memchr::memmem;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::Finding;
use crate::config::{self, TakenOver};
use crate::ctl::site::Site;
use crate::process::{self, Kind};
use crate::socket::units;
use crate::usr1::{signalled, start_of};

/// So much of a command line is shown, in characters.
const MAX_COMMAND: usize = 60;
/// So many processes are named.
const MAX_NAMED: usize = 4;

/// All of it; nothing where LON-CAPA's own daemons are not at home. It may be that a Perl lonc `has_peers`.
pub(super) fn all(site: &Site, has_peers: bool) -> Vec<Finding> {
    // A fault of the configuration is found elsewhere.
    let pid_file = config::usr1_pid_file(&site.config).ok();
    let mut findings: Vec<_> = pid_file.iter().filter_map(|path| named(path)).collect();
    let perl_lonc = perl_lonc(has_peers);
    // While one runs, or is to run beside us, its program belongs where it is.
    if perl_lonc.is_none() && !TakenOver::path(&site.config).exists() {
        findings.extend(pid_file.iter().flat_map(|path| in_its_place(path)));
    }
    findings.extend(perl_lonc);
    findings
}

/// A Perl lonc that is at home here, while this configuration has the sockets where no worker of its asks. What else would
/// be amiss is nobody's business yet, and to mend that would do harm.
pub(in crate::ctl) struct Unnamed {
    /// What was found.
    text: String,
    /// What is to be done before anything else.
    pub(in crate::ctl) remedy: String,
}

impl Unnamed {
    pub(in crate::ctl) fn find(site: &Site) -> Option<Self> {
        if !units::is_own(&site.peers.socket_dir) {
            return None;
        }
        let pids = perl_loncs();
        let is_at_home =
            !pids.is_empty() || config::usr1_pid_file(&site.config).is_ok_and(|path| is_left(&path));
        let state = if pids.is_empty() {
            "is installed".to_owned()
        } else {
            format!("runs: {}", told(&pids))
        };
        is_at_home.then(|| Self {
            text: format!(
                "{state}; and the sockets of this configuration are in {}, where workers of LON-CAPA do not ask",
                units::OWN
            ),
            remedy: format!(
                "First name LON-CAPA's own settings by loncapa_conf in {}; until then start nothing, and end nothing of the \
                 Perl lonc's. After that loncctl check tells how to go on",
                site.config.display()
            ),
        })
    }

    pub(super) fn finding(self) -> Finding {
        Finding::wrong(&"Perl lonc", self.text, self.remedy)
    }
}

/// Whether a Perl lonc is installed that was not replaced, and left its file.
fn is_left(pid_file: &Path) -> bool {
    let kind = signalled(pid_file).and_then(process::kind);
    pid_file.exists()
        && kind != Some(Kind::Usr1)
        && programs(pid_file).iter().any(|path| is_perl_script(path))
}

/// Whether the process that loncron looks for is there.
fn named(pid_file: &Path) -> Option<Finding> {
    let subject = pid_file.display();
    match fs::metadata(pid_file.parent()?) {
        Ok(_) => {}
        Err(fault) if fault.kind() == ErrorKind::NotFound => return None,
        Err(fault) => {
            return Some(Finding::unseen(&subject, fault.to_string()));
        }
    }
    let Some(pid) = signalled(pid_file) else {
        return Some(missing(pid_file, "names no process"));
    };
    let what = match (process::kind(pid), command(pid)) {
        (Some(Kind::Usr1), _) => format!("process {pid}, lonc-usr1"),
        (Some(Kind::Perl), _) => format!("process {pid}, a Perl lonc"),
        (None, None) if is_there(pid) => {
            let text = format!("process {pid} is hidden from you");
            return Some(Finding::unseen(&subject, text));
        }
        (None, None) => return Some(missing(pid_file, &format!("there is no process {pid}"))),
        (None, Some(command)) => {
            let text = format!(
                "process {pid} is another program ({command}): loncron sends it SIGUSR1, which ends most programs, or \
                 where it may not, starts {}",
                program(pid_file).display()
            );
            return Some(Finding::wrong(&subject, text, START));
        }
    };
    Some(Finding::fine(&subject, what))
}

/// Whether there is such a process, whosever it is.
fn is_there(pid: i32) -> bool {
    matches!(kill(Pid::from_raw(pid), None), Ok(()) | Err(Errno::EPERM))
}

const START: &str = "systemctl restart lonc-usr1.service, which keeps its process there; for good: systemctl enable lonc-usr1.service";

fn missing(pid_file: &Path, what: &str) -> Finding {
    let program = program(pid_file);
    let text = format!(
        "{what}: loncron will end all that is called lonc, and start {}",
        program.display()
    );
    Finding::doubt(&pid_file.display(), text, START)
}

/// What loncron starts: beside the directory of the logs.
fn program(pid_file: &Path) -> PathBuf {
    let daemons = pid_file.parent().and_then(Path::parent);
    daemons.unwrap_or(Path::new("/")).join(PROGRAMS[0])
}

/// That of 2003, and its successor.
const PROGRAMS: [&str; 2] = ["lonc", "loncnew"];

fn programs(pid_file: &Path) -> [PathBuf; 2] {
    PROGRAMS.map(|name| program(pid_file).with_file_name(name))
}

/// The Perl lonc where loncron and loncontrol would start it, though none runs any more.
fn in_its_place(pid_file: &Path) -> Vec<Finding> {
    let programs = programs(pid_file);
    let perl = programs.iter().filter(|program| is_perl_script(program));
    let found = perl.map(|program| {
        let path = program.display();
        let text = "is the Perl lonc: who starts it, as loncron does, has it take the sockets";
        let remedy = format!("mv {path} {path}.perl; ln -s /usr/lib/lonc/lonc-stand-in {path}");
        Finding::doubt(&path, text, remedy)
    });
    found.collect()
}

fn is_perl_script(path: &Path) -> bool {
    let start = start_of(path).unwrap_or_default();
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    first.starts_with(b"#!") && memmem::find(first, b"perl").is_some()
}

/// Each Perl lonc that runs here, with its children.
fn perl_loncs() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut pids: Vec<i32> = pids.filter(|pid| is_perl_lonc(*pid)).collect();
    pids.sort_unstable();
    pids
}

/// The first of these processes, and how many more there are.
fn told(pids: &[i32]) -> String {
    let of = |pid: &i32| format!("{pid} ({})", command(*pid).unwrap_or_default());
    let named: Vec<_> = pids.iter().take(MAX_NAMED).map(of).collect();
    let more = match pids.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}

/// A Perl lonc that runs; with peers it is to.
fn perl_lonc(has_peers: bool) -> Option<Finding> {
    let pids = perl_loncs();
    let text = format!("runs: {}", told(&pids));
    let remedy = "It serves the peers that have not been moved here. Once all have, end it for good: kill its parent, \
                  then kill -9 what stays of it; and have /usr/lib/lonc/lonc-stand-in in its place";
    (!pids.is_empty()).then(|| {
        if has_peers {
            Finding::fine(&"Perl lonc", text)
        } else {
            Finding::doubt(&"Perl lonc", text, remedy)
        }
    })
}

/// Whether it is one of this host: not one that only has such a title, nor one of a container, as far as we may see.
fn is_perl_lonc(pid: i32) -> bool {
    let link = |pid: &str, name| fs::read_link(format!("/proc/{pid}/{name}")).ok();
    let of = |name| link(&pid.to_string(), name);
    let is_perl = |exe: PathBuf| {
        exe.file_name()
            .is_some_and(|name| process::is_perl(name.as_encoded_bytes()))
    };
    let (own, other) = (link("self", "ns/pid"), of("ns/pid"));
    process::kind(pid) == Some(Kind::Perl)
        && of("exe").is_none_or(is_perl)
        && (other.is_none() || other == own)
}

/// Its command line, short; nothing if it has ended.
fn command(pid: i32) -> Option<String> {
    let bytes = process::command(pid)?;
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    Some(text.trim().chars().take(MAX_COMMAND).collect())
}
