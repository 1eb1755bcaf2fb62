//! A picture of what processes used over time.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::sample::{Sample, Samples};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;
const MARGIN: f64 = 40.0;
/// One for each process.
const COLOURS: [&str; 4] = ["#1f5fa8", "#a8481f", "#2f7d32", "#7a3fa0"];

/// A quantity, and how it went: minutes and amounts.
type Curve = (&'static str, fn(&Samples) -> Vec<(f64, f64)>);

const CURVES: [Curve; 4] = [
    ("memory, MiB", |all| {
        points(all, |sample| sample.memory as f64 / 1024.0)
    }),
    ("descriptors", |all| {
        points(all, |sample| sample.descriptors as f64)
    }),
    ("threads", |all| points(all, |sample| sample.threads as f64)),
    ("wake-ups a second", |all| {
        all.wake_ups()
            .map(|(at, rate)| (at.as_secs_f64() / 60.0, rate))
            .collect()
    }),
];

fn points(samples: &Samples, of: impl Fn(&Sample) -> f64) -> Vec<(f64, f64)> {
    let point = |sample: &Sample| (sample.at.as_secs_f64() / 60.0, of(sample));
    samples.taken.iter().map(point).collect()
}

/// Writes it to `soak.svg` in the target directory.
pub(crate) fn draw(all: &[Samples]) {
    let ends = all.iter().filter_map(|samples| samples.taken.last());
    let minutes = ends.map(|last| last.at.as_secs_f64() / 60.0).fold(0.0, f64::max);
    let height = (CURVES.len() as f64) * (HEIGHT + MARGIN) + 2.0 * MARGIN;
    // On white, so that it is seen on a dark page as well.
    let mut picture = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {height}' font-family='sans-serif' font-size='12'>\n\
         <rect width='100%' height='100%' fill='#fff'/>\n",
        WIDTH + 2.0 * MARGIN,
    );
    for (number, samples) in all.iter().enumerate() {
        let left = MARGIN + number as f64 * WIDTH / all.len() as f64;
        let colour = COLOURS[number % COLOURS.len()];
        write(
            &mut picture,
            left,
            MARGIN / 2.0,
            &format!("fill='{colour}'"),
            samples.name,
        );
    }
    for (number, (name, of)) in CURVES.iter().enumerate() {
        let top = 2.0 * MARGIN + number as f64 * (HEIGHT + MARGIN);
        let curves: Vec<_> = all.iter().map(of).collect();
        draw_curves(&mut picture, name, top, minutes, &curves);
    }
    let end = format!("{minutes:.0} minutes");
    write(
        &mut picture,
        MARGIN + WIDTH,
        height - MARGIN / 2.0,
        "text-anchor='end'",
        &end,
    );
    picture.push_str("</svg>\n");
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("soak.svg");
    fs::write(&path, picture).unwrap();
    eprintln!("{}", path.display());
}

fn draw_curves(picture: &mut String, name: &str, top: f64, minutes: f64, curves: &[Vec<(f64, f64)>]) {
    let most = curves
        .iter()
        .flatten()
        .map(|(_, amount)| *amount)
        .fold(1.0, f64::max);
    let bottom = top + HEIGHT;
    write(
        picture,
        MARGIN,
        top - 6.0,
        "",
        &format!("{name}: at most {most:.0}"),
    );
    // Writing to a text cannot fail.
    let _ = writeln!(
        picture,
        "<path d='M{MARGIN} {top}V{bottom}H{}' stroke='#888' fill='none'/>",
        MARGIN + WIDTH
    );
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let point = |(at, amount): &(f64, f64)| {
            let (x, y) = (MARGIN + at / minutes * WIDTH, bottom - amount / most * HEIGHT);
            format!("{x:.1},{y:.1}")
        };
        let points: Vec<_> = curve.iter().map(point).collect();
        let _ = writeln!(
            picture,
            "<polyline points='{}' stroke='{colour}' fill='none'/>",
            points.join(" ")
        );
    }
}

fn write(picture: &mut String, left: f64, base: f64, more: &str, text: &str) {
    let _ = writeln!(picture, "<text x='{left}' y='{base}' {more}>{text}</text>");
}
