//! One thread serves everybody: who has much to do lets the others have their turn in between.

use std::future::Future as _;
use std::pin::pin;
use std::task::Context;

use tokio::task::yield_now;

/// Has the task of `cx`, which then returns pending, polled again after all others that are ready, and after the runtime
/// has looked for new input. Waking itself would put it before that look.
pub(crate) fn give_way(cx: &mut Context<'_>) {
    // This is pending when it is first asked, and that is all there is to it.
    let _ = pin!(yield_now()).poll(cx);
}
