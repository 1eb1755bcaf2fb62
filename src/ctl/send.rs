//! `loncctl send`: commands to a peer's lond, one after the other.

use std::io::{BufRead as _, stdin};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::arguments;
use super::outcome::{Exit, Fault, complain};
use super::screen::{self, Screen};
use super::site::Site;
use super::words;
use super::worker::{NoReply, Worker, exit_of};

/// Prints a line for each command; the first that is not well answered gives the status.
pub(super) async fn run(site: &Site, arguments: &arguments::Send, screen: Screen) -> Result<Exit, Fault> {
    let peer = site.peer(&arguments.peer)?;
    let mut sender = Sender {
        site,
        path: site.socket(&peer.id),
        arguments,
        worker: None,
        screen,
    };
    let mut exit = Exit::Fine;
    let mut heed = |outcome| exit = if exit == Exit::Fine { outcome } else { exit };
    for command in &arguments.commands {
        heed(sender.send(command.as_bytes()).await?);
    }
    if arguments.commands.is_empty() {
        for line in stdin().lock().split(b'\n') {
            heed(sender.send(&line.map_err(Fault::Input)?).await?);
        }
    }
    Ok(exit)
}

struct Sender<'a> {
    site: &'a Site,
    path: PathBuf,
    arguments: &'a arguments::Send,
    worker: Option<Worker>,
    screen: Screen,
}

impl Sender<'_> {
    async fn send(&mut self, command: &[u8]) -> Result<Exit, Fault> {
        if command.contains(&b'\n') {
            let text = "a command is one line; several are several arguments, or lines of standard input";
            return Err(Fault::Said(text.to_owned(), Exit::Usage));
        }
        match self.exchange(command).await {
            Ok(reply) => {
                self.show(&reply)?;
                Ok(self.explain(exit_of(&reply)))
            }
            Err(fault) => {
                let (peer, said) = (&self.arguments.peer, words::safe(&fault.to_string()));
                if fault.is_of_nobody() {
                    complain(&format_args!(
                        "{peer}: {said}: {}",
                        Site::absent(&self.site.outside(), peer)
                    ));
                } else {
                    complain(&format_args!("{peer}: {said}"));
                }
                Ok(fault.exit())
            }
        }
    }

    async fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, NoReply> {
        let limit = self.arguments.timeout;
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::connect(&self.path, limit).await?,
        };
        let reply = worker.ask(&self.line(command), limit).await?;
        self.worker = Some(worker);
        Ok(reply)
    }

    fn line(&self, command: &[u8]) -> Vec<u8> {
        let prefix = |wanted: bool, prefix: &'static [u8]| if wanted { prefix } else { b"" };
        let critical = prefix(self.arguments.critical, b"critical:");
        let encrypt = prefix(self.arguments.encrypt, b"encrypt:");
        [critical, encrypt, command].concat()
    }

    /// Byte for byte, but on a terminal, which a reply must not steer.
    fn show(&self, reply: &[u8]) -> Result<(), Fault> {
        screen::print_theirs(reply, self.screen.is_terminal)
    }

    fn explain(&self, exit: Exit) -> Exit {
        let peer = &self.arguments.peer;
        match exit {
            Exit::ConLost => complain(&format_args!("no reply from lond; loncctl why {peer} tells why")),
            Exit::ConDelayed => complain(&format_args!(
                "kept on disk, to be sent when the link is up; see loncctl spool list {peer}"
            )),
            Exit::ConFailed => complain(&format_args!(
                "no reply from lond, and it could not be kept on disk either; see loncctl check {peer}"
            )),
            Exit::Fine
            | Exit::Amiss
            | Exit::Broken
            | Exit::Refused
            | Exit::TimedOut
            | Exit::Rejected
            | Exit::Remote
            | Exit::Usage
            | Exit::Config => {}
        }
        exit
    }
}
