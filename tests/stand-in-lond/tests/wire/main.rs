//! What the stand-in does on the wire, seen from a plain socket.

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod behaviours;
#[cfg(test)]
mod calling;
#[cfg(test)]
mod closing;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod handle;
#[cfg(test)]
mod handshake;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod time;
