//! Links within the project lead to what is there.

use std::path::PathBuf;

use crate::text::Parts;
use crate::{files, markdown, read, root};

#[test]
fn links_lead_to_what_is_there() {
    let mut broken = Vec::new();
    for document in markdown() {
        let folder = document.parent().unwrap();
        for link in Parts::of(&read(&document)).links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() {
                document.clone()
            } else {
                folder.join(path)
            };
            let is_there = root().join(&target).exists();
            let has_anchor = || {
                Parts::of(&read(&target))
                    .anchors
                    .iter()
                    .any(|known| known == anchor)
            };
            if !is_there || !anchor.is_empty() && !has_anchor() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "these lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn every_document_is_on_the_site() {
    let contents = read("docs/build-site");
    let listed = |document: &PathBuf| {
        let name = document.file_name().unwrap().to_str().unwrap();
        contents.contains(&format!("]({name})"))
    };
    let missing: Vec<_> = files("docs", ".md")
        .into_iter()
        .filter(|document| !listed(document))
        .collect();
    assert!(
        missing.is_empty(),
        "not among the contents in docs/build-site: {missing:?}"
    );
}
