//! Why a connection is over.

use std::io;

use quinn_proto::{ConnectionError, TransportErrorCode};
use roundtrip_record::{ConnectionId, Direction, QuicClosed};

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// We closed it, with this code of the application's.
    #[error("closed here: {why}")]
    Here {
        /// The code.
        code: u64,
        /// Why, in words.
        why: String,
    },
    /// The other end closed it, with a code of the application's.
    #[error("closed by the other end with code {code:#x}{}", told(.why))]
    Closed {
        /// The code.
        code: u64,
        /// Why, in its words.
        why: String,
    },
    /// The other end closed it with an error of the transport's, or of TLS.
    #[error("ended by the other end: {}{}", transport(*.code), told(.why))]
    Failed {
        /// The code (RFC 9000 §20.1).
        code: u64,
        /// Why, in its words.
        why: String,
    },
    /// The other end did what QUIC or TLS does not allow, and we closed it for that.
    #[error("{}{}", transport(*.code), told(.why))]
    Breach {
        /// The code (RFC 9000 §20.1).
        code: u64,
        /// What it was.
        why: String,
    },
    /// The other end knows nothing of it (RFC 9000 §10.3).
    #[error("the other end knows nothing of the connection (stateless reset)")]
    Reset,
    /// Nothing came for so long that it is over.
    #[error("nothing came for too long")]
    TimedOut,
    /// No version of QUIC is spoken at both ends.
    #[error("the other end speaks no version of QUIC that is spoken here")]
    Version,
    /// Nobody listens there: ICMP says so (port unreachable).
    #[error("refused: nobody listens there")]
    Refused,
    /// There is no way there: ICMP says so, or this host.
    #[error("{why}")]
    Unreachable {
        /// Why, in words.
        why: String,
    },
}

/// The end of a sentence with what the other end said, where it said anything.
fn told(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(" ({why})") }
}

/// The name of a code of the transport's (RFC 9000 §20.1).
fn transport(code: u64) -> String {
    const NAMES: [&str; 17] = [
        "NO_ERROR",
        "INTERNAL_ERROR",
        "CONNECTION_REFUSED",
        "FLOW_CONTROL_ERROR",
        "STREAM_LIMIT_ERROR",
        "STREAM_STATE_ERROR",
        "FINAL_SIZE_ERROR",
        "FRAME_ENCODING_ERROR",
        "TRANSPORT_PARAMETER_ERROR",
        "CONNECTION_ID_LIMIT_ERROR",
        "PROTOCOL_VIOLATION",
        "INVALID_TOKEN",
        "APPLICATION_ERROR",
        "CRYPTO_BUFFER_EXCEEDED",
        "KEY_UPDATE_ERROR",
        "AEAD_LIMIT_REACHED",
        "NO_VIABLE_PATH",
    ];
    match (NAMES.get(code as usize), alert(code)) {
        (Some(name), _) => (*name).to_owned(),
        (None, Some(alert)) => format!("TLS alert {alert}"),
        (None, None) => format!("code {code:#x}"),
    }
}

/// The alert of TLS that a code stands for.
fn alert(code: u64) -> Option<u8> {
    (code >> 8 == 1).then_some(code as u8)
}

impl Ended {
    /// The alert of TLS with which the other end ended the handshake, if it did so.
    pub fn alert(&self) -> Option<u8> {
        match self {
            Self::Failed { code, .. } => alert(*code),
            _ => None,
        }
    }

    /// As the record has it.
    pub(crate) fn to_record(&self, connection: ConnectionId) -> QuicClosed {
        let (direction, code, application) = match self {
            Self::Here { code, .. } => (Some(Direction::Sent), Some(*code), true),
            Self::Closed { code, .. } => (Some(Direction::Received), Some(*code), true),
            Self::Failed { code, .. } => (Some(Direction::Received), Some(*code), false),
            Self::Breach { code, .. } => (Some(Direction::Sent), Some(*code), false),
            Self::Reset
            | Self::TimedOut
            | Self::Version
            | Self::Refused
            | Self::Unreachable { .. } => (None, None, false),
        };
        QuicClosed { connection, direction, code, application, why: self.to_string() }
    }
}

impl From<&io::Error> for Ended {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Unreachable { why: error.to_string() },
        }
    }
}

impl From<ConnectionError> for Ended {
    fn from(error: ConnectionError) -> Self {
        let number = |code: TransportErrorCode| u64::from(code);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match error {
            ConnectionError::VersionMismatch => Self::Version,
            ConnectionError::TransportError(error) => {
                Self::Breach { code: number(error.code), why: error.reason }
            }
            ConnectionError::ConnectionClosed(close) => {
                Self::Failed { code: number(close.error_code), why: text(&close.reason) }
            }
            ConnectionError::ApplicationClosed(close) => {
                Self::Closed { code: close.error_code.into_inner(), why: text(&close.reason) }
            }
            ConnectionError::Reset => Self::Reset,
            ConnectionError::TimedOut => Self::TimedOut,
            ConnectionError::LocallyClosed => Self::Here { code: 0, why: String::new() },
            ConnectionError::CidsExhausted => {
                Self::Unreachable { why: "out of connection ids".into() }
            }
        }
    }
}
