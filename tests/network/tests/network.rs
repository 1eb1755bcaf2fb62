//! The network does what it says, with real sockets and a stand-in lond.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests too")]

use std::io::{self, BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::process::Command;
use std::time::Duration;

use stand_in_lond::Lond;
use test_network::Network;
use tokio::runtime::{Builder, Runtime};

/// Far more than an answer takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// As long as silence is listened to.
const A_WHILE: Duration = Duration::from_millis(300);

/// A network with a lond on its far host.
struct Run {
    network: Network,
    lond: Lond,
    _runtime: Runtime,
}

impl Run {
    fn start() -> Option<Self> {
        let network = Network::lay()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        // Whatever address of the far host it is asked at.
        let anywhere = SocketAddr::from(([0; 16], 0));
        let binding = Lond::bind("msul1", anywhere);
        let lond = network.far.enter(|| runtime.block_on(binding)).unwrap();
        Some(Self {
            network,
            lond,
            _runtime: runtime,
        })
    }

    /// A connection from the near host, if it comes about in so long.
    fn connect(&self, to: impl Into<IpAddr>, limit: Duration) -> io::Result<Caller> {
        let to = SocketAddr::new(to.into(), self.lond.port());
        let stream = self
            .network
            .near
            .enter(|| TcpStream::connect_timeout(&to, limit))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Caller(BufReader::new(stream)))
    }
}

struct Caller(BufReader<TcpStream>);

impl Caller {
    fn send(&mut self, line: &str) {
        writeln!(self.0.get_mut(), "{line}").unwrap();
    }

    fn hear(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line)
    }

    /// Nothing comes for a while, neither an answer nor an end.
    fn hears_nothing(&mut self) {
        self.0.get_ref().set_read_timeout(Some(A_WHILE)).unwrap();
        assert_eq!(self.hear().unwrap_err().kind(), ErrorKind::WouldBlock);
        self.0.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    }
}

#[test]
fn a_host_can_vanish_and_come_back() {
    let Some(run) = Run::start() else { return };
    let network = &run.network;
    for (leave, come) in [
        (Network::vanish as fn(&_), Network::come_back as fn(&_)),
        (Network::unplug, Network::plug_in),
    ] {
        let mut caller = run.connect(network.far.v4, PATIENCE).unwrap();
        caller.send("init");
        let challenge = caller.hear().unwrap();
        leave(network);
        let mut lost = run.connect(network.far.v4, A_WHILE);
        assert_eq!(lost.err().unwrap().kind(), ErrorKind::TimedOut);
        lost = run.connect(network.far.v6, A_WHILE);
        assert_eq!(lost.err().unwrap().kind(), ErrorKind::TimedOut);
        caller.send(challenge.trim());
        caller.hears_nothing();
        come(network);
        // The kernel has kept it, and sends it again.
        assert_eq!(caller.hear().unwrap(), "ok\n");
        run.connect(network.far.v6, PATIENCE).unwrap();
    }
}

#[test]
fn an_address_can_swallow_everything() {
    let Some(run) = Run::start() else { return };
    let network = &run.network;
    for address in Network::NOBODY {
        network.blackhole(address);
        let lost = run.connect(address, A_WHILE).err().unwrap();
        assert_eq!(lost.kind(), ErrorKind::TimedOut, "{address}");
    }
    run.connect(network.far.v6, PATIENCE).unwrap();
    network.blackhole(network.far.v6.into());
    let lost = run.connect(network.far.v6, A_WHILE).err().unwrap();
    assert_eq!(lost.kind(), ErrorKind::TimedOut);
    run.connect(network.far.v4, PATIENCE).unwrap();
    // Where nobody listens there is an answer.
    let refused = SocketAddr::new(network.far.v4.into(), 1);
    let refused = network.near.enter(|| TcpStream::connect(refused));
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn names_are_the_hosts_own_and_can_move() {
    let Some(network) = Network::lay() else { return };
    let (near, far) = (&network.near, &network.far);
    let [nobody, _] = Network::NOBODY;
    let look_up = || {
        let found = near.enter(|| ("zaphod.test", 5663).to_socket_addrs());
        found.map(|found| found.map(|address| address.ip()).collect::<Vec<_>>())
    };
    near.know(&[("zaphod.test", nobody), ("zaphod.test", far.v4.into())]);
    assert_eq!(look_up().unwrap(), [nobody, far.v4.into()]);
    near.know(&[("zaphod.test", far.v6.into())]);
    assert_eq!(look_up().unwrap(), [IpAddr::from(far.v6)]);
    near.know(&[]);
    assert!(look_up().is_err());
    // A process that is started there is there.
    near.know(&[("zaphod.test", far.v4.into())]);
    let mut getent = Command::new("getent");
    getent.args(["hosts", "zaphod.test"]);
    assert!(near.enter(|| getent.output()).unwrap().status.success());
    assert!(!far.enter(|| getent.output()).unwrap().status.success());
    assert!(!getent.output().unwrap().status.success());
}

#[test]
fn a_host_can_have_more_addresses() {
    let Some(run) = Run::start() else { return };
    for address in ["192.0.2.77", "2001:db8::77"] {
        let address: IpAddr = address.parse().unwrap();
        run.network.far.add_address(address);
        run.connect(address, PATIENCE).unwrap();
    }
}
