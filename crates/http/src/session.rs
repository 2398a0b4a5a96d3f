//! What a TLS handshake came to, at either end.

use roundtrip_quic::Handshake;
use roundtrip_record::{Certificate, ConnectionId, Time, TlsEstablished};
use rustls::{CipherSuite, CommonState, NamedGroup};

/// A handshake that is complete, for the record.
pub(crate) fn established(
    connection: ConnectionId,
    session: &CommonState,
    certificates: Vec<Certificate>,
    arrived: Option<Time>,
) -> TlsEstablished {
    TlsEstablished {
        connection,
        version: match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3".into(),
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2".into(),
            other => format!("{other:?}").into(),
        },
        cipher: session
            .negotiated_cipher_suite()
            .map_or_else(String::new, |negotiated| suite(negotiated.suite())),
        group: session.negotiated_key_exchange_group().map(|negotiated| group(negotiated.name())),
        alpn: session.alpn_protocol().map(text),
        resumed: session.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        certificates,
        arrived,
    }
}

/// The name of HTTP/3 (RFC 9114 §3.1).
pub(crate) const THREE: &[u8] = b"h3";

/// A handshake within QUIC that is complete, for the record.
pub(crate) fn established_within(
    connection: ConnectionId,
    handshake: &Handshake,
    certificates: Vec<Certificate>,
    arrived: Option<Time>,
) -> TlsEstablished {
    TlsEstablished {
        connection,
        // There is no other (RFC 9001 §4.2).
        version: "TLS 1.3".into(),
        cipher: handshake.suite.map_or_else(String::new, suite),
        group: handshake.group.map(group),
        alpn: handshake.protocol.as_deref().map(text),
        resumed: handshake.resumed,
        certificates,
        arrived,
    }
}

/// A suite's name. rustls puts the version into the names of TLS 1.3's; IANA does not.
fn suite(suite: CipherSuite) -> String {
    format!("{suite:?}").replacen("TLS13_", "TLS_", 1)
}

fn group(group: NamedGroup) -> String {
    format!("{group:?}").to_ascii_lowercase()
}

/// A protocol's name (RFC 7301), as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
