//! The frames of QUIC packets (RFC 9000 §19), as the record has them.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A frame of a QUIC packet: what it says, without the bytes that it carries. As JSON it is written as
/// qlog 0.3 has it (draft-ietf-quic-qlog-quic-events). As text it is one line:
///
/// ```
/// use roundtrip_record::QuicFrame;
///
/// let frame = QuicFrame::Stream { stream_id: 4, offset: 100, length: 2, fin: true };
/// assert_eq!(frame.to_string(), "STREAM 4 from 100, 2 bytes, FIN");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "frame_type", rename_all = "snake_case")]
pub enum QuicFrame {
    /// Bytes that mean nothing, next to each other.
    Padding {
        /// How many.
        length: u64,
    },
    /// Asks for an acknowledgement.
    Ping,
    /// Packets that have come.
    Ack {
        /// Their numbers: first and last of each range, the latest range first.
        acked_ranges: Vec<[u64; 2]>,
        /// How many packets have come with each mark of ECN, where that is told.
        #[serde(flatten)]
        marks: Option<QuicEcnCounts>,
    },
    /// The sender of a stream gives it up.
    ResetStream {
        /// The stream.
        stream_id: u64,
        /// The code of the application.
        error_code: u64,
        /// Bytes of the stream that were sent.
        final_size: u64,
    },
    /// The receiver of a stream wants no more of it.
    StopSending {
        /// The stream.
        stream_id: u64,
        /// The code of the application.
        error_code: u64,
    },
    /// A piece of the TLS handshake.
    Crypto {
        /// Where in the handshake's bytes it begins.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// A token for a later connection.
    NewToken {
        /// Bytes of the token.
        length: u64,
    },
    /// A piece of a stream.
    Stream {
        /// The stream.
        stream_id: u64,
        /// Where in the stream it begins.
        offset: u64,
        /// Bytes.
        length: u64,
        /// Whether the stream ends with it.
        fin: bool,
    },
    /// Bytes that may be sent on all streams together.
    MaxData {
        /// That many since the connection began.
        maximum: u64,
    },
    /// Bytes that may be sent on a stream.
    MaxStreamData {
        /// The stream.
        stream_id: u64,
        /// That many since the stream began.
        maximum: u64,
    },
    /// Streams that may be opened.
    MaxStreams {
        /// Which.
        stream_type: QuicStreamType,
        /// That many since the connection began.
        maximum: u64,
    },
    /// More is to be sent than [`MaxData`](Self::MaxData) allows.
    DataBlocked {
        /// What is allowed.
        limit: u64,
    },
    /// More is to be sent than [`MaxStreamData`](Self::MaxStreamData) allows.
    StreamDataBlocked {
        /// The stream.
        stream_id: u64,
        /// What is allowed.
        limit: u64,
    },
    /// More streams are wanted than [`MaxStreams`](Self::MaxStreams) allows.
    StreamsBlocked {
        /// Which.
        stream_type: QuicStreamType,
        /// What is allowed.
        limit: u64,
    },
    /// Another id that the connection may be called by.
    NewConnectionId {
        /// The id's number.
        sequence_number: u64,
        /// Ids below this number are to be given up.
        retire_prior_to: u64,
    },
    /// An id is not used any more.
    RetireConnectionId {
        /// The id's number.
        sequence_number: u64,
    },
    /// Asks whether a path goes to the other end.
    PathChallenge,
    /// The answer to that.
    PathResponse,
    /// The connection is over.
    ConnectionClose {
        /// Whose code it is.
        error_space: QuicErrorSpace,
        /// The code.
        error_code: u64,
        /// Why, in words; often nothing.
        reason: String,
    },
    /// The server's word that the handshake is confirmed.
    HandshakeDone,
    /// A datagram of the application's (RFC 9221).
    Datagram {
        /// Bytes.
        length: u64,
    },
    /// Asks for acknowledgements to come at another pace (draft-ietf-quic-ack-frequency).
    AckFrequency {
        /// One after so many packets that ask for one.
        ack_eliciting_threshold: u64,
        /// After that long at the latest, µs.
        request_max_ack_delay: u64,
    },
    /// Asks for an acknowledgement without delay (the same draft).
    ImmediateAck,
    /// What is no frame that is known, and everything after it in the packet.
    Unknown {
        /// Its type, as on the wire; `None` where not even that is whole.
        raw_frame_type: Option<u64>,
    },
}

/// How many packets have come with each mark of ECN (RFC 9000 §19.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuicEcnCounts {
    /// With ECT(1).
    pub ect1: u64,
    /// With ECT(0).
    pub ect0: u64,
    /// With CE: congestion was experienced.
    pub ce: u64,
}

