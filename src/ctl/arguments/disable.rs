//! `loncctl disable`.

use std::time::{Duration, SystemTime};

use clap::Args;

use crate::cli;
use crate::config::HostId;
use crate::units;

/// Whom, why and until when.
#[derive(Debug, Args)]
pub(in crate::ctl) struct Disable {
    /// The peers.
    #[arg(value_name = "PEER", required = true)]
    pub(in crate::ctl) peers: Vec<HostId>,
    /// Why, for whoever looks at it later; one line.
    #[arg(long, value_name = "TEXT")]
    pub(in crate::ctl) reason: Option<String>,
    /// Put them back by itself then: such as 2026-12-04, '2026-12-04 18:00' or 18:00, in local time.
    #[arg(long, value_name = "DATE", value_parser = date_to_come)]
    pub(in crate::ctl) until: Option<SystemTime>,
    /// Put them back by itself after this time, such as 7d.
    #[arg(long = "for", value_name = "TIME", value_parser = cli::span, conflicts_with = "until")]
    pub(in crate::ctl) span: Option<Duration>,
}

fn date_to_come(text: &str) -> Result<SystemTime, String> {
    let now = SystemTime::now();
    let date = units::parse_date(text, now)
        .ok_or("must be a date such as 2026-12-04, '2026-12-04 18:00' or 18:00, in local time")?;
    if date <= now {
        return Err(format!("{} has passed already", units::date_of(date)));
    }
    Ok(date)
}
