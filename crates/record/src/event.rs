//! The `Event` type, one line of `record.jsonl`, and `What`, the list of all kinds of events.

use core::fmt;
use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{
    CachedResponse, ConnectAttempt, ConnectResult, ConnectionEnding, Direction, DnsMessage,
    EventId, ExchangeEnded, ExchangeNote, ExchangeStarted, Fault, HostDeclared, HostId, ImportNote,
    ImportedExchange, ImportedFile, InterfaceId, LargestContent, LinkCounts, LinkDeclared,
    LinkDropped, NameAnswered, NameAsked, NameEnded, NameStarted, NeighbourChanged, PageFound,
    PageFrame, PageMilestone, PageNote, PagePainted, QuicClosed, QuicCongestion, QuicLost,
    QuicOpened, QuicPacket, RequestSent, ResponseEnded, ResponseHead, RunEnded, RunStarted,
    TcpClosed, TcpCongestion, TcpInfo, TcpOpened, TcpRead, TcpSegment, TcpStateChanged, TcpTimer,
    Time, TlsEstablished, TlsStarted, Unseen, WebSocketEnded, WebSocketFrame,
};

/// Something that happened: one line of `record.jsonl`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The event's number in the record, from 1. Numbers rise in the order in which events were
    /// reported, which is the only order a reader may rely on.
    pub id: EventId,
    /// When the event happened. In the lab, times never fall from one event to the next. On a real
    /// wire they may, even on one host: the kernel stamps a packet when it passes, and the event is
    /// reported later, after events of our own.
    pub at: Time,
    /// The event that caused this one; `None` where the cause is not known.
    pub cause: Option<EventId>,
    /// The host on which the event happened.
    pub host: HostId,
    /// The kind of the event and its data.
    pub what: What,
}

const EVENT: &str = "Event";
const FIELDS: &[&str] = &["id", "at", "cause", "host", "kind", "data"];

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(EVENT, FIELDS.len())?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("at", &self.at)?;
        fields.serialize_field("cause", &self.cause)?;
        fields.serialize_field("host", &self.host)?;
        fields.serialize_field("kind", self.what.kind())?;
        self.what.serialize_data(&mut fields)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(EVENT, FIELDS, EventVisitor)
    }
}

/// The field names of a line of `record.jsonl`.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum LineField {
    Id,
    At,
    Cause,
    Host,
    Kind,
    Data,
    #[serde(other)]
    Other,
}

struct EventVisitor;

impl<'de> Visitor<'de> for EventVisitor {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event: an object with id, at, cause, host, kind and data")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let (mut id, mut at, mut host, mut cause) = (None, None, None, None);
        let mut kind: Option<Cow<'de, str>> = None;
        let (mut what, mut early): (Option<What>, Option<Value>) = (None, None);
        while let Some(name) = map.next_key()? {
            match name {
                LineField::Id => id = Some(map.next_value()?),
                LineField::At => at = Some(map.next_value()?),
                LineField::Cause => cause = map.next_value()?,
                LineField::Host => host = Some(map.next_value()?),
                LineField::Kind => kind = Some(map.next_value()?),
                // How `data` is read depends on `kind`. Our own writer puts `kind` first; where
                // another writer puts `data` first, it is kept as a JSON value until `kind` is
                // known.
                LineField::Data => match &kind {
                    Some(kind) => what = Some(map.next_value_seed(DataSeed(kind))?),
                    None => early = Some(map.next_value()?),
                },
                LineField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let missing = <A::Error as de::Error>::missing_field;
        let kind = kind.ok_or_else(|| missing("kind"))?;
        let what = match (what, early) {
            (Some(what), _) => what,
            (None, Some(data)) => DataSeed(&kind).deserialize(data).map_err(de::Error::custom)?,
            (None, None) if What::KINDS.contains(&&*kind) => return Err(missing("data")),
            (None, None) => What::Unknown { kind: kind.into_owned(), data: Value::Null },
        };
        Ok(Event {
            id: id.ok_or_else(|| missing("id"))?,
            at: at.ok_or_else(|| missing("at"))?,
            cause,
            host: host.ok_or_else(|| missing("host"))?,
            what,
        })
    }
}

/// The seed that reads the `data` of an event whose kind is the wrapped name.
struct DataSeed<'a>(&'a str);

