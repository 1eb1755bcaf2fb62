//! The command line of `loncctl`.

mod delete;
mod disable;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

pub(super) use self::delete::SpoolDelete;
pub(super) use self::disable::Disable;
use crate::cli;
use crate::config::{DEFAULT_PATH, HostId};

/// Shows how the links to the other LON-CAPA hosts stand, and steers them.
#[derive(Debug, Parser)]
#[command(
    name = "loncctl",
    version,
    arg_required_else_help = true,
    after_help = "Begin with: loncctl status\nExit statuses and examples: man loncctl"
)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", global = true, default_value = DEFAULT_PATH)]
    pub(super) config: PathBuf,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// How the peers stand, a line each; also those whose daemon is not started.
    Status(Status),
    /// Why a peer is not up, until when, and what to do.
    Why(Why),
    /// Send commands to a peer's lond, as a worker does; starts the daemon if need be.
    Send(Send),
    /// Ask lond for its name, and show how long that takes.
    Ping(Ping),
    /// Take peers out: no link, and requests are answered at once; lasts until enable, or a date, also over reboots. As root.
    Disable(Disable),
    /// Put peers back that were disabled; as root.
    Enable(Enable),
    /// Try again now where there is no link.
    Reconnect(Reconnect),
    /// Have daemons read the configuration anew.
    Reload(Many),
    /// Have a daemon log more or less, until its next reload or restart.
    LogLevel(LogLevel),
    /// Who is connected to a peer's daemon, the busiest first.
    Clients(Clients),
    /// What a peer's daemon goes by, where each value came from, and what the files say meanwhile.
    Config(Config),
    /// Delayed messages: see them, and say what becomes of them.
    #[command(subcommand)]
    Spool(Spool),
    /// Metrics of all daemons, as text for Prometheus and its kind.
    Metrics(Metrics),
    /// Which peers systemd listens for, and whether something keeps one that the table does not have any more.
    Peers(Peers),
    /// Look for what is wrong on this host, and say what to do about it.
    Check(Check),
    /// Take peers over from LON-CAPA's Perl lonc, step by step; what fails is undone.
    Takeover(Move),
    /// Give peers back to LON-CAPA's Perl lonc, step by step; what fails is undone.
    Giveback(Move),
    /// Print a script that completes this command's words in a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// `loncctl status`.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// These peers; without, all.
    #[arg(value_name = "PEER")]
    pub(super) peers: Vec<HostId>,
    /// Only those that are not well: down, off, hung and their kind.
    #[arg(long)]
    pub(super) down: bool,
    /// For programs.
    #[arg(long)]
    pub(super) json: bool,
    /// Show it again and again, until interrupted.
    #[arg(long)]
    pub(super) watch: bool,
    /// How often.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = cli::span, requires = "watch")]
    pub(super) interval: Duration,
    #[command(flatten)]
    pub(super) patience: Patience,
}

/// How long a daemon may take to answer.
#[derive(Debug, Args)]
pub(super) struct Patience {
    /// Longest wait for a daemon's answer.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = cli::span)]
    pub(super) timeout: Duration,
}

/// `loncctl why`.
#[derive(Debug, Args)]
pub(super) struct Why {
    /// The peer.
    pub(super) peer: HostId,
    #[command(flatten)]
    pub(super) patience: Patience,
}

/// `loncctl metrics`.
#[derive(Debug, Args)]
pub(super) struct Metrics {
    /// These peers; without, all.
    #[arg(value_name = "PEER")]
    pub(super) peers: Vec<HostId>,
    /// In which text format.
    #[arg(long, value_name = "FORMAT", default_value = "openmetrics")]
    pub(super) format: MetricsFormat,
    #[command(flatten)]
    pub(super) patience: Patience,
}

/// A text format of metrics.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum MetricsFormat {
    /// OpenMetrics 1.0.0.
    #[value(name = "openmetrics")]
    OpenMetrics,
    /// Prometheus' text format 0.0.4, which promtool check metrics reads.
    Prometheus,
}

/// `loncctl peers`.
#[derive(Debug, Args)]
pub(super) struct Peers {
    #[command(subcommand)]
    pub(super) action: Option<PeersAction>,
}

/// What may be said of the table of servers.
#[derive(Debug, Subcommand)]
pub(super) enum PeersAction {
    /// It is meant as it is: peers that it does not have are removed; as root.
    Accept,
}

/// `loncctl send`.
#[derive(Debug, Args)]
pub(super) struct Send {
    /// The peer.
    pub(super) peer: HostId,
    /// Encrypted on the way to lond.
    #[arg(long)]
    pub(super) encrypt: bool,
    /// If no reply can be had, keep it and send it later.
    #[arg(long)]
    pub(super) critical: bool,
    /// Longest wait for each reply.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = cli::span)]
    pub(super) timeout: Duration,
    /// The commands, one an argument; without, the lines of standard input.
    #[arg(value_name = "CMD")]
    pub(super) commands: Vec<OsString>,
}

/// `loncctl ping`.
#[derive(Debug, Args)]
pub(super) struct Ping {
    /// These peers, whose daemons are started if need be; without, those whose daemon runs.
    #[arg(value_name = "PEER")]
    pub(super) peers: Vec<HostId>,
    /// All peers; starts all daemons.
    #[arg(long, conflicts_with = "peers")]
    pub(super) all: bool,
    /// Longest wait for each reply.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = cli::span)]
    pub(super) timeout: Duration,
}

