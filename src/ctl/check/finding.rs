//! What was found, and how it is told: what is alike once, however many peers it is about.

use serde_json::{Value, json};

use crate::ctl::outcome::{Exit, Fault};
use crate::ctl::screen::{self, Paint, Screen};
use crate::ctl::words;
use crate::units;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    Fine,
    /// It could not be looked at, for want of rights.
    Unseen,
    /// It may be meant to be so.
    Doubt,
    Wrong,
}

/// Whose fault it is, if it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// This host's.
    Here,
    /// A remote host's, or that of the way to it.
    Remote,
}

/// Something that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) weight: Weight,
    pub(super) scope: Scope,
    /// What was looked at; a peer or a file.
    subject: String,
    text: String,
    /// The same for several alike, where it is not the text with other names.
    alike: Option<String>,
    /// What to do.
    remedy: Option<String>,
}

impl Finding {
    pub(super) fn fine(subject: &impl ToString, text: impl Into<String>) -> Self {
        Self {
            weight: Weight::Fine,
            scope: Scope::Here,
            subject: subject.to_string(),
            text: text.into(),
            alike: None,
            remedy: None,
        }
    }

    /// What only others may look at.
    pub(super) fn unseen(subject: &impl ToString, text: impl Into<String>) -> Self {
        Self {
            weight: Weight::Unseen,
            remedy: Some("Look as root: sudo loncctl check".to_owned()),
            ..Self::fine(subject, text)
        }
    }

    pub(super) fn doubt(subject: &impl ToString, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            weight: Weight::Doubt,
            remedy: Some(remedy.into()),
            ..Self::fine(subject, text)
        }
    }

    pub(super) fn wrong(subject: &impl ToString, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            weight: Weight::Wrong,
            ..Self::doubt(subject, text, remedy)
        }
    }

    /// It is not this host's.
    pub(super) fn remote(self) -> Self {
        Self {
            scope: Scope::Remote,
            ..self
        }
    }

    /// Told together with others of the same cause, in these words.
    pub(super) fn alike(self, words: &str) -> Self {
        Self {
            alike: Some(words.to_owned()),
            ..self
        }
    }

    /// The words for several, in which no name of a single one stands.
    fn cause(&self) -> String {
        self.alike.clone().unwrap_or_else(|| self.general(&self.text))
    }

    fn general(&self, text: &str) -> String {
        text.replace(&self.subject, "PEER")
    }

    fn is_like(&self, other: &Self) -> bool {
        let remedy = |one: &Self| one.remedy.as_ref().map(|remedy| one.general(remedy));
        (self.weight, self.scope) == (other.weight, other.scope)
            && self.cause() == other.cause()
            && (self.alike.is_some() || remedy(self) == remedy(other))
    }
}

/// All that was found.
#[derive(Default)]
pub(super) struct Report {
    groups: Vec<Vec<Finding>>,
}