impl Event {
    /// Reads a line whose kind we know but whose data we do not understand, as an event of an
    /// unknown kind: a later minor version may have added a value to it.
    pub(crate) fn read_opaque(line: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Line {
            id: EventId,
            at: Time,
            cause: Option<EventId>,
            host: HostId,
            kind: String,
            data: Value,
        }
        let Line { id, at, cause, host, kind, data } = serde_json::from_slice(line)?;
        Ok(Self { id, at, cause, host, what: What::Unknown { kind, data } })
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:literal $variant:ident($of:ty),)*) => {
        /// All kinds of events, by layer. The field `kind` of a line of `record.jsonl` is the quoted
        /// name, the field `data` the value.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum What {
            $($(#[$doc])* $variant($of),)*
            /// A kind that this version does not know, from a record written by a later version.
            /// Readers pass over the event and write it back unchanged.
            Unknown {
                /// The `kind` field of the line.
                kind: String,
                /// The `data` field of the line.
                data: Value,
            },
        }

        impl What {
            /// The names of all kinds that this version knows, by layer.
            pub const KINDS: &'static [&'static str] = &[$($name,)*];

            /// The name this kind has in `record.jsonl`.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $name,)*
                    Self::Unknown { kind, .. } => kind,
                }
            }

            fn serialize_data<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
                match self {
                    $(Self::$variant(data) => fields.serialize_field("data", data),)*
                    Self::Unknown { data, .. } => fields.serialize_field("data", data),
                }
            }
        }

        impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
            type Value = What;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<What, D::Error> {
                match self.0 {
                    $($name => <$of>::deserialize(deserializer).map(What::$variant),)*
                    kind => Value::deserialize(deserializer)
                        .map(|data| What::Unknown { kind: kind.to_owned(), data }),
                }
            }
        }
    };
}

