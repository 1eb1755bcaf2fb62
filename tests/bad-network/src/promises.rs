//! Workers on each of the ways.

use std::thread::{self, sleep};

use crate::Scale;
use crate::path::{HOLE, Path};
use crate::stage::Stage;
use crate::verdict::Verdict;
use crate::worker::Workers;

/// Workers on a way.
const WORKERS: usize = 4;
/// Ways that are tried at once; they mostly wait.
const AT_ONCE: usize = 12;
/// Of the log of a run that failed.
const LOG_LINES: usize = 100;

/// Tries these, each with one link and with four; how many promises were broken.
pub(crate) fn try_all<'p>(paths: impl Iterator<Item = &'p Path>, scale: Scale) -> usize {
    println!(
        "\n| way | links kept | {} |\n|---|---|---|---|---|---|---|---|---|",
        Verdict::HEAD
    );
    let runs = paths.chain([&HOLE]).flat_map(|path| [(path, 1), (path, 4)]);
    runs.collect::<Vec<_>>()
        .chunks(AT_ONCE)
        .map(|some| try_some(some, scale))
        .sum()
}

/// Tries these at once.
fn try_some(runs: &[(&Path, u8)], scale: Scale) -> usize {
    thread::scope(|scope| {
        let begun: Vec<_> = runs
            .iter()
            .map(|(path, links)| scope.spawn(move || try_one(path, *links, scale)))
            .collect();
        let tell = |((path, links), run): (&(&Path, u8), thread::ScopedJoinHandle<Verdict>)| {
            tell(&format!("{} | {links}", path.name), run.join().ok())
        };
        runs.iter().zip(begun).map(tell).sum()
    })
}

/// Tells what came of a run, if it came to an end; how many promises were broken.
pub(crate) fn tell(what: &str, verdict: Option<Verdict>) -> usize {
    let Some(verdict) = verdict else {
        println!("| {what} | FAILED |");
        return 1;
    };
    println!("| {what} | {verdict} |");
    for fault in &verdict.faults {
        println!("BROKEN: {fault}");
    }
    if !verdict.faults.is_empty() {
        let lines: Vec<_> = verdict.log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LOG_LINES)..);
        println!(
            "--- the end of lonc's log ---\n{}",
            last.unwrap_or_default().join("\n")
        );
    }
    verdict.faults.len()
}

fn try_one(path: &Path, links: u8, scale: Scale) -> Verdict {
    // However often a message breaks the link, it is not to be blamed.
    let toml = format!("[link]\nconnections = {links}\n[spool]\nmax_attempts = 1000\n");
    let stage = Stage::set(|bridge| path.lay(bridge), &toml);
    let ((), answered) = Workers::ask(&stage.lonc, WORKERS, |_| sleep(scale.asking));
    Path::mend(&stage.bridge);
    Verdict::reach(&stage, &answered)
}
