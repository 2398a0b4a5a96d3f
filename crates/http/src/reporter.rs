//! Reports exchanges to the record: one place for both ends and all versions, so that the version
//! cannot change what is recorded.

use core::time::Duration;

use http::Version;
use roundtrip_record::{
    Body as BodyRecord, BodyRef, CachedResponse, ConnectionId, EventId, ExchangeEnded, ExchangeId,
    ExchangeNote, ExchangeStarted, LookupId, RequestSent, ResponseEnded,
    ResponseHead as HeadRecord, Rule, ServerTiming, Side, Time, Trace as _, Transport, What,
};
use roundtrip_wire::Wire;

use crate::message::{Fields, RequestLine, ResponseHead, version_text};

/// Reports one exchange.
#[derive(Clone)]
pub(crate) struct Reporter<W: Wire> {
    wire: W,
    exchange: ExchangeId,
    side: Side,
}

/// A request that went out or came in.
pub(crate) struct RequestReport<'a> {
    pub(crate) connection: ConnectionId,
    /// Which of the connection's streams, where it has streams.
    pub(crate) stream: Option<u64>,
    pub(crate) lookup: Option<LookupId>,
    /// How many exchanges the connection carried before.
    pub(crate) reused: u32,
    pub(crate) line: &'a RequestLine,
    /// The fields as they stood on the wire.
    pub(crate) fields: &'a Fields,
    /// When its first byte passed.
    pub(crate) began: Time,
    /// When its last byte had left this host or had arrived at it, where the wire tells.
    pub(crate) passed: Option<Time>,
    pub(crate) head_bytes: u64,
    pub(crate) body_bytes: u64,
    pub(crate) body: Option<BodyRef>,
}

/// The head of a response that came in or goes out.
pub(crate) struct HeadReport<'a> {
    pub(crate) connection: ConnectionId,
    /// Which of the connection's streams, where it has streams.
    pub(crate) stream: Option<u64>,
    pub(crate) head: &'a ResponseHead,
    /// When its first byte passed.
    pub(crate) first_byte: Time,
    /// When its first byte had arrived at this host, where the wire tells.
    pub(crate) arrived: Option<Time>,
    pub(crate) first_segment: Option<EventId>,
}

/// The end of a response.
pub(crate) struct EndReport<'a> {
    pub(crate) connection: ConnectionId,
    /// Which of the connection's streams, where it has streams.
    pub(crate) stream: Option<u64>,
    pub(crate) version: Version,
    /// When its last byte had arrived at this host, where the wire tells.
    pub(crate) arrived: Option<Time>,
    pub(crate) body: BodyRecord,
    pub(crate) media_type: Option<String>,
    pub(crate) trailers: &'a Fields,
}

impl<W: Wire> Reporter<W> {
    /// Of an exchange of a client.
    pub(crate) fn of_client(wire: W) -> Self {
        let exchange = wire.log().exchange_id();
        Self { wire, exchange, side: Side::Client }
    }

    /// Of an exchange of a client that was begun elsewhere.
    pub(crate) fn of_begun(wire: W, exchange: ExchangeId) -> Self {
        Self { wire, exchange, side: Side::Client }
    }

    /// Of an exchange at a server, whose request has come in: reports that, with `url` as far as the
    /// server can tell it. Gives the event.
    pub(crate) fn of_server(
        wire: W,
        cause: Option<EventId>,
        method: &str,
        url: &str,
    ) -> (Self, Option<EventId>) {
        let exchange = wire.log().exchange_id();
        let reporter = Self { wire, exchange, side: Side::Server };
        let started = || What::ExchangeStarted(ExchangeStarted::at_server(exchange, method, url));
        let event = reporter.emit(cause, started).or(cause);
        (reporter, event)
    }

    /// The number of the exchange.
    pub(crate) fn exchange(&self) -> ExchangeId {
        self.exchange
    }

    /// A resource is wanted.
    pub(crate) fn started(
        &self,
        cause: Option<EventId>,
        started: impl FnOnce(ExchangeId) -> ExchangeStarted,
    ) -> Option<EventId> {
        self.emit(cause, || What::ExchangeStarted(started(self.exchange)))
    }

    /// Something broke a rule, and was taken all the same.
    pub(crate) fn note(&self, cause: Option<EventId>, what: &str, rule: &str) {
        self.emit(cause, || {
            What::ExchangeNote(ExchangeNote {
                exchange: self.exchange,
                what: what.to_owned(),
                rule: Rule::from(rule),
            })
        });
    }

