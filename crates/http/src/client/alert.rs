//! What an alert of TLS says, and what came where a handshake was to be.

use rustls::AlertDescription;

/// An alert by its IANA name (RFC 8446 §6), with what it means for a client that offered TLS 1.2 and 1.3.
pub(crate) fn words(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    let (name, meaning) = match alert {
        Alert::CloseNotify => ("close_notify", "the server ended before the handshake was done"),
        Alert::HandshakeFailure => (
            "handshake_failure",
            "the server shares no cipher, group or kind of signature with us, or wants a client certificate",
        ),
        Alert::ProtocolVersion => {
            ("protocol_version", "the server speaks neither TLS 1.2 nor TLS 1.3")
        }
        Alert::UnrecognisedName => ("unrecognized_name", "the server has no site of this name"),
        Alert::CertificateRequired => {
            ("certificate_required", "the server wants a client certificate")
        }
        Alert::BadCertificate => ("bad_certificate", "the server takes no such client certificate"),
        Alert::AccessDenied => ("access_denied", "the server lets this client not in"),
        Alert::NoApplicationProtocol => {
            ("no_application_protocol", "the server speaks neither HTTP/2 nor HTTP/1.1 here")
        }
        Alert::InsufficientSecurity => {
            ("insufficient_security", "the server wants stronger ciphers than we offered")
        }
        Alert::DecodeError => ("decode_error", "the server could not read our message"),
        Alert::IllegalParameter => {
            ("illegal_parameter", "the server could not use what we offered")
        }
        Alert::InternalError => ("internal_error", "the server failed; its log says why"),
        Alert::UserCanceled => ("user_canceled", "the server was told to stop"),
        other => return format!("alert {} ({other:?})", u8::from(other)),
    };
    format!("{name}: {meaning}")
}

/// What a server said that does not speak TLS, by its first bytes; `None` where they tell nothing.
pub(crate) fn in_the_clear(first: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 5] = [
        (
            b"HTTP/",
            "the server answered in the clear: this port is for http:// and not for https://",
        ),
        (b"<", "the server answered in the clear: this port is for http:// and not for https://"),
        (b"SSH-", "an SSH server answered: this is another port than the web server's"),
        (b"220", "a mail or FTP server answered: this is another port than the web server's"),
        (b"\x15\x03", "the server sent an alert that cannot be read"),
    ];
    KNOWN.iter().find(|(start, _)| first.starts_with(start)).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_their_names() {
        assert!(words(AlertDescription::UnrecognisedName).starts_with("unrecognized_name: "));
        assert_eq!(words(AlertDescription::from(110)), "alert 110 (UnsupportedExtension)");
    }

    #[test]
    fn servers_that_speak_no_tls_are_known_by_their_first_words() {
        assert!(in_the_clear(b"HTTP/1.1").is_some_and(|words| words.contains("http://")));
        assert!(in_the_clear(b"SSH-2.0-").is_some_and(|words| words.contains("SSH")));
        assert_eq!(in_the_clear(b"\x16\x03\x03"), None);
    }
}
