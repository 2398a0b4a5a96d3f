//! What can go wrong with an exchange, whatever carries it, and the faults that it is.

use std::io;

use roundtrip_record::{BodyCut, FaultKind, Step};

use crate::message::{Defect, Limits, MessageError};

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The request's URL cannot be written in the carrier's version.
    BadTarget { url: String, why: String },
    /// The request's body could not be read.
    Unreadable(io::Error),
    /// The connection took no more of the request.
    NotTaken(io::Error),
    /// The connection ended or was reset before anything of an answer came.
    Silent { reset: bool },
    /// The connection ended inside the head, at this byte of the response.
    HeadCut { offset: u64 },
    /// The connection ended inside the body.
    BodyCut,
    /// The connection ended inside the body, and TLS did not (RFC 8446 §6.1).
    TlsCut,
    /// The connection was reset inside the answer.
    Reset,
    /// The connection failed in another way.
    Broken(String),
    /// The answer is not as the RFCs have it; the offset counts from the response's first byte.
    Malformed(MessageError),
    /// The same, for what has no [`Defect`].
    Against { what: String, offset: u64, rule: &'static str },
    /// The answer begins so, and is none of HTTP.
    NotHttp { begins: String },
    /// The server ended this exchange alone, with this error code.
    StreamReset { code: String },
    /// The server ended the connection, for this reason.
    Refused(String),
    /// The server did nothing with the request (RFC 9113 §8.7), for this reason. `progress` says that
    /// the same connection carried others to an answer.
    Unprocessed { why: String, progress: bool },
    /// The server wants to be asked over HTTP/1.1 (RFC 9113 §7, `HTTP_1_1_REQUIRED`).
    NeedsOne,
}

impl Trouble {
    /// An error of a connection that has brought nothing of an answer so far.
    pub(crate) fn before_answer(error: &io::Error) -> Self {
        match error.kind() {
            _ if is_reset(error) => Self::Silent { reset: true },
            io::ErrorKind::UnexpectedEof => Self::Silent { reset: false },
            _ => Self::Broken(error.to_string()),
        }
    }

    /// An error of a connection inside a body.
    pub(crate) fn inside_body(error: &io::Error) -> Self {
        match error.kind() {
            _ if is_reset(error) => Self::Reset,
            // How rustls tells of a missing close_notify: the body may have been cut (RFC 9112 §9.8).
            io::ErrorKind::UnexpectedEof => Self::TlsCut,
            _ => Self::Broken(error.to_string()),
        }
    }

    /// Whether the connection was lost rather than misused.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(self, Self::Silent { .. } | Self::NotTaken(_))
    }

    /// The step in which it shows before the final head has come.
    pub(crate) fn step(&self, whole: bool) -> Step {
        match self {
            Self::BadTarget { .. } => Step::Url,
            Self::Unreadable(_) => Step::Request,
            Self::Silent { .. } | Self::NotTaken(_) if !whole => Step::Request,
            _ => Step::Wait,
        }
    }

    /// The fault that it is. `received` and `expected` are bytes of the body.
    pub(crate) fn fault(self, received: u64, expected: Option<u64>, limits: &Limits) -> FaultKind {
        match self {
            Self::BadTarget { url, why } => FaultKind::BadUrl { url, why },
            Self::Unreadable(error) => {
                FaultKind::ReadFailed { path: "request body".into(), why: error.to_string() }
            }
            Self::NotTaken(error) if is_reset(&error) => FaultKind::EmptyReply { reset: true },
            Self::NotTaken(error) => FaultKind::SendFailed { why: error.to_string() },
            Self::Silent { reset } => FaultKind::EmptyReply { reset },
            Self::HeadCut { offset } => FaultKind::Malformed {
                what: "end of the connection inside the head".into(),
                offset,
                rule: "RFC 9112 §8".into(),
            },
            Self::BodyCut => FaultKind::Short { received, expected },
            Self::TlsCut => FaultKind::TlsCut { received, expected },
            Self::Reset => FaultKind::Reset { received, expected },
            Self::NotHttp { begins } => FaultKind::NotHttp { begins },
            Self::StreamReset { code } => FaultKind::StreamReset { code },
            Self::Broken(why) | Self::Refused(why) | Self::Unprocessed { why, .. } => {
                FaultKind::ReceiveFailed { why }
            }
            Self::Malformed(MessageError { defect: Defect::HeadTooLarge, .. }) => {
                FaultKind::HeadTooLarge { limit: limits.head as u64 }
            }
            Self::Malformed(MessageError { defect: Defect::TooManyFields, .. }) => {
                FaultKind::TooManyFields { limit: limits.fields as u64 }
            }
            Self::Malformed(error) => FaultKind::Malformed {
                what: error.defect.text().into(),
                offset: error.offset,
                rule: error.defect.rule().into(),
            },
            Self::Against { what, offset, rule } => {
                FaultKind::Malformed { what, offset, rule: rule.into() }
            }
            Self::NeedsOne => FaultKind::ReceiveFailed {
                why: "the server wants this request over HTTP/1.1 (HTTP_1_1_REQUIRED)".into(),
            },
        }
    }

    /// What it makes of a body.
    pub(crate) fn cut(&self) -> BodyCut {
        match self {
            Self::BodyCut | Self::TlsCut | Self::HeadCut { .. } | Self::Silent { .. } => {
                BodyCut::Short
            }
            Self::Malformed(_) | Self::Against { .. } | Self::NotHttp { .. } => BodyCut::Malformed,
            _ => BodyCut::Reset,
        }
    }
}

/// Whether an error says that the other end reset the connection.
pub(crate) fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}