    /// A request has been sent, or has come in.
    pub(crate) fn request(
        &self,
        cause: Option<EventId>,
        report: RequestReport<'_>,
    ) -> Option<EventId> {
        self.emit(cause, || {
            What::RequestSent(RequestSent {
                exchange: Some(self.exchange),
                connection: report.connection,
                transport: self.transport(report.line.version),
                stream: report.stream,
                lookup: report.lookup,
                reused: report.reused,
                version: version_text(report.line.version).into(),
                method: report.line.method.to_string(),
                target: report.line.target.clone(),
                fields: report.fields.to_record(),
                began: report.began,
                passed: report.passed,
                head_bytes: report.head_bytes,
                body_bytes: report.body_bytes,
                body: report.body,
            })
        })
    }

    /// The head of a response has come in, or goes out.
    pub(crate) fn head(&self, cause: Option<EventId>, report: &HeadReport<'_>) -> Option<EventId> {
        let line = &report.head.line;
        self.emit(cause, || {
            What::ResponseHead(HeadRecord {
                exchange: Some(self.exchange),
                connection: report.connection,
                transport: self.transport(line.version),
                stream: report.stream,
                version: version_text(line.version).into(),
                status: line.status.as_u16(),
                reason: line.reason_text(),
                fields: report.head.fields.to_record(),
                head_bytes: report.head.bytes,
                first_byte: report.first_byte,
                arrived: report.arrived,
                first_segment: report.first_segment,
                server_timing: match self.side {
                    Side::Client => server_timing(&report.head.fields),
                    Side::Server => Vec::new(),
                },
            })
        })
    }

    /// The body of a response has ended.
    pub(crate) fn response(
        &self,
        cause: Option<EventId>,
        report: EndReport<'_>,
    ) -> Option<EventId> {
        self.emit(cause, || {
            What::ResponseEnded(ResponseEnded {
                exchange: Some(self.exchange),
                connection: report.connection,
                transport: self.transport(report.version),
                stream: report.stream,
                arrived: report.arrived,
                body: report.body,
                media_type: report.media_type,
                trailers: report.trailers.to_record(),
            })
        })
    }

    /// A cache gave what it had kept.
    pub(crate) fn cached(
        &self,
        cause: Option<EventId>,
        cached: impl FnOnce(ExchangeId) -> CachedResponse,
    ) -> Option<EventId> {
        self.emit(cause, || What::CachedResponse(cached(self.exchange)))
    }

    /// The exchange is over, and went to nobody: a cache answered.
    pub(crate) fn ended_from_cache(&self, cause: Option<EventId>, status: u16) {
        let (exchange, status) = (self.exchange, Some(status));
        self.emit(cause, || {
            What::ExchangeEnded(ExchangeEnded {
                exchange,
                status,
                complete: true,
                from_cache: true,
            })
        });
    }

    /// The exchange is over.
    pub(crate) fn ended(
        &self,
        cause: Option<EventId>,
        status: Option<u16>,
        complete: bool,
    ) -> Option<EventId> {
        let exchange = self.exchange;
        self.emit(cause, || {
            What::ExchangeEnded(ExchangeEnded { exchange, status, complete, from_cache: false })
        })
    }

    /// What carries this version.
    fn transport(&self, version: Version) -> Transport {
        if version == Version::HTTP_3 { Transport::Quic } else { self.wire.transport() }
    }

    fn emit(&self, cause: Option<EventId>, what: impl FnOnce() -> What) -> Option<EventId> {
        self.wire.log().emit(self.wire.now(), cause, what)
    }
}

/// Reads the Server-Timing fields (W3C Server Timing §3). What is not understood is left out.
fn server_timing(fields: &Fields) -> Vec<ServerTiming> {
    fields
        .get_all("Server-Timing")
        .flat_map(|value| crate::params::split(&crate::message::to_text(value), ','))
        .filter_map(|metric| {
            let mut parts = crate::params::split(&metric, ';').into_iter();
            let name = parts.next().filter(|name| !name.is_empty())?;
            let mut timing = ServerTiming { name, duration: None, description: None };
            for part in parts {
                let (key, value) = part.split_once('=').unwrap_or((&part, ""));
                let value = crate::params::unquote(value.trim());
                match key.trim().to_ascii_lowercase().as_str() {
                    "dur" => timing.duration = milliseconds(&value),
                    "desc" => timing.description = Some(value),
                    _ => {}
                }
            }
            Some(timing)
        })
        .collect()
}

/// Milliseconds with a fraction, without floating point.
fn milliseconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos: u64 = format!("{fraction:0<6}")[..6].parse().ok()?;
    Some(Duration::from_nanos(whole.checked_mul(1_000_000)?.checked_add(nanos)?))
}
