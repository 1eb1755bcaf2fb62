//! Pages for a browser: all peers at a glance, and one of them.
//!
//! No script, nothing of another place, and no text of others that is not escaped: `maud` escapes all that is not its
//! own markup. Addresses within the pages are relative, so that they work behind a proxy, too.

mod facts;
mod layout;
mod overview;
mod peer;
mod picture;
mod view;

use maud::html;

pub(super) use self::facts::{Close, Crowd, close, crowd};
use self::view::View;
use super::http::{Request, Response};
use crate::config::HostId;

/// Where the style sheet is.
pub(super) const STYLE_PATH: &str = "/style.css";
const STYLE: &str = include_str!("style.css");

/// The style sheet.
pub(super) fn style() -> Response {
    Response {
        status: "200 OK",
        content_type: "text/css; charset=utf-8",
        body: STYLE.to_owned(),
        refresh: None,
    }
}

/// All peers.
pub(super) fn of_all(request: &Request, crowd: &Crowd) -> Response {
    let view = View::of(&request.query);
    layout::response("200 OK", view.refresh, overview::page(crowd, view))
}

/// The peer of this id; none if there is none.
pub(super) fn of_one(request: &Request, id: &HostId, close: Option<&Close>) -> Response {
    let view = View::of(&request.query);
    if let Some(close) = close {
        return layout::response("200 OK", view.refresh, peer::page(close, view));
    }
    let what = html! {
        p { "The configuration knows no peer " b { (id) } "." }
        p { a href={ "../" (view.query()) } { "All peers" } }
    };
    let heading = html! { "No such peer" };
    let page = layout::page("../", &format!("no peer {id}"), &heading, &what, view);
    layout::response("404 Not Found", None, page)
}

/// Why nothing can be shown; tried again by itself. `root` is where the first page is from here.
pub(super) fn of_fault(request: &Request, root: &str, fault: &str) -> Response {
    let view = View::of(&request.query);
    let what = html! {
        p.fault role="alert" { (fault) }
        p { "Instances that run go on as they are. " code { "loncctl check" } " tells more." }
    };
    let heading = html! { "The configuration is faulty" };
    let page = layout::page(root, "faulty configuration", &heading, &what, view);
    layout::response("500 Internal Server Error", view.refresh, page)
}
