//! A peer that has proved itself and then does harm by TLS: memory stays bounded, and nobody else waits for it.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection};
use test_harness::tls::{Authority, Demands, server_config};
use test_harness::{Lonc, Peer, QUICK, Site, wait_until};

use crate::secured::{NAME, Secured, put};
use crate::told::told;

/// What it does in place of passing on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    None,
    /// New keys again and again.
    KeyUpdates,
    /// New keys after each byte: what limits the first does not count then.
    KeyUpdatesBetweenBytes,
    /// Bytes without end, in records as large as can be,
    LargeRecords,
    /// or as small.
    SmallRecords,
    /// It takes nothing, and says nothing.
    Standstill,
}

const ALL: [Harm; 5] = [
    Harm::KeyUpdates,
    Harm::KeyUpdatesBetweenBytes,
    Harm::LargeRecords,
    Harm::SmallRecords,
    Harm::Standstill,
];

/// So long a link is left alone with it.
const LIMITS: &str = "handshake_timeout = '400ms'\nopening_timeout = '1s'\nrequest_timeout = '600ms'\nconnect_wait = '200ms'\n\
                      max_reply_bytes = '64KiB'\n";
/// An unoptimised lonc takes seconds for all that is thrown at it.
const SOON: Duration = Duration::from_secs(25);
/// Of an instance, in MiB; idle it has some 10.
const MOST: u64 = 48;

/// In front of a lond, which it passes everything on to until it does harm.
struct Hostile {
    address: SocketAddr,
    harm: Arc<Mutex<Harm>>,
    only_first: Arc<AtomicBool>,
}

impl Hostile {
    fn start(lond: SocketAddr, config: &Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hostile = Self {
            address: listener.local_addr().unwrap(),
            harm: Arc::new(Mutex::new(Harm::None)),
            only_first: Arc::default(),
        };
        let (harm, only_first, config) = (
            Arc::clone(&hostile.harm),
            Arc::clone(&hostile.only_first),
            Arc::clone(config),
        );
        thread::spawn(move || {
            for (index, stream) in listener.incoming().flatten().enumerate() {
                let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                let (harm, only_first) = (Arc::clone(&harm), Arc::clone(&only_first));
                thread::spawn(move || {
                    let harm = || {
                        let spared = index > 0 && only_first.load(Ordering::SeqCst);
                        if spared { Harm::None } else { *harm.lock().unwrap() }
                    };
                    let _ = serve(session, stream, lond, &harm);
                });
            }
        });
        hostile
    }

    fn set(&self, harm: Harm) {
        *self.harm.lock().unwrap() = harm;
    }
}

fn serve(
    mut session: ServerConnection,
    mut tcp: TcpStream,
    lond: SocketAddr,
    harm: &dyn Fn() -> Harm,
) -> io::Result<()> {
    const MOMENT: Duration = Duration::from_millis(2);
    tcp.set_nodelay(true)?;
    session.complete_io(&mut tcp)?;
    let mut inside = TcpStream::connect(lond)?;
    inside.set_nodelay(true)?;
    inside.set_read_timeout(Some(MOMENT))?;
    tcp.set_read_timeout(Some(MOMENT))?;
    let mut bytes = vec![0; 16_384];
    loop {
        let chosen = harm();
        if chosen != Harm::None {
            return do_harm(chosen, &mut session, &mut tcp, harm);
        }
        match session.read_tls(&mut tcp) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(fault) if is_moment(&fault) => {}
            Err(fault) => return Err(fault),
        }
        session.process_new_packets().map_err(io::Error::other)?;
        while let Ok(read) = session.reader().read(&mut bytes) {
            if read == 0 {
                return Ok(());
            }
            inside.write_all(&bytes[..read])?;
        }
        match inside.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(read) => say(&mut session, &mut tcp, &bytes[..read])?,
            Err(fault) if is_moment(&fault) => {}
            Err(fault) => return Err(fault),
        }
    }
}

fn is_moment(fault: &io::Error) -> bool {
    matches!(fault.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn say(session: &mut ServerConnection, tcp: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let taken = session.writer().write(bytes)?;
        bytes = &bytes[taken..];
        flush(session, tcp)?;
    }
    Ok(())
}

fn flush(session: &mut ServerConnection, tcp: &mut TcpStream) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(tcp)?;
    }
    Ok(())
}

/// Until it is told to do no more, or the connection ends.
fn do_harm(
    chosen: Harm,
    session: &mut ServerConnection,
    tcp: &mut TcpStream,
    harm: &dyn Fn() -> Harm,
) -> io::Result<()> {
    let large = vec![b'x'; 16_384];
    tcp.set_write_timeout(Some(Duration::from_secs(5)))?;
    while harm() == chosen {
        match chosen {
            Harm::None => {}
            Harm::KeyUpdates => session.refresh_traffic_keys().map_err(io::Error::other)?,
            Harm::KeyUpdatesBetweenBytes => {
                session.refresh_traffic_keys().map_err(io::Error::other)?;
                say(session, tcp, b"x")?;
            }
            Harm::LargeRecords => say(session, tcp, &large)?,
            Harm::SmallRecords => say(session, tcp, b"x")?,
            Harm::Standstill => thread::sleep(Duration::from_millis(10)),
        }
        flush(session, tcp)?;
    }
    Ok(())
}

