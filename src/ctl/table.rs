//! Columns. No cell but the last of a line holds a blank, so that programs can split the lines.

use super::screen::{Paint, Screen};

/// What stands for nothing.
pub(super) const NOTHING: &str = "-";

/// A place in a line.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    pub(super) fn painted(text: impl Into<String>, paint: Paint) -> Self {
        Self {
            text: text.into(),
            paint,
        }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::painted(text.to_string(), Paint::Plain)
    }
}

/// A text, or that there is none.
pub(super) fn or_nothing(text: Option<String>) -> Cell {
    let text = text.filter(|text| !text.is_empty());
    text.unwrap_or_else(|| NOTHING.to_owned()).into()
}

/// Which side of its column a text is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Lines under headings.
pub(super) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<Cell>>,
    /// Columns that a narrow screen does without, the first first.
    dispensable: &'static [&'static str],
}

/// Between columns.
const GAP: usize = 2;
/// So much of a last column that is cut is to be seen, in characters, before others are left out for it.
const LEAST: usize = 28;

impl Table {
    pub(super) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
            dispensable: &[],
        }
    }

    /// The same where these columns are left out, one after the other, as far as the screen is too narrow.
    pub(super) fn dropping(self, dispensable: &'static [&'static str]) -> Self {
        Self { dispensable, ..self }
    }

    /// Adds a line, which has as many cells as there are columns.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The lines, each ended.
    pub(super) fn render(&self, screen: Screen) -> String {
        let heading = |(name, _): &(&str, Side)| Cell::painted(*name, Paint::Bold);
        let headings = self.columns.iter().map(heading).collect();
        let lines: Vec<&Vec<Cell>> = [&headings].into_iter().chain(&self.rows).collect();
        let mut widths = self.widths(&lines);
        if let Some(most) = screen.width {
            self.fit(&mut widths, most);
        }
        let line = |cells: &&Vec<Cell>| {
            let places = cells.iter().zip(&self.columns).zip(&widths);
            let shown = places.filter_map(|(place, width)| Some((place, (*width)?)));
            let cells = shown.map(|((cell, (_, side)), width)| padded(cell, *side, width, screen));
            let line = cells.collect::<Vec<_>>().join("  ");
            format!("{}\n", line.trim_end())
        };
        lines.iter().map(line).collect()
    }

    /// Leaves columns out until the lines have at most so many characters, and cuts the last.
    fn fit(&self, widths: &mut [Option<usize>], most: usize) {
        let last = widths.last().copied().flatten().unwrap_or_default();
        let length = |widths: &[Option<usize>]| {
            let shown = widths.iter().flatten();
            shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
        };
        for name in self.dispensable {
            if length(widths) - last + last.min(LEAST) <= most {
                break;
            }
            let at = self.columns.iter().position(|(column, _)| column == name);
            if let Some(width) = at.and_then(|at| widths.get_mut(at)) {
                *width = None;
            }
        }
        let before = length(widths) - last;
        if let Some(Some(width)) = widths.last_mut() {
            *width = last.min(most.saturating_sub(before));
        }
    }

    fn widths(&self, lines: &[&Vec<Cell>]) -> Vec<Option<usize>> {
        let width = |index: usize| {
            let cells = lines.iter().filter_map(|cells| cells.get(index));
            cells
                .map(|cell| cell.text.chars().count())
                .max()
                .unwrap_or_default()
        };
        (0..self.columns.len()).map(|index| Some(width(index))).collect()
    }
}

fn padded(cell: &Cell, side: Side, width: usize, screen: Screen) -> String {
    let length = cell.text.chars().count();
    let gap = " ".repeat(width.saturating_sub(length));
    let shown = if length > width {
        let start: String = cell.text.chars().take(width.saturating_sub(1)).collect();
        start + if width > 0 { "…" } else { "" }
    } else {
        cell.text.clone()
    };
    let text = screen.paint(&shown, cell.paint);
    match side {
        Side::Left => text + &gap,
        Side::Right => gap + &text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_end_without_blanks() {
        assert_eq!(
            table().render(Screen::of(false)),
            "PEER      N  WHY\nmsul1     3\né      1234  so it is\n"
        );
    }

    #[test]
    fn colours_do_not_move_the_columns() {
        let coloured = table().render(Screen::of(true));
        let plain = coloured
            .replace("\x1b[1m", "")
            .replace("\x1b[1;31m", "")
            .replace("\x1b[0m", "");
        assert_ne!(coloured, plain);
        assert_eq!(plain.lines().last(), Some("é      1234  so it is"));
    }

    #[test]
    fn a_narrow_screen_gets_fewer_columns_and_the_start_of_the_last() {
        let mut table = Table::new(&[
            ("PEER", Side::Left),
            ("N", Side::Right),
            ("M", Side::Right),
            ("WHY", Side::Left),
        ])
        .dropping(&["M", "N"]);
        let why = "it is so and not otherwise, and more";
        table.row(vec!["msul1".into(), 333_333.into(), 7.into(), why.into()]);
        let start = |length| why.chars().take(length).collect::<String>();
        let last = |width| {
            let text = table.render(Screen::of_width(width));
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            text.lines().last().unwrap().to_owned()
        };
        assert_eq!(last(80), format!("msul1  333333  7  {why}"));
        assert_eq!(last(50), format!("msul1  333333  7  {}…", start(31)));
        assert_eq!(last(45), format!("msul1  333333  {}…", start(29)));
        assert_eq!(last(40), format!("msul1  {}…", start(32)));
        assert_eq!(last(20), format!("msul1  {}…", start(12)));
    }

    fn table() -> Table {
        let mut table = Table::new(&[("PEER", Side::Left), ("N", Side::Right), ("WHY", Side::Left)]);
        table.row(vec!["msul1".into(), 3.into(), "".into()]);
        table.row(vec![
            Cell::painted("é", Paint::Bad),
            1234.into(),
            "so it is".into(),
        ]);
        table
    }
}
