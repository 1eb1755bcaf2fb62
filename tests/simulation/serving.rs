//! londs at work, at the other end of connections.

use bytes::Bytes;

use crate::book::{Carry, Mark, id_of};
use crate::lond::{Asked, Reply};
use crate::net::{TO_LONC, TO_LOND, WINDOW};
use crate::plan::Fault;
use crate::queue::{ConnId, Event, HostId};
use crate::time::{MS, Micros, SECOND};
use crate::world::World;

/// What a host's lond is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Well,
    /// Nothing is done.
    Hangs,
    /// Nobody listens.
    Down,
    /// Requests take long.
    Slow,
    /// Replies are empty.
    Empty,
    /// A caller has one connection.
    Limits,
    /// Replies are of no use, now and then.
    Garbles,
}

/// It says that it is encrypted, and is not.
const GARBLED: &[u8] = b"enc:4:0123456789abcdeg";

impl World {
    pub(crate) fn reaches_lond(&mut self, id: ConnId, bytes: &Bytes, written_at: Micros) {
        let conn = &self.conns[id.0];
        if conn.is_cut || self.waits(id, &Event::ToLond(id, bytes.clone(), written_at), TO_LOND) {
            return;
        }
        let conn = &mut self.conns[id.0];
        let Some(lond) = &mut conn.lond else { return };
        let waiting = lond.waiting.len();
        let replies = lond.take(bytes, written_at);
        if lond.waiting.len() == waiting {
            conn.unread = conn.unread.saturating_sub(bytes.len());
        }
        for reply in replies {
            let wait = self.rng.network.u64(100..5 * MS);
            self.after(wait, Event::Say(id, reply));
        }
        self.serve_next(id);
    }

    pub(crate) fn say(&mut self, id: ConnId, reply: &Reply) {
        if self.waits(id, &Event::Say(id, reply.clone()), TO_LOND) {
            return;
        }
        if let Some(lond) = &self.conns[id.0].lond {
            let line = lond.line(reply);
            let (from, to) = (self.conns[id.0].from, self.conns[id.0].to);
            self.trace(from, to, || {
                format!("{id:?} lond says {}", reply.words.escape_ascii())
            });
            let some = if self.plan.has(Fault::PartWrites) {
                self.rng.network.usize(..=line.len())
            } else {
                0
            };
            if some > 0 {
                self.on_the_way(id, TO_LONC, Event::ToLonc(id, line.slice(..some)));
            }
            self.on_the_way(id, TO_LONC, Event::ToLonc(id, line.slice(some..)));
        }
    }

    /// lond takes up the next request.
    fn serve_next(&mut self, id: ConnId) {
        let conn = &mut self.conns[id.0];
        let Some(lond) = &mut conn.lond else { return };
        if lond.is_busy || lond.waiting.is_empty() {
            return;
        }
        lond.is_busy = true;
        let length = lond.waiting[0].length;
        let is_full = conn.unread >= WINDOW;
        conn.unread = conn.unread.saturating_sub(length);
        let (pid, health) = (conn.pid, self.hosts[conn.to].lond);
        if is_full {
            self.with_process(pid, Self::ready);
        }
        let rng = &mut self.rng.network;
        let wait = match health {
            Health::Slow if rng.u8(..4) == 0 => rng.u64(SECOND..100 * SECOND),
            Health::Slow => rng.u64(100 * MS..3 * SECOND),
            Health::Well
            | Health::Hangs
            | Health::Down
            | Health::Empty
            | Health::Limits
            | Health::Garbles => rng.u64(200..20 * MS),
        };
        self.after(wait, Event::Serve(id));
    }

