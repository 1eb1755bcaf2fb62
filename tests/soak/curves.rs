//! A picture of what a process used over time.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::sample::{Sample, Samples};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;
const MARGIN: f64 = 40.0;

/// What is drawn: its name, its colour, and how much of it there is.
type Curve = (&'static str, &'static str, fn(&Sample) -> f64);

const CURVES: [Curve; 3] = [
    ("memory, MiB", "#1f5fa8", |sample| sample.memory as f64 / 1024.0),
    ("descriptors", "#a8481f", |sample| sample.descriptors as f64),
    ("threads", "#2f7d32", |sample| sample.threads as f64),
];

/// Writes it to `soak.svg` in the target directory.
pub(crate) fn draw(samples: &Samples) {
    let last = samples.0.last().unwrap().at.as_secs_f64();
    let all = (CURVES.len() as f64) * (HEIGHT + MARGIN) + MARGIN;
    let mut picture = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {all}' font-family='sans-serif' font-size='12'>\n",
        WIDTH + 2.0 * MARGIN,
    );
    for (number, (name, colour, of)) in CURVES.iter().enumerate() {
        let top = MARGIN + number as f64 * (HEIGHT + MARGIN);
        let most = samples.0.iter().map(of).fold(1.0, f64::max);
        let point = |sample: &Sample| {
            let x = MARGIN + sample.at.as_secs_f64() / last * WIDTH;
            let y = top + HEIGHT - of(sample) / most * HEIGHT;
            format!("{x:.1},{y:.1}")
        };
        let points: Vec<_> = samples.0.iter().map(point).collect();
        let points = points.join(" ");
        // Writing to a text cannot fail.
        let _ = writeln!(
            picture,
            "<text x='{MARGIN}' y='{}'>{name}: at most {most:.1}</text>\n\
             <path d='M{MARGIN} {top}V{bottom}H{}' stroke='#888' fill='none'/>\n\
             <polyline points='{points}' stroke='{colour}' fill='none'/>",
            top - 6.0,
            MARGIN + WIDTH,
            bottom = top + HEIGHT,
        );
    }
    let _ = writeln!(
        picture,
        "<text x='{}' y='{}' text-anchor='end'>{:.1} minutes</text>\n</svg>",
        MARGIN + WIDTH,
        all - 10.0,
        last / 60.0,
    );
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("soak.svg");
    fs::write(&path, picture).unwrap();
    eprintln!("{}", path.display());
}
