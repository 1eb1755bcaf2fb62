//! Who is woken for the messages in the spool.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;

use test_harness::programs::built;

use super::Host;

#[test]
fn those_in_the_list_whose_messages_wait_are_woken_at_sockets_of_systemds() {
    let host = Host::with_list("");
    let [msul1, msul1b, uiuc1] = ["msul1", "msul1b", "uiuc1"].map(|peer| host.bound(peer));
    for name in [
        "1795624205.000001.7948.put.msul1",
        ".storing-msul1b-1.1.1.put.msul1b.tmp",
        "1795624205.000001.7948.put.msul1b.new",
        "1795624205.000001.7948.put.msul2",
        "1.nobody",
        "1.uiuc1",
        "1..",
    ] {
        host.write(format!("delayed/{name}"), "x\n");
    }
    // Another's stands in its place.
    let theirs = host.bind("uiuc1");
    host.wakes();
    assert_eq!(num_come(&msul1), 1);
    assert_eq!([&msul1b, &uiuc1, &theirs].map(num_come), [0, 0, 0]);
    // Those whose Perl lonc serves them are left to it.
    fs::create_dir(host.path("taken-over")).unwrap();
    host.wakes();
    assert_eq!(num_come(&msul1), 0);
}

#[test]
fn a_spool_that_is_not_there_is_told_and_no_list_wakes_nobody() {
    let host = Host::with_list("");
    let msul1 = host.bound("msul1");
    fs::remove_dir(host.path("delayed")).unwrap();
    let kept = host.path("kept.json").display().to_string();
    assert!(
        host.fails(&["--kept", &kept, "wake"])
            .contains("delayed: No such file")
    );
    fs::remove_file(&kept).unwrap();
    host.wakes();
    assert_eq!(num_come(&msul1), 0);
}

fn num_come(socket: &UnixListener) -> usize {
    socket.set_nonblocking(true).unwrap();
    std::iter::from_fn(|| socket.accept().ok()).count()
}

impl Host {
    /// One with the list that is made of this configuration, and a spool.
    fn with_list(toml: &str) -> Self {
        let host = Self::new();
        host.configure(&format!("spool_dir = 'DIR/delayed'\n{toml}"));
        fs::create_dir(host.path("delayed")).unwrap();
        let output = Command::new(built("lonc-generator"))
            .arg("--config")
            .arg(host.path("lonc.toml"))
            .args(["--read", "--rest", "1ms"])
            .output()
            .unwrap();
        let offer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        host.write("kept.json", &offer.get("snapshot").unwrap().to_string());
        host
    }

    fn bound(&self, peer: &str) -> UnixListener {
        let listening = self.bind(peer);
        self.runs(&["bound", peer]);
        listening
    }

    fn wakes(&self) {
        let kept = self.path("kept.json").display().to_string();
        assert_eq!(self.runs(&["--kept", &kept, "wake"]), "");
    }
}
