//! Whether what became of requests, and what lond received, is as promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::thread::sleep;
use std::time::{Duration, Instant};

use stand_in_lond::Received;

use crate::stage::Stage;
use crate::worker::{Answer, Answered, Request};

/// Within this everything stored is sent, also what gathered in minutes.
const DRAIN: Duration = Duration::from_secs(300);

/// How it went with the requests of one run.
#[derive(Default)]
pub(crate) struct Verdict {
    served: usize,
    lost: usize,
    delayed: usize,
    failed: usize,
    /// Critical ones that lond received again, after the link was lost on which it had received them.
    again: usize,
    /// Connections that lond had.
    links: usize,
    pub(crate) longest: Duration,
    pub(crate) faults: Vec<String>,
    /// What lonc has logged.
    pub(crate) log: String,
}

/// Where lond received each request: the connections, in its order, and which of all it was the first time.
type Receipts = BTreeMap<(usize, usize), (Vec<usize>, usize)>;

impl Verdict {
    /// Of a run whose way is good again: what waits on disk is still to arrive.
    pub(crate) fn reach(stage: &Stage, answered: &[Answered]) -> Self {
        let begun = Instant::now();
        while !stage.lonc.site.left().is_empty() && begun.elapsed() < DRAIN {
            sleep(Duration::from_millis(100));
        }
        let mut verdict = Self {
            links: stage.peer.connections(),
            log: stage.lonc.log(),
            longest: answered.iter().map(Answered::wait).max().unwrap_or_default(),
            ..Self::default()
        };
        verdict.expect(stage.lonc.site.left().is_empty(), "what is stored is sent");
        for fault in stage.lonc.site.failed() {
            verdict.faults.push(format!("{fault} is set aside"));
        }
        let received = stage.peer.received();
        let receipts = receipts(&received);
        verdict.check_answers(answered, &receipts);
        verdict.check_order(answered, &receipts);
        verdict
    }

    /// Something else that is promised.
    pub(crate) fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.faults.push(format!("not kept: {what}"));
        }
    }

    fn check_answers(&mut self, answered: &[Answered], receipts: &Receipts) {
        let nowhere = (Vec::new(), 0);
        for Answered { request, answer, .. } in answered {
            let name = (request.worker, request.number);
            let (links, _) = receipts.get(&name).unwrap_or(&nowhere);
            match answer {
                Answer::Served => self.served += 1,
                Answer::Lost => self.lost += 1,
                Answer::Delayed => self.delayed += 1,
                Answer::Failed => self.failed += 1,
            }
            self.again += links.len().saturating_sub(1);
            let most = if request.is_critical { usize::MAX } else { 1 };
            let least = usize::from(matches!(answer, Answer::Served | Answer::Delayed));
            if !(least..=most).contains(&links.len()) {
                let what = format!("{name:?} is {answer:?} and was received on {links:?}");
                self.faults.push(what);
            }
            if links.iter().collect::<BTreeSet<_>>().len() < links.len() {
                self.faults
                    .push(format!("{name:?} was sent again on the same link"));
            }
        }
    }

    /// What is critical is received in its worker's order, and so is what is not.
    fn check_order(&mut self, answered: &[Answered], receipts: &Receipts) {
        let mut last = BTreeMap::new();
        for Answered { request, .. } in answered {
            let name = (request.worker, request.number);
            let Some((links, first)) = receipts.get(&name) else {
                continue;
            };
            let before = last.insert((request.worker, request.is_critical), *first);
            if before > Some(*first) {
                let what = format!("{name:?}, received on {links:?}, has overtaken what is older");
                self.faults.push(what);
            }
        }
    }
}

fn receipts(received: &[Received]) -> Receipts {
    let mut receipts = Receipts::new();
    for (place, line) in received.iter().enumerate().filter(|(_, line)| line.complete) {
        if let Some(name) = Request::named_by(line.command()) {
            let (links, _) = receipts.entry(name).or_insert((Vec::new(), place));
            links.push(line.connection);
        }
    }
    receipts
}

impl Verdict {
    /// What [`Display`] tells.
    pub(crate) const HEAD: &str =
        "served | con_lost | con_delayed | con_failed | received again | links | longest wait";
}

impl Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            served,
            lost,
            delayed,
            failed,
            again,
            links,
            longest,
            ..
        } = self;
        let longest = longest.as_secs_f64();
        write!(
            out,
            "{served} | {lost} | {delayed} | {failed} | {again} | {links} | {longest:.1} s"
        )
    }
}
