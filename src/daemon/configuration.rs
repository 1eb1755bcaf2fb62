//! What an instance goes by, as its readers are told.

use std::time::SystemTime;

use crate::config::Report;

/// Every key in force, since when, and what came of the last try to have others.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    pub(crate) report: Report,
    /// When it was read.
    pub(crate) read: SystemTime,
    /// Why what the files say is not in force, and since when that is known.
    pub(crate) refused: Option<(String, SystemTime)>,
}

impl Configuration {
    pub(crate) fn of(report: Report) -> Self {
        Self {
            report,
            read: SystemTime::now(),
            refused: None,
        }
    }

    /// What was read now, but for the keys that stay as they are until a restart.
    pub(crate) fn replaced(&self, mut report: Report, kept: &[&str]) -> Self {
        for key in kept {
            report.keep(key, &self.report);
        }
        Self::of(report)
    }

    /// What else is to be told beside how things stand, on the same line.
    pub(crate) fn beside(&self) -> String {
        let refused = self.refused.as_ref();
        refused.map_or_else(String::new, |(why, _)| format!("; a reload was refused: {why}"))
    }
}
