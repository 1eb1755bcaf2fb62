//! Whether clients still find us: looks now and then whether what stands at the path of our socket is ours, and whether
//! its second name leads to it.
//!
//! Somebody may remove it, or bind another in its place, and of that a socket notices nothing. A thread of its own does
//! that, for the file system may hang.

mod eye;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tracing::{error, info};

use self::eye::{Displaced, Eye};
use crate::config::HostId;
use crate::daemon::listen::Place;
use crate::daemon::status::Snapshot;
use crate::journal::message;

/// How often it is looked at without being asked for.
const LOOK_EVERY: Duration = Duration::from_secs(40);
/// How long whoever asks waits for a file system.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether clients reach us by our path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It was not looked at yet, or cannot be seen from here.
    #[default]
    Unknown,
    /// They do.
    Ours,
    /// They do not.
    Displaced(Displaced),
}

impl Reach {
    /// The one line of `snapshot`, with what is wrong before it.
    pub(super) fn with(&self, snapshot: &Snapshot) -> String {
        match self {
            Self::Displaced(displaced) => format!("displaced: {displaced}; {snapshot}"),
            Self::Unknown | Self::Ours => snapshot.to_string(),
        }
    }
}

/// The eye on our path, for those who ask.
#[derive(Clone)]
pub(crate) struct SocketWatch {
    questions: Sender<oneshot::Sender<Reach>>,
    /// What was seen last.
    pub(crate) seen: watch::Receiver<Reach>,
}

impl SocketWatch {
    /// Begins to look at the place of our socket. Ends with the last of its clones.
    pub(super) fn start(place: Option<Place>, peer: &HostId) -> io::Result<Self> {
        let (questions, asked) = channel();
        let (tell, seen) = watch::channel(Reach::Unknown);
        if let Some(place) = place {
            let eye = Eye::new(place, peer.clone());
            thread::Builder::new()
                .name("socket-watch".to_owned())
                .spawn(move || look_on(eye, &asked, &tell))?;
        }
        Ok(Self { questions, seen })
    }

    /// How it is now; where that takes long, how it was last.
    pub(super) async fn look(&self) -> Reach {
        let (answer, answered) = oneshot::channel();
        let now = match self.questions.send(answer) {
            Ok(()) => timeout(PATIENCE, answered).await.ok().and_then(Result::ok),
            // Nothing is looked at any more.
            Err(_) => None,
        };
        now.unwrap_or_else(|| self.seen.borrow().clone())
    }
}

/// Looks, one time after the other, until nobody asks any more or the socket is given up.
fn look_on(mut eye: Eye, asked: &Receiver<oneshot::Sender<Reach>>, tell: &watch::Sender<Reach>) {
    let mut question: Option<oneshot::Sender<Reach>> = None;
    loop {
        let now = eye.look(question.is_some());
        if eye.is_given_up() {
            return;
        }
        if *tell.borrow() != now {
            log(&tell.borrow(), &now);
            tell.send_replace(now.clone());
        }
        if let Some(answer) = question.take() {
            // Who asked may have lost patience.
            let _ = answer.send(now);
        }
        match asked.recv_timeout(LOOK_EVERY) {
            Ok(answer) => question = Some(answer),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn log(before: &Reach, now: &Reach) {
    match now {
        Reach::Displaced(displaced) => {
            error!(MESSAGE_ID = message::DISPLACED, LONC_ERROR = %displaced, "{displaced}");
        }
        Reach::Ours if *before != Reach::Unknown => {
            info!(
                MESSAGE_ID = message::DISPLACED,
                LONC_ERROR = "",
                "clients reach this instance again"
            );
        }
        Reach::Ours | Reach::Unknown => {}
    }
}
