//! What stands in front of a lond: takes TLS, and passes on what is inside.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

use super::Pair;

/// What it asks of who connects, and what it does besides passing on.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// A certificate signed by this authority, in PEM.
    pub client: Option<String>,
    /// The protocols inside that it knows; with none it says nothing of them.
    pub protocols: Vec<Vec<u8>>,
    /// It keeps no session.
    pub forgets: bool,
    /// It passes on so many bytes of what lond says, and then ends without a word.
    pub cut_after: Option<usize>,
    /// More sessions that can be resumed than the usual two are given out, so many.
    pub tickets: Option<usize>,
    /// It would take so many bytes before the handshake is done.
    pub early_bytes: u32,
}

/// A running one; stopped when dropped.
pub struct Terminator {
    address: SocketAddr,
    config: Arc<RwLock<Arc<ServerConfig>>>,
    counts: Arc<Counts>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    secured: AtomicUsize,
    resumed: AtomicUsize,
    early: AtomicUsize,
}

impl Terminator {
    /// In front of `lond`, with this certificate.
    pub fn start(lond: SocketAddr, pair: &Pair, demands: &Demands) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), lond, pair, demands)
    }

    /// The same, at this address; in the network of the thread that calls.
    pub fn at(address: SocketAddr, lond: SocketAddr, pair: &Pair, demands: &Demands) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let bound = runtime.block_on(TcpListener::bind(address));
        let listener = bound.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Arc::new(RwLock::new(server_config(pair, demands)));
        let counts = Arc::new(Counts::default());
        let serving = serve(
            listener,
            lond,
            Arc::clone(&config),
            Arc::clone(&counts),
            demands.cut_after,
        );
        runtime.spawn(serving);
        Self {
            address,
            config,
            counts,
            _runtime: runtime,
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Has another certificate, and other demands, from now on.
    pub fn renew(&self, pair: &Pair, demands: &Demands) {
        *self.config.write().unwrap() = server_config(pair, demands);
    }

    /// How many have connected, how many of those finished the handshake, and how many of those by an earlier session.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
        let counts = &self.counts;
        (
            count(&counts.connections),
            count(&counts.secured),
            count(&counts.resumed),
        )
    }

    /// How many of them said something before the handshake was done.
    pub fn num_early(&self) -> usize {
        self.counts.early.load(Ordering::SeqCst)
    }
}

/// TLS 1.3 with this certificate.
pub fn server_config(pair: &Pair, demands: &Demands) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap);
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap();
    let builder = match &demands.client {
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
                .unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain.collect(), key).unwrap();
    config.alpn_protocols.clone_from(&demands.protocols);
    config.session_storage = ServerSessionMemoryCache::new(64);
    if demands.forgets {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    config.send_tls13_tickets = demands.tickets.unwrap_or(config.send_tls13_tickets);
    config.max_early_data_size = demands.early_bytes;
    Arc::new(config)
}

async fn serve(
    listener: TcpListener,
    lond: SocketAddr,
    config: Arc<RwLock<Arc<ServerConfig>>>,
    counts: Arc<Counts>,
    cut_after: Option<usize>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        counts.connections.fetch_add(1, Ordering::SeqCst);
        let acceptor = TlsAcceptor::from(config.read().unwrap().clone());
        let counts = Arc::clone(&counts);
        tokio::spawn(async move { pass_on(acceptor, stream, lond, &counts, cut_after).await });
    }
}

/// Nothing reaches lond of who does not finish the handshake.
async fn pass_on(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    lond: SocketAddr,
    counts: &Counts,
    cut_after: Option<usize>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = acceptor.accept(stream).await?;
    counts.secured.fetch_add(1, Ordering::SeqCst);
    if stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
        counts.resumed.fetch_add(1, Ordering::SeqCst);
    }
    if stream.get_mut().1.early_data().is_some() {
        counts.early.fetch_add(1, Ordering::SeqCst);
    }
    let mut inside = TcpStream::connect(lond).await?;
    inside.set_nodelay(true)?;
    let Some(most) = cut_after else {
        copy_bidirectional(&mut stream, &mut inside).await?;
        return Ok(());
    };
    let (mut from_lonc, mut to_lonc) = tokio::io::split(stream);
    let (mut from_lond, mut to_lond) = inside.split();
    let mut left = most;
    let mut bytes = [0; 1024];
    let answers = async {
        while left > 0 {
            let room = left.min(bytes.len());
            let read = from_lond.read(&mut bytes[..room]).await?;
            if read == 0 {
                break;
            }
            left -= read;
            to_lonc.write_all(&bytes[..read]).await?;
            to_lonc.flush().await?;
        }
        io::Result::Ok(())
    };
    tokio::select! {
        _ = tokio::io::copy(&mut from_lonc, &mut to_lond) => {}
        ended = answers => ended?,
    }
    // Both halves go without the word that ends TLS.
    Ok(())
}