    pub(crate) fn serve(&mut self, id: ConnId) {
        if self.conns[id.0].lond.is_none() || self.waits_for_lond(id) {
            return;
        }
        let to = self.conns[id.0].to;
        let Some(lond) = &mut self.conns[id.0].lond else {
            return;
        };
        lond.is_busy = false;
        let Some(asked) = lond.waiting.pop_front() else {
            return;
        };
        if asked.command == b"ping" {
            let reply = Reply::plain(self.hosts[to].id.clone());
            self.say(id, &reply);
        } else if self.carry_out(id, &asked) {
            let is_empty = self.hosts[to].lond == Health::Empty;
            let number = id_of(&asked.command).unwrap_or_default();
            let words = if is_empty {
                String::new()
            } else {
                format!("re:{number}:")
            };
            let is_garbled = self.hosts[to].lond == Health::Garbles && self.rng.network.bool();
            if is_empty || is_garbled {
                self.book.get_mut(number).marks.put(Mark::Unusable);
            }
            let encrypted = asked.encrypted && !is_empty && !is_garbled;
            let words = if is_garbled {
                GARBLED.to_vec()
            } else {
                words.into_bytes()
            };
            self.say(id, &Reply { words, encrypted });
        } else {
            return self.leave(id);
        }
        self.serve_next(id);
    }

    /// Served later, when lond goes on.
    fn waits_for_lond(&mut self, id: ConnId) -> bool {
        let hangs = self.hosts[self.conns[id.0].to].lond == Health::Hangs;
        if hangs {
            self.put_by(id, TO_LOND, Event::Serve(id));
        }
        hangs
    }

    /// False if lond dies of it.
    fn carry_out(&mut self, id: ConnId, asked: &Asked) -> bool {
        let Some(number) = id_of(&asked.command) else {
            panic!("lond is asked for {}", asked.command.escape_ascii());
        };
        let conn = &self.conns[id.0];
        let ask = self.book.get(number);
        let as_other = ask.marks.has(Mark::Other);
        assert_eq!(asked.as_other, as_other, "{number} is carried out as another id");
        assert_eq!(
            (ask.from, ask.to, ask.encrypted),
            (conn.from, conn.to, asked.encrypted),
            "{number} is asked elsewhere, or otherwise"
        );
        if ask.marks.has(Mark::Poison) {
            return false;
        }
        let (by, written_at) = (conn.pid, asked.written_at);
        for before in &ask.carried {
            let left = if before.by == by {
                self.conns[before.conn.0].left_at
            } else {
                self.gone_at.get(&before.by).copied()
            };
            let is_after = ask.marks.has(Mark::Unusable)
                || left.is_some_and(|left| left <= written_at)
                || before.written_at > written_at;
            assert!(
                is_after,
                "{number} is sent while it is in flight elsewhere: {ask:?}"
            );
        }
        self.trace(conn.from, conn.to, || format!("{id:?} lond carries out {number}"));
        self.stats.carried += 1;
        self.stats.repeated += u64::from(!ask.carried.is_empty());
        self.book.carried(
            number,
            Carry {
                conn: id,
                by,
                written_at,
            },
        );
        true
    }

    /// lond ends this connection; what it is at may be done, or not.
    pub(crate) fn leave(&mut self, id: ConnId) {
        let to = self.conns[id.0].to;
        self.hosts[to].accepted.remove(&id);
        if self.rng.network.bool()
            && let Some(asked) = self.conns[id.0]
                .lond
                .as_mut()
                .and_then(|lond| lond.waiting.pop_front())
            && asked.command != b"ping"
        {
            self.carry_out(id, &asked);
        }
        self.conns[id.0].lond = None;
        let (from, to) = (self.conns[id.0].from, self.conns[id.0].to);
        self.trace(from, to, || format!("{id:?} lond leaves"));
        self.on_the_way(id, TO_LONC, Event::LondGone(id));
    }

    /// lond, or its host, is gone.
    pub(crate) fn end_lond(&mut self, host: HostId) {
        for id in std::mem::take(&mut self.hosts[host].accepted) {
            if self.hosts[host].is_on {
                self.leave(id);
            } else {
                self.conns[id.0].lond = None;
                self.conns[id.0].is_orphan = true;
                self.conns[id.0].stash = [Vec::new(), Vec::new()];
            }
        }
    }

    /// A host that has its power again says that it knows nothing of the connections of before.
    pub(crate) fn disown(&mut self, host: HostId) {
        for conn in self.held.clone() {
            if self.conns[conn.0].to == host && std::mem::take(&mut self.conns[conn.0].is_orphan) {
                let wait = self.rng.network.u64(..60 * SECOND);
                self.after(wait, Event::LondGone(conn));
            }
        }
    }
}
