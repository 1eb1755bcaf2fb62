//! How long things took, as a picture: a bar for each bucket of a histogram.

use maud::{Markup, html};

use crate::control::interface::Histogram;
use crate::units;

/// The picture, in the units of its own system.
const WIDTH: usize = 400;
const HEIGHT: usize = 170;
/// Above and below the bars.
const TOP: usize = 18;
const BOTTOM: usize = 34;
/// More have no room; an instance of ours tells of a third of these.
const MOST: usize = 64;
/// Fewer bars than these would look like blocks.
const FEWEST: usize = 8;

/// A figure with what it tells in words, and as a table.
pub(super) fn figure(id: &str, heading: &str, what: &str, histogram: &Histogram) -> Markup {
    let bars = Bars::of(histogram);
    html! {
        section.figure aria-labelledby=(id) {
            h2 id=(id) { (heading) }
            @if histogram.count == 0 {
                p { "None yet since the instance started." }
            } @else {
                p { (in_words(what, histogram)) }
                (bars.picture(&format!("{heading}: a bar for each range; the table below has the numbers")))
                details { summary { "The same as a table" } (bars.table(what)) }
            }
        }
    }
}

fn in_words(what: &str, histogram: &Histogram) -> String {
    let mean = histogram
        .sum_usec
        .checked_div(histogram.count)
        .unwrap_or_default();
    let within = |percent| quantile(histogram, percent);
    format!(
        "{}; half {}, 95 % {}, 99 % {}; {} on average.",
        units::count(histogram.count, what),
        within(50),
        within(95),
        within(99),
        units::brief(mean)
    )
}

/// Within which bound so many of a hundred are.
fn quantile(histogram: &Histogram, percent: u128) -> String {
    let enough = |count: u64| u128::from(count) * 100 >= u128::from(histogram.count) * percent;
    let bucket = histogram.buckets.iter().find(|bucket| enough(bucket.count));
    match (bucket, histogram.buckets.last()) {
        (Some(bucket), _) => format!("within {}", units::brief(bucket.le_usec)),
        (None, Some(last)) => format!("beyond {}", units::brief(last.le_usec)),
        (None, None) => "?".to_owned(),
    }
}

struct Bars(Vec<Bar>);

struct Bar {
    /// Its range ends there, in microseconds; the last one's does not.
    up_to: Option<u64>,
    /// How many are in the range.
    count: u64,
}

impl Bars {
    /// From the first range in which there is anything to the last.
    fn of(histogram: &Histogram) -> Self {
        let mut below = 0;
        let mut bars = Vec::with_capacity(histogram.buckets.len() + 1);
        for bucket in histogram.buckets.iter().take(MOST) {
            bars.push(Bar {
                up_to: Some(bucket.le_usec),
                count: bucket.count.saturating_sub(below),
            });
            below = below.max(bucket.count);
        }
        bars.push(Bar {
            up_to: None,
            count: histogram.count.saturating_sub(below),
        });
        let first = bars.iter().position(|bar| bar.count > 0).unwrap_or_default();
        let last = bars.iter().rposition(|bar| bar.count > 0).unwrap_or_default();
        let end = (last + 1).max(first + FEWEST).min(bars.len());
        let first = first.min(end.saturating_sub(FEWEST));
        bars.truncate(end);
        bars.drain(..first);
        Self(bars)
    }

    fn picture(&self, title: &str) -> Markup {
        let most = self
            .0
            .iter()
            .map(|bar| bar.count)
            .max()
            .unwrap_or_default()
            .max(1);
        let step = WIDTH / self.0.len().max(1);
        let room = HEIGHT - TOP - BOTTOM;
        let (base, axis) = (HEIGHT - BOTTOM, HEIGHT - BOTTOM + 14);
        html! {
            svg.bars viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(title) focusable="false" {
                @for (index, bar) in self.0.iter().enumerate() {
                    @let middle = index * step + step / 2;
                    @let height = bar.height(most, room);
                    @if bar.count > 0 {
                        rect x=(index * step + 2) y=(base - height) width=(step - 4) height=(height) {}
                        text x=(middle) y=(base - height - 4) { (short(bar.count)) }
                    }
                    // Where there are many, every second bound is enough.
                    @if self.0.len() <= 10 || index % 2 == 0 {
                        text x=(middle) y=(axis) { (bar.bound()) }
                    }
                }
                path d={ "M0 " (base) "H" (WIDTH) } {}
                text x=(WIDTH / 2) y=(HEIGHT - 4) { "up to so long" }
            }
        }
    }

    fn table(&self, what: &str) -> Markup {
        html! {
            table.numbers {
                thead { tr { th scope="col" { "Up to" } th scope="col" { "Number (" (what) ")" } } }
                tbody { @for bar in &self.0 { tr { th scope="row" { (bar.bound()) } td { (bar.count) } } } }
            }
        }
    }
}

impl Bar {
    /// Where there is anything, something is to be seen.
    fn height(&self, most: u64, room: usize) -> usize {
        let share = u128::from(self.count) * room as u128 / u128::from(most);
        usize::try_from(share).unwrap_or(room).clamp(1, room)
    }

    fn bound(&self) -> String {
        self.up_to.map_or_else(|| "more".to_owned(), units::brief)
    }
}

/// In at most four characters or so.
fn short(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..10_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::interface::Bucket;

    #[test]
    fn bars_are_what_is_in_each_range() {
        let bars = Bars::of(&histogram(&[0, 0, 3, 3, 10], 12));
        let counts: Vec<_> = bars.0.iter().map(|bar| bar.count).collect();
        assert_eq!(counts, [0, 0, 3, 0, 7, 2]);
        assert_eq!(bars.0.last().unwrap().bound(), "more");
        let long = Bars::of(&histogram(&[0, 0, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5], 5));
        assert_eq!((long.0.len(), long.0[0].count), (FEWEST, 5));
    }

    #[test]
    fn words_tell_the_bounds() {
        let histogram = histogram(&[50, 94, 99], 100);
        assert_eq!(
            in_words("reply", &histogram),
            "100 replies; half within 1.0ms, 95 % within 3.0ms, 99 % within 3.0ms; 10us on average."
        );
        assert_eq!(quantile(&histogram, 100), "beyond 3.0ms");
    }

    #[test]
    fn what_makes_no_sense_makes_no_panic() {
        let many: Vec<_> = (0..1000).collect();
        for (counts, count) in [
            (&[][..], 0),
            (&[][..], 7),
            (&[u64::MAX, 0], 1),
            (&[0], u64::MAX),
            (&many, 999),
        ] {
            let histogram = histogram(counts, count);
            let text = figure("id", "Heading", "reply", &histogram).into_string();
            assert!(text.contains("Heading"));
        }
    }

    fn histogram(counts: &[u64], count: u64) -> Histogram {
        let bucket = |(index, count): (usize, &u64)| Bucket {
            le_usec: 1000 * (index as u64 + 1),
            count: *count,
        };
        Histogram {
            buckets: counts.iter().enumerate().map(bucket).collect(),
            count,
            sum_usec: 1000,
        }
    }
}
