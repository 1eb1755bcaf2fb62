//! `loncctl takeover` and `giveback`: a peer goes from LON-CAPA's Perl lonc to us, and back.
//!
//! | module | what it is |
//! |---|---|
//! | `facts` → `plan` → `step` | what is found; what is to be done, pure; a step in words |
//! | `hands` | does a step |
//! | `sockets`, `perl`, `processes`, `record`, `drop_ins` | what it does that with |
//! | `dir` | a directory that another user may write to |
//!
//! A peer moves without a moment in which nobody listens: systemd binds its socket where the Perl lonc's child listens,
//! whose own keeps a second name. The child goes on with the workers that it has. What the Perl lonc does when it starts
//! again (after a boot, at HUP) is ruled by `lonc-beside`, which stands in its place. What is taken over is written down
//! before systemd listens, so that a boot in between finishes what was begun.

mod dir;
mod drop_ins;
mod facts;
mod hands;
mod perl;
mod plan;
mod processes;
mod record;
mod sockets;
mod step;

use std::path::Path;

use self::hands::Hands;
use self::perl::Perl;
use self::plan::{Facts, Wish};
use self::step::{Item, Program, Step};
use super::arguments;
use super::outcome::{Exit, Fault};
use super::screen;
use super::site::Site;
use super::{spool, words};
use crate::config::{self, HostId};
use crate::socket::units;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Takeover,
    Giveback,
}

const NOTHING_TO_GIVE: &str = "nothing to do: not taken over\n";

/// Whether the Perl lonc, when it starts, does so with all peers of its table.
pub(super) fn is_perl_lonc_unruled(site: &Site) -> bool {
    let found = config::usr1_pid_file(&site.config).map_err(|fault| fault.to_string());
    let found = found.and_then(|pid_file| Perl::find(&pid_file, Path::new("/"), &site.config));
    found.is_ok_and(|perl| perl.program() == Program::Original)
}

/// Looks, plans, and does it; what fails is undone.
pub(super) async fn run(site: &Site, way: Way, arguments: &arguments::Move) -> Result<Exit, Fault> {
    let amiss = |fault| Fault::Said(fault, Exit::Amiss);
    let peers = site.choose(&arguments.peers)?;
    let wish = Wish {
        peers: (!arguments.all).then(|| peers.into_iter().map(|peer| peer.id).collect()),
        even_if_down: arguments.even_if_down,
    };
    // Where LON-CAPA keeps its sockets cannot be known from this.
    if units::is_own(&site.peers.socket_dir) {
        return not_classic(site, way);
    }
    let mut hands = Hands::new(site, &arguments.root, !arguments.dry_run).map_err(amiss)?;
    let facts = facts::gather(&hands, &wish).map_err(amiss)?;
    let items = plan(way, &facts, &wish, &hands).map_err(amiss)?;
    if items.iter().all(|item| item.step.is_none()) {
        let text = match way {
            Way::Takeover => "nothing to do: taken over already\n",
            Way::Giveback => NOTHING_TO_GIVE,
        };
        screen::print(text)?;
        return Ok(Exit::Fine);
    }
    let exit = if arguments.dry_run {
        foretell(&items)?
    } else {
        carry_out(&mut hands, &items).await?
    };
    if way == Way::Giveback {
        tell_left(site, &wish)?;
    }
    Ok(exit)
}

/// The Perl lonc sends what is delayed, and knows of no other directory.
fn tell_left(site: &Site, wish: &Wish) -> Result<(), Fault> {
    let goes = |id: &HostId| wish.peers.as_ref().is_none_or(|peers| peers.contains(id));
    let waiting = spool::on_disk(site).into_iter().flatten();
    for one in waiting.filter(|one| one.is_listed && goes(&one.peer)) {
        let (id, held, failed) = (&one.peer, one.delayed.held, one.delayed.failed);
        if held + failed > 0 {
            screen::print(&format!(
                "{id}: messages are left that the Perl lonc does not send ({held} held, {failed} in failed/). To see them: \
                 loncctl spool list {id}; to have them sent all the same: loncctl spool retry {id} NAME\n"
            ))?;
        }
    }
    Ok(())
}

fn not_classic(site: &Site, way: Way) -> Result<Exit, Fault> {
    if way == Way::Giveback {
        screen::print(NOTHING_TO_GIVE)?;
        return Ok(Exit::Fine);
    }
    let text = format!(
        "sockets are in {}, where no Perl lonc has them: all peers are ours. On a host that has one, name LON-CAPA's own \
         settings by loncapa_conf in {} first",
        units::OWN,
        site.config.display()
    );
    Err(Fault::Said(text, Exit::Amiss))
}

fn plan(way: Way, facts: &Facts, wish: &Wish, hands: &Hands<'_>) -> Result<Vec<Item>, String> {
    match way {
        Way::Takeover => {
            let own = &hands.site.peers.host_id;
            if wish.peers.is_none() && hands.sockets.who(own.as_ref())? == sockets::Who::Other {
                return Err(format!(
                    "the Perl lonc also serves this host itself, {own}, which is not among the peers. If its workers need \
                     that: systemctl enable --now lonc@{own}.socket; else remove {}",
                    hands.sockets.path(own.as_ref()).display()
                ));
            }
            Ok(plan::takeover(facts, wish))
        }
        Way::Giveback => plan::giveback(facts, wish),
    }
}

fn foretell(items: &[Item]) -> Result<Exit, Fault> {
    screen::print("Nothing is done; this would be:\n")?;
    for (number, step) in steps(items) {
        screen::print(&format!("{number:3}. {}\n", step.told()))?;
    }
    Ok(Exit::Fine)
}

async fn carry_out(hands: &mut Hands<'_>, items: &[Item]) -> Result<Exit, Fault> {
    let mut number = 0;
    for (index, item) in items.iter().enumerate() {
        let Some(step) = &item.step else {
            continue;
        };
        number += 1;
        screen::print(&format!("{number:3}. {} ... ", step.told()))?;
        match hands.act(step).await {
            Ok(None) => screen::print("done\n")?,
            Ok(Some(note)) => screen::print(&format!("done; but {}\n", words::safe(&note)))?,
            Err(fault) => {
                screen::print(&format!("FAILED: {}\n", words::safe(&fault)))?;
                return undo(hands, items.get(..=index).unwrap_or(items)).await;
            }
        }
    }
    Ok(Exit::Fine)
}

/// The last first. What cannot be undone is told, and the rest is undone all the same.
async fn undo(hands: &mut Hands<'_>, items: &[Item]) -> Result<Exit, Fault> {
    let mut exit = Exit::Amiss;
    for step in items.iter().rev().filter_map(|item| item.undo.as_ref()) {
        screen::print(&format!("   undone: {} ... ", step.told()))?;
        match hands.act(step).await {
            Ok(_) => screen::print("done\n")?,
            Err(fault) => {
                exit = Exit::Broken;
                screen::print(&format!("FAILED: {}\n", words::safe(&fault)))?;
            }
        }
    }
    screen::print(if exit == Exit::Amiss {
        "This host is as it was.\n"
    } else {
        "This host is NOT as it was: see above.\n"
    })?;
    Ok(exit)
}

fn steps(items: &[Item]) -> impl Iterator<Item = (usize, &Step)> {
    let steps = items.iter().filter_map(|item| item.step.as_ref());
    steps.enumerate().map(|(index, step)| (index + 1, step))
}
