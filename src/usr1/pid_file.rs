//! The file that names the process to be signalled.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::process;
use crate::reader::{self, Links};

/// More than a number and its newline, or than what a script begins with, in bytes.
const MAX_START: u64 = 128;

/// The file, with our process in it; removed when dropped, unless somebody else's is in it by then.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

/// Why it cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PidFileError {
    /// Another lonc has it.
    #[error("{}: process {process} is a lonc that runs: stop it first", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// The other one.
        process: i32,
    },
    /// It cannot be written.
    #[error("{}: {fault}", .path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        fault: io::Error,
    },
}

impl PidFile {
    /// Puts our process there, at once and as a whole. A process that is there already is passed over if it has ended,
    /// or if its number is another program's by now, as after a reboot: an instance of lonc, say.
    pub(crate) fn write(path: &Path) -> Result<Self, PidFileError> {
        if let Some(process) = read(path).filter(|process| holds(*process)) {
            return Err(PidFileError::InUse {
                path: path.to_owned(),
                process,
            });
        }
        let file = Self::later(path);
        file.replace()?;
        Ok(file)
    }

    /// The file of another, which is put there when that has ended.
    pub(crate) fn later(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Puts it back if it is gone, or names one that has ended: the Perl lonc takes it along when it ends. Whether
    /// that was necessary.
    pub(crate) fn put_back(&self) -> Result<bool, PidFileError> {
        let is_somebodys = read(&self.path).is_some_and(|process| process == own() || holds(process));
        if !is_somebodys {
            self.replace()?;
        }
        Ok(!is_somebodys)
    }

    fn replace(&self) -> Result<(), PidFileError> {
        replace(&self.path).map_err(|fault| PidFileError::System {
            path: self.path.clone(),
            fault,
        })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if read(&self.path).is_some_and(|process| own() == process) {
            // One that stays behind is passed over by the next.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn replace(path: &Path) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", own()));
    let new = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&new)?;
    let written = writeln!(file, "{}", own()).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // It is of no use to anybody.
        let _ = fs::remove_file(&new);
    }
    written
}

fn own() -> i32 {
    std::process::id().cast_signed()
}

/// The process that the file names, running or not.
pub(crate) fn read(path: &Path) -> Option<i32> {
    let start = start_of(path).ok()?;
    let process = std::str::from_utf8(&start).ok()?.trim().parse().ok()?;
    (process > 0).then_some(process)
}

/// The first bytes of a file in a directory that is not ours.
pub(crate) fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    reader::start(path, MAX_START, Links::Follow)
}

/// Whether this process, which is not ours, runs and is one that is signalled by way of the file. One that we may not
/// signal is of another user, and whoever signals us could not signal that. One that is hidden from us although we may
/// has shed other rights, which nobody does who stands here.
fn holds(process: i32) -> bool {
    process != own() && kill(Pid::from_raw(process), None).is_ok() && process::kind(process).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    #[test]
    fn it_is_there_while_we_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lonc.pid");
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", own()));
        drop(file);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_lonc_that_runs_keeps_it_and_one_that_ended_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lonc.pid");
        let mut other = called("lonc: Parent keeping the flock");
        let text = format!("{}\n", other.id());
        fs::write(&path, &text).unwrap();
        let refused = PidFile::write(&path).unwrap_err();
        assert!(
            matches!(refused, PidFileError::InUse { process, .. } if process == other.id().cast_signed())
        );
        other.kill().unwrap();
        other.wait().unwrap();
        drop(PidFile::write(&path).unwrap());
    }

    #[test]
    fn a_number_that_is_another_programs_by_now_and_nonsense_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        for text in [
            format!("{}\n", other.id()),
            "nonsense".into(),
            "-1".into(),
            String::new(),
        ] {
            fs::write(&path, text).unwrap();
            drop(PidFile::write(&path).unwrap());
            assert!(!path.exists());
        }
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn who_is_called_much_like_it_does_not_keep_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lonc.pid");
        for name in [
            "lonc",
            "/usr/sbin/lonc",
            "loncctl",
            "lonc-metrics",
            "lonc-generator",
        ] {
            let mut other = called(name);
            fs::write(&path, format!("{}\n", other.id())).unwrap();
            drop(PidFile::write(&path).expect(name));
            other.kill().unwrap();
            other.wait().unwrap();
        }
    }

    #[test]
    fn it_is_put_back_where_nobody_else_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lonc.pid");
        let own = format!("{}\n", own());
        let file = PidFile::write(&path).unwrap();
        assert!(!file.put_back().unwrap());
        fs::remove_file(&path).unwrap();
        assert!(file.put_back().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), own);
        let mut other = called("lonc: Parent keeping the flock");
        let text = format!("{}\n", other.id());
        fs::write(&path, &text).unwrap();
        assert!(!file.put_back().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(file.put_back().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), own);
    }

    #[test]
    fn a_pipe_in_its_place_holds_up_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lonc.pid");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read(&path), None);
        drop(PidFile::write(&path).unwrap());
    }

    #[test]
    fn somebody_elses_is_left_alone_and_a_missing_directory_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lonc.pid");
        let file = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
        let fault = PidFile::write(&dir.path().join("no/lonc.pid")).unwrap_err();
        assert!(fault.to_string().contains("no/lonc.pid: No such file"), "{fault}");
    }

    /// A process that is called so, and waits.
    fn called(name: &str) -> Child {
        use std::os::unix::process::CommandExt as _;
        let child = Command::new("sleep").arg0(name).arg("60").spawn().unwrap();
        // It has its name a little after it is there.
        let command = format!("/proc/{}/cmdline", child.id());
        while fs::read(&command).unwrap().is_empty() {
            std::thread::yield_now();
        }
        child
    }
}
