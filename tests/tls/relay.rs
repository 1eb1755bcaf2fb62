//! What carries the bytes between lonc and a terminator, and does not always carry them all, or fast.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToPeer,
    ToLonc,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As of one who has finished.
    Fin,
    /// As of a host that knows nothing of it.
    Reset,
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// It ends when so many bytes have gone this way.
    pub(crate) cut: Option<(Way, usize, End)>,
    /// Each connection is cut so much later than the one before.
    pub(crate) step: usize,
    /// Bytes go one by one, with this between them.
    pub(crate) trickle: Option<Duration>,
}

/// A running one; stopped when dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    plan: Mutex<Plan>,
    carried: [AtomicUsize; 2],
    /// What had gone each way when lonc said its second word.
    greeted: OnceLock<[usize; 2]>,
}

impl Relay {
    /// In front of `peer`.
    pub(crate) fn start(peer: SocketAddr, plan: Plan) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        let shared = Arc::new(Shared {
            plan: Mutex::new(plan),
            carried: Default::default(),
            greeted: OnceLock::new(),
        });
        let address = listener.local_addr().unwrap();
        let its = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let plan = its.next();
                tokio::spawn(carry(near, peer, plan, Arc::clone(&its)));
            }
        });
        Self {
            address,
            shared,
            _runtime: runtime,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    /// After how many bytes the next connection ends.
    pub(crate) fn next_cut(&self) -> usize {
        self.shared
            .plan
            .lock()
            .unwrap()
            .cut
            .map_or(usize::MAX, |(_, after, _)| after)
    }

    /// For connections from now on.
    pub(crate) fn set(&self, plan: Plan) {
        *self.shared.plan.lock().unwrap() = plan;
    }

    /// How many bytes the first greetings of lonc and of its peer were.
    pub(crate) fn greetings(&self) -> [usize; 2] {
        *self.shared.greeted.get().unwrap()
    }
}

impl Shared {
    fn next(&self) -> Plan {
        let mut plan = self.plan.lock().unwrap();
        let its = *plan;
        if let Some((_, after, _)) = &mut plan.cut {
            *after += its.step;
        }
        its
    }

    async fn pass_on(
        &self,
        way: Way,
        plan: Plan,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let cut = plan.cut.filter(|(cut, ..)| *cut == way);
        let mut left = cut.map_or(usize::MAX, |(_, after, _)| after);
        let mut bytes = [0; 4096];
        while left > 0 {
            let room = if plan.trickle.is_some() { 1 } else { bytes.len() };
            let read = from.read(&mut bytes[..room.min(left)]).await?;
            if read == 0 {
                break;
            }
            let carried = self
                .carried
                .each_ref()
                .map(|carried| carried.load(Ordering::SeqCst));
            if way == Way::ToPeer && carried[Way::ToLonc as usize] > 0 {
                self.greeted.get_or_init(|| carried);
            }
            to.write_all(&bytes[..read]).await?;
            self.carried[way as usize].fetch_add(read, Ordering::SeqCst);
            left -= read;
            if let Some(pause) = plan.trickle {
                sleep(pause).await;
            }
        }
        Ok(())
    }
}

/// Carries both ways until either ends.
async fn carry(mut near: TcpStream, peer: SocketAddr, plan: Plan, shared: Arc<Shared>) -> io::Result<()> {
    let mut far = TcpStream::connect(peer).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (from_near, to_near) = near.split();
    let (from_far, to_far) = far.split();
    tokio::select! {
        _ = shared.pass_on(Way::ToPeer, plan, from_near, to_far) => {}
        _ = shared.pass_on(Way::ToLonc, plan, from_far, to_near) => {}
    }
    if let Some((.., End::Reset)) = plan.cut {
        near.set_zero_linger()?;
        far.set_zero_linger()?;
    }
    Ok(())
}
