//! Which format is wanted: HTTP's `Accept`.

use super::exposition::Format;

/// The format for a request with this `Accept`. The older one, if nothing tells that the other is liked better: who
/// does not know that there are two reads the older.
pub(super) fn format(accept: &str) -> Format {
    let (mut open_metrics, mut older) = (0, 0);
    for range in accept.split(',').map(Range::parse) {
        match range.kind {
            "application/openmetrics-text" if matches!(range.version, None | Some("1.0.0")) => {
                open_metrics = range.quality.max(open_metrics);
            }
            "text/plain" if matches!(range.version, None | Some("0.0.4")) => older = range.quality.max(older),
            "text/*" | "*/*" => older = range.quality.max(older),
            _ => {}
        }
    }
    if open_metrics > 0 && open_metrics >= older {
        Format::OpenMetrics
    } else {
        Format::Prometheus
    }
}

/// One entry of the list.
struct Range<'a> {
    kind: &'a str,
    version: Option<&'a str>,
    /// In thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let mut range = Self {
            kind,
            version: None,
            quality: 1000,
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "version" => range.version = Some(value),
                "q" => range.quality = quality(value),
                _ => {}
            }
        }
        range
    }
}

/// `1`, or `0.` and up to three digits; anything else is nothing that is wanted.
fn quality(text: &str) -> u16 {
    let Some((whole, digits)) = text.split_once('.') else {
        return if text == "1" { 1000 } else { 0 };
    };
    let thousandths = format!("{digits:0<3}").parse::<u16>().unwrap_or(0).min(999);
    if whole == "1" { 1000 } else { thousandths }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_ask_for() {
        // Prometheus 2.42 and 3, curl, a browser, one who says nothing.
        for (accept, wanted) in [
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            ("*/*", Format::Prometheus),
            ("text/html,application/xml;q=0.9,*/*;q=0.8", Format::Prometheus),
            ("", Format::Prometheus),
        ] {
            assert_eq!(format(accept), wanted, "{accept}");
        }
    }

    #[test]
    fn what_is_liked_better_and_what_is_not_wanted() {
        let open = "application/openmetrics-text";
        assert_eq!(
            format(&format!("{open}; q=0.4, text/plain; q=0.5")),
            Format::Prometheus
        );
        assert_eq!(
            format(&format!("{open} ; q=1.000 , text/*;q=0.5")),
            Format::OpenMetrics
        );
        assert_eq!(format(&format!("{open};q=0")), Format::Prometheus);
        assert_eq!(format(&format!("{open};q=nonsense")), Format::Prometheus);
        assert_eq!(format(&format!("{open};version=0.0.1")), Format::Prometheus);
        assert_eq!(format(&format!("{open};version=\"1.0.0\"")), Format::OpenMetrics);
    }
}
