//! Who asks, and notes what became of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use fastrand::Rng;
use test_harness::{Client, Lonc, Stop};

/// Bytes of a large request and its reply, which no packet holds at once.
const LARGE: usize = 3000;
/// Most requests that a worker has under way.
const AT_ONCE: usize = 4;
/// A worker thinks for so long, in milliseconds.
const THINKING: std::ops::Range<u64> = 50..250;

/// What was asked.
pub(crate) struct Request {
    pub(crate) worker: usize,
    /// Which of this worker's; they are asked in this order.
    pub(crate) number: usize,
    pub(crate) is_critical: bool,
    prefix: &'static str,
    /// What lond is to give back.
    text: String,
    pub(crate) asked: Instant,
}

/// What was answered, and when.
pub(crate) struct Answered {
    pub(crate) request: Request,
    pub(crate) answer: Answer,
    pub(crate) heard: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// lond's own.
    Served,
    /// It could not be had.
    Lost,
    /// It will be carried out later.
    Delayed,
    /// It could not be stored in time, on a machine that has too much to do; it may be carried out all the same.
    Failed,
}

impl Request {
    fn random(rng: &mut Rng, worker: usize, number: usize) -> Self {
        let (prefix, is_critical) = *rng
            .choice(&[
                ("", false),
                ("encrypt:", false),
                ("critical:", true),
                ("critical:encrypt:", true),
            ])
            .expect("some to choose from");
        let tail = if rng.u8(..8) == 0 {
            "y".repeat(LARGE)
        } else {
            String::new()
        };
        Self {
            worker,
            number,
            is_critical,
            prefix,
            text: format!("{worker}.{number}.{tail}"),
            asked: Instant::now(),
        }
    }

    fn line(&self) -> String {
        format!("{}echo:{}", self.prefix, self.text)
    }

    /// The worker and the number of a command that came of one, if it is one.
    pub(crate) fn named_by(command: &[u8]) -> Option<(usize, usize)> {
        let text = str::from_utf8(command).ok()?.strip_prefix("echo:")?;
        let mut parts = text.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }

    fn answered(self, heard: &str) -> Answered {
        let answer = match heard {
            right if right == self.text => Answer::Served,
            "con_lost" if !self.is_critical => Answer::Lost,
            "con_delayed" if self.is_critical => Answer::Delayed,
            "con_failed" if self.is_critical => Answer::Failed,
            other => panic!("{other:.80} in answer to {:.80}", self.line()),
        };
        Answered {
            request: self,
            answer,
            heard: Instant::now(),
        }
    }
}

impl Answered {
    /// How long it took.
    pub(crate) fn wait(&self) -> Duration {
        self.heard - self.request.asked
    }
}

/// Workers of one lonc, and what became of all that they asked.
#[derive(Default)]
pub(crate) struct Workers {
    stop: Stop,
    answered: Mutex<Vec<Answered>>,
}

impl Workers {
    /// Has so many ask while `meanwhile` runs; what they were answered.
    pub(crate) fn ask<T>(
        lonc: &Lonc,
        count: usize,
        meanwhile: impl FnOnce(&Self) -> T,
    ) -> (T, Vec<Answered>) {
        let workers = Self::default();
        let came = thread::scope(|scope| {
            for number in 0..count {
                let (workers, client) = (&workers, lonc.client());
                scope.spawn(move || workers.work(number, client));
            }
            let _at_last = workers.stop.at_last();
            meanwhile(&workers)
        });
        (came, workers.answered.into_inner().expect("no worker failed"))
    }

    fn work(&self, worker: usize, mut client: Client) {
        let (mut rng, mut number) = (Rng::new(), 0);
        while !self.stop.is_set() {
            let requests: Vec<_> = (0..rng.usize(1..=AT_ONCE))
                .map(|offset| Request::random(&mut rng, worker, number + offset))
                .collect();
            number += requests.len();
            for request in &requests {
                client.say(request.line());
            }
            for request in requests {
                let answered = request.answered(&client.hear());
                self.answered.lock().expect("no worker failed").push(answered);
            }
            sleep(Duration::from_millis(rng.u64(THINKING)));
        }
    }

    /// When the first and the last of so many workers heard their first reply of lond's after `since`, once all have.
    pub(crate) fn served_after(&self, since: Instant, count: usize) -> Option<(Instant, Instant)> {
        let answered = self.answered.lock().expect("no worker failed");
        let is_late = |answered: &&Answered| answered.answer == Answer::Served && answered.heard > since;
        let mut first = BTreeMap::new();
        for answered in answered.iter().filter(is_late) {
            first.entry(answered.request.worker).or_insert(answered.heard);
        }
        let heard = || first.values().copied();
        let all = (first.len() == count).then(|| Some((heard().min()?, heard().max()?)));
        all.flatten()
    }
}
