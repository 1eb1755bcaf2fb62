//! `loncctl status`: a line for each peer.

mod lines;

use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};

use super::arguments;
use super::outcome::{Exit, Fault};
use super::screen::{self, Screen};
use super::site::Site;
use super::spool;
use crate::config::Peer;
use crate::standing::{self, Seen};
use crate::units;

/// Does what the arguments say; does not end with `--watch`.
pub(super) async fn run(site: &Site, arguments: &arguments::Status, screen: Screen) -> Result<Exit, Fault> {
    let peers = site.choose(&arguments.peers)?;
    let view = View {
        site,
        peers,
        is_of_all: arguments.peers.is_empty(),
        only_unwell: arguments.down,
        limit: arguments.patience.timeout,
        screen,
    };
    match (arguments.watch, arguments.json) {
        (false, is_json) => view.once(is_json).await,
        (true, is_json) => view.watch(arguments.interval, is_json).await,
    }
}

struct View<'a> {
    site: &'a Site,
    peers: Vec<Peer>,
    is_of_all: bool,
    only_unwell: bool,
    limit: Duration,
    screen: Screen,
}

impl View<'_> {
    async fn look(&self) -> Vec<Seen> {
        let mut all = self.site.look(&self.peers, self.limit).await;
        if self.is_of_all || all.iter().any(|seen| seen.answer.is_err()) {
            let counts = standing::counted(&self.site.peers, &all, self.limit).await;
            let counts = counts.or_else(|| spool::on_disk(self.site)).unwrap_or_default();
            standing::add_waiting(&mut all, &counts);
            if self.is_of_all {
                standing::add_unlisted(&mut all, &counts);
            }
        }
        all
    }

    /// Those of whom something is to be told.
    fn told<'s>(&self, all: &'s [Seen]) -> Vec<&'s Seen> {
        let is_told = |seen: &&Seen| !self.only_unwell || Exit::of(seen.standing) != Exit::Fine;
        all.iter().filter(is_told).collect()
    }

    fn table(&self, all: &[Seen]) -> String {
        let told = self.told(all);
        if told.is_empty() {
            return format!("{}: none of them is down\n", units::count(all.len(), "peer"));
        }
        let now = units::micros_since_1970(SystemTime::now());
        lines::table(&told, now).render(self.screen)
    }

    async fn once(&self, is_json: bool) -> Result<Exit, Fault> {
        let all = self.look().await;
        if is_json {
            screen::print_json(&lines::json(&self.told(&all)))?;
        } else {
            screen::print(&self.table(&all))?;
        }
        Ok(worst(&all).max(self.site.exit()))
    }

    /// On a terminal the lines stay in place; elsewhere they follow each other. JSON is a line each time.
    async fn watch(&self, every: Duration, is_json: bool) -> Result<Exit, Fault> {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let all = self.look().await;
            if is_json {
                screen::print_json_line(&lines::json(&self.told(&all)))?;
            } else {
                screen::print(&self.frame(&self.table(&all)))?;
            }
        }
    }

    fn frame(&self, table: &str) -> String {
        let heading = format!("{}\n", units::date_of(SystemTime::now()));
        if self.screen.is_terminal {
            // To the top; each line up to its end; and what is left of the last time.
            let lines = format!("{heading}\n{table}").replace('\n', "\x1b[K\n");
            format!("\x1b[H{lines}\x1b[J")
        } else {
            format!("{heading}{table}\n")
        }
    }
}

fn worst(all: &[Seen]) -> Exit {
    let exits = all.iter().map(|seen| Exit::of(seen.standing));
    exits.max().unwrap_or(Exit::Fine)
}
