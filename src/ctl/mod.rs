//! `loncctl`: an operator sees how the peers stand, and steers their daemons.
//!
//! | module | what it does |
//! |---|---|
//! | `arguments` | the command line; every command is declared there and run from [`run`] |
//! | `status`, `why`, `send`, `ping`, `clients`, `spool`, `metrics`, `peers`, `check` | a command each |
//! | `disable` | `disable` and `enable` |
//! | `steer` | `reconnect`, `reload` and `log-level` |
//! | `takeover` | `takeover` and `giveback`: from the Perl lonc and back |
//! | `site` | which peers there are, and where their sockets are |
//! | `worker` | the socket for requests, used as a web worker does |
//! | `systemctl` | what systemd says about our units |
//! | `screen`, `table`, `words` | what it looks like |
//! | `outcome` | exit statuses, and faults that end everything |
//!
//! Only the configuration and the sockets are looked at: a question starts no daemon.

mod arguments;
mod check;
mod clients;
mod config;
mod disable;
mod metrics;
mod outcome;
mod peers;
mod ping;
mod screen;
mod send;
mod site;
mod spool;
mod status;
mod steer;
mod systemctl;
mod table;
mod takeover;
mod why;
mod words;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory as _;
use tokio::runtime::Builder;

use self::arguments::{Arguments, Command, Shell};
use self::outcome::{Exit, Fault};
use self::screen::Screen;
use self::site::Site;
use self::steer::Order;
use self::takeover::Way;
use crate::cli;

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match cli::parse(arguments) {
        Ok(arguments) => begin(arguments).unwrap_or_else(|fault| fault.tell()).into(),
        Err(exit) => exit,
    }
}

fn begin(arguments: Arguments) -> Result<Exit, Fault> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Fault::Begin)?;
    let exit = runtime.block_on(obey(arguments));
    // A name lookup that hangs must not hold us.
    runtime.shutdown_background();
    exit
}

async fn obey(arguments: Arguments) -> Result<Exit, Fault> {
    let screen = Screen::new();
    let file = arguments.config;
    let site = || Site::read(&file);
    match arguments.command {
        Command::Status(arguments) => status::run(&site(), &arguments, screen).await,
        Command::Why(arguments) => why::run(&site(), &arguments, screen).await,
        Command::Send(arguments) => send::run(&site(), &arguments, screen).await,
        Command::Ping(arguments) => ping::run(&site(), &arguments, screen).await,
        Command::Disable(arguments) => disable::disable(&site(), &arguments).await,
        Command::Enable(arguments) => disable::enable(&site(), &arguments).await,
        Command::Reconnect(arguments) => {
            let order = if arguments.cycle {
                Order::Cycle
            } else {
                Order::Reconnect
            };
            steer::run(&site(), order, &arguments.which).await
        }
        Command::Reload(arguments) => steer::run(&site(), Order::Reload, &arguments).await,
        Command::LogLevel(arguments) => steer::log_level(&site(), &arguments).await,
        Command::Clients(arguments) => clients::run(&site(), &arguments, screen).await,
        Command::Config(arguments) => config::run(&site(), &arguments, screen).await,
        Command::Spool(arguments) => spool::run(&site(), &arguments, screen).await,
        Command::Metrics(arguments) => metrics::run(&site(), &arguments).await,
        Command::Peers(arguments) => peers::run(&file, &arguments),
        Command::Check(arguments) => check::run(&file, &arguments, screen).await,
        Command::Takeover(arguments) => takeover::run(&Site::sound(&file)?, Way::Takeover, &arguments).await,
        Command::Giveback(arguments) => takeover::run(&Site::sound(&file)?, Way::Giveback, &arguments).await,
        Command::Completions { shell } => completions(shell),
    }
}

fn completions(shell: Shell) -> Result<Exit, Fault> {
    use clap_complete::{Shell as Known, generate};
    let known = match shell {
        Shell::Bash => Known::Bash,
        Shell::Fish => Known::Fish,
        Shell::Zsh => Known::Zsh,
    };
    let mut script = Vec::new();
    generate(known, &mut Arguments::command(), "loncctl", &mut script);
    if matches!(shell, Shell::Bash) {
        script.extend_from_slice(include_bytes!("completions.bash"));
    }
    screen::print_bytes(&script)?;
    Ok(Exit::Fine)
}