impl Report {
    pub(super) fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            let like = |group: &&mut Vec<Finding>| group.first().is_some_and(|first| first.is_like(&finding));
            match self.groups.iter_mut().find(like) {
                Some(group) => group.push(finding),
                None => self.groups.push(vec![finding]),
            }
        }
    }

    fn worst(&self, scope: Scope) -> Weight {
        let all = self.groups.iter().flatten();
        let weights = all.filter(|finding| finding.scope == scope).map(|one| one.weight);
        weights.max().unwrap_or(Weight::Fine)
    }

    /// By what is wrong here; if nothing is, by what is wrong elsewhere.
    pub(super) fn exit(&self) -> Exit {
        match (self.worst(Scope::Here), self.worst(Scope::Remote)) {
            (Weight::Wrong, _) => Exit::Broken,
            (Weight::Doubt, _) => Exit::Amiss,
            (Weight::Fine | Weight::Unseen, Weight::Doubt | Weight::Wrong) => Exit::Remote,
            (Weight::Fine | Weight::Unseen, Weight::Fine | Weight::Unseen) => Exit::Fine,
        }
    }

    fn count(&self, scope: Scope, weight: Weight) -> usize {
        let is_it = |finding: &&Finding| (finding.scope, finding.weight) == (scope, weight);
        self.groups.iter().flatten().filter(is_it).count()
    }

    /// How it stands with this host, in a few words.
    fn host(&self) -> String {
        let some = |weight, one: &str, others: &str| {
            let count = self.count(Scope::Here, weight);
            (count > 0).then(|| format!("{count} {}", units::agree(count, one, others)))
        };
        let parts: Vec<_> = [
            some(Weight::Wrong, "fault", "faults"),
            some(Weight::Doubt, "doubt", "doubts"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut text = if parts.is_empty() {
            "sound".to_owned()
        } else {
            parts.join(", ")
        };
        if let Some(unseen) = some(Weight::Unseen, "thing not seen", "things not seen") {
            text = format!("{text} ({unseen}: as root)");
        }
        text
    }

    /// The summary, then what is wrong here, what is elsewhere, and at last what is well. `peers` is how those stand.
    pub(super) fn print(&self, peers: &str, screen: Screen) -> Result<(), Fault> {
        let summary = format!("this host: {}; {peers}", self.host());
        screen::print(&(screen.paint(&summary, Paint::Bold) + "\n"))?;
        let is_bad = |weight| weight >= Weight::Doubt;
        let mut groups: Vec<_> = self
            .groups
            .iter()
            .filter_map(|group| group.first().map(|first| (first, group)))
            .collect();
        groups.sort_by_key(|(first, _)| {
            let rank = match (is_bad(first.weight), first.scope) {
                (true, Scope::Here) => 0,
                (true, Scope::Remote) => 1,
                (false, _) => 2,
            };
            (rank, std::cmp::Reverse(first.weight))
        });
        for (first, group) in groups {
            screen::print(&rendered(first, group, screen))?;
        }
        Ok(())
    }

    /// The same for programs.
    pub(super) fn json(&self, peers: &str) -> Value {
        let finding = |group: &Vec<Finding>| {
            let first = group.first()?;
            let subjects: Vec<_> = group.iter().map(|one| one.subject.as_str()).collect();
            Some(json!({
                "scope": if first.scope == Scope::Here { "host" } else { "remote" },
                "weight": word(first.weight).trim().to_lowercase(),
                "subjects": subjects,
                "text": if group.len() == 1 { first.text.clone() } else { first.cause() },
                "remedy": first.remedy,
            }))
        };
        let findings: Vec<_> = self.groups.iter().filter_map(finding).collect();
        json!({ "host": self.host(), "peers": peers, "findings": findings })
    }
}

fn word(weight: Weight) -> &'static str {
    match weight {
        Weight::Fine => "ok   ",
        Weight::Unseen => "-    ",
        Weight::Doubt => "doubt",
        Weight::Wrong => "WRONG",
    }
}

fn rendered(first: &Finding, group: &[Finding], screen: Screen) -> String {
    let paint = match first.weight {
        Weight::Fine => Paint::Good,
        Weight::Unseen => Paint::Dim,
        Weight::Doubt => Paint::Warning,
        Weight::Wrong => Paint::Bad,
    };
    let word = screen.paint(word(first.weight), paint);
    let (text, remedy) = if group.len() == 1 {
        let text = format!("{}: {}", words::safe(&first.subject), words::safe(&first.text));
        (text, first.remedy.clone())
    } else {
        let subjects: Vec<_> = group.iter().map(|one| one.subject.as_str()).collect();
        let text = format!(
            "{}: {}: {}",
            group.len(),
            words::safe(&first.cause()),
            words::some(&subjects)
        );
        (text, first.remedy.as_ref().map(|remedy| first.general(remedy)))
    };
    let lines = |text: &str, indent: usize| {
        let width = screen.width.unwrap_or(usize::MAX).saturating_sub(indent);
        words::wrapped(text, width).join(&format!("\n{:indent$}", ""))
    };
    let remedy = remedy.map(|remedy| format!("       -> {}\n", lines(&words::safe(&remedy), 10)));
    format!("{word}  {}\n{}", lines(&text, 7), remedy.unwrap_or_default())
}
