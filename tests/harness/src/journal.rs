//! journald's end of its socket.

use std::collections::HashMap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::programs::installed;
use crate::{Lonc, Site, wait_for};

/// Puts the directory where journald's is, in a mount namespace of its own, with stderr as systemd would connect it.
const PRIVATE: &str = r#"
    dir=$1; shift
    [ -d /run/systemd ] || { mount -t tmpfs none /run && mkdir /run/systemd; } || exit 77
    mount --bind "$dir" /run/systemd || exit 77
    [ "$1" ] || exit 0
    JOURNAL_STREAM=$(stat -c %d:%i "$dir/stderr"); export JOURNAL_STREAM
    exec "$@" 2>"$dir/stderr"
"#;

/// Where it is in the directory of the site.
const SOCKET: &str = "run/journal/socket";

/// A record: its fields.
pub type Record = HashMap<String, String>;

/// A journal of one instance's own.
pub struct Journal {
    /// Its directory is there as long as this is.
    site: Site,
    socket: UnixDatagram,
    /// Those that [`Journal::await_record`] took.
    pub records: Vec<Record>,
}

impl Journal {
    /// lonc in this site, with a journal of its own; nothing if this machine does not let us.
    pub fn with(site: Site) -> Option<(Self, Lonc)> {
        let unshare = installed("unshare")?;
        let dir = site.path("run");
        fs::create_dir_all(dir.join("journal")).unwrap();
        fs::write(dir.join("stderr"), "").unwrap();
        let private = || {
            let mut command = Command::new(&unshare);
            Site::clean(&mut command);
            command
                .args(["--map-root-user", "--mount", "sh", "-c", PRIVATE, "sh"])
                .arg(&dir);
            command
        };
        let tried = private().output().unwrap();
        if !tried.status.success() {
            eprintln!(
                "SKIPPED: no mount namespace: {}",
                String::from_utf8_lossy(&tried.stderr).trim()
            );
            return None;
        }
        let journal = Self {
            socket: bind(&site.path(SOCKET)),
            site: site.clone(),
            records: Vec::new(),
        };
        let command = site.command_behind(private());
        Some((journal, Lonc::spawn(site, command)))
    }

    /// The next record, if there is one soon.
    pub fn next_record(&self) -> Option<Record> {
        let mut room = vec![0; 1 << 16];
        let count = self.socket.recv(&mut room).ok()?;
        Some(fields(&room[..count]))
    }

    /// Waits for a record with this id.
    pub fn await_record(&mut self, id: &str) -> Record {
        wait_for(id, || {
            self.records.extend(self.next_record());
            let found = self
                .records
                .iter()
                .find(|record| record.get("MESSAGE_ID").is_some_and(|of| of == id));
            found.cloned()
        })
    }

    /// Ends and begins again, at a new socket; who sends is told that nobody is there while `away` takes.
    pub fn restart(&mut self, away: impl FnOnce()) {
        let unbound = UnixDatagram::unbound().unwrap();
        drop(std::mem::replace(&mut self.socket, unbound));
        away();
        let path = self.site.path(SOCKET);
        fs::remove_file(&path).unwrap();
        self.socket = bind(&path);
    }
}

fn bind(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    socket
}

/// The fields of journald's native protocol: `NAME=value`, or `NAME`, newline, length, value.
fn fields(mut bytes: &[u8]) -> Record {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut fields = HashMap::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
        if let Some(sign) = line.iter().position(|byte| *byte == b'=') {
            fields.insert(text(&line[..sign]), text(&line[sign + 1..]));
            bytes = rest;
        } else {
            let (length, rest) = rest.split_at(8);
            let length = u64::from_le_bytes(length.try_into().unwrap());
            let (value, rest) = rest.split_at(length.try_into().unwrap());
            fields.insert(text(line), text(value));
            bytes = &rest[1..];
        }
    }
    fields
}
