//! The Perl lonc: its program and its processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{Gid, Pid, Uid, User};

use super::dir::{Dir, Rights};
use super::processes::{
    children, has_workers, is_deaf, is_perl_lonc, owner, part_from_workers, signal, wait,
};
use super::step::Program;
use crate::config::TakenOver;

/// Its program, and what it becomes while another stands there.
const NAME: &str = "lonc";
const KEPT: &str = "lonc.perl";
/// What is put in its place until everything is taken over,
const BESIDE: &str = include_str!("lonc-beside");
const MARK: &[u8] = b"\n# lonc-beside:";
/// and from then on; it comes with the package.
const STAND_IN: &str = "usr/lib/lonc/lonc-stand-in";
/// The longest program that is looked at, in bytes; the original has 50 KB.
const MOST: u64 = 4 << 20;
/// How long it may take to end by itself, and to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long workers may take to leave it by themselves.
const LEAVE: Duration = Duration::from_secs(10);

/// What this host has of it.
#[derive(Debug)]
pub(super) struct Perl {
    /// The directory of its program; none if there is none.
    dir: Option<Dir>,
    /// The directory of the file with the number of its process.
    logs: Option<Dir>,
    pid_file: PathBuf,
    stand_in: PathBuf,
    beside: String,
}

impl Perl {
    /// `pid_file` is where it leaves the number of its process, in `logs` below the directory of its program.
    pub(super) fn find(pid_file: &Path, root: &Path, config: &Path) -> Result<Self, String> {
        let logs = pid_file.parent().unwrap_or(Path::new("/"));
        let open = |path: Option<&Path>| path.filter(|path| path.exists()).map(Dir::open).transpose();
        Ok(Self {
            dir: open(logs.parent())?,
            logs: open(Some(logs))?,
            pid_file: pid_file.to_owned(),
            stand_in: root.join(STAND_IN),
            beside: beside(config)?,
        })
    }

    // Its program

    /// What stands in its place.
    pub(super) fn program(&self) -> Program {
        let Some(dir) = &self.dir else {
            return Program::None;
        };
        if dir.leads_to(NAME).is_some_and(|target| target == self.stand_in) {
            return Program::StandIn;
        }
        match dir.read(NAME, MOST) {
            None => Program::None,
            Some((bytes, _)) if bytes.windows(MARK.len()).any(|part| part == MARK) => Program::Beside,
            Some(_) => Program::Original,
        }
    }

    pub(super) fn is_original_kept(&self) -> bool {
        self.dir
            .as_ref()
            .is_some_and(|dir| dir.read(KEPT, MOST).is_some())
    }

    pub(super) fn has_stand_in(&self) -> bool {
        self.stand_in.is_file()
    }

    /// Puts another in its place, at once; LON-CAPA's own is kept.
    pub(super) fn place(&self, program: Program) -> Result<(), String> {
        let dir = self.dir.as_ref().ok_or("there is no Perl lonc")?;
        let is_original = self.program() == Program::Original;
        if is_original && program != Program::Original {
            dir.remove(KEPT)?;
            dir.link(NAME, KEPT)?;
        }
        match program {
            Program::None => Ok(()),
            Program::Original if is_original => Ok(()),
            Program::Original => dir.rename(KEPT, NAME),
            Program::Beside => dir.write(NAME, self.beside.as_bytes(), Self::rights(dir, KEPT)?),
            Program::StandIn => dir.lead(NAME, &self.stand_in),
        }
    }

    fn rights(dir: &Dir, name: &str) -> Result<Rights, String> {
        let found = dir.read(name, 0).map(|(_, rights)| rights);
        found.ok_or_else(|| format!("{}: there is no such file", dir.path(name).display()))
    }

    // Its processes

    /// The process of its file, if that is a Perl lonc of the file's owner.
    pub(super) fn process(&self) -> Option<Pid> {
        let name = self.pid_file.file_name()?.to_str()?;
        let (bytes, rights) = self.logs.as_ref()?.read(name, 32)?;
        let process: i32 = std::str::from_utf8(&bytes).ok()?.trim().parse().ok()?;
        is_perl_lonc(process, rights.user).then(|| Pid::from_raw(process))
    }

