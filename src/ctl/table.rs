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
}

impl Table {
    pub(super) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
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
        let widths = self.widths(&lines);
        let line = |cells: &&Vec<Cell>| {
            let places = cells.iter().zip(&self.columns).zip(&widths);
            let cells = places.map(|((cell, (_, side)), width)| padded(cell, *side, *width, screen));
            let line = cells.collect::<Vec<_>>().join("  ");
            format!("{}\n", line.trim_end())
        };
        lines.iter().map(line).collect()
    }

    fn widths(&self, lines: &[&Vec<Cell>]) -> Vec<usize> {
        let width = |index: usize| {
            let cells = lines.iter().filter_map(|cells| cells.get(index));
            cells
                .map(|cell| cell.text.chars().count())
                .max()
                .unwrap_or_default()
        };
        (0..self.columns.len()).map(width).collect()
    }
}

fn padded(cell: &Cell, side: Side, width: usize, screen: Screen) -> String {
    let gap = " ".repeat(width.saturating_sub(cell.text.chars().count()));
    let text = screen.paint(&cell.text, cell.paint);
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
