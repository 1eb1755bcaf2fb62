//! One host.

use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;
use std::panic::resume_unwind;
use std::process::{self, Command, Stdio};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use tempfile::NamedTempFile;

use crate::CABLE;

/// A network and a table of names of its own; for all else it is the host on which the tests run.
pub struct Host {
    /// Its address of the old kind.
    pub v4: Ipv4Addr,
    /// Its address of the new kind.
    pub v6: Ipv6Addr,
    /// That of its end of the cable.
    pub(crate) hardware: String,
    network: File,
    mounts: File,
    names: NamedTempFile,
}

impl Host {
    /// That of this number.
    pub(crate) fn make(number: u8) -> io::Result<Self> {
        let names = NamedTempFile::new()?;
        let (network, mounts) = apart(|| {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
            let none = None::<&str>;
            // What is mounted in here stays in here.
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
            mount(Some(names.path()), "/etc/hosts", none, MsFlags::MS_BIND, none)?;
            let own = |kind| File::open(format!("/proc/thread-self/ns/{kind}"));
            io::Result::Ok((own("net")?, own("mnt")?))
        })?;
        let host = Self {
            v4: Ipv4Addr::new(192, 0, 2, number),
            v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)),
            hardware: format!("02:00:00:00:00:{number:02x}"),
            network,
            mounts,
            names,
        };
        host.know(&[]);
        Ok(host)
    }

    /// Does something on this host. Sockets that are made and processes that are started meanwhile stay there,
    /// whoever uses them later.
    pub fn enter<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        apart(|| {
            // Only who has a working directory of its own can change to other mounts.
            unshare(CloneFlags::CLONE_FS).expect("root may do so");
            setns(&self.mounts, CloneFlags::CLONE_NEWNS).expect("root may do so");
            setns(&self.network, CloneFlags::CLONE_NEWNET).expect("root may do so");
            what()
        })
    }

    /// From now on this host knows these names and no others; one may have several addresses.
    pub fn know(&self, names: &[(&str, IpAddr)]) {
        let local = ["127.0.0.1 localhost", "::1 localhost"].map(str::to_owned);
        let others = names.iter().map(|(name, address)| format!("{address} {name}"));
        let table: Vec<_> = local.into_iter().chain(others).collect();
        // Written in place: what is mounted is this file, and none that takes its name.
        fs::write(self.names.path(), table.join("\n") + "\n").expect("a file of our own");
    }

    /// Gives it one more address.
    pub fn add_address(&self, address: IpAddr) {
        self.ip(&[&adding(address)]);
    }

    /// Runs these commands of ip(8), without the word `ip`.
    pub fn ip(&self, commands: &[impl Display]) {
        for command in commands {
            if let Err(error) = self.try_run("ip", &command.to_string()) {
                panic!("ip {command}: {error}");
            }
        }
    }

    /// Runs a program on it with these arguments, between single blanks.
    pub(crate) fn try_run(&self, program: &str, arguments: &str) -> io::Result<()> {
        let run = || {
            Command::new(program)
                .args(arguments.split(' '))
                .stdin(Stdio::null())
                .output()
        };
        let output = self.enter(run)?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim()))
    }

    /// Lays a cable from it to another, where its end is called `name`; `hardware` is the address of that, as words of
    /// ip(8).
    pub(crate) fn lay_cable(&self, name: &str, hardware: &str, to: &Self) -> io::Result<()> {
        let own = &self.hardware;
        let there = to.network_path();
        self.try_run(
            "ip",
            &format!("link add {CABLE} address {own} type veth peer name {name}{hardware} netns {there}"),
        )
    }

    /// Where other processes find its network while this one lives.
    fn network_path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.network.as_raw_fd())
    }

    /// Brings its end of the cable up, and tells it where `other` is.
    pub(crate) fn connect(&self, other: &Self) {
        self.ip(&["link set lo up".to_owned(), format!("link set {CABLE} up")]);
        self.ip(&self.addressing());
        // It need not ask, so that it has no answer to miss.
        for address in [other.v4.into(), other.v6.into()] {
            self.neighbour(address, &other.hardware);
        }
    }

    /// What gives it the addresses it has of its own.
    pub(crate) fn addressing(&self) -> [String; 2] {
        [self.v4.into(), self.v6.into()].map(adding)
    }

    pub(crate) fn neighbour(&self, address: IpAddr, hardware: &str) {
        self.ip(&[format!(
            "neighbour replace {address} lladdr {hardware} dev {CABLE} nud permanent"
        )]);
    }
}

fn adding(address: IpAddr) -> String {
    let length = if address.is_ipv4() { 24 } else { 64 };
    // Nobody else can have it, so it is used at once.
    let at_once = if address.is_ipv4() { "" } else { " nodad" };
    format!("address replace {address}/{length} dev {CABLE}{at_once}")
}

/// Does something in a thread of its own, for namespaces are each thread's own.
fn apart<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(what).join()).unwrap_or_else(|panic| resume_unwind(panic))
}
