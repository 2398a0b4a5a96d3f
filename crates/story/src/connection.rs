//! A connection, of TCP or QUIC, with as many of its ends as we saw.

use core::time::Duration;

use roundtrip_record::{
    Certificate, ConnectionEnding, ConnectionId, EventId, ExchangeId, HostId, How, QuicClosed,
    Side, TcpClosed, TcpCongestion, TcpInfo, TcpRead, TcpSegment, TcpState, TcpTimer, Time,
    TlsEstablished, TlsStarted, Transport,
};
use serde::Serialize;
use std::net::SocketAddr;

use crate::span::{At, Span, ms};

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// The state before.
    pub from: TcpState,
    /// The state after.
    pub to: TcpState,
    /// How it is known.
    pub how: How,
}

/// A segment, with the packet of the capture that holds it where that is known.
pub type Seen = At<TcpSegment>;

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// Its number.
    pub id: ConnectionId,
    /// Its host.
    pub host: HostId,
    /// What carries it.
    pub transport: Transport,
    /// Which end.
    pub side: Side,
    /// Its address.
    pub local: SocketAddr,
    /// The other's.
    pub remote: SocketAddr,
    /// When it came into being.
    #[serde(rename = "opened_ms", serialize_with = "ms")]
    pub opened: Time,
    /// Its states.
    pub states: Vec<At<StateChange>>,
    /// Its segments, sent and received.
    pub segments: Vec<Seen>,
    /// Its congestion window and RTT estimate.
    pub congestion: Vec<At<TcpCongestion>>,
    /// Timers that fired.
    pub timers: Vec<At<TcpTimer>>,
    /// Samples of the kernel's view.
    pub infos: Vec<At<TcpInfo>>,
    /// Reads of bytes that had been waiting.
    pub reads: Vec<At<TcpRead>>,
    /// Its end, over TCP.
    pub closed: Option<At<TcpClosed>>,
    /// Its end, over QUIC.
    pub quic_closed: Option<At<QuicClosed>>,
}

impl End {
    /// When it was gone, where we know.
    pub fn gone(&self) -> Option<Time> {
        let tcp = self.closed.as_ref().map(|closed| closed.at);
        tcp.or_else(|| self.quic_closed.as_ref().map(|closed| closed.at))
    }

    /// From our first step towards its end until both directions were closed: what follows, the
    /// waiting in `TIME_WAIT`, holds nobody up.
    pub fn closing(&self) -> Option<Span> {
        let is_closing =
            |state: TcpState| state > TcpState::Established || state == TcpState::Closed;
        let begun = self.states.iter().position(|change| is_closing(change.what.to))?;
        let settled = |state: TcpState| matches!(state, TcpState::TimeWait | TcpState::Closed);
        let rest = &self.states[begun..];
        let done = rest.iter().find(|change| settled(change.what.to)).or(rest.last())?;
        Some(Span::new(rest.first()?.at, done.at))
    }

    /// The state at a time, the changes at that time included; `None` before the first.
    pub fn state_at(&self, at: Time) -> Option<TcpState> {
        let change = self.states.iter().take_while(|change| change.at <= at).last();
        change.map(|change| change.what.to).or_else(|| Some(self.states.first()?.what.from))
    }

    /// How often it sent something again.
    pub fn retransmissions(&self) -> u32 {
        let seen = self.segments.iter().filter(|segment| segment.what.retransmission).count();
        let told = self.infos.last().map_or(0, |info| info.what.retransmissions);
        told.max(seen as u32)
    }

    /// Its latest estimate of the round-trip time.
    pub fn round_trip(&self) -> Option<Duration> {
        let ours = self.congestion.iter().rev().find_map(|sample| sample.what.srtt);
        let kernels = self.infos.iter().rev().find(|info| info.what.rtt_us > 0);
        ours.or_else(|| kernels.map(|info| Duration::from_micros(info.what.rtt_us.into())))
    }

    /// How long the handshake took, as this end saw it.
    pub fn handshake(&self) -> Option<Span> {
        let done = self.states.iter().find(|change| change.what.to == TcpState::Established)?;
        Some(Span::new(self.opened, done.at))
    }
}

/// A connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// The end that opened actively.
    pub client: Option<End>,
    /// The end that opened passively, where we ran it.
    pub server: Option<End>,
    /// The TLS handshake's begin.
    pub tls_started: Option<At<TlsStarted>>,
    /// Its end.
    pub tls: Option<At<TlsEstablished>>,
    /// The exchanges it carried, in order.
    pub exchanges: Vec<ExchangeId>,
    /// Who ended it, and why.
    pub ending: Option<At<ConnectionEnding>>,
}

impl Connection {
    /// Its ends, the client's first.
    pub fn ends(&self) -> impl Iterator<Item = &End> {
        self.client.iter().chain(&self.server)
    }

    /// One of its ends.
    pub fn end_of(&self, side: Side) -> Option<&End> {
        match side {
            Side::Client => self.client.as_ref(),
            Side::Server => self.server.as_ref(),
        }
    }

    /// What carries it.
    pub fn transport(&self) -> Transport {
        self.near().map_or(Transport::Tcp, |end| end.transport)
    }

    /// The end that we look from.
    pub fn near(&self) -> Option<&End> {
        self.ends().next()
    }

    /// Whether segments were seen at any end.
    pub fn has_segments(&self) -> bool {
        self.ends().any(|end| !end.segments.is_empty())
    }

    /// Where it leads: the server's address.
    pub fn server_address(&self) -> Option<SocketAddr> {
        match (&self.client, &self.server) {
            (Some(client), _) => Some(client.remote),
            (None, Some(server)) => Some(server.local),
            (None, None) => None,
        }
    }

    /// From the first SYN to the last thing we know of it.
    pub fn span(&self) -> Span {
        let start = self.ends().map(|end| end.opened).min().unwrap_or(Time::ZERO);
        let last = self.ends().flat_map(|end| {
            let states = end.states.iter().map(|change| change.at);
            let segments = end.segments.iter().map(|segment| segment.at);
            states.chain(segments).chain(end.gone())
        });
        Span::new(start, last.max().unwrap_or(start))
    }

    /// The TLS handshake.
    pub fn tls_span(&self) -> Option<(Span, EventId)> {
        let (started, done) = (self.tls_started.as_ref()?, self.tls.as_ref()?);
        Some((Span::new(started.at, done.at), done.event))
    }

    /// The server's own certificate.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.tls.as_ref()?.what.certificates.first()
    }
}
