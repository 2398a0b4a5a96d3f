//! The connection of an entry: its address, its opening, its TLS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use roundtrip_record::{
    AttemptEnd, ConnectAttempt, ConnectResult, ConnectionId, Evidence, HttpVersion, LookupId,
    QuicOpened, Side, TcpOpened, TcpState, TcpStateChanged, TlsEstablished, TlsStarted, TlsVersion,
    Transport, What,
};
use url::Url;

use super::connections::Carried;
use super::entry::{Entry, member};
use super::sketch::Sketch;
use super::state::{Emitter, Told};
use crate::agenda::Slot;
use crate::words;

/// The connection that carries an entry.
pub(crate) struct Way {
    pub(crate) connection: ConnectionId,
    pub(crate) transport: Transport,
    pub(crate) reused: u32,
    pub(crate) lookup: Option<LookupId>,
}

/// The connection that carries an entry; where it is the connection's first, its opening is
/// recorded.
pub(crate) fn way(
    emitter: &mut Emitter<'_>,
    told: &mut Told<'_>,
    carried: Carried,
    lookup: Option<LookupId>,
) -> Way {
    let quic = told.sketch.version == HttpVersion::Http3;
    let transport = if quic { Transport::Quic } else { Transport::Tcp };
    if let Some(from) = emitter.connections.links[carried.link].from {
        told.infer("connection", from);
        emitter.notes.add("the archive names no connections; they are inferred from times");
    }
    let connection = match emitter.opened[carried.link] {
        Some(connection) => connection,
        None => open(emitter, told, carried.link, transport),
    };
    if carried.reused > 0 && emitter.connections.links[carried.link].opener.is_none() {
        told.infer("reused", "no time to connect");
    }
    Way { connection, transport, reused: carried.reused, lookup }
}

/// Records the opening of a connection.
fn open(
    emitter: &mut Emitter<'_>,
    told: &mut Told<'_>,
    link: usize,
    transport: Transport,
) -> ConnectionId {
    let connection = emitter.log.connection_id();
    emitter.opened[link] = Some(connection);
    let remote = server(told.entry, told.sketch);
    if remote.ip().is_unspecified() {
        emitter.notes.add("the server's address is not stated; 0.0.0.0 stands for it");
        told.infer("server address", "nothing: it is not stated");
    }
    let local = SocketAddr::new(unspecified(remote.ip()), 0);
    let opened = |side| match transport {
        Transport::Tcp => What::TcpOpened(TcpOpened { connection, side, local, remote }),
        Transport::Quic | Transport::Unix => {
            What::QuicOpened(QuicOpened { connection, side, local, remote, version: 1 })
        }
    };
    let times = &told.sketch.times;
    let at = |after| emitter.at(told.sketch, after);
    let Some((began, ended)) = times.connect.or(times.tls.map(|(began, _)| (began, began))) else {
        let (now, started) = (at(times.send.0), Some(told.started));
        let slot = emitter.agenda.plan(now, started, opened(Side::Client));
        if transport == Transport::Tcp {
            let how = Evidence::Inferred("it carried a request without being opened".into());
            let changed = TcpStateChanged {
                connection,
                from: TcpState::Closed,
                to: TcpState::Established,
                how,
            };
            emitter.agenda.plan(now, Some(slot), What::TcpStateChanged(changed));
        }
        return connection;
    };
    let (began, ended) = (at(began), at(ended));
    let attempt = ConnectAttempt { exchange: Some(told.exchange), to: remote, transport };
    let attempt = emitter.agenda.plan(began, Some(told.started), What::ConnectAttempt(attempt));
    emitter.agenda.plan(began, Some(attempt), opened(Side::Client));
    if transport == Transport::Tcp {
        for (at, from, to) in [
            (began, TcpState::Closed, TcpState::SynSent),
            (ended, TcpState::SynSent, TcpState::Established),
        ] {
            let how = Evidence::Inferred("the HAR's timings.connect".into());
            let changed = TcpStateChanged { connection, from, to, how };
            emitter.agenda.plan(at, Some(attempt), What::TcpStateChanged(changed));
        }
    }
    let result = ConnectResult {
        exchange: Some(told.exchange),
        to: remote,
        connection: Some(connection),
        end: AttemptEnd::Connected,
        transport,
        syn_sent: None,
        syn_ack: None,
    };
    let connected = emitter.agenda.plan(ended, Some(attempt), What::ConnectResult(result));
    secure(emitter, told, connection, connected);
    connection
}

