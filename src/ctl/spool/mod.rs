//! `loncctl spool`: delayed messages, as the daemon tells of them, or where there is none as the directories do.

mod delete;
mod listing;
mod moves;
mod owner;
mod show;
mod store;

use super::arguments;
use super::outcome::{Exit, Fault};
use super::screen::Screen;
use super::site::Site;
use crate::spool::Shelf;

pub(super) use self::listing::{on_disk, waiting};

pub(super) async fn run(site: &Site, arguments: &arguments::Spool, screen: Screen) -> Result<Exit, Fault> {
    match arguments {
        arguments::Spool::List(arguments) => listing::run(site, arguments, screen).await,
        arguments::Spool::Show(arguments) => show::run(site, arguments).await,
        arguments::Spool::Retry(arguments) if arguments.names.is_empty() => {
            moves::retry_all(site, &arguments.peer).await
        }
        arguments::Spool::Retry(arguments) => {
            moves::run(site, &arguments.peer, &arguments.names, Shelf::Queue).await
        }
        arguments::Spool::Hold(arguments) => {
            moves::run(site, &arguments.peer, &arguments.names, Shelf::Held).await
        }
        arguments::Spool::Delete(arguments) => delete::run(site, arguments).await,
        arguments::Spool::Drop(arguments) => {
            let which = &arguments.which;
            if arguments.yes || moves::confirmed(which)? {
                moves::run(site, &which.peer, &which.names, Shelf::Failed).await
            } else {
                Ok(Exit::Amiss)
            }
        }
    }
}
