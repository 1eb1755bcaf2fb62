//! Real terminators, set up as docs/tls.md says: its blocks are run as they stand, at other ports and paths.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::sys::signal::Signal;
use test_harness::programs::installed;
use test_harness::{Peer, QUICK, Site, free_address, source, wait_for, wait_until};
use test_network::Network;

use crate::secured::put;

/// A block of the document.
fn block(name: &str) -> String {
    let text = fs::read_to_string(source("docs/tls.md")).unwrap();
    let (_, rest) = text.split_once(&format!("<!-- run: {name} -->\n```")).unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("\n```").unwrap().0.to_owned() + "\n"
}

/// Runs a block in the site's directory.
fn run(site: &Site, name: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-euc", &block(name)]).current_dir(site.root());
    let output = shell.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A program in the foreground, ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let group = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        let _ = nix::sys::signal::killpg(group, Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

fn spawn(mut command: Command, site: &Site, address: SocketAddr) -> Running {
    command
        .current_dir(site.root())
        .process_group(0)
        .stdin(Stdio::null());
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    wait_until("the terminator", || TcpStream::connect(address).is_ok());
    running
}

/// lond, the files of both sides, and where the terminator listens.
struct Stage {
    peer: Peer,
    site: Site,
    address: SocketAddr,
}

impl Stage {
    fn new() -> Self {
        let peer = Peer::at([127, 0, 0, 1].into());
        let address = free_address();
        let site = Site::new(address, "");
        run(&site, "authority");
        let both = ["msul1.pem", "msul1.key"].map(|name| fs::read_to_string(site.path(name)).unwrap());
        put(&site, "msul1-both.pem", &both.concat());
        fs::create_dir(site.path("delayed")).unwrap();
        Self { peer, site, address }
    }

    /// A block with the paths, ports and addresses of this stage.
    fn adapted(&self, name: &str) -> String {
        let lond = format!("127.0.0.1:{}", self.peer.addr().port());
        let text = block(name).replace("127.0.0.1:5663", &lond);
        let text = text.replace("5664", &self.address.port().to_string());
        ["/etc/haproxy", "/etc/stunnel", "/etc/lonc/tls"]
            .iter()
            .fold(text, |text, dir| text.replace(dir, self.site.root()))
    }

    /// The configuration of lonc; the address stands in place of the peer's name.
    fn configure(&self, more: &str) {
        let own = self
            .adapted("lonc")
            .replace("[peer.msul1]\n", "[peer.msul1]\naddress = '127.0.0.1'\n");
        self.site.write_config(&format!(
            "host_id = 'msul2'\nsocket_dir = 'DIR/sockets'\ncontrol_dir = 'DIR/control'\nspool_dir = 'DIR/delayed'\n\
             permanent_log = 'DIR/perm.log'\n{QUICK}\n{own}server_name = 'msul1.example.edu'\n{more}\n"
        ));
    }

    fn haproxy(&self) -> Option<Running> {
        let mut command = Command::new(installed("haproxy")?);
        self.site.write("haproxy.cfg", &self.adapted("haproxy"));
        command.args(["-db", "-f", "haproxy.cfg"]);
        Some(spawn(command, &self.site, self.address))
    }

    fn stunnel(&self) -> Option<Running> {
        let mut command = Command::new(installed("stunnel4")?);
        self.site.write(
            "stunnel.conf",
            &format!("foreground = yes\npid =\n{}", self.adapted("stunnel")),
        );
        command.arg("stunnel.conf");
        Some(spawn(command, &self.site, self.address))
    }

    /// One connection, with lond behind it.
    fn openssl(&self) -> Running {
        let mut command = Command::new("openssl");
        command.args([
            "s_server",
            "-quiet",
            "-tls1_3",
            "-Verify",
            "1",
            "-verify_return_error",
        ]);
        command.args(["-accept", &self.address.to_string(), "-CAfile", "ca.pem"]);
        command.args(["-cert", "msul1.pem", "-key", "msul1.key", "-naccept", "1"]);
        command.current_dir(self.site.root()).process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut lond = TcpStream::connect(self.peer.addr()).unwrap();
        let mut answers = lond.try_clone().unwrap();
        thread::spawn(move || io::copy(&mut from, &mut lond));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read) = answers.read(&mut bytes) {
                if read == 0 || to.write_all(&bytes[..read]).is_err() || to.flush().is_err() {
                    break;
                }
            }
        });
        Running(child)
    }
}

#[test]
fn haproxy_as_documented() {
    let stage = Stage::new();
    let start = || stage.haproxy();
    let Some(terminator) = start() else { return };
    stage.configure("require_alpn = true");
    serves(&stage, &start, terminator);
}

#[test]
fn stunnel_as_documented() {
    let stage = Stage::new();
    let start = || stage.stunnel();
    let Some(terminator) = start() else { return };
    stage.configure("");
    serves(&stage, &start, terminator);
}

#[test]
fn openssl_with_certificates_on_both_sides() {
    let stage = Stage::new();
    let _server = stage.openssl();
    stage.configure("");
    let config = fs::read_to_string(stage.site.path("lonc.toml")).unwrap();
    // It takes one connection.
    let config = config.replace("[link]\n", "[link]\nmax_connections = 1\n");
    stage.site.write_config(&config);
    let lonc = stage.site.clone().start();
    let mut client = lonc.client();
    wait_until("the link", || client.ask("echo:1") == "1");
    assert_eq!(client.ask("encrypt:echo:2"), "2");
    let large = "x".repeat(1 << 20);
    assert_eq!(client.ask(&format!("encrypt:echo:{large}")), large);
}

