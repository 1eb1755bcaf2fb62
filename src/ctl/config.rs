//! `loncctl config`: what a daemon goes by, where each value came from, and what the files say meanwhile.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::outcome::{Exit, Fault, complain};
use super::screen::{self, Paint, Screen};
use super::site::Site;
use super::{arguments, steer, words};
use crate::config::{self, HostId, Report};
use crate::control::client::CallError;
use crate::control::interface::{ConfigurationKey, ConfigurationReply};
use crate::units;

/// Values longer than this do not push the comments of all others to the right, in characters.
const MAX_COLUMN: usize = 48;

/// Asks for it.
pub(super) const METHOD: &str = "GetConfiguration";

/// Does what the arguments say.
pub(super) async fn run(site: &Site, arguments: &arguments::Config, screen: Screen) -> Result<Exit, Fault> {
    let peer = site.peer(&arguments.peer)?.id;
    let limit = arguments.patience.timeout;
    let asked = site
        .ask::<ConfigurationReply>(&peer, METHOD, &json!({}), limit)
        .await;
    let told = match asked {
        Ok(told) => Some(told),
        Err(CallError::NotStarted) => None,
        Err(fault) => return Ok(steer::failed(site, &site.outside(), &peer, &fault)),
    };
    let files = match config::report_of(&site.config, &peer) {
        Ok(report) => Some(report),
        Err(fault) => {
            complain(&fault);
            None
        }
    };
    let Some(view) = View::of(&peer, told, files.as_ref()) else {
        return Ok(Exit::Config);
    };
    if arguments.json {
        screen::print_json(&view.json())?;
    } else {
        screen::print(&view.text(screen))?;
    }
    Ok(view.exit(files.is_some()))
}

/// The keys by which what is in force differs from what the files say, with what they say; `now` is in force.
pub(super) fn differing<'a>(
    now: impl Iterator<Item = (&'a str, &'a str)>,
    files: &Report,
) -> BTreeMap<String, String> {
    let said: BTreeMap<_, _> = files.settings().map(|(key, value, _)| (key, value)).collect();
    let other = |(key, value): (&'a str, &'a str)| {
        let said = said.get(key).filter(|said| **said != value)?;
        Some((key.to_owned(), (*said).to_owned()))
    };
    now.filter_map(other).collect()
}

impl ConfigurationReply {
    /// The keys and their values.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.iter().map(|one| (one.key.as_str(), one.value.as_str()))
    }
}

struct View<'a> {
    peer: &'a HostId,
    is_running: bool,
    told: ConfigurationReply,
    /// What the files say where that is something else.
    others: BTreeMap<String, String>,
}

impl<'a> View<'a> {
    /// Nothing if neither the daemon nor the files tell anything.
    fn of(peer: &'a HostId, told: Option<ConfigurationReply>, files: Option<&Report>) -> Option<Self> {
        let is_running = told.is_some();
        let told = told.or_else(|| files.map(of_files))?;
        let others = files.map(|files| differing(told.pairs(), files));
        Some(Self {
            peer,
            is_running,
            told,
            others: others.unwrap_or_default(),
        })
    }

    fn exit(&self, is_sound: bool) -> Exit {
        if !is_sound {
            Exit::Config
        } else if self.others.is_empty() && self.told.refused.is_none() {
            Exit::Fine
        } else {
            Exit::Amiss
        }
    }

    /// As `lonc --check` has it, which can be read back.
    fn text(&self, screen: Screen) -> String {
        let mut text = self.heading(screen);
        let assigned = |one: &ConfigurationKey| {
            let (section, name) = one.key.rsplit_once('.').unwrap_or(("", &one.key));
            (
                words::safe(section),
                words::safe(&format!("{name} = {}", one.value)),
            )
        };
        let widths = self.told.keys.iter().map(|one| assigned(one).1.chars().count());
        let column = widths
            .filter(|width| *width <= MAX_COLUMN)
            .max()
            .unwrap_or_default();
        let mut last = String::new();
        for one in &self.told.keys {
            let (section, line) = assigned(one);
            if section != last {
                let _ = writeln!(text, "\n[{section}]");
                last = section;
            }
            let line = format!("{line:column$}   # {}", words::safe(&one.source));
            let _ = match self.others.get(&one.key) {
                Some(other) => writeln!(
                    text,
                    "{}",
                    screen.paint(
                        &format!("{line}; the files say {}", words::safe(other)),
                        Paint::Warning
                    )
                ),
                None => writeln!(text, "{line}"),
            };
        }
        text
    }

    fn heading(&self, screen: Screen) -> String {
        let peer = self.peer;
        if !self.is_running {
            return format!("# The daemon of {peer} does not run; one that starts goes by this.\n");
        }
        let mut text = format!(
            "# The daemon of {peer} goes by what it read at {}.\n",
            units::date(self.told.read_usec)
        );
        let mut warn =
            |line: String| text.push_str(&(screen.paint(&format!("# {line}"), Paint::Warning) + "\n"));
        if let Some(refused) = &self.told.refused {
            let date = units::date(refused.date_usec);
            warn(format!(
                "At {date} a reload was refused: {}",
                words::safe(&refused.text)
            ));
        }
        if !self.others.is_empty() {
            let keys: Vec<_> = self.others.keys().map(String::as_str).collect();
            warn(format!(
                "The files say something else of {}: loncctl reload {peer}, or where that does not help, systemctl restart \
                 lonc@{peer}",
                words::some(&keys)
            ));
        }
        text
    }

    fn json(&self) -> Value {
        let key = |one: &ConfigurationKey| {
            json!({
                "key": one.key, "value": one.value, "source": one.source, "files": self.others.get(&one.key),
            })
        };
        json!({
            "peer": self.peer.as_ref(),
            "running": self.is_running,
            "readUsec": self.is_running.then_some(self.told.read_usec),
            "refused": self.told.refused,
            "keys": self.told.keys.iter().map(key).collect::<Vec<_>>(),
        })
    }
}

fn of_files(files: &Report) -> ConfigurationReply {
    let key = |(key, value, source): (&str, &str, &str)| ConfigurationKey {
        key: key.to_owned(),
        value: value.to_owned(),
        source: source.to_owned(),
    };
    ConfigurationReply {
        keys: files.settings().map(key).collect(),
        read_usec: 0,
        refused: None,
    }
}
