//! A value together with where it came from.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use toml::Value;

use super::text;

/// A value as given, not yet checked.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) value: Value,
    pub(super) source: Source,
}

/// Where a value came from, or where a fault is; displayed as `default` or `FILE:LINE (note)`.
#[derive(Clone, Debug)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// A line of a file.
    At {
        /// The file.
        file: Arc<Path>,
        /// Number of the line, from 1.
        line: usize,
        /// The Perl variable or the section of the line, or the key there that this one follows.
        note: Option<String>,
    },
}

impl Source {
    pub(super) fn at(file: impl Into<Arc<Path>>, line: usize, note: Option<String>) -> Self {
        Self::At {
            file: file.into(),
            line,
            note,
        }
    }

    /// The same line with another note.
    pub(super) fn noted(self, note: String) -> Self {
        match self {
            Self::Default => Self::Default,
            Self::At { file, line, .. } => Self::at(file, line, Some(note)),
        }
    }

    pub(super) fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }

    /// `FILE:LINE` alone.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::At { file, line, .. } => format!("{}:{line}", text::path(file)),
        }
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Default => None,
            Self::At { file, .. } => Some(file),
        }
    }

    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Self::Default => None,
            Self::At { line, .. } => Some(*line),
        }
    }

    pub(super) fn note(&self) -> Option<&str> {
        match self {
            Self::Default => None,
            Self::At { note, .. } => note.as_deref(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())?;
        self.note().map_or(Ok(()), |note| write!(f, " ({note})"))
    }
}
