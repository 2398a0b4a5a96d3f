//! `Connection`, over TCP or QUIC, with those of its ends that the record shows.

use core::time::Duration;

use roundtrip_record::{
    Certificate, ConnectionEnding, ConnectionId, EventId, Evidence, ExchangeId, HostId, QuicClosed,
    Side, TcpClosed, TcpCongestion, TcpInfo, TcpRead, TcpSegment, TcpState, TcpTimer, Time,
    TlsEstablished, TlsStarted, Transport,
};
use serde::Serialize;
use std::net::SocketAddr;

use crate::span::{Span, Timed, ms};

/// A change of an end's TCP state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// The state before.
    pub from: TcpState,
    /// The state after.
    pub to: TcpState,
    /// How the change is known.
    pub how: Evidence,
}

/// A segment that an end sent or received, with the time of its event.
pub type TimedSegment = Timed<TcpSegment>;

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The end's id.
    pub id: ConnectionId,
    /// The host it is on.
    pub host: HostId,
    /// The transport of the connection.
    pub transport: Transport,
    /// Which end it is.
    pub side: Side,
    /// The address of this end.
    pub local: SocketAddr,
    /// The address of the other end.
    pub remote: SocketAddr,
    /// When the end came into being.
    #[serde(rename = "opened_ms", serialize_with = "ms")]
    pub opened: Time,
    /// The changes of its TCP state.
    pub states: Vec<Timed<StateChange>>,
    /// The segments it sent and received.
    pub segments: Vec<TimedSegment>,
    /// Samples of its congestion control: congestion window, round-trip time and the like.
    pub congestion: Vec<Timed<TcpCongestion>>,
    /// Timers that fired.
    pub timers: Vec<Timed<TcpTimer>>,
    /// Samples of the kernel's `TCP_INFO`.
    pub infos: Vec<Timed<TcpInfo>>,
    /// Reads of bytes that had been waiting in the kernel.
    pub reads: Vec<Timed<TcpRead>>,
    /// How the end was closed, over TCP.
    pub closed: Option<Timed<TcpClosed>>,
    /// How the end was closed, over QUIC.
    pub quic_closed: Option<Timed<QuicClosed>>,
}

impl Endpoint {
    /// When the end was gone, where the record says.
    pub fn gone(&self) -> Option<Time> {
        let tcp = self.closed.as_ref().map(|closed| closed.at);
        tcp.or_else(|| self.quic_closed.as_ref().map(|closed| closed.at))
    }

    /// The time from this end's first step towards closing until both directions were closed. The
    /// wait in `TIME_WAIT` that may follow is left out, since nobody waits for it.
    pub fn closing(&self) -> Option<Span> {
        let is_closing =
            |state: TcpState| state > TcpState::Established || state == TcpState::Closed;
        let begun = self.states.iter().position(|change| is_closing(change.what.to))?;
        let settled = |state: TcpState| matches!(state, TcpState::TimeWait | TcpState::Closed);
        let rest = &self.states[begun..];
        let done = rest.iter().find(|change| settled(change.what.to)).or(rest.last())?;
        Some(Span::new(rest.first()?.at, done.at))
    }

    /// The TCP state at a time, changes at that very time included. Before the first change, the
    /// state it started from.
    pub fn state_at(&self, at: Time) -> Option<TcpState> {
        let change = self.states.iter().take_while(|change| change.at <= at).last();
        change.map(|change| change.what.to).or_else(|| Some(self.states.first()?.what.from))
    }

    /// The number of retransmissions this end sent: as counted in its segments or told by the
    /// kernel, whichever is more.
    pub fn retransmissions(&self) -> u32 {
        let seen = self.segments.iter().filter(|segment| segment.what.retransmission).count();
        let told = self.infos.last().map_or(0, |info| info.what.retransmissions);
        told.max(seen as u32)
    }

    /// The latest estimate of the round-trip time.
    pub fn round_trip(&self) -> Option<Duration> {
        let ours = self.congestion.iter().rev().find_map(|sample| sample.what.srtt);
        let kernels = self.infos.iter().rev().find(|info| info.what.rtt_us > 0);
        ours.or_else(|| kernels.map(|info| Duration::from_micros(info.what.rtt_us.into())))
    }

    /// The time this end took from opening to `ESTABLISHED`.
    pub fn handshake(&self) -> Option<Span> {
        let done = self.states.iter().find(|change| change.what.to == TcpState::Established)?;
        Some(Span::new(self.opened, done.at))
    }
}

/// A connection, with those of its ends that the record shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// The end that opened the connection.
    pub client: Option<Endpoint>,
    /// The end that accepted the connection, where the record has it.
    pub server: Option<Endpoint>,
    /// The begin of the TLS handshake.
    pub tls_started: Option<Timed<TlsStarted>>,
    /// The end of the TLS handshake.
    pub tls: Option<Timed<TlsEstablished>>,
    /// The exchanges it carried, in order.
    pub exchanges: Vec<ExchangeId>,
    /// Which end closed the connection, and why.
    pub ending: Option<Timed<ConnectionEnding>>,
}

impl Connection {
    /// The known ends of the connection, the client's first.
    pub fn ends(&self) -> impl Iterator<Item = &Endpoint> {
        self.client.iter().chain(&self.server)
    }

    /// The end on one side, where it is known.
    pub fn end_of(&self, side: Side) -> Option<&Endpoint> {
        match side {
            Side::Client => self.client.as_ref(),
            Side::Server => self.server.as_ref(),
        }
    }

    /// The end whose view is shown: the client's where known, otherwise the server's.
    pub fn near(&self) -> Option<&Endpoint> {
        self.ends().next()
    }

    /// Whether segments were seen at any end.
    pub fn has_segments(&self) -> bool {
        self.ends().any(|end| !end.segments.is_empty())
    }

    /// The address of the server's end.
    pub fn server_address(&self) -> Option<SocketAddr> {
        match (&self.client, &self.server) {
            (Some(client), _) => Some(client.remote),
            (None, Some(server)) => Some(server.local),
            (None, None) => None,
        }
    }

    /// The time from the opening of the first end to the last known event.
    pub fn span(&self) -> Span {
        let start = self.ends().map(|end| end.opened).min().unwrap_or(Time::ZERO);
        let last = self.ends().flat_map(|end| {
            let states = end.states.iter().map(|change| change.at);
            let segments = end.segments.iter().map(|segment| segment.at);
            states.chain(segments).chain(end.gone())
        });
        Span::new(start, last.max().unwrap_or(start))
    }

    /// The TLS handshake and the event that completed it; `None` if it was not completed.
    pub fn tls_span(&self) -> Option<(Span, EventId)> {
        let (started, done) = (self.tls_started.as_ref()?, self.tls.as_ref()?);
        Some((Span::new(started.at, done.at), done.event))
    }

    /// The server's own certificate.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.tls.as_ref()?.what.certificates.first()
    }
}
