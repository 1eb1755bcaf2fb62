//! A client at the UNIX socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::{PATIENCE, wait_until};

/// A connection to it.
pub struct Client(BufReader<UnixStream>);

impl Client {
    /// To the socket at this path.
    pub fn connect(path: &Path) -> Self {
        Self::of(UnixStream::connect(path).unwrap())
    }

    /// One that has connected.
    pub fn of(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// The connection itself.
    pub fn stream(&self) -> &UnixStream {
        self.0.get_ref()
    }

    /// Sends these bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream().write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a line.
    pub fn say(&mut self, line: impl AsRef<[u8]>) {
        self.send([line.as_ref(), b"\n"].concat());
    }

    /// The next answer, without its newline.
    pub fn answer(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).expect("an answer in time");
        assert_eq!(line.pop(), Some(b'\n'), "end of file in place of an answer");
        line
    }

    /// The next answer, as text.
    pub fn hear(&mut self) -> String {
        String::from_utf8(self.answer()).unwrap()
    }

    /// Sends a line; the answer to it, if no other is due.
    pub fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.hear()
    }

    /// Waits until requests fail at once, for the peer is down.
    pub fn await_down(&mut self) {
        wait_until("down", || self.ask("echo:x") == "con_lost");
    }

    /// Sends no more.
    pub fn half_close(&self) {
        self.stream().shutdown(Shutdown::Write).unwrap();
    }

    /// All that comes up to the end of file.
    pub fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("the end of file in time");
        rest
    }

    /// No byte is there to be read.
    pub fn assert_nothing(&mut self) {
        assert!(self.0.buffer().is_empty());
        self.stream().set_nonblocking(true).unwrap();
        let read = self.0.get_mut().read(&mut [0]);
        assert_eq!(
            read.map_err(|error| error.kind()),
            Err(std::io::ErrorKind::WouldBlock)
        );
        self.stream().set_nonblocking(false).unwrap();
    }
}
