//! `loncctl spool delete`.

use std::time::Duration;

use clap::{ArgGroup, Args};

use crate::cli;
use crate::config::HostId;

/// Which messages.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).multiple(true).args(["names", "failed", "older_than", "queued"])))]
pub(in crate::ctl) struct SpoolDelete {
    /// Whose messages; without, those of all that were set aside. The host may be in no table.
    #[arg(value_name = "PEER")]
    pub(in crate::ctl) peer: Option<HostId>,
    /// The messages, as `spool list` names them.
    #[arg(value_name = "NAME", conflicts_with_all = ["failed", "older_than"])]
    pub(in crate::ctl) names: Vec<String>,
    /// All that were set aside in failed/.
    #[arg(long)]
    pub(in crate::ctl) failed: bool,
    /// Those that were set aside and written longer ago than this, such as 30d.
    #[arg(long, value_name = "TIME", value_parser = cli::span)]
    pub(in crate::ctl) older_than: Option<Duration>,
    /// Also what is to be sent, or held: it was promised to a worker, and is lost then.
    #[arg(long, conflicts_with = "failed", requires = "peer")]
    pub(in crate::ctl) queued: bool,
    /// Do not ask.
    #[arg(long)]
    pub(in crate::ctl) yes: bool,
}
