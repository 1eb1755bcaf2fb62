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

#[test]
fn each_promise_of_the_threat_model_has_a_test_that_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join("docs/threat-model.md")).unwrap();
    let tests: Vec<_> = text.lines().filter_map(promise).collect();
    assert!(tests.len() >= 30, "{tests:?}");
    for (file, test) in tests {
        let code = fs::read_to_string(here.join(file)).unwrap_or_default();
        let keyword = if file.starts_with("tests/system/") {
            "def"
        } else {
            "fn"
        };
        assert!(
            code.contains(&format!("{keyword} {test}(")),
            "{file}: {test} is not there"
        );
    }
}

/// File and function that a line names: ``| … | `file`: `function` |``.
fn promise(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.rsplit_once("| `")?;
    let (file, rest) = rest.split_once("`: `")?;
    Some((file, rest.strip_suffix("` |")?))
}

/// What the numbered line names: ``1. `file`, `function`: …``.
fn step(line: &str) -> Option<String> {
    let (number, rest) = line.split_once(". `")?;
    number.parse::<usize>().ok()?;
    let (file, rest) = rest.split_once("`, `")?;
    let (function, _) = rest.split_once("`: ")?;
    Some(format!("{file}: {function}"))
}
