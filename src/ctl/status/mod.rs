//! `loncctl status`: a line for each peer.

mod lines;

use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::arguments;
use super::outcome::{Exit, Fault};
use super::screen::{self, Screen};
use super::site::Site;
use crate::config::{Peer, TakenOver};
use crate::control::client;
use crate::control::interface::StatusReply;
use crate::standing::{Answer, Standing};
use crate::units;

/// Does what the arguments say; does not end with `--watch`.
pub(super) async fn run(site: &Site, arguments: &arguments::Status, screen: Screen) -> Result<Exit, Fault> {
    let peers = site.choose(&arguments.peers)?;
    let view = View {
        site,
        peers,
        limit: arguments.patience.timeout,
        screen,
    };
    match (arguments.watch, arguments.json) {
        (false, false) => view.once().await,
        (false, true) => view.once_for_programs().await,
        (true, is_json) => view.watch(arguments.interval, is_json).await,
    }
}

/// How each of `peers` stands; all are asked at the same time.
pub(super) async fn ask(site: &Site, peers: &[Peer], limit: Duration) -> Vec<Answer> {
    let answers =
        client::ask_all::<_, StatusReply>(site.controls(peers), "GetStatus", json!({}), limit).await;
    answers
        .into_iter()
        .map(|answer| answer.map(|reply| reply.status))
        .collect()
}

struct View<'a> {
    site: &'a Site,
    peers: Vec<Peer>,
    limit: Duration,
    screen: Screen,
}

impl View<'_> {
    async fn answers(&self) -> Vec<Answer> {
        ask(self.site, &self.peers, self.limit).await
    }

    fn table(&self, answers: &[Answer]) -> String {
        let now = units::micros_since_1970(SystemTime::now());
        let (ours, _) = TakenOver::read(&self.site.config);
        lines::table(&self.peers, answers, &ours, now).render(self.screen)
    }

    async fn once(&self) -> Result<Exit, Fault> {
        let answers = self.answers().await;
        screen::print(&self.table(&answers))?;
        Ok(worst(&answers))
    }

    async fn once_for_programs(&self) -> Result<Exit, Fault> {
        let answers = self.answers().await;
        let list = lines::json(&self.peers, &answers);
        screen::print_json(&list)?;
        Ok(worst(&answers))
    }

    /// On a terminal the lines stay in place; elsewhere they follow each other. JSON is a line each time.
    async fn watch(&self, every: Duration, is_json: bool) -> Result<Exit, Fault> {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let answers = self.answers().await;
            if is_json {
                screen::print_json_line(&lines::json(&self.peers, &answers))?;
            } else {
                screen::print(&self.frame(&self.table(&answers)))?;
            }
        }
    }

    fn frame(&self, table: &str) -> String {
        let heading = format!("{}\n", units::date(units::micros_since_1970(SystemTime::now())));
        if self.screen.is_terminal {
            // To the top; each line up to its end; and what is left of the last time.
            let lines = format!("{heading}\n{table}").replace('\n', "\x1b[K\n");
            format!("\x1b[H{lines}\x1b[J")
        } else {
            format!("{heading}{table}\n")
        }
    }
}

fn worst(answers: &[Answer]) -> Exit {
    let exits = answers.iter().map(|answer| Exit::of(Standing::of(answer)));
    exits.max().unwrap_or(Exit::Fine)
}
