//! The record: a schema of what happened in one web exchange, and the folder it is kept in.
//!
//! Of the workspace this crate imports `packet` alone, to find credentials in captured frames.
//! Every layer converts what it knows into the plain values below, and every view (terminal, HTML,
//! HAR …) is computed from these values and from nothing else.
//!
//! # Contract
//! - A layer reports through `trace: &mut impl Trace`. [`Off`] records nothing and, since the event is
//!   made by a closure that is then never called, compiles away.
//! - The trace gives out ids: [`Trace::emit`] returns the [`EventId`] of the event it recorded, and
//!   that id is the *cause* of whatever follows from the event. A cause of `None` says that it is
//!   not known.
//! - Time is [`Time`]: nanoseconds since the record's epoch.
//! - Tasks above the wire share a [`Log`], a cloneable handle on one [`Recorder`].
//!
//! ```
//! use roundtrip_record::*;
//!
//! let log = Log::memory();
//! let mut client = log.of(log.host("client", Role::Client, &[]));
//! let asked = client.emit(Time::ZERO, None, || {
//!     What::NameStarted(NameStarted { lookup: LookupId(1), name: "example.com.".into(), types: vec!["A".into()] })
//! });
//! client.emit(Time::from_millis(24), asked, || {
//!     What::NameEnded(NameEnded { lookup: LookupId(1), addresses: vec![], aliases: vec![], ttl: None })
//! });
//! let events = log.events();
//! assert_eq!(events[2].cause, asked);
//! ```
#![forbid(unsafe_code)]

mod direction;
mod event;
mod fault;
mod folder;
mod frame;
mod hex;
mod http;
mod id;
mod imported;
mod log;
mod name;
mod observer;
mod page;
mod pcapng;
mod query;
mod quic;
mod quic_frame;
mod recorder;
mod redact;
mod resource;
mod run;
mod runs;
mod schema;
mod secret;
mod secret_names;
mod side;
mod tcp;
mod time;
mod tls;
mod trace;
mod websocket;
mod words;

pub use direction::Direction;
pub use event::{Event, FrameSeen, What};
pub use fault::{Attempt, AttemptEnd, DelegatedServer, DelegationFault, Fault, FaultKind, Step};
pub use folder::{Bodies, Events, Folder, FolderError};
pub use http::{
    Body, BodyCut, CachedResponse, ConnectionEnding, EndedBy, ExchangeEnded, ExchangeNote,
    ExchangeStarted, Field, Framing, RequestSent, ResponseEnded, ResponseHead, ServerTiming,
};
pub use id::{BodyRef, ConnectionId, EventId, ExchangeId, HostId, InterfaceId, LinkId, LookupId};
pub use imported::{ImportNote, ImportedExchange, ImportedFile, Inference};
pub use log::{BodyWriter, Log};
pub use name::{
    DnsMessage, NameAnswered, NameAsked, NameEnded, NameStarted, Outcome, ResourceRecord, Source,
};
pub use observer::Observer;
pub use page::{LargestContent, PageFound, PageFrame, PageMilestone, PageNote, PagePainted};
pub use pcapng::{LinkType, Packet, PcapngWriter};
pub use quic::{QuicClosed, QuicCongestion, QuicLost, QuicOpened, QuicPacket, QuicSpace};
pub use quic_frame::{QuicEcnCounts, QuicErrorSpace, QuicFrame, QuicStreamType};
pub use recorder::{Capture, Recorder, Settings};
pub use redact::{REDACTED, REDACTED_VALUE};
pub use resource::{Blocks, Initiator, Priority, ResourceKind};
pub use run::{
    Among, DropReason, Evidence, HostDeclared, Interface, Interval, LinkCounts, LinkDeclared,
    LinkDropped, ReplayOf, Role, RunEnded, RunStarted, Unseen, WireKind,
};
pub use runs::{Run, RunLabel, Runs, UnfinishedRun};
pub use schema::{BadSchema, SCHEMA, Schema};
pub use secret_names::SecretNames;
pub use side::{Side, Transport};
pub use tcp::{
    CloseReason, CongestionPhase, ConnectAttempt, ConnectResult, Flags, NeighbourChanged,
    NeighbourState, TcpClosed, TcpCongestion, TcpInfo, TcpOpened, TcpRead, TcpSegment, TcpState,
    TcpStateChanged, TcpTimer, Timer,
};
pub use time::Time;
pub use tls::{Certificate, TlsEstablished, TlsStarted};
pub use trace::{Off, Trace};
pub use websocket::{WebSocketEnded, WebSocketFrame, WebSocketSide};
pub use words::{CertificateReason, HttpVersion, Milestone, RefusalRule, Rule, TlsVersion};
