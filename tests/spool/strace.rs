//! lonc under strace: what it asks of the system, and faults and deaths at any of its system calls.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use test_harness::programs::installed;
use test_harness::{Lonc, wait_for};

/// How long strace may take to let go of lonc by itself.
const LEAVE: Duration = Duration::from_secs(5);

/// strace, watching a running lonc; ends with it or when dropped.
pub(crate) struct Strace {
    child: Child,
    output: PathBuf,
}

impl Strace {
    /// Watches the spool's thread; `None` if strace is missing or may not do so, which it says.
    pub(crate) fn spool(lonc: &Lonc, arguments: &[&str]) -> Option<Self> {
        Self::attach(lonc, &spool_thread(lonc), &[], arguments)
    }

    /// Watches all threads, descriptors shown with their paths.
    pub(crate) fn all(lonc: &Lonc, arguments: &[&str]) -> Option<Self> {
        Self::attach(lonc, &lonc.pid().to_string(), &["-f", "-y"], arguments)
    }

    fn attach(lonc: &Lonc, whom: &str, how: &[&str], arguments: &[&str]) -> Option<Self> {
        let output = lonc.site.path("strace");
        let mut command = Command::new(installed("strace")?);
        command.args(how).args(["-s", "300", "-o"]).arg(&output);
        command.args(arguments).args(["-p", whom]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap()).lines();
        loop {
            match words.next() {
                Some(Ok(line)) if line.contains("attached") => break,
                Some(Ok(line)) => eprintln!("{line}"),
                Some(Err(_)) | None => {
                    eprintln!("SKIPPED: strace cannot attach");
                    // It has ended.
                    let _ = child.wait();
                    return None;
                }
            }
        }
        // What it says later must not hold it up.
        thread::spawn(move || words.count());
        Some(Self { child, output })
    }

    /// What was recorded up to now.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.output).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // SIGTERM has it let go of lonc.
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let end = Instant::now() + LEAVE;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        // Of a process whose first thread has ended it may wait for ever.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spool_thread(lonc: &Lonc) -> String {
    wait_for("the spool's thread", || {
        let tasks = fs::read_dir(format!("/proc/{}/task", lonc.pid())).unwrap();
        tasks.flatten().find_map(|task| {
            let name = fs::read_to_string(task.path().join("comm")).ok()?;
            (name == "spool\n").then(|| task.file_name().into_string().unwrap())
        })
    })
}