/// The kinds of streams (RFC 9000 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuicStreamType {
    /// Both ends send on them.
    Bidirectional,
    /// Who opened them sends.
    Unidirectional,
}

/// Whose error code it is that ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuicErrorSpace {
    /// QUIC's (RFC 9000 §20.1).
    Transport,
    /// The application's: HTTP/3's are in RFC 9114 §8.1.
    Application,
}

impl fmt::Display for QuicStreamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bidirectional => "bidirectional",
            Self::Unidirectional => "unidirectional",
        })
    }
}

impl fmt::Display for QuicFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Padding { length } => write!(f, "PADDING, {length} bytes"),
            Self::Ping => f.write_str("PING"),
            Self::Ack { acked_ranges, marks } => acknowledged(f, acked_ranges, *marks),
            Self::ResetStream { stream_id, error_code, final_size } => {
                write!(
                    f,
                    "RESET_STREAM {stream_id}, code {error_code:#x}, after {final_size} bytes"
                )
            }
            Self::StopSending { stream_id, error_code } => {
                write!(f, "STOP_SENDING {stream_id}, code {error_code:#x}")
            }
            Self::Crypto { offset, length } => write!(f, "CRYPTO from {offset}, {length} bytes"),
            Self::NewToken { length } => write!(f, "NEW_TOKEN, {length} bytes"),
            Self::Stream { stream_id, offset, length, fin } => {
                let ends = if *fin { ", FIN" } else { "" };
                write!(f, "STREAM {stream_id} from {offset}, {length} bytes{ends}")
            }
            Self::MaxData { maximum } => write!(f, "MAX_DATA {maximum}"),
            Self::MaxStreamData { stream_id, maximum } => {
                write!(f, "MAX_STREAM_DATA {stream_id} to {maximum}")
            }
            Self::MaxStreams { stream_type, maximum } => {
                write!(f, "MAX_STREAMS {stream_type}, {maximum}")
            }
            Self::DataBlocked { limit } => write!(f, "DATA_BLOCKED at {limit}"),
            Self::StreamDataBlocked { stream_id, limit } => {
                write!(f, "STREAM_DATA_BLOCKED {stream_id} at {limit}")
            }
            Self::StreamsBlocked { stream_type, limit } => {
                write!(f, "STREAMS_BLOCKED {stream_type} at {limit}")
            }
            Self::NewConnectionId { sequence_number, .. } => {
                write!(f, "NEW_CONNECTION_ID {sequence_number}")
            }
            Self::RetireConnectionId { sequence_number } => {
                write!(f, "RETIRE_CONNECTION_ID {sequence_number}")
            }
            Self::PathChallenge => f.write_str("PATH_CHALLENGE"),
            Self::PathResponse => f.write_str("PATH_RESPONSE"),
            Self::ConnectionClose { error_space, error_code, reason } => {
                let whose = match error_space {
                    QuicErrorSpace::Transport => "",
                    QuicErrorSpace::Application => "application's ",
                };
                write!(f, "CONNECTION_CLOSE, {whose}code {error_code:#x}")?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            Self::HandshakeDone => f.write_str("HANDSHAKE_DONE"),
            Self::Datagram { length } => write!(f, "DATAGRAM, {length} bytes"),
            Self::AckFrequency { ack_eliciting_threshold, request_max_ack_delay } => write!(
                f,
                "ACK_FREQUENCY every {ack_eliciting_threshold} packets, after {request_max_ack_delay} µs"
            ),
            Self::ImmediateAck => f.write_str("IMMEDIATE_ACK"),
            Self::Unknown { .. } => f.write_str("what is no frame"),
        }
    }
}

/// The ranges of an ACK; more than some are counted.
fn acknowledged(
    f: &mut fmt::Formatter<'_>,
    ranges: &[[u64; 2]],
    marks: Option<QuicEcnCounts>,
) -> fmt::Result {
    const TOLD: usize = 9;
    f.write_str("ACK ")?;
    for (at, [first, last]) in ranges.iter().take(TOLD).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{first}")?;
        if first != last {
            write!(f, "-{last}")?;
        }
    }
    if ranges.len() > TOLD {
        write!(f, " and {} ranges more", ranges.len() - TOLD)?;
    }
    if let Some(QuicEcnCounts { ect1, ect0, ce }) = marks {
        write!(f, "; ECT(0) {ect0}, ECT(1) {ect1}, CE {ce}")?;
    }
    Ok(())
}
