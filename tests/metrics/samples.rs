//! `OpenMetrics`, read by one who knows nothing of the program.

use std::collections::{BTreeMap, BTreeSet};

/// Values by the samples' names with their labels, as they are written.
pub(crate) struct Samples {
    values: BTreeMap<String, f64>,
    names: BTreeSet<String>,
}

impl Samples {
    /// Reads `text`, and finds fault with what the specification forbids.
    pub(crate) fn read(text: &str) -> Self {
        let lines = text.strip_suffix("# EOF\n").expect("the end mark");
        let (mut samples, mut names) = (BTreeMap::new(), BTreeSet::new());
        let (mut family, mut kind, mut seen) = (String::new(), String::new(), Vec::new());
        for line in lines.lines() {
            if let Some(rest) = line.strip_prefix("# ") {
                let mut words = rest.splitn(3, ' ');
                let (what, name, text) = (
                    words.next().unwrap(),
                    words.next().unwrap(),
                    words.next().unwrap(),
                );
                match what {
                    "HELP" => {
                        assert!(!seen.contains(&name.to_owned()), "{name} comes twice");
                        seen.push(name.to_owned());
                        name.clone_into(&mut family);
                    }
                    "TYPE" => {
                        text.clone_into(&mut kind);
                        names.extend(suffixes(text).iter().map(|suffix| format!("{name}{suffix}")));
                    }
                    "UNIT" => assert!(name.ends_with(&format!("_{text}")), "{line}"),
                    _ => panic!("{line}"),
                }
                assert_eq!(name, family, "{line}");
                continue;
            }
            let (name, value) = line.rsplit_once(' ').unwrap();
            let bare = name.split('{').next().unwrap();
            assert!(
                suffixes(&kind)
                    .iter()
                    .any(|suffix| bare == format!("{family}{suffix}")),
                "{line}"
            );
            assert!(
                samples.insert(name.to_owned(), value.parse().unwrap()).is_none(),
                "{line} twice"
            );
        }
        Self {
            values: samples,
            names,
        }
    }

    /// The value of a sample that is there.
    pub(crate) fn of(&self, sample: &str) -> f64 {
        self.find(sample).unwrap_or_else(|| panic!("no {sample}"))
    }

    pub(crate) fn find(&self, sample: &str) -> Option<f64> {
        self.values.get(sample).copied()
    }

    /// Whether a sample is 1.
    pub(crate) fn is(&self, sample: &str) -> bool {
        (self.of(sample) - 1.0).abs() < f64::EPSILON
    }

    /// All samples whose names begin so.
    pub(crate) fn starting<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let all = self.values.iter().map(|(name, value)| (name.as_str(), *value));
        all.filter(move |(name, _)| name.starts_with(start))
    }

    /// Names of all samples that there may be, without labels.
    pub(crate) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }
}

/// What the samples of a family add to its name.
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_sum", "_count"],
        _ => panic!("{kind}"),
    }
}