/// Records the TLS handshake.
fn secure(
    emitter: &mut Emitter<'_>,
    told: &mut Told<'_>,
    connection: ConnectionId,
    connected: Slot,
) {
    let times = &told.sketch.times;
    let https = told.sketch.url.starts_with("https:") || told.sketch.url.starts_with("wss:");
    let (began, ended) = match (times.tls, times.connect) {
        (Some(span), _) => span,
        (None, Some((_, ended))) if https => (ended, ended),
        _ => return,
    };
    let host = Url::parse(&told.sketch.url).ok();
    let server_name =
        host.as_ref().and_then(Url::domain).map(ToOwned::to_owned).unwrap_or_default();
    let alpn = match told.sketch.version {
        HttpVersion::Http2 => Some("h2"),
        HttpVersion::Http3 => Some("h3"),
        _ => None,
    };
    let started = TlsStarted { connection, server_name, alpn: Vec::new() };
    let at = emitter.at(told.sketch, began);
    let started = emitter.agenda.plan(at, Some(connected), What::TlsStarted(started));
    let (version, cipher, group) = agreed(told.entry);
    if version.is_none() {
        told.infer("TLS version", "nothing: it is not stated");
    }
    let done = TlsEstablished {
        connection,
        version: version.unwrap_or_else(|| match told.sketch.version {
            // HTTP/3 has no other (RFC 9001 §4.2).
            HttpVersion::Http3 => TlsVersion::Tls13,
            _ => TlsVersion::Other("TLS".into()),
        }),
        cipher,
        group,
        alpn: alpn.map(ToOwned::to_owned),
        resumed: false,
        certificates: Vec::new(),
        arrived: None,
    };
    let at = emitter.at(told.sketch, ended);
    emitter.agenda.plan(at, Some(started), What::TlsEstablished(done));
}

/// Version, cipher suite and key exchange group, where the archive states them.
fn agreed(entry: &Entry) -> (Option<TlsVersion>, String, Option<String>) {
    let carrier = &entry.carrier;
    let details = carrier.security.as_ref();
    let stated = |name: &str| details.and_then(|details| member(details, name));
    let version = carrier.tls_version.as_deref().or(stated("protocol")).map(words::tls);
    let cipher = stated("cipher").or(carrier.tls_cipher.as_deref()).unwrap_or_default().to_owned();
    let group = stated("keyExchangeGroup").filter(|group| !group.is_empty());
    (version, cipher, group.map(ToOwned::to_owned))
}

/// The server's address, where the archive states it.
pub(crate) fn address(entry: &Entry) -> Option<IpAddr> {
    let carrier = &entry.carrier;
    let stated = carrier.server_ip_address.as_deref().or(carrier.ip_addr.as_deref())?;
    // Some write all addresses of the name, some a port behind it, some brackets around it.
    let first = stated.split([',', ' ']).next().unwrap_or_default();
    let bare = first.trim_start_matches('[').split(']').next().unwrap_or_default();
    bare.parse().ok().or_else(|| first.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The server's address and port; the unspecified address where it is not stated.
pub(crate) fn server(entry: &Entry, sketch: &Sketch) -> SocketAddr {
    let url = Url::parse(&sketch.url).ok();
    let literal = url
        .as_ref()
        .and_then(|url| url.host_str())
        .and_then(|host| host.trim_matches(['[', ']']).parse().ok());
    let address = address(entry).or(literal).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    SocketAddr::new(address, url.and_then(|url| url.port_or_known_default()).unwrap_or(0))
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}
