//! A lond that takes time.
//!
//! As the real one it works the requests of a connection one after the other, those of several connections side by side:
//! a thread each, as there a process each. It sleeps meanwhile. A connection that does not begin with `init` is served
//! from its first line.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use nix::sys::prctl::set_timerslack;

use crate::counts::Counts;
use crate::dialogue::time_asked_for;
use crate::opening;

/// How long the requests take that do not say so themselves.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Most of them.
    pub each: Duration,
    /// One in so many takes so long instead, counted over all connections.
    pub slow: Option<(u64, Duration)>,
}

impl Work {
    /// All alike.
    #[must_use]
    pub fn of(each: Duration) -> Self {
        Self { each, slow: None }
    }
}

/// Listens on a free port of loopback until the process ends, as the lond of host `id`; with the address its
/// connections are counted.
pub fn start(id: &str, work: Work) -> io::Result<(SocketAddr, Arc<Counts>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let counts = Arc::<Counts>::default();
    let lond = Arc::new(Lond {
        id: id.to_owned(),
        work,
        taken_up: AtomicU64::new(0),
        counts: Arc::clone(&counts),
    });
    spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let lond = Arc::clone(&lond);
            lond.counts.opened();
            spawn(move || {
                // The other end may go at any time.
                let _ = lond.serve(stream);
                lond.counts.closed();
            });
        }
    });
    Ok((address, counts))
}

struct Lond {
    id: String,
    work: Work,
    taken_up: AtomicU64,
    counts: Arc<Counts>,
}

impl Lond {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        // The kernel's usual tolerance for sleepers is a tenth of the shortest time.
        set_timerslack(1)?;
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        let (mut is_first, mut is_opening) = (true, false);
        while stream.read_until(b'\n', &mut line)? > 0 {
            is_opening |= is_first && line == opening::FIRST;
            is_first = false;
            if is_opening {
                is_opening = line != opening::LAST;
                line = opening::answer(&line, &self.id);
            } else if line == opening::PING {
                line = format!("{}\n", self.id).into_bytes();
            } else {
                self.take_time(&line);
            }
            stream.get_mut().write_all(&line)?;
            line.clear();
        }
        Ok(())
    }

    fn take_time(&self, line: &[u8]) {
        let begun = Instant::now();
        let time = time_asked_for(line).unwrap_or_else(|| {
            let number = self.taken_up.fetch_add(1, Relaxed) + 1;
            match self.work.slow {
                Some((one_in, long)) if number.is_multiple_of(one_in) => long,
                _ => self.work.each,
            }
        });
        sleep(time.saturating_sub(begun.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Load, Report, Style, Target};

    const SPAN: Duration = Duration::from_millis(200);

    fn run(load: Load, to: SocketAddr) -> Report {
        let report = load.lasting(SPAN).run(&Target::Tcp(to)).unwrap();
        assert_eq!((report.wrong, report.lost), (0, 0));
        report
    }

    #[test]
    fn a_connection_is_worked_one_after_the_other_and_several_side_by_side() {
        let each = Duration::from_millis(4);
        let (lond, _) = start("msul1", Work::of(each)).unwrap();
        let alone = run(Load::of(1).depth(8), lond);
        let room = |report: &Report| report.span.as_secs_f64() / each.as_secs_f64();
        // The first may have been begun before.
        assert!(alone.replies as f64 <= room(&alone) + 1.0, "{alone:?}");
        // Another, for the first may not have seen yet that its connection is at its end.
        let (lond, counts) = start("msul1", Work::of(each)).unwrap();
        let side_by_side = run(Load::of(8), lond);
        assert!(
            side_by_side.replies as f64 > 1.2 * room(&side_by_side),
            "{side_by_side:?}"
        );
        assert!(side_by_side.percentile(0.0) >= each);
        assert_eq!(counts.most(), 8);
    }

    #[test]
    fn a_request_may_say_how_long_it_takes() {
        let (lond, _) = start("msul1", Work::of(Duration::from_secs(60))).unwrap();
        let asked = Duration::from_millis(300);
        let report = run(Load::of(1).style(Style::Taking(asked)), lond);
        // It came after the span, and is seen all the same.
        assert!(report.percentile(100.0) >= asked, "{report:?}");
    }

    #[test]
    fn one_in_so_many_takes_longer() {
        let work = Work {
            each: Duration::from_micros(500),
            slow: Some((10, Duration::from_millis(10))),
        };
        let report = run(Load::of(1), start("msul1", work).unwrap().0);
        assert!(report.percentile(95.0) >= Duration::from_millis(10), "{report:?}");
        assert!(report.percentile(50.0) < Duration::from_millis(10), "{report:?}");
    }
}
