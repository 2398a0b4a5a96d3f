//! One event, and the list of all kinds of them.

use serde::{Deserialize, Serialize};

use crate::{
    ConnectAttempt, ConnectResult, ConnectionEnding, Direction, DnsMessage, EventId, ExchangeEnded,
    ExchangeStarted, Fault, HostDeclared, HostId, InterfaceId, LinkCounts, LinkDeclared,
    LinkDropped, Milestone, NameAnswered, NameAsked, NameEnded, NameStarted, NeighbourChanged,
    PageFound, PageNote, PagePainted, RequestSent, ResponseEnded, ResponseHead, RunEnded,
    RunStarted, TcpClosed, TcpCongestion, TcpInfo, TcpOpened, TcpSegment, TcpStateChanged,
    TcpTimer, Time, TlsEstablished, TlsStarted, Unseen,
};

/// Something that happened: one line of `record.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number in the record; numbers only rise.
    pub id: EventId,
    /// When. Events stand in the order in which they were reported, and times never fall on one host.
    pub at: Time,
    /// The event that made this one happen; `None` where that is not known.
    pub cause: Option<EventId>,
    /// Where it happened.
    pub host: HostId,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:literal $variant:ident($of:ty),)*) => {
        /// All kinds of events, by layer. The field `kind` of a line of `record.jsonl` is the quoted
        /// name, the field `data` the value.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", content = "data")]
        #[non_exhaustive]
        pub enum What {$(
            $(#[$doc])*
            #[serde(rename = $name)]
            $variant($of),
        )*}

        impl What {
            /// The names of all kinds, by layer.
            pub const KINDS: &'static [&'static str] = &[$($name,)*];

            /// The name this kind has in `record.jsonl`.
            pub fn kind(&self) -> &'static str {
                match self {$(Self::$variant(_) => $name,)*}
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
    /// It is gone.
    "tcp.closed" TcpClosed(TcpClosed),

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

    /// The page wants a resource, or names one that is not fetched.
    "page.found" PageFound(PageFound),
    /// A W3C milestone was reached.
    "page.milestone" Milestone(Milestone),
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
