//! Why there are as many links as there are, and what each of them is at.

use crate::config::text::safe;
use crate::control::interface::{Cause, Link, LinkState, Refused, Status};
use crate::units;

/// Lines with their labels. `now` is in microseconds since 1970.
pub(super) fn lines(status: &Status, now: u64) -> Vec<(&'static str, String)> {
    let open = status.links.iter().filter(|link| link.is_open());
    let mut lines = vec![("links", number(status, now))];
    lines.extend(open.map(|link| ("link", one(link, now))));
    lines.extend(
        status
            .refused
            .iter()
            .map(|refused| ("refused", refusal(refused, now))),
    );
    lines
}

/// How many there are and may be, and why so many.
fn number(status: &Status, now: u64) -> String {
    let causes = [
        (Cause::Kept, "kept open"),
        (Cause::Demand, "on demand, since requests waited"),
        (Cause::Replacement, "in place of another"),
        (Cause::Asked, "since somebody asked for a try"),
        (Cause::Silence, "since another try got no answer"),
    ];
    let some = |(cause, words): (Cause, &str)| {
        let number = status.links.iter().filter(|link| link.cause == cause).count();
        (number > 0).then(|| format!("{number} {words}"))
    };
    let causes: Vec<_> = causes.into_iter().filter_map(some).collect();
    let mut parts = vec![format!(
        "{} open of at most {}",
        status.num_open(),
        status.max_links
    )];
    parts.extend(causes);
    let waiting = status.waiting_since_usec;
    parts.extend(waiting.map(|since| format!("the first request waits for {}", age(since, now))));
    parts.join("; ")
}

/// What lond makes of it.
fn one(link: &Link, now: u64) -> String {
    let mut parts = vec![format!("{}: {} in flight", link.index, link.in_flight)];
    if let Some(oldest) = link.oldest_usec {
        parts.push(format!("the oldest for {}", age(oldest, now)));
    }
    if link.stalled {
        parts.push("which is slow, so nothing is put behind it".to_owned());
    }
    if let Some(service) = link.service_usec {
        parts.push(format!("lond takes {} for one", units::brief(service)));
    }
    if let Some(depth) = link.depth {
        parts.push(format!("{depth} at a time"));
    }
    if link.state == LinkState::Retiring {
        parts.push("to be closed once it is idle".to_owned());
    }
    if let Some(other) = &link.other_host {
        parts.push(format!("who answers says it is {}", safe(other)));
    }
    parts.join(", ")
}

fn refusal(refused: &Refused, now: u64) -> String {
    let until = if refused.until_usec > now {
        format!("the next is tried in {}", units::between(now, refused.until_usec))
    } else {
        "the next is tried when requests wait".to_owned()
    };
    format!(
        "one more than {}: {} ({} ago); {until}",
        units::count(refused.open, "link"),
        safe(&refused.text),
        units::between(refused.date_usec, now)
    )
}

fn age(since: u64, now: u64) -> String {
    units::brief(now.saturating_sub(since))
}
