//! What became of a response: what is reported of its end, in every version.

use std::io;

use http::{StatusCode, Version};
use roundtrip_record::{Body as BodyRecord, BodyCut, ConnectionId, EventId, Framing};
use roundtrip_wire::Wire;

use crate::message::Fields;
use crate::reporter::{EndReport, Reporter};

/// What became of a response.
pub(crate) struct Outcome<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) stream: Option<u64>,
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    pub(crate) fields: &'a Fields,
    pub(crate) framing: Framing,
    /// Bytes of its body that were sent.
    pub(crate) sent: u64,
    /// Why it is not whole.
    pub(crate) cut: Option<BodyCut>,
    pub(crate) trailers: &'a Fields,
}

impl Outcome<'_> {
    /// Reports the end of the response, after its latest event, and that of the exchange.
    pub(crate) fn report<W: Wire>(
        self,
        reporter: &Reporter<W>,
        latest: Option<EventId>,
    ) -> Option<EventId> {
        let lower = |value: &[u8]| String::from_utf8_lossy(value).to_ascii_lowercase();
        let report = EndReport {
            connection: self.connection,
            stream: self.stream,
            version: self.version,
            arrived: None,
            body: BodyRecord {
                framing: self.framing,
                encoded: self.sent,
                framed: None,
                decoded: self.sent,
                codings: self.fields.list("Content-Encoding").map(lower).collect(),
                content: None,
                cut: self.cut,
            },
            media_type: self.fields.text("Content-Type").map(crate::media::essence),
            trailers: self.trailers,
        };
        let event = reporter.response(latest, report).or(latest);
        reporter.ended(event, Some(self.status.as_u16()), self.cut.is_none())
    }
}

/// What an error, of the body or of the connection, makes of a response.
pub(crate) fn cut(error: &io::Error) -> BodyCut {
    match error.kind() {
        io::ErrorKind::TimedOut => BodyCut::Stalled,
        io::ErrorKind::UnexpectedEof => BodyCut::Short,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => BodyCut::Reset,
        _ => BodyCut::Stopped,
    }
}
