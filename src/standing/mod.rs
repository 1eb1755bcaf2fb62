//! How a peer stands, seen from outside: what its daemon says, or why that says nothing; and what there is to do.
//!
//! | module | what it is |
//! |---|---|
//! | [`Standing`] | one word for it |
//! | `seen` | the peers, each as its daemon tells, or as it is seen from outside |
//! | `outside` | what is seen of one whose daemon does not answer |
//! | `account` | all that is known of it, for a person: a headline, labelled lines, and what to do |
//! | `remark` | what is worth a remark beside that word |
//! | `waiting` | what waits in the spool for whom, whether or not a daemon serves them |
//! | `silence` | what there is to do about a lond that takes requests and answers none |
//! | `silent` | that account of one whose daemon does not answer |
//! | `links`, `remedy`, `advice` | parts of that: the links, what to do about a link that fails, and about a daemon that does not answer |

pub(crate) mod account;
mod advice;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod links;
mod outside;
mod remark;
mod remedy;
mod seen;
mod silence;
mod silent;
mod tls;
mod waiting;
mod word;

pub(crate) use self::advice::{about_displaced, about_foreign, about_silent};
pub(crate) use self::outside::Outside;
pub(crate) use self::remedy::of_wrong_host;
use self::seen::words_of;
pub(crate) use self::seen::{LEFT_ALONE, Seen, disabled_words, look};
pub(crate) use self::silence::remedy as about_silence;
pub(crate) use self::silent::of_silent;
pub(crate) use self::waiting::{Waiting, add_unlisted, add_waiting, asked, counted, find_unlisted, waiting};
pub(crate) use self::word::{Holder, Standing};
use crate::control::client::CallError;
use crate::control::interface::Status;

/// What a daemon answered, or why it did not.
pub(crate) type Answer = Result<Status, CallError>;

/// How well that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
    /// Nobody has asked for it yet, or nobody is to.
    Unasked,
    Good,
    Warning,
    Bad,
}

impl Grade {
    /// To put the worst first.
    pub(crate) fn weight(self) -> u8 {
        match self {
            Self::Bad => 0,
            Self::Warning => 1,
            Self::Good => 2,
            Self::Unasked => 3,
        }
    }
}
