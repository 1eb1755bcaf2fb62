//! What all pages have in common.

use maud::{DOCTYPE, Markup, html};

use super::super::http::Response;
use super::view::View;
use crate::standing::{Grade, Standing};

/// A whole page. `root` leads to the first one.
pub(super) fn page(root: &str, title: &str, heading: &Markup, main: &Markup, view: View) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href={ (root) "style.css" };
            }
            body {
                (SHAPES)
                header { h1 { (heading) } }
                nav aria-label="Refreshing" { p { (view.choices()) } }
                main { (main) }
                footer {
                    p {
                        "lonc " (env!("CARGO_PKG_VERSION")) ", "
                        a href={ (root) "metrics" } { "metrics" } ", lonc-metrics(8)"
                    }
                }
            }
        }
    }
}

/// `refresh` is in seconds.
pub(super) fn response(status: &'static str, refresh: Option<u32>, page: Markup) -> Response {
    Response {
        status,
        content_type: "text/html; charset=utf-8",
        body: page.into_string(),
        refresh,
    }
}

/// A shape for each grade, so that colour is not all that tells them apart.
const SHAPES: maud::PreEscaped<&str> = maud::PreEscaped(concat!(
    r#"<svg class="shapes" aria-hidden="true" focusable="false">"#,
    r#"<symbol id="good" viewBox="0 0 10 10"><circle cx="5" cy="5" r="4.5"/></symbol>"#,
    r#"<symbol id="warning" viewBox="0 0 10 10"><path d="M5 .4 9.8 9.4H.2z"/></symbol>"#,
    r#"<symbol id="bad" viewBox="0 0 10 10"><path d="M.8.8h8.4v8.4H.8z"/></symbol>"#,
    r#"<symbol id="unasked" viewBox="0 0 10 10"><circle cx="5" cy="5" r="3.7" fill="none" stroke="currentColor" stroke-width="1.5"/></symbol>"#,
    "</svg>"
));

/// A grade as a class of the style sheet, and the id of its shape.
pub(super) fn class(grade: Grade) -> &'static str {
    match grade {
        Grade::Unasked => "unasked",
        Grade::Good => "good",
        Grade::Warning => "warning",
        Grade::Bad => "bad",
    }
}

/// A state as shape, colour and word; with a number of peers before it, if there is one.
pub(super) fn badge(standing: Standing, number: Option<usize>) -> Markup {
    let class = class(standing.grade());
    html! {
        span class={ "badge " (class) } {
            svg aria-hidden="true" focusable="false" { use href={ "#" (class) }; }
            " " @if let Some(number) = number { (number) " " } (standing.name())
        }
    }
}
