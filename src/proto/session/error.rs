//! Why a try or a link ended.

use alloc::string::String;

use crate::handshake::{HandshakeError, Step};

/// Why a try or a link ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The name has no address.
    #[error("name lookup of {name} failed: {error}")]
    Lookup {
        /// The name.
        name: String,
        /// What the resolver said.
        error: String,
    },
    /// No address could be connected to.
    #[error("cannot connect: {error}")]
    Connect {
        /// What kind of failure it was; of several addresses', that which tells most.
        fault: ConnectFault,
        /// What the system said of each address.
        error: String,
    },
    /// The link could not be secured, or is so no longer.
    #[error("TLS: {text}")]
    Tls {
        /// What kind of failure it was.
        fault: TlsFault,
        /// What is known of it.
        text: String,
    },
    /// lond closed the connection.
    #[error("closed by lond")]
    Closed,
    /// Reading or writing failed.
    #[error("connection broken: {0}")]
    Io(String),
    /// lond closed the connection while the link opened.
    #[error("closed by lond in answer to {0}")]
    ClosedInStep(Step),
    /// A step of the handshake was not answered in time.
    #[error("no answer in time to {0}")]
    StepTimeout(Step),
    /// The steps of the handshake together took too long.
    #[error("no open link in time; lond was slow to answer {0}")]
    OpeningTimeout(Step),
    /// A step of the handshake was answered badly.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// A line of the handshake was longer than any lond sends.
    #[error("an endless line in answer to {0}")]
    EndlessLine(Step),
    /// Bytes came that nobody asked for.
    #[error("protocol fault: unasked bytes")]
    Unasked,
    /// A reply was longer than allowed.
    #[error("protocol fault: a reply longer than max_reply_bytes")]
    ReplyTooLong,
    /// The oldest request in flight got no reply in time.
    #[error("no reply in time")]
    RequestTimeout,
    /// A delayed message got no reply in time.
    #[error("no reply in time to a delayed message")]
    MessageTimeout,
    /// The probe of the idle link got no reply in time.
    #[error("no reply in time to the probe of the idle link")]
    ProbeTimeout,
    /// Nothing of the host's system is heard any more, while requests wait for their replies.
    #[error("nothing is heard of the host any more: {0}")]
    PathDead(String),
    /// This instance stops.
    #[error("stopping")]
    Stopped,
    /// The peer is disabled.
    #[error("disabled by an administrator")]
    Disabled,
}

/// Why a link is not secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsFault {
    /// Whoever listens there speaks no TLS.
    NotTls,
    /// No version or cipher suite in common.
    NoCommonVersion,
    /// The protocol inside, asked for by its name, was not agreed on.
    NoAlpn,
    /// Nobody whom we trust has signed the certificate.
    UnknownAuthority,
    /// The certificate is no longer valid.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for another name.
    WrongName,
    /// It was revoked.
    Revoked,
    /// Whether it was revoked cannot be told.
    RevocationUnknown,
    /// It cannot be used for another reason.
    BadCertificate,
    /// The peer wants a certificate of ours, and there is none.
    CertificateWanted,
    /// The peer refused the certificate of ours.
    CertificateRefused,
    /// The connection ended without the word that ends TLS.
    CutOff,
    /// Something else.
    Other,
}

impl TlsFault {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::NotTls,
        Self::NoCommonVersion,
        Self::NoAlpn,
        Self::UnknownAuthority,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongName,
        Self::Revoked,
        Self::RevocationUnknown,
        Self::BadCertificate,
        Self::CertificateWanted,
        Self::CertificateRefused,
        Self::CutOff,
        Self::Other,
    ];
}

/// How connecting failed; what comes later tells more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectFault {
    /// In some other way.
    Other,
    /// There is no way to the address, or the way back says so.
    Unreachable,
    /// Nothing answered.
    TimedOut,
    /// The host answered that nothing listens there.
    Refused,
}