/// A lond, its hostile terminator, and an instance.
struct Stage {
    hostile: Hostile,
    lonc: Lonc,
    _peer: Peer,
}

impl Stage {
    fn set(harm: Harm, link: &str, only_first: bool, demands: &Demands) -> Self {
        let (peer, authority) = (Peer::start(), Authority::new());
        peer.keep_journal(false);
        let config = server_config(&authority.good(NAME), demands);
        let hostile = Hostile::start(peer.addr(), &config);
        hostile.only_first.store(only_first, Ordering::SeqCst);
        hostile.set(harm);
        let site = Site::new(
            hostile.address,
            &format!("{QUICK}{LIMITS}{link}[link.tls]\nmode = 'require'\nca = 'DIR/ca.pem'\n"),
        );
        put(&site, "ca.pem", authority.pem());
        Self {
            hostile,
            lonc: site.start(),
            _peer: peer,
        }
    }

    /// Whoever asks is answered in time, workers and operators alike.
    fn assert_served(&self, harm: Harm) {
        for number in 0..4 {
            let begun = Instant::now();
            let heard = self.lonc.client().ask(&format!("echo:{number}"));
            assert!(
                heard == "con_lost" || heard == number.to_string(),
                "{harm:?}: {heard}"
            );
            let status = told(&self.lonc, "loncctl", &["status"]);
            assert!(status.contains("msul1"), "{harm:?}: {status}");
            assert!(begun.elapsed() < SOON, "{harm:?}: {:?}", begun.elapsed());
        }
        let peak = self.lonc.peak_memory();
        assert!(peak < MOST, "{harm:?}: {peak} MiB");
    }

    fn assert_recovers(&mut self) {
        self.hostile.set(Harm::None);
        let mut client = self.lonc.client();
        wait_until("recovery", || client.ask("encrypt:echo:well") == "well");
        self.lonc.assert_alive();
    }
}

#[test]
fn harm_before_the_dialogue() {
    for harm in ALL {
        let mut stage = Stage::set(harm, "", false, &Demands::default());
        stage.assert_served(harm);
        stage.assert_recovers();
    }
}

#[test]
fn harm_while_the_link_is_up() {
    for harm in ALL {
        let mut stage = Stage::set(Harm::None, "", false, &Demands::default());
        let mut client = stage.lonc.client();
        wait_until("the link", || client.ask("echo:1") == "1");
        client.say("hold:slept");
        stage.hostile.set(harm);
        assert_eq!(client.hear(), "con_lost", "{harm:?}");
        stage.assert_served(harm);
        stage.assert_recovers();
    }
}

#[test]
fn harm_on_one_link_leaves_the_others_alone() {
    for harm in [
        Harm::KeyUpdatesBetweenBytes,
        Harm::SmallRecords,
        Harm::LargeRecords,
    ] {
        let link = "connections = 2\nmax_connections = 2\n";
        let mut stage = Stage::set(Harm::None, link, true, &Demands::default());
        let mut client = stage.lonc.client();
        wait_until("the link", || client.ask("echo:1") == "1");
        stage.hostile.set(harm);
        let mut num_served = 0;
        for number in 0..100 {
            let heard = stage.lonc.client().ask(&format!("echo:{number}"));
            assert!(
                heard == "con_lost" || heard == number.to_string(),
                "{harm:?}: {heard}"
            );
            num_served += usize::from(heard != "con_lost");
        }
        assert!(num_served > 50, "{harm:?}: {num_served}");
        stage.assert_recovers();
    }
}

#[test]
fn sessions_in_plenty_take_no_room() {
    for (num, is_taken) in [(200, true), (20_000, false)] {
        let demands = Demands {
            tickets: Some(num),
            ..Demands::default()
        };
        let secured = Secured::with(|_| demands);
        let lonc = secured.start("", &[]);
        if is_taken {
            let mut client = lonc.client();
            for _ in 0..5 {
                wait_until("the link", || client.ask("echo:1") == "1");
                secured.peer.drop_links();
            }
            wait_until("the link", || client.ask("echo:1") == "1");
        } else {
            lonc.await_log("more than TLS takes at once");
            assert_eq!(lonc.client().ask("echo:1"), "con_lost");
        }
        let peak = lonc.peak_memory();
        assert!(peak < MOST, "{num}: {peak} MiB");
    }
}

#[test]
fn requests_for_a_peer_that_takes_nothing_take_no_more_room_than_they_may() {
    let link = "[client]\nmax_queued_bytes = '8MiB'\nmax_client_bytes = '4MiB'\nmax_request_bytes = '4MiB'\n";
    let mut stage = Stage::set(Harm::None, link, false, &Demands::default());
    let mut clients: Vec<_> = (0..6).map(|_| stage.lonc.client()).collect();
    wait_until("the link", || clients[0].ask("echo:1") == "1");
    stage.hostile.set(Harm::Standstill);
    let large = format!("echo:{}", "x".repeat(3 << 20));
    thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| assert_eq!(client.ask(&large), "con_lost"));
        }
    });
    let peak = stage.lonc.peak_memory();
    assert!(peak < MOST, "{peak} MiB");
    stage.assert_recovers();
}
