//! The programs under test, and those of others.

use std::env;
use std::io::Write as _;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

/// A program of the package that is tested or measured. Cargo has built it with the tests and benches of that package.
///
/// Cargo says where it is, but only from version 1.94 on at run time; before that, and where a test is started by hand,
/// it is beside the directory of the tests' own programs.
pub fn built(name: &str) -> PathBuf {
    if let Some(path) = env::var_os(format!("CARGO_BIN_EXE_{name}")) {
        return path.into();
    }
    let own = env::current_exe().unwrap();
    let path = own.ancestors().nth(2).unwrap().join(name);
    assert!(path.is_file(), "{} has not been built", path.display());
    path
}

/// Where a program is, if it is installed; if not, says that a test is skipped for want of it.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {name} is not installed");
    }
    found
}

/// Puts a copy of a program there. Another process writes it: what a test writes itself is held open for a moment by a
/// process that another test starts meanwhile, and nothing is executed that is open for writing.
pub fn put(program: impl AsRef<Path>, at: impl AsRef<Path>) {
    let mut install = Command::new("install");
    install
        .args(["--mode=755", "--"])
        .arg(program.as_ref())
        .arg(at.as_ref());
    assert!(install.status().unwrap().success(), "{}", at.as_ref().display());
}

/// The same with a program of this text.
pub fn put_script(text: impl AsRef<[u8]>, at: impl AsRef<Path>) {
    let mut aside = tempfile::NamedTempFile::new().unwrap();
    aside.write_all(text.as_ref()).unwrap();
    put(aside.path(), at);
}

/// Runs a program with this on its standard input.
pub fn fed(command: &mut Command, input: impl Into<Vec<u8>>) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.into());
    // It may say a lot before it has read all, or end without reading.
    let feeding = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output
}

/// A process that is killed when dropped.
pub struct Running(Child);

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
