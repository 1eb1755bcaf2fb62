//! Requests over HTTP, as bytes.

use std::str;

use super::http::{self, Request, Response};
use super::{negotiation, page};
use crate::config::HostId;
use crate::fuzzing::{Pieces, block_on, parts, ways};

/// However the bytes come in, they have the same response, which is one of HTTP/1.1.
pub fn requests(input: &[u8]) {
    let (cuts, bytes) = parts(input);
    let mut first = None;
    for cuts in ways(cuts) {
        let mut stream = Pieces::new(bytes, cuts);
        block_on(http::serve(&mut stream, answer)).expect("a stream that does not fail");
        let response = without_date(&stream.written);
        check(&stream.written, bytes);
        assert_eq!(
            *first.get_or_insert_with(|| response.clone()),
            response,
            "in pieces of {cuts:?}"
        );
    }
}

/// As the pages are answered that need no instance, with all that was understood.
async fn answer(request: &Request) -> Response {
    let is_word =
        |text: &str| !text.is_empty() && !text.contains(|byte: char| byte.is_ascii_control() || byte == ' ');
    assert!(is_word(&request.method) && !request.path.contains(['\r', '\n', ' ', '?']));
    let format = negotiation::format(&request.accept);
    let id = request.path.trim_matches('/').parse::<HostId>();
    match id {
        Ok(id) => page::of_one(request, &id, None),
        Err(_) => page::of_fault(request, "./", &format!("{format:?} {request:?}")),
    }
}

fn without_date(response: &[u8]) -> Vec<String> {
    let lines = String::from_utf8_lossy(response)
        .lines()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    lines
        .into_iter()
        .filter(|line| !line.starts_with("Date: "))
        .collect()
}

fn check(response: &[u8], request: &[u8]) {
    if request.is_empty() {
        assert!(response.is_empty());
        return;
    }
    let text = str::from_utf8(response).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.split("\r\n");
    let code = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
    let code = code.and_then(|line| line.get(..3)).expect("a status");
    assert!(
        matches!(code, "400" | "404" | "408" | "431" | "500" | "505"),
        "{head}"
    );
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").expect("a header"))
        .collect();
    assert!(headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])));
    let length = headers.iter().find(|(name, _)| *name == "Content-Length");
    let length: usize = length
        .and_then(|(_, length)| length.parse().ok())
        .expect("a length");
    let is_page = matches!(code, "404" | "500");
    if is_page && without_empty_lines(request).starts_with(b"HEAD ") {
        assert!(length > 0 && body.is_empty(), "{head}");
    } else {
        assert_eq!(length, body.len(), "{head}");
    }
    if is_page {
        check_page(body);
    }
}

/// Empty lines before a request are passed over.
fn without_empty_lines(mut request: &[u8]) -> &[u8] {
    while let Some(behind) = request
        .strip_prefix(b"\r\n")
        .or_else(|| request.strip_prefix(b"\n"))
    {
        request = behind;
    }
    request
}

/// What somebody else wrote is no markup: the only elements are ours.
fn check_page(body: &str) {
    for tag in body.split('<').skip(1) {
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!matches!(&*name, "script" | "img" | "iframe" | "form"), "{body}");
    }
}
