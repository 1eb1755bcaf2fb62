//! A reload with a table of servers that is not what it should be: what runs goes on as it was.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use test_harness::{Lonc, Peer, Site, wait_until};

/// The others in the table.
const OTHERS: u32 = 12;

#[test]
fn a_table_that_is_half_there_moves_no_peer_and_a_whole_one_does() {
    let (old, new) = (Peer::start(), Peer::start());
    let lonc = by_table(&old);
    let moved = at("127.0.0.2", OTHERS);
    for (odd, why) in [
        (moved.trim_end().to_owned(), "its last line has no end"),
        // Cut within the address.
        (format!("{}msul1:d:r:h:127.0.0", table(&old, 3)), "no end"),
        (at("127.0.0.2", OTHERS / 2), "6 of its 13 hosts are gone at once"),
        (
            format!("{moved}{}", "<p>502 Bad Gateway</p>\n".repeat(20)),
            "hardly a table",
        ),
        ("<html>502 Bad Gateway</html>\n".to_owned(), "no address"),
        (String::new(), "no address"),
    ] {
        lonc.site.write("hosts.tab", &odd);
        let said = reload(&lonc, "the old configuration stays in force");
        assert!(said.contains(why), "{odd}: {said}");
        assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
        assert_eq!(old.connections(), 1, "{odd}");
    }
    let port = format!("port = {}", new.addr().port());
    lonc.site.write_config(&config(&port));
    lonc.site.write("hosts.tab", &table(&new, OTHERS - 1));
    reload(&lonc, "configuration read anew");
    assert_eq!(lonc.client().ask("echo:new"), "new");
    assert_eq!(new.count("echo:new"), 1);
}

#[test]
fn what_a_doubtful_table_says_as_before_holds_up_no_other_change() {
    let peer = Peer::start();
    let lonc = by_table(&peer);
    let port = format!(
        "port = {}\n[client]\nmax_request_bytes = 100\nmax_client_bytes = '64KiB'",
        peer.addr().port()
    );
    lonc.site.write_config(&config(&port));
    lonc.site.write("hosts.tab", table(&peer, 1).trim_end());
    reload(&lonc, "configuration read anew");
    let mut client = lonc.client();
    client.say("x".repeat(101));
    assert_eq!(client.hear(), "error: request too long");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_table_that_came_down_in_steps_while_it_could_not_be_read_is_remembered() {
    let peer = Peer::start();
    let lonc = by_table(&peer);
    fs::remove_file(lonc.site.path("hosts.tab")).unwrap();
    reload(&lonc, "cannot be read");
    lonc.site.write("hosts.tab", &at("127.0.0.2", 5));
    let said = reload(&lonc, "the old configuration stays in force");
    assert!(said.contains("7 of its 13 hosts"), "{said}");
}

#[test]
fn what_is_no_file_holds_up_neither_requests_nor_the_reload() {
    let peer = Peer::start();
    let lonc = by_table(&peer);
    let path = lonc.site.path("hosts.tab");
    for (what, put) in [
        ("a FIFO", &(|| mkfifo(&path, Mode::S_IRWXU).unwrap()) as &dyn Fn()),
        ("a device", &|| symlink("/dev/zero", &path).unwrap()),
        ("a device", &|| symlink("/dev/tty", &path).unwrap()),
        ("larger than", &|| {
            fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        }),
    ] {
        fs::remove_file(&path).unwrap();
        put();
        let mut client = lonc.client();
        let begun = Instant::now();
        let said = reload(&lonc, "the old configuration stays in force");
        assert!(said.contains(what), "{what}: {said}");
        assert_eq!(client.ask("encrypt:echo:1"), "1");
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_mark_or_other_line_ends_change_nothing() {
    let peer = Peer::start();
    let lonc = by_table(&peer);
    let sound = table(&peer, OTHERS);
    for same in [
        format!("\u{feff}{sound}"),
        sound.replace('\n', "\r\n"),
        sound.replace('\n', "\r"),
    ] {
        lonc.site.write("hosts.tab", &same);
        reload(&lonc, "configuration read anew");
        assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
    }
    assert_eq!(peer.connections(), 1);
}

/// lonc, whose peer's address is in the table alone.
fn by_table(peer: &Peer) -> Lonc {
    let site = Site::new(peer.addr(), "");
    site.write_config(&config(&format!("port = {}", peer.addr().port())));
    site.write("hosts.tab", &table(peer, OTHERS));
    let lonc = site.start();
    assert_eq!(lonc.client().ask("ping"), "msul1");
    lonc
}

fn config(toml: &str) -> String {
    format!(
        "host_id = 'msul2'\nhosts_tab = 'DIR/hosts.tab'\nsocket_dir = 'DIR/sockets'\ncontrol_dir = 'DIR/control'\n\
         spool_dir = 'DIR/delayed'\npermanent_log = 'DIR/perm.log'\n{toml}\n\
         [link]\nmax_connections = 1\n"
    )
}

/// Ours at the peer's address.
fn table(peer: &Peer, others: u32) -> String {
    at(&peer.addr().ip().to_string(), others)
}

fn at(address: &str, others: u32) -> String {
    let other = |number: u32| format!("other{number}:d:r:o{number}.example.edu:\n");
    let others: String = (0..others).map(other).collect();
    format!("{others}msul1:msu:library:localhost:{address}\n")
}

/// Has it read all anew; what it logs from then on, until `outcome` is among that.
fn reload(lonc: &Lonc, outcome: &str) -> String {
    let before = lonc.log().len();
    let said = || lonc.log().get(before..).unwrap_or_default().to_owned();
    lonc.signal(Signal::SIGHUP);
    wait_until(outcome, || said().contains(outcome));
    said()
}
