//! The ways a lond may misbehave.

use std::time::Duration;

/// A line of the handshake that lond answers; the name tells what the caller has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `init`, answered by the challenge.
    Accept,
    /// The challenge sent back, answered `ok`.
    Challenge,
    /// `sethost:<id>`.
    SetHost,
    /// `version:<v>`.
    Version,
    /// `pong`.
    Pong,
    /// `ekey`, answered by the build key.
    BuildKey,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::Accept,
        Self::Challenge,
        Self::SetHost,
        Self::Version,
        Self::Pong,
        Self::BuildKey,
    ];
}

/// What is wrong with an encrypted reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHex {
    /// The last digit is missing.
    OddLength,
    /// The last digit is a `g`.
    NonHex,
    /// The last byte is missing, so the last block is not whole.
    PartBlock,
    /// The length given is one more than the blocks hold.
    LengthTooLarge,
    /// The text decrypts well, to two lines.
    NewlineInside,
}

/// How lond behaves; "request" means a line after the handshake, which ends with the build key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// As a healthy lond.
    #[default]
    Normal,
    /// Accepts and closes at once.
    Refuse,
    /// Answers the returned challenge with `refused` and closes.
    RefuseInit,
    /// Never answers this step nor anything after it on that link, which stays open and is read.
    StallAt(Step),
    /// Closes instead of answering this step.
    CloseAt(Step),
    /// `unknown_cmd` for `sethost` and `version`, `con_lost` for `pong`.
    SoftFail,
    /// `pong` is answered with another host's id.
    WrongPong,
    /// `ping` is answered with another host's id.
    WrongPing,
    /// The challenge is an empty line.
    EmptyChallenge,
    /// The build key is an empty line.
    EmptyBuildKey,
    /// The challenge never ends and holds no newline, until the peer closes.
    EndlessHandshakeLine,
    /// Sends the line `unasked` right behind the build key, in the same write.
    UnaskedLine,
    /// Answers so many requests of each link, then closes it; with 0, right after the build key.
    CloseAfterRequests(usize),
    /// Writes the first half of the next reply, without a newline, and closes.
    HalfReply,
    /// Each reply is followed by the line `extra`.
    ExtraReply,
    /// The next reply never ends and holds no newline, until the peer closes.
    EndlessLine,
    /// Random bytes, with newlines among them and at the end, in place of each reply; the same for the same seed and
    /// connection number.
    Garbage(u64),
    /// Replies that would be encrypted are malformed.
    BadHex(BadHex),
    /// Each request is answered so much later, one after the other; the peer closing meanwhile ends the link.
    LateReply(Duration),
    /// Reads 4 bytes every 10 ms, from the first line on.
    SlowRead,
    /// Reads nothing once the handshake is done. The kernel still buffers some MB; when that is full, a peer that
    /// closes cannot tell us so, and the link stays until it is reset or stopped.
    NeverRead,
    /// Neither reads nor answers any more, whatever the link was about, and goes on where it was when the behaviour ends:
    /// a process that is stopped. The kernel acknowledges, until its buffers are full and it shuts the window. What is
    /// said of [`Behaviour::NeverRead`] about a peer that closes is true here as well.
    Silent,
    /// Reads and records requests, answers none.
    NeverReply,
    /// Writes everything one byte at a time.
    ByteByByte,
}

/// How an encrypted request, or `encecho` and `encbig`, is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncryptedReplies {
    /// Encrypted, in lower-case hex as the real lond.
    #[default]
    LowerHex,
    /// Encrypted, in upper-case hex.
    UpperHex,
    /// Not encrypted.
    Plain,
}
