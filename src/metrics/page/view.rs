//! How somebody wants to see a page: what the query of its address says.

use maud::{Markup, html};

/// Pages refresh themselves after so many seconds, unless it is said otherwise: so often instances are asked by
/// whoever leaves a page open.
const USUAL: u32 = 10;
const OFTENEST: u32 = 2;
const SELDOMEST: u32 = 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// In seconds; none if the page stays as it is.
    pub(super) refresh: Option<u32>,
    /// Those that are well are not folded away.
    pub(super) all: bool,
}

impl View {
    /// What makes no sense counts as not said.
    pub(super) fn of(query: &str) -> Self {
        let mut view = Self {
            refresh: Some(USUAL),
            all: false,
        };
        for (name, value) in query
            .split('&')
            .map(|part| part.split_once('=').unwrap_or((part, "")))
        {
            match name {
                "refresh" if value == "off" => view.refresh = None,
                "refresh" => {
                    let seconds = value.parse().ok();
                    view.refresh = seconds
                        .map(|seconds: u32| seconds.clamp(OFTENEST, SELDOMEST))
                        .or(view.refresh);
                }
                "all" => view.all = true,
                _ => {}
            }
        }
        view
    }

    /// The query that says so.
    pub(super) fn query(self) -> String {
        let refresh = match self.refresh {
            Some(USUAL) => None,
            Some(seconds) => Some(format!("refresh={seconds}")),
            None => Some("refresh=off".to_owned()),
        };
        let all = self.all.then(|| "all".to_owned());
        let parts: Vec<_> = refresh.into_iter().chain(all).collect();
        format!("?{}", parts.join("&"))
    }

    /// What it is, and links to have it otherwise.
    pub(super) fn choices(self) -> Markup {
        let other = |refresh| Self { refresh, ..self }.query();
        html! {
            @match self.refresh {
                Some(seconds) => {
                    "Refreshes every " (seconds) " s: "
                    a href=(other(None)) { "stop refreshing" }
                    @for choice in [USUAL, 60] {
                        @if choice != seconds { ", " a href=(other(Some(choice))) { "every " (choice) " s" } }
                    }
                }
                None => { "Does not refresh: " a href=(other(Some(USUAL))) { "refresh every " (USUAL) " s" } }
            }
            ", " a href=(self.query()) { "now" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_comes_back_as_it_was() {
        for query in ["?", "?refresh=off", "?refresh=60&all", "?all"] {
            assert_eq!(View::of(query.strip_prefix('?').unwrap()).query(), query);
        }
    }

    #[test]
    fn nobody_has_it_refreshed_all_the_time() {
        let refresh = |query| View::of(query).refresh;
        assert_eq!(refresh("refresh=0"), Some(OFTENEST));
        assert_eq!(refresh("refresh=99999"), Some(SELDOMEST));
        for nonsense in ["refresh=", "refresh=-1", "refresh=<script>", "x=1&&=&"] {
            assert_eq!(refresh(nonsense), Some(USUAL), "{nonsense}");
        }
    }
}
