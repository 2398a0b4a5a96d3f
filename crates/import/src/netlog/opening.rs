//! Connections and lookups as events.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use roundtrip_record::{
    AttemptEnd, CloseReason, ConnectAttempt, ConnectResult, ConnectionEnding, ConnectionId,
    EndedBy, Evidence, ExchangeId, LookupId, NameEnded, NameStarted, QuicClosed, QuicOpened, Side,
    TcpClosed, TcpOpened, TcpState, TcpStateChanged, TlsEstablished, TlsStarted, TlsVersion,
    Transport, What,
};

use super::plan::Plan;
use super::socket::{Agreed, Attempt, QuicSession, Session, Socket};
use crate::agenda::Slot;
use crate::capture::{group, suite_name};
use crate::words;

/// An address of which nothing is known.
pub(super) const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Plans the events of a socket's connection; `exchange` is the one that waited for it.
pub(crate) fn tcp(
    plan: &mut Plan<'_>,
    connection: ConnectionId,
    socket: &Socket,
    host: &str,
    exchange: Option<ExchangeId>,
) {
    for attempt in &socket.attempts {
        let own = socket.connected.is_some() && socket.remote == Some(attempt.to);
        attempted(plan, connection, socket, attempt, own, exchange);
    }
    let Some(connected) = socket.connected else { return };
    let mut last = None;
    if let Some((began, done)) = socket.tls {
        let alpn = socket.agreed.as_ref().and_then(|agreed| agreed.alpn.clone());
        let started = TlsStarted {
            connection,
            server_name: host.to_owned(),
            alpn: alpn.into_iter().collect(),
        };
        let slot = plan.plan(began, None, What::TlsStarted(started));
        last = Some(slot);
        if let (Some(done), Some(agreed)) = (done, &socket.agreed) {
            let done =
                plan.plan(done, Some(slot), What::TlsEstablished(established(connection, agreed)));
            last = Some(done);
        }
    }
    if let Some(closed) = socket.closed.filter(|closed| *closed >= connected) {
        let how =
            Evidence::Inferred("the browser gave its socket up; the log does not tell how".into());
        let state = TcpStateChanged {
            connection,
            from: TcpState::Established,
            to: TcpState::Closed,
            how: how.clone(),
        };
        plan.plan(closed, last, What::TcpStateChanged(state));
        let closed_event = TcpClosed { connection, reason: CloseReason::Finished, how };
        plan.plan(closed, last, What::TcpClosed(closed_event));
    }
}

fn attempted(
    plan: &mut Plan<'_>,
    connection: ConnectionId,
    socket: &Socket,
    attempt: &Attempt,
    own: bool,
    exchange: Option<ExchangeId>,
) {
    let (to, transport) = (attempt.to, Transport::Tcp);
    let slot = plan.plan(
        attempt.began,
        None,
        What::ConnectAttempt(ConnectAttempt { exchange, to, transport }),
    );
    if own {
        let local = socket.local.unwrap_or(ANY);
        let opened = TcpOpened { connection, side: Side::Client, local, remote: to };
        plan.plan(attempt.began, Some(slot), What::TcpOpened(opened));
        state(plan, connection, attempt.began, [TcpState::Closed, TcpState::SynSent], slot);
    }
    let Some((ended, failed)) = attempt.ended else { return };
    let end = match socket.error.filter(|_| failed) {
        Some(error) => refused(&plan.constants.error(error)),
        None if failed => AttemptEnd::Failed { why: "the log does not say why".into() },
        None => AttemptEnd::Connected,
    };
    if own {
        state(plan, connection, ended, [TcpState::SynSent, TcpState::Established], slot);
    }
    let connection = own.then_some(connection);
    let result =
        ConnectResult { exchange, to, connection, end, transport, syn_sent: None, syn_ack: None };
    plan.plan(ended, Some(slot), What::ConnectResult(result));
}

fn state(
    plan: &mut Plan<'_>,
    connection: ConnectionId,
    at: u64,
    [from, to]: [TcpState; 2],
    cause: Slot,
) {
    let how = Evidence::Inferred("the log's TCP_CONNECT_ATTEMPT".into());
    plan.plan(
        at,
        Some(cause),
        What::TcpStateChanged(TcpStateChanged { connection, from, to, how }),
    );
}

