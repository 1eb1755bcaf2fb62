//! The walks through the code in `docs/structure.md`: each step is one function in one file, and is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::crates;
use crate::figures::functions;

#[test]
fn each_step_of_the_walks_is_a_function_that_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join("docs/structure.md")).unwrap();
    let there: BTreeSet<_> = functions(&crates()).into_iter().map(|one| one.name).collect();
    let steps: Vec<_> = text.lines().filter_map(step).collect();
    assert!(steps.len() > 40, "{steps:?}");
    for step in steps {
        assert!(there.contains(&step), "{step} is not there");
    }
}

#[test]
fn what_is_named_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join("docs/structure.md")).unwrap();
    let paths = text.split('`').skip(1).step_by(2);
    for path in paths.filter(|path| path.starts_with("src/") || path.starts_with("systemd/")) {
        assert!(here.join(path).exists(), "{path} is not there");
    }
}

/// What the numbered line names: ``1. `file`, `function`: …``.
fn step(line: &str) -> Option<String> {
    let (number, rest) = line.split_once(". `")?;
    number.parse::<usize>().ok()?;
    let (file, rest) = rest.split_once("`, `")?;
    let (function, _) = rest.split_once("`: ")?;
    Some(format!("{file}: {function}"))
}
