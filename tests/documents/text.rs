//! What a document holds, by its syntax.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// The parts of a document in Markdown that are looked at.
#[derive(Default)]
pub(crate) struct Parts {
    /// Blocks of code, as they are; without those of a language, but for that of the shell.
    pub(crate) blocks: Vec<String>,
    /// Blocks that are TOML.
    pub(crate) toml: Vec<String>,
    /// Code within a line.
    pub(crate) spans: Vec<String>,
    /// Where links and pictures lead.
    pub(crate) links: Vec<String>,
    /// The anchors of headings, as GitHub and mdbook make them.
    pub(crate) anchors: Vec<String>,
}

impl Parts {
    pub(crate) fn of(markdown: &str) -> Self {
        let mut parts = Self::default();
        let (mut block, mut toml, mut heading) = (None::<String>, None::<String>, None::<String>);
        // Tables need no telling: code within their cells is found all the same.
        for event in Parser::new(markdown) {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    block = may_hold_commands(&kind).then(String::new);
                    toml = (kind == CodeBlockKind::Fenced("toml".into())).then(String::new);
                }
                Event::End(TagEnd::CodeBlock) => {
                    parts.blocks.extend(block.take());
                    parts.toml.extend(toml.take());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => parts.anchors.extend(heading.take().as_deref().map(anchor)),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    parts.links.push(dest_url.into_string());
                }
                Event::Text(text) => {
                    for part in [&mut block, &mut toml, &mut heading].into_iter().flatten() {
                        part.push_str(&text);
                    }
                }
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    parts.spans.push(code.into_string());
                }
                _ => {}
            }
        }
        parts
    }
}

fn may_hold_commands(kind: &CodeBlockKind<'_>) -> bool {
    match kind {
        CodeBlockKind::Indented => true,
        CodeBlockKind::Fenced(language) => matches!(&**language, "" | "sh" | "console"),
    }
}

/// Small letters, digits, hyphens for blanks.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    heading.chars().filter_map(kept).collect()
}

#[test]
fn parts_are_found() {
    let parts = Parts::of(
        "# A `b`, c!\n\n1. x `y z`\n\n       code\n\n   [l](to#a) ![p](q)\n\n```sh\nmore\n```\n\n```toml\nx = 1\n```\n",
    );
    assert_eq!(parts.anchors, ["a-b-c"]);
    assert_eq!(parts.blocks, ["code\n", "more\n"]);
    assert_eq!(parts.toml, ["x = 1\n"]);
    assert_eq!(parts.spans, ["b", "y z"]);
    assert_eq!(parts.links, ["to#a", "q"]);
}
