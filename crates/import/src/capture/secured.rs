//! What a handshake of TLS agreed on, in the words of the record, whichever transport carried it.

use roundtrip_record::{ConnectionId, TlsEstablished, TlsStarted, TlsVersion};

use super::tls::Hellos;

/// The begin of a handshake: what the client's hello says.
pub(crate) fn started(connection: ConnectionId, hellos: &Hellos) -> TlsStarted {
    TlsStarted { connection, server_name: hellos.server_name.clone(), alpn: hellos.offered.clone() }
}

/// The end of a handshake: what both agreed on.
pub(crate) fn established(connection: ConnectionId, hellos: &Hellos) -> TlsEstablished {
    TlsEstablished {
        connection,
        version: version(hellos.version),
        cipher: hellos.cipher_name(),
        group: hellos.group.map(group),
        alpn: hellos.alpn.clone(),
        resumed: hellos.resumed,
        certificates: Vec::new(),
        arrived: None,
    }
}

fn version(number: u16) -> TlsVersion {
    match number {
        0x0301 => TlsVersion::Tls10,
        0x0302 => TlsVersion::Tls11,
        0x0303 => TlsVersion::Tls12,
        0x0304 => TlsVersion::Tls13,
        _ => TlsVersion::Other(format!("0x{number:04x}")),
    }
}

/// The name of a group for the exchange of keys (IANA "TLS Supported Groups").
pub(crate) fn group(number: u16) -> String {
    let name = match number {
        0x0017 => "secp256r1",
        0x0018 => "secp384r1",
        0x0019 => "secp521r1",
        0x001d => "x25519",
        0x001e => "x448",
        0x11ec => "X25519MLKEM768",
        0x6399 => "X25519Kyber768Draft00",
        _ => return format!("0x{number:04x}"),
    };
    name.to_owned()
}

/// The name of an alert (RFC 8446 §6).
pub(crate) fn alert_name(alert: u8) -> &'static str {
    match alert {
        10 => "unexpected_message",
        20 => "bad_record_mac",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "an alert without a name",
    }
}