    /// Has it end its children, read its table and make children anew, and waits until it runs again. That is what HUP is
    /// for; but it executes itself while it handles that, and from then on the signal is blocked.
    pub(super) fn restart(&self) -> Result<(), String> {
        let process = self.process().ok_or("the Perl lonc does not run")?;
        if is_deaf(process) {
            return self.stop().and_then(|()| self.start());
        }
        let before = self.version();
        signal(process, Signal::SIGHUP)?;
        // It takes the file away, and writes another.
        let is_anew = || (self.version() != before && self.process().is_some()).then_some(());
        wait(PATIENCE, is_anew).ok_or_else(|| self.no_process("it does not run again after HUP"))
    }

    fn version(&self) -> Option<impl PartialEq> {
        let name = self.pid_file.file_name()?.to_str()?;
        self.logs.as_ref()?.version(name)
    }

    /// Has it and its children end when their workers have left or, after some time, have been answered; those that do not
    /// are killed.
    pub(super) fn stop(&self) -> Result<(), String> {
        let Some(parent) = self.process() else {
            return Ok(());
        };
        let owner = owner(parent.as_raw()).unwrap_or_default();
        let children = children(parent);
        let is_deserted = || (!children.iter().any(|child| has_workers(*child))).then_some(());
        if wait(LEAVE, is_deserted).is_none() {
            // Those who wait for an answer would see end of file. Others may still be let in.
            wait(PATIENCE, || {
                for child in &children {
                    // One that has ended has no workers.
                    part_from_workers(*child).ok();
                }
                is_deserted()
            });
        }
        signal(parent, Signal::SIGTERM)?;
        let is_gone = |process: Pid| (!is_perl_lonc(process.as_raw(), owner)).then_some(());
        if wait(PATIENCE, || is_gone(parent)).is_none() {
            signal(parent, Signal::SIGKILL)?;
        }
        for child in children.into_iter().filter(|child| is_gone(*child).is_none()) {
            signal(child, Signal::SIGKILL)?;
        }
        wait(PATIENCE, || is_gone(parent)).ok_or_else(|| format!("process {parent} does not end"))
    }

    /// Starts it as the owner of its logs, as loncontrol does, outside of this session.
    pub(super) fn start(&self) -> Result<(), String> {
        let (dir, logs) = self
            .dir
            .as_ref()
            .zip(self.logs.as_ref())
            .ok_or("there is no Perl lonc")?;
        let rights = logs.rights()?;
        let user = User::from_uid(Uid::from_raw(rights.user)).ok().flatten();
        let group = user.map_or(Gid::from_raw(rights.group), |user| user.gid);
        // It leaves a daemon behind, which is to stay.
        let status = Command::new("systemd-run")
            .args(["--quiet", "--collect", "--no-block"])
            .args(["--property=Type=oneshot", "--property=KillMode=process"])
            .arg("--description=Start of LON-CAPA's Perl lonc")
            .args([format!("--uid={}", rights.user), format!("--gid={group}")])
            .arg("--")
            .arg(dir.path(NAME))
            .stdin(Stdio::null())
            .status();
        if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            return Err(format!("systemd-run {}: {status:?}", dir.path(NAME).display()));
        }
        wait(PATIENCE, || self.process())
            .map(drop)
            .ok_or_else(|| self.no_process("it has not started"))
    }

    fn no_process(&self, what: &str) -> String {
        format!("{what}: {} names no process of it", self.pid_file.display())
    }
}

/// What stands in the Perl lonc's place, with the paths of this host.
fn beside(config: &Path) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|fault| fault.to_string())?;
    let directory = TakenOver::path(config);
    let directory = std::path::absolute(&directory).unwrap_or(directory);
    let mut text = BESIDE.to_owned();
    for (word, path) in [("@TAKEN_OVER@", &directory), ("@PROGRAM@", &program)] {
        let path = path.to_str().filter(|path| !path.contains(['\'', '\\']));
        let path = path.ok_or("the path of lonc.toml or of this program is too odd to be written down")?;
        text = text.replace(word, path);
    }
    Ok(text)
}
