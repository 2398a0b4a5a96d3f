//! What a TLS handshake came to, at either end.

use roundtrip_record::{Certificate, ConnectionId, Time, TlsEstablished};
use rustls::CommonState;

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
        cipher: session.negotiated_cipher_suite().map_or_else(String::new, |suite| {
            // rustls puts the version into the names of TLS 1.3's suites; IANA does not.
            format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
        }),
        group: session
            .negotiated_key_exchange_group()
            .map(|group| format!("{:?}", group.name()).to_ascii_lowercase()),
        alpn: session.alpn_protocol().map(text),
        resumed: session.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        certificates,
        arrived,
    }
}

/// A protocol's name (RFC 7301), as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