kinds! {
    /// The first event of a record: what was asked for.
    "run.started" RunStarted(RunStarted),
    /// The last event of a record: how the run ended.
    "run.ended" RunEnded(RunEnded),
    /// A host of the run is declared, with its interfaces.
    "host" HostDeclared(HostDeclared),
    /// A link of the lab is declared.
    "link" LinkDeclared(LinkDeclared),
    /// A link did not deliver a frame, or delivered it changed.
    "link.dropped" LinkDropped(LinkDropped),
    /// What a link did in the whole run.
    "link.counts" LinkCounts(LinkCounts),
    /// Something that cannot be seen on this wire, and what it would take to see it.
    "unseen" Unseen(Unseen),
    /// A fault: what went wrong, as a finding.
    "fault" Fault(Fault),
    /// A frame left or reached an interface.
    "frame" Frame(FrameSeen),

    /// A lookup begins, at the first source of the ladder.
    "name.started" NameStarted(NameStarted),
    /// A source of names is asked.
    "name.asked" NameAsked(NameAsked),
    /// A source of names has answered.
    "name.answered" NameAnswered(NameAnswered),
    /// A DNS message was sent or came in.
    "dns.message" DnsMessage(DnsMessage),
    /// A lookup has ended.
    "name.ended" NameEnded(NameEnded),

    /// An entry of the neighbour table changed its state.
    "neighbour" NeighbourChanged(NeighbourChanged),

    /// A connection to one address is tried.
    "connect.attempt" ConnectAttempt(ConnectAttempt),
    /// An attempt to connect has ended.
    "connect.result" ConnectResult(ConnectResult),
    /// One end of a TCP connection came into being.
    "tcp.opened" TcpOpened(TcpOpened),
    /// One end of a TCP connection changed its state.
    "tcp.state" TcpStateChanged(TcpStateChanged),
    /// One end of a TCP connection sent or received a segment.
    "tcp.segment" TcpSegment(TcpSegment),
    /// One end of a TCP connection changed its congestion window, its RTT estimate or its
    /// congestion phase.
    "tcp.congestion" TcpCongestion(TcpCongestion),
    /// A timer of one end of a TCP connection fired.
    "tcp.timer" TcpTimer(TcpTimer),
    /// A sample of the kernel's `TCP_INFO` for a connection (live wire).
    "tcp.info" TcpInfo(TcpInfo),
    /// Bytes were read that had been waiting in the kernel (live wire).
    "tcp.read" TcpRead(TcpRead),
    /// One end of a TCP connection is gone.
    "tcp.closed" TcpClosed(TcpClosed),
    /// One end of a QUIC connection came into being.
    "quic.opened" QuicOpened(QuicOpened),
    /// One end of a QUIC connection sent or received a packet.
    "quic.packet" QuicPacket(QuicPacket),
    /// One end of a QUIC connection changed its congestion window or its congestion phase.
    "quic.congestion" QuicCongestion(QuicCongestion),
    /// One end of a QUIC connection takes packets to be lost.
    "quic.lost" QuicLost(QuicLost),
    /// One end of a QUIC connection is gone.
    "quic.closed" QuicClosed(QuicClosed),

    /// A TLS handshake begins.
    "tls.started" TlsStarted(TlsStarted),
    /// A TLS handshake is complete.
    "tls.established" TlsEstablished(TlsEstablished),

    /// A resource is wanted: the exchange is queued.
    "http.started" ExchangeStarted(ExchangeStarted),
    /// A request has been sent whole, or received whole at a server.
    "http.request" RequestSent(RequestSent),
    /// A response's head has arrived, or was sent by a server (1xx included).
    "http.head" ResponseHead(ResponseHead),
    /// A response's body has ended, whole or cut short.
    "http.response" ResponseEnded(ResponseEnded),
    /// A client's cache gave a response that it had kept.
    "http.cached" CachedResponse(CachedResponse),
    /// An exchange has ended.
    "http.ended" ExchangeEnded(ExchangeEnded),
    /// What becomes of a connection after an exchange was decided.
    "http.connection" ConnectionEnding(ConnectionEnding),
    /// A message breaks a rule and was accepted all the same.
    "http.note" ExchangeNote(ExchangeNote),
    /// A WebSocket frame passed.
    "websocket.frame" WebSocketFrame(WebSocketFrame),
    /// A connection that had gone on as WebSocket has ended.
    "websocket.ended" WebSocketEnded(WebSocketEnded),

    /// The page wants a resource, or names one that is not fetched.
    "page.found" PageFound(PageFound),
    /// The page's load reached a milestone, named as the W3C names it.
    "page.milestone" Milestone(PageMilestone),
    /// What was to be seen of the page at a moment of its load.
    "page.frame" PageFrame(PageFrame),
    /// The largest element of content was painted.
    "page.largest" LargestContent(LargestContent),
    /// The page was painted.
    "page.painted" PagePainted(PagePainted),
    /// Something a reader of the page's picture must know, such as that scripts are not run.
    "page.note" PageNote(PageNote),

    /// A recording made by another program was read.
    "import.file" ImportedFile(ImportedFile),
    /// Facts of one exchange that its recording does not state.
    "import.exchange" ImportedExchange(ImportedExchange),
    /// Something about a recording that a reader of the record must know.
    "import.note" ImportNote(ImportNote),
}

/// A frame that passed an interface; its bytes are in `trace.pcapng`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameSeen {
    /// The interface that the frame passed.
    pub interface: InterfaceId,
    /// Whether the host sent or received the frame.
    pub direction: Direction,
    /// Length in bytes, with the Ethernet header and without the frame check sequence.
    pub length: u32,
    /// The packet's number in `trace.pcapng`, from 1 as tshark counts; `None` when this interface
    /// is not captured.
    pub packet: Option<u64>,
}
