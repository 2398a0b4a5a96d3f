//! One event, and the list of all kinds of them.

use core::fmt;
use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{
    ConnectAttempt, ConnectResult, ConnectionEnding, Direction, DnsMessage, EventId, ExchangeEnded,
    ExchangeNote, ExchangeStarted, Fault, HostDeclared, HostId, InterfaceId, LinkCounts,
    LinkDeclared, LinkDropped, NameAnswered, NameAsked, NameEnded, NameStarted, NeighbourChanged,
    PageFound, PageMilestone, PageNote, PagePainted, QuicClosed, QuicOpened, RequestSent,
    ResponseEnded, ResponseHead, RunEnded, RunStarted, TcpClosed, TcpCongestion, TcpInfo,
    TcpOpened, TcpRead, TcpSegment, TcpStateChanged, TcpTimer, Time, TlsEstablished, TlsStarted,
    Unseen,
};

/// Something that happened: one line of `record.jsonl`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number in the record. Events stand in the order of their numbers, which is the order in
    /// which they were reported and the only order a reader may rely on.
    pub id: EventId,
    /// When it happened. In the lab times never fall. On a real wire they may, even on one host:
    /// the kernel stamps a packet when it passes, and we hear of it later, after events of our own.
    pub at: Time,
    /// The event that made this one happen; `None` where that is not known.
    pub cause: Option<EventId>,
    /// Where it happened.
    pub host: HostId,
    /// What happened.
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

/// The names of a line's fields.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Name {
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
                Name::Id => id = Some(map.next_value()?),
                Name::At => at = Some(map.next_value()?),
                Name::Cause => cause = map.next_value()?,
                Name::Host => host = Some(map.next_value()?),
                Name::Kind => kind = Some(map.next_value()?),
                // What the data are is known once the kind is; a writer of ours puts it first.
                Name::Data => match &kind {
                    Some(kind) => what = Some(map.next_value_seed(DataOf(kind))?),
                    None => early = Some(map.next_value()?),
                },
                Name::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let missing = <A::Error as de::Error>::missing_field;
        let kind = kind.ok_or_else(|| missing("kind"))?;
        let what = match (what, early) {
            (Some(what), _) => what,
            (None, Some(data)) => DataOf(&kind).deserialize(data).map_err(de::Error::custom)?,
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

/// Reads the data of an event of this kind.
struct DataOf<'a>(&'a str);

impl Event {
    /// Reads a line of a record that a later minor version wrote, whose kind we know but whose data
    /// we do not understand (a value was added): as an event of an unknown kind.
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
            /// A kind that this version does not know, from a record that a later one wrote: passed
            /// over, and written back as it was.
            Unknown {
                /// The kind's name.
                kind: String,
                /// Its data.
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

        impl<'de> DeserializeSeed<'de> for DataOf<'_> {
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
    /// The first event: what was asked for.
    "run.started" RunStarted(RunStarted),
    /// The last event: how it ended.
    "run.ended" RunEnded(RunEnded),
    /// A host takes part.
    "host" HostDeclared(HostDeclared),
    /// A link of the lab.
    "link" LinkDeclared(LinkDeclared),
    /// A link did not deliver a frame, or delivered it changed.
    "link.dropped" LinkDropped(LinkDropped),
    /// What a link did in the whole run.
    "link.counts" LinkCounts(LinkCounts),
    /// Something that cannot be seen on this wire, and what it would take.
    "unseen" Unseen(Unseen),
    /// A fault: what went wrong, as a finding.
    "fault" Fault(Fault),
    /// A frame left or reached an interface.
    "frame" Frame(FrameSeen),

    /// A lookup begins at the top of the ladder.
    "name.started" NameStarted(NameStarted),
    /// A source is asked.
    "name.asked" NameAsked(NameAsked),
    /// A source has answered.
    "name.answered" NameAnswered(NameAnswered),
    /// A DNS message was sent or came in.
    "dns.message" DnsMessage(DnsMessage),
    /// The lookup is over.
    "name.ended" NameEnded(NameEnded),

    /// An entry of the neighbour table changed its state.
    "neighbour" NeighbourChanged(NeighbourChanged),

    /// A connection to one address is tried.
    "connect.attempt" ConnectAttempt(ConnectAttempt),
    /// How the try ended.
    "connect.result" ConnectResult(ConnectResult),
    /// One end of a TCP connection came into being.
    "tcp.opened" TcpOpened(TcpOpened),
    /// It changed its state.
    "tcp.state" TcpStateChanged(TcpStateChanged),
    /// It sent or received a segment.
    "tcp.segment" TcpSegment(TcpSegment),
    /// Its congestion window, its RTT estimate or its phase changed.
    "tcp.congestion" TcpCongestion(TcpCongestion),
    /// One of its timers fired.
    "tcp.timer" TcpTimer(TcpTimer),
    /// What the kernel says of a connection (live wire).
    "tcp.info" TcpInfo(TcpInfo),
    /// We read bytes that had been waiting in the socket (live wire).
    "tcp.read" TcpRead(TcpRead),
    /// It is gone.
    "tcp.closed" TcpClosed(TcpClosed),
    /// One end of a QUIC connection came into being.
    "quic.opened" QuicOpened(QuicOpened),
    /// It is gone.
    "quic.closed" QuicClosed(QuicClosed),

    /// A TLS handshake begins.
    "tls.started" TlsStarted(TlsStarted),
    /// A TLS handshake is complete.
    "tls.established" TlsEstablished(TlsEstablished),

    /// A resource is wanted: the exchange is queued.
    "http.started" ExchangeStarted(ExchangeStarted),
    /// The request has been written whole.
    "http.request" RequestSent(RequestSent),
    /// A response's head has arrived (1xx included).
    "http.head" ResponseHead(ResponseHead),
    /// The response's body has ended.
    "http.response" ResponseEnded(ResponseEnded),
    /// The exchange is over.
    "http.ended" ExchangeEnded(ExchangeEnded),
    /// It was decided what becomes of a connection after an exchange.
    "http.connection" ConnectionEnding(ConnectionEnding),
    /// Something in a message breaks a rule, and it was taken all the same.
    "http.note" ExchangeNote(ExchangeNote),

    /// The page wants a resource, or names one that is not fetched.
    "page.found" PageFound(PageFound),
    /// A W3C milestone was reached.
    "page.milestone" Milestone(PageMilestone),
    /// The page was painted.
    "page.painted" PagePainted(PagePainted),
    /// Something a reader of the page's picture must know.
    "page.note" PageNote(PageNote),
}

/// A frame at an interface; its bytes are in `trace.pcapng`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameSeen {
    /// The interface.
    pub interface: InterfaceId,
    /// Which way.
    pub direction: Direction,
    /// Bytes on the wire, the Ethernet header included, the frame check sequence not.
    pub length: u32,
    /// Its number among the packets of `trace.pcapng`, from 1 as tshark counts; `None` when this
    /// interface is not captured.
    pub packet: Option<u64>,
}
