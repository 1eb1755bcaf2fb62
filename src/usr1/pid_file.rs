//! The file that names the process to be signalled.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use nix::sys::signal::kill;
use nix::unistd::Pid;

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
        replace(path).map_err(|fault| PidFileError::System {
            path: path.to_owned(),
            fault,
        })?;
        Ok(Self {
            path: path.to_owned(),
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
    process::id().cast_signed()
}

fn read(path: &Path) -> Option<i32> {
    let process = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    (process > 0).then_some(process)
}

/// Whether this process, which is not ours, runs and is one that is signalled by way of the file. One that we may not
/// signal is of another user, and whoever signals us could not signal that. One that is hidden from us although we may
/// has shed other rights, which nobody does who stands here.
fn holds(process: i32) -> bool {
    process != own()
        && kill(Pid::from_raw(process), None).is_ok()
        && fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|command| is_signalled(&command))
}

/// Whether this command line, with a zero byte behind each word, is that of another of us, or of the Perl lonc: under
/// Perl or, once it has set up, as `lonc: …`. An instance, which may have got the number since, is neither.
fn is_signalled(command: &[u8]) -> bool {
    let mut words = command.split(|byte| *byte == 0);
    let first = words.next().unwrap_or_default();
    match base(first) {
        b"lonc-usr1" => words.all(|word| word != b"--reconnect"),
        b"perl" => words
            .find(|word| !word.starts_with(b"-"))
            .is_some_and(|script| base(script) == b"lonc"),
        _ => first.starts_with(b"lonc: "),
    }
}

/// The last part of a path.
fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
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
    fn who_is_signalled() {
        for command in [
            &b"/usr/lib/lonc/lonc-usr1\0"[..],
            b"lonc-usr1\0--config\0/etc/lonc/lonc.toml\0",
            b"/usr/bin/perl\0-w\0/home/httpd/perl/lonc\0",
            b"perl\0lonc\0",
            b"lonc: Parent keeping the flock",
            b"lonc: Parent keeping the flock\0\0\0",
        ] {
            assert!(is_signalled(command), "{}", command.escape_ascii());
        }
        for command in [
            &b"/usr/sbin/lonc\0msul1\0"[..],
            b"/usr/sbin/lonc\0--config\0/etc/lonc-usr1/lonc.toml\0lonc-usr1\0",
            b"/usr/lib/lonc/lonc-usr1\0--reconnect\0",
            b"/usr/bin/lonc-usr1-watch\0",
            b"loncctl\0status\0",
            b"vi\0/etc/lonc/lonc.toml\0",
            b"grep\0lonc: \0",
            b"/usr/bin/perl\0/home/httpd/perl/lond\0",
            b"/usr/bin/perl\0-e\0print 'lonc'\0",
            b"perl\0",
            b"lond: listening for lonc",
            b"",
        ] {
            assert!(!is_signalled(command), "{}", command.escape_ascii());
        }
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