#[test]
fn who_lost_its_key_is_revoked_as_documented() {
    let stage = Stage::new();
    let start = || stage.haproxy();
    let Some(_terminator) = start() else { return };
    run(&stage.site, "revoke");
    stage.configure("crl = 'DIR/crl.pem'");
    let lonc = stage.site.clone().start();
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    lonc.await_log("the peer's certificate was revoked");
    assert!(stage.peer.commands().is_empty());
}

#[test]
fn who_shows_no_certificate_does_not_reach_lond() {
    for start in [Stage::haproxy, Stage::stunnel] {
        let stage = Stage::new();
        let Some(_terminator) = start(&stage) else { return };
        stage.configure("");
        let config = fs::read_to_string(stage.site.path("lonc.toml")).unwrap();
        let without = |line: &&str| !line.starts_with("certificate") && !line.starts_with("key");
        let config: Vec<_> = config.lines().filter(without).collect();
        stage.site.write_config(&config.join("\n"));
        let lonc = stage.site.clone().start();
        assert_eq!(lonc.client().ask("echo:1"), "con_lost");
        lonc.await_log("the peer wants a certificate of ours");
        assert!(stage.peer.commands().is_empty());
    }
}

/// With the rule and the route of the document lond sees the caller's own address, though it has another network's between.
#[test]
fn the_callers_address_passes_haproxy_as_documented() {
    let (Some(haproxy), Some(network)) = (installed("haproxy"), Network::lay()) else {
        return;
    };
    let listener = network.far.enter(|| TcpListener::bind("127.0.0.1:0").unwrap());
    let lond = listener.local_addr().unwrap();
    let address = SocketAddr::new(network.far.v4.into(), lond.port().wrapping_sub(1));
    let site = Site::new(address, "");
    run(&site, "authority");
    let both = ["msul1.pem", "msul1.key"].map(|name| fs::read_to_string(site.path(name)).unwrap());
    put(&site, "msul1-both.pem", &both.concat());
    let document = fs::read_to_string(source("docs/tls.md")).unwrap();
    let instead = "source 0.0.0.0 usesrc clientip";
    for words in [
        instead,
        "ip rule add from 127.0.0.1/8 iif lo table 123",
        "ip route add local 0.0.0.0/0 dev lo table 123",
    ] {
        assert!(document.contains(words), "{words}");
    }
    network.far.ip(&[
        "rule add from 127.0.0.1/8 iif lo table 123",
        "route add local 0.0.0.0/0 dev lo table 123",
    ]);
    let text = block("haproxy")
        .replace("127.0.0.1:5663", &lond.to_string())
        .replace("5664", &address.port().to_string())
        .replace("/etc/haproxy", site.root())
        .replace("source 127.0.1.2", instead);
    site.write("haproxy.cfg", &text);
    let mut command = Command::new(haproxy);
    command.args(["-db", "-f", "haproxy.cfg"]);
    let _terminator = network.far.enter(|| spawn(command, &site, address));
    let tls = block("lonc").replace("/etc/lonc/tls", site.root());
    let tls = tls.split_once("[peer.msul1.tls]").unwrap().1;
    let own = format!("{QUICK}[link.tls]{tls}server_name = 'msul1.example.edu'\n");
    site.configure(address, &own);
    let _lonc = network.near.enter(|| site.start());
    listener.set_nonblocking(true).unwrap();
    let (_, caller) = wait_for("the link", || listener.accept().ok());
    assert_eq!(caller.ip(), network.near.v4);
}

/// Requests of each kind, and links on demand; a new certificate of ours under load; an end and a return.
fn serves(stage: &Stage, start: &dyn Fn() -> Option<Running>, terminator: Running) {
    let lonc = stage.site.clone().start();
    let mut client = lonc.client();
    wait_until("the link", || client.ask("echo:1") == "1");
    assert_eq!(client.ask("encrypt:echo:2"), "2");
    assert_eq!(client.ask("critical:echo:3"), "3");
    let large = "x".repeat(1 << 20);
    assert_eq!(client.ask(&format!("echo:{large}")), large);
    let before = stage.peer.connections();
    let mut clients: Vec<_> = (0..4).map(|_| lonc.client()).collect();
    for client in &mut clients {
        client.say("sleep:500:slept");
    }
    for client in &mut clients {
        assert_eq!(client.hear(), "slept");
    }
    assert!(stage.peer.connections() > before, "no link on demand");
    for round in 0..5 {
        renew(&stage.site);
        lonc.signal(Signal::SIGHUP);
        for number in 0..100 {
            client.say(format!("echo:{round}-{number}"));
        }
        for number in 0..100 {
            assert_eq!(client.hear(), format!("{round}-{number}"));
        }
    }
    // Without a terminator critical ones wait, and go first when it is back.
    drop(terminator);
    wait_until("the end of the links", || client.ask("echo:1") == "con_lost");
    assert_eq!(client.ask("critical:echo:delayed"), "con_delayed");
    let _terminator = start();
    stage.peer.await_command("echo:delayed");
    wait_until("a link again", || client.ask("echo:4") == "4");
}

/// Has our certificate signed anew.
fn renew(site: &Site) {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "x509",
        "-req",
        "-in",
        "msul2.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
    ]);
    openssl.args([
        "-CAcreateserial",
        "-days",
        "397",
        "-copy_extensions",
        "copy",
        "-out",
        "msul2.pem",
    ]);
    let output = openssl.current_dir(site.root()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
