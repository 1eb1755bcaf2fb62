//! An address that swallows whoever connects.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// A port at which connecting neither succeeds nor fails, as behind a filter; until dropped, when it refuses.
pub struct Blackhole {
    listener: TcpListener,
    /// They take the places there are, so that the kernel answers nobody else.
    _taken: Vec<TcpStream>,
}

impl Blackhole {
    /// Opens one at this address, on the current runtime.
    pub async fn open(addr: SocketAddr) -> io::Result<Self> {
        let socket = socket_for(addr)?;
        socket.bind(addr)?;
        let listener = socket.listen(0)?;
        let mut taken = Vec::new();
        let own = listener.local_addr()?;
        while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(own)).await {
            taken.push(stream?);
        }
        Ok(Self {
            listener,
            _taken: taken,
        })
    }

    /// Where it is.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A socket of the address' kind, for an address that may have been in use just before.
pub(crate) fn socket_for(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    Ok(socket)
}
