//! The two text formats: [`OpenMetrics` 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/), and the older one
//! of Prometheus, 0.0.4, which most tools read.

use std::fmt::{Display, Formatter, Result, Write as _};

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Prometheus,
}

impl Format {
    /// What it is called in HTTP.
    #[must_use]
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a family counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A value; written exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Whole(u64),
    /// Microseconds, written as seconds.
    Seconds(u64),
}

impl Display for Number {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let micros = match self {
            Self::Whole(number) => return write!(out, "{number}"),
            Self::Seconds(micros) => micros,
        };
        let fraction = format!("{:06}", micros % 1_000_000);
        let digits = fraction.trim_end_matches('0');
        // Always with a point: the bound of a bucket is a label, and is to be the same text everywhere.
        write!(
            out,
            "{}.{}",
            micros / 1_000_000,
            if digits.is_empty() { "0" } else { digits }
        )
    }
}

/// Names and values of labels. Neither needs to be escaped: they are host ids and words of our own.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// Writes one family after the other.
pub(super) struct Writer {
    format: Format,
    out: String,
}

impl Writer {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            out: String::new(),
        }
    }

    /// Begins a family. Its name ends in its unit, if it has one, and has no `_total`.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let total = if kind == Kind::Counter && self.format == Format::Prometheus {
            "_total"
        } else {
            ""
        };
        self.line(format_args!("# HELP {name}{total} {help}"));
        self.line(format_args!("# TYPE {name}{total} {}", kind.word()));
        let unit = ["seconds", "bytes"]
            .into_iter()
            .find(|unit| name.ends_with(&format!("_{unit}")));
        if let Some(unit) = unit.filter(|_| self.format == Format::OpenMetrics) {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
    }

    /// A value of the family.
    pub(super) fn sample(&mut self, name: &str, labels: Labels<'_>, value: Number) {
        // Writing to a text does not fail.
        if labels.is_empty() {
            return self.line(format_args!("{name} {value}"));
        }
        let _ = write!(self.out, "{name}{{");
        for (index, (label, value)) in labels.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(self.out, "{comma}{label}=\"{value}\"");
        }
        self.line(format_args!("}} {value}"));
    }

    pub(super) fn end(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.line(format_args!("# EOF"));
        }
        self.out
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.out, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_called_otherwise_in_each_format() {
        let sample = "a_bytes_total{peer=\"x\",way=\"in\"} 3\n";
        assert_eq!(
            written(Format::OpenMetrics),
            format!(
                "# HELP a_bytes Help.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n{sample}\
                 # HELP b Help.\n# TYPE b gauge\n# EOF\n"
            )
        );
        assert_eq!(
            written(Format::Prometheus),
            format!(
                "# HELP a_bytes_total Help.\n# TYPE a_bytes_total counter\n{sample}# HELP b Help.\n# TYPE b gauge\n"
            )
        );
    }

    #[test]
    fn numbers_are_exact() {
        let seconds = |micros| Number::Seconds(micros).to_string();
        assert_eq!(seconds(0), "0.0");
        assert_eq!(seconds(100), "0.0001");
        assert_eq!(seconds(2_500_000), "2.5");
        assert_eq!(seconds(300_000_000), "300.0");
        assert_eq!(seconds(1_795_392_000_000_001), "1795392000.000001");
        assert_eq!(Number::Whole(u64::MAX).to_string(), u64::MAX.to_string());
    }

    fn written(format: Format) -> String {
        let mut writer = Writer::new(format);
        writer.family("a_bytes", Kind::Counter, "Help.");
        writer.sample("a_bytes_total", &[("peer", "x"), ("way", "in")], Number::Whole(3));
        writer.family("b", Kind::Gauge, "Help.");
        writer.end()
    }
}
