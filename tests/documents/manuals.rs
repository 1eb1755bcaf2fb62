//! The look of manual pages.

use crate::{files, read};

/// A line of an example that begins with a blank or a tab stands further right than the one before it. Within a block
/// that is kept as it is, that is meant so, as in YAML.
#[test]
fn examples_are_not_over_indented() {
    let mut wrong = Vec::new();
    for section in [".5", ".8"] {
        for page in files("docs/man", section) {
            let mut is_kept = false;
            for (number, line) in read(&page).lines().enumerate() {
                is_kept = line == ".nf" || is_kept && line != ".fi";
                if !is_kept && line.starts_with([' ', '\t']) {
                    wrong.push(format!("{}:{}: {line}", page.display(), number + 1));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "put them between lines of ```:\n{}",
        wrong.join("\n")
    );
}