/// How an attempt ended, by the name of an error of Chromium's.
fn refused(error: &str) -> AttemptEnd {
    match error {
        "ERR_CONNECTION_REFUSED" => AttemptEnd::Refused,
        "ERR_CONNECTION_TIMED_OUT" | "ERR_TIMED_OUT" => AttemptEnd::TimedOut,
        "ERR_ADDRESS_UNREACHABLE" | "ERR_INTERNET_DISCONNECTED" | "ERR_NETWORK_UNREACHABLE" => {
            AttemptEnd::Unreachable { why: error.to_owned(), from: None }
        }
        _ => AttemptEnd::Failed { why: error.to_owned() },
    }
}

fn established(connection: ConnectionId, agreed: &Agreed) -> TlsEstablished {
    TlsEstablished {
        connection,
        version: words::tls(&agreed.version),
        cipher: suite_name(agreed.cipher),
        group: agreed.group.map(group),
        alpn: agreed.alpn.clone(),
        resumed: agreed.resumed,
        certificates: Vec::new(),
        arrived: None,
    }
}

/// Plans the end of a session of HTTP/2: that its server takes no more, and that the browser gave it up.
pub(crate) fn session(plan: &mut Plan<'_>, connection: ConnectionId, session: &Session) {
    for (told, by) in [(&session.going, EndedBy::Server), (&session.closed, EndedBy::Client)] {
        if let Some((at, why)) = told {
            let ending = ConnectionEnding { connection, by, why: why.clone() };
            plan.plan(*at, None, What::ConnectionEnding(ending));
        }
    }
}

/// Plans the events of a session of QUIC.
pub(crate) fn quic(
    plan: &mut Plan<'_>,
    connection: ConnectionId,
    session: &QuicSession,
    exchange: Option<ExchangeId>,
) {
    let Some(began) = session.began else { return };
    let (to, transport) = (session.remote.unwrap_or(ANY), Transport::Quic);
    let slot =
        plan.plan(began, None, What::ConnectAttempt(ConnectAttempt { exchange, to, transport }));
    let local = session.local.unwrap_or(ANY);
    let opened = QuicOpened { connection, side: Side::Client, local, remote: to, version: 1 };
    plan.plan(began, Some(slot), What::QuicOpened(opened));
    let started =
        TlsStarted { connection, server_name: session.host.clone(), alpn: vec!["h3".into()] };
    plan.plan(began, Some(slot), What::TlsStarted(started));
    let end = match (session.ready, &session.closed) {
        (Some(ready), _) => Some((ready, AttemptEnd::Connected)),
        (None, Some((at, why))) => Some((*at, AttemptEnd::Failed { why: why.clone() })),
        (None, None) => None,
    };
    if let Some((at, end)) = end {
        let result = ConnectResult {
            exchange,
            to,
            connection: Some(connection),
            end,
            transport,
            syn_sent: None,
            syn_ack: None,
        };
        plan.plan(at, Some(slot), What::ConnectResult(result));
    }
    if let Some(ready) = session.ready {
        // QUIC has no other version of TLS (RFC 9001 §4.2); its cipher suite is not told.
        let done = TlsEstablished {
            connection,
            version: TlsVersion::Tls13,
            cipher: String::new(),
            group: None,
            alpn: Some("h3".into()),
            resumed: false,
            certificates: Vec::new(),
            arrived: None,
        };
        plan.plan(ready, Some(slot), What::TlsEstablished(done));
    }
    if let Some((at, why)) = &session.closed {
        let closed = QuicClosed {
            connection,
            direction: None,
            code: None,
            application: false,
            why: why.clone(),
        };
        plan.plan(*at, Some(slot), What::QuicClosed(closed));
    }
}

/// Plans the events of a lookup.
pub(crate) fn lookup(plan: &mut Plan<'_>, number: u64) -> Option<LookupId> {
    let lookup = plan.seen.lookups.get(&number)?;
    if let Some(known) = plan.lookups.get(&number) {
        return Some(*known);
    }
    let id = plan.log.lookup_id();
    plan.lookups.insert(number, id);
    let name = format!("{}.", lookup.name.trim_end_matches('.'));
    let started = NameStarted { lookup: id, name, types: lookup.types.clone() };
    let slot = plan.plan(lookup.began, None, What::NameStarted(started));
    if let Some(ended) = lookup.ended {
        let (addresses, aliases) = (lookup.addresses.clone(), lookup.aliases.clone());
        let done = NameEnded { lookup: id, addresses, aliases, ttl: None };
        plan.plan(ended, Some(slot), What::NameEnded(done));
    }
    Some(id)
}