/// Several daemons.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["peers", "all"])))]
pub(super) struct Many {
    /// The peers.
    #[arg(value_name = "PEER")]
    pub(super) peers: Vec<HostId>,
    /// All whose daemon runs.
    #[arg(long)]
    pub(super) all: bool,
    /// Longest wait for a daemon's answer.
    #[arg(long, value_name = "TIME", default_value = "35s", value_parser = cli::span)]
    pub(super) timeout: Duration,
}

/// `loncctl enable`.
#[derive(Debug, Args)]
pub(super) struct Enable {
    /// The peers.
    #[arg(value_name = "PEER", required = true)]
    pub(super) peers: Vec<HostId>,
}

/// `loncctl reconnect`.
#[derive(Debug, Args)]
pub(super) struct Reconnect {
    /// Replace links that are open, too; no request is lost.
    #[arg(long)]
    pub(super) cycle: bool,
    #[command(flatten)]
    pub(super) which: Many,
}

/// `loncctl log-level`.
#[derive(Debug, Args)]
pub(super) struct LogLevel {
    /// The peer.
    pub(super) peer: HostId,
    /// The least urgent messages to log.
    pub(super) level: Level,
    #[command(flatten)]
    pub(super) patience: Patience,
}

/// `loncctl clients`.
#[derive(Debug, Args)]
pub(super) struct Clients {
    /// The peer.
    pub(super) peer: HostId,
    /// For programs.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) patience: Patience,
}

/// `loncctl config`.
#[derive(Debug, Args)]
pub(super) struct Config {
    /// The peer.
    pub(super) peer: HostId,
    /// For programs.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) patience: Patience,
}

/// `loncctl spool`.
#[derive(Debug, Subcommand)]
pub(super) enum Spool {
    /// The messages of these peers, or of all: those to be sent, those held, those set aside.
    List(SpoolList),
    /// One message; the body of an encrypted one only with --body.
    Show(SpoolShow),
    /// Send messages that are held or were set aside; without a name, try all that wait again now.
    Retry(SpoolRetry),
    /// Take messages out of the queue until they are retried.
    Hold(SpoolNames),
    /// Give messages up: they are kept in failed/ and not sent.
    Drop(SpoolDrop),
    /// Delete messages that were set aside, for good.
    Delete(SpoolDelete),
}

/// `loncctl spool list`.
#[derive(Debug, Args)]
pub(super) struct SpoolList {
    /// These peers; without, all.
    #[arg(value_name = "PEER")]
    pub(super) peers: Vec<HostId>,
    /// For programs.
    #[arg(long)]
    pub(super) json: bool,
    /// At most so many messages of each peer.
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) limit: u32,
    #[command(flatten)]
    pub(super) patience: Patience,
}

/// `loncctl spool show`.
#[derive(Debug, Args)]
pub(super) struct SpoolShow {
    /// The peer.
    pub(super) peer: HostId,
    /// The message, as `spool list` names it.
    pub(super) name: String,
    /// Print the body as it is and nothing else, also that of an encrypted message.
    #[arg(long)]
    pub(super) body: bool,
}

/// `loncctl spool retry`.
#[derive(Debug, Args)]
pub(super) struct SpoolRetry {
    /// The peer.
    pub(super) peer: HostId,
    /// The messages, as `spool list` names them.
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,
}

/// `loncctl spool hold`.
#[derive(Debug, Args)]
pub(super) struct SpoolNames {
    /// The peer.
    pub(super) peer: HostId,
    /// The messages, as `spool list` names them.
    #[arg(value_name = "NAME", required = true)]
    pub(super) names: Vec<String>,
}

/// `loncctl spool drop`.
#[derive(Debug, Args)]
pub(super) struct SpoolDrop {
    #[command(flatten)]
    pub(super) which: SpoolNames,
    /// Do not ask.
    #[arg(long)]
    pub(super) yes: bool,
}

/// `loncctl check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// This peer; without, all.
    pub(super) peer: Option<HostId>,
    /// For programs.
    #[arg(long)]
    pub(super) json: bool,
    /// Longest wait for a name, for a connection, and for a daemon's answer.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = cli::span)]
    pub(super) timeout: Duration,
}

/// `loncctl takeover` and `loncctl giveback`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["peers", "all"])))]
pub(super) struct Move {
    /// The peers; with each the other ids of its host.
    #[arg(value_name = "PEER")]
    pub(super) peers: Vec<HostId>,
    /// All peers; the Perl lonc is stopped, or has all of them again.
    #[arg(long)]
    pub(super) all: bool,
    /// Only tell the steps.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Take over also what cannot be reached now.
    #[arg(long)]
    pub(super) even_if_down: bool,
    /// What is taken for / where units and files of the package are looked for; for tests.
    #[arg(long, value_name = "DIRECTORY", default_value = "/", hide = true)]
    pub(super) root: PathBuf,
}

/// As in `lonc.toml`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Level {
    /// Faults only.
    Error,
    /// And what may become one.
    Warn,
    /// And what changes.
    Info,
    /// And each step.
    Debug,
    /// And whatever the libraries below tell.
    Trace,
}

/// Shells whose words we can complete.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Shell {
    /// GNU bash.
    Bash,
    /// fish.
    Fish,
    /// zsh.
    Zsh,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_sound() {
        Arguments::command().debug_assert();
    }
}
