//! A way to the peer that takes time, and carries as much as is given to it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// Listens, and passes every connection on to `peer`; each byte arrives so much later.
#[must_use]
pub fn start(peer: SocketAddr, delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(peer).unwrap();
            carry(near.try_clone().unwrap(), far.try_clone().unwrap(), delay);
            carry(far, near, delay);
        }
    });
    address
}

fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    to.set_nodelay(true).unwrap();
    let (send, due) = mpsc::channel::<(Instant, Vec<u8>)>();
    spawn(move || {
        let mut room = vec![0; 1 << 16];
        // Either end may go at any time; then so does the other.
        while let Ok(count @ 1..) = from.read(&mut room) {
            if send
                .send((Instant::now() + delay, room[..count].to_vec()))
                .is_err()
            {
                break;
            }
        }
    });
    spawn(move || {
        for (at, bytes) in due {
            sleep(at.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
