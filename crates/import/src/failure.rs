//! What went wrong with an entry that has no response: Chrome's and Firefox's error names, and what
//! they mean.

use std::net::SocketAddr;

use roundtrip_record::{Attempt, AttemptEnd, CertificateReason, FaultKind, Step, Time};

/// Where and when an entry failed.
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) to: SocketAddr,
    pub(crate) began: Time,
    pub(crate) ended: Time,
}

/// The step that failed and the fault, by the name of an error: `net::ERR_NAME_NOT_RESOLVED`,
/// `NS_ERROR_UNKNOWN_HOST`.
pub(crate) fn fault(error: &str, place: &Place) -> (Step, FaultKind) {
    let name = error.trim();
    let short = name.trim_start_matches("net::").trim_start_matches("ERR_");
    let short = short.trim_start_matches("NS_ERROR_").to_ascii_uppercase();
    let has = |part: &str| short.contains(part);
    let connect = |end: AttemptEnd| {
        let attempt = Attempt {
            to: place.to,
            began: place.began,
            ended: place.ended,
            syns: Vec::new(),
            syn_count: None,
            end,
        };
        (Step::Connect, FaultKind::ConnectFailed { attempts: vec![attempt] })
    };
    if has("NAME_NOT_RESOLVED") || has("UNKNOWN_HOST") {
        return (Step::Name, FaultKind::NoAddress { name: place.host.clone() });
    }
    if has("NAME_RESOLUTION_FAILED") || has("DNS_") {
        let fault = FaultKind::NameFailed { name: place.host.clone(), why: name.to_owned() };
        return (Step::Name, fault);
    }
    if has("CONNECTION_REFUSED") {
        return connect(AttemptEnd::Refused);
    }
    if has("CONNECTION_TIMED_OUT") || has("NET_TIMEOUT") || short == "TIMED_OUT" {
        return connect(AttemptEnd::TimedOut);
    }
    if has("UNREACHABLE") || has("INTERNET_DISCONNECTED") || has("NETWORK_CHANGED") {
        return connect(AttemptEnd::Unreachable { why: name.to_owned(), from: None });
    }
    if has("CERT_") || has("CERTIFICATE") {
        return (Step::Tls, certificate(name, &short, place));
    }
    if has("SSL_") || has("TLS_") {
        let fault = FaultKind::TlsFailed { why: name.to_owned(), alert_received: false };
        return (Step::Tls, fault);
    }
    if has("EMPTY_RESPONSE") {
        return (Step::Wait, FaultKind::EmptyReply { reset: false });
    }
    if has("CONNECTION_RESET") || has("NET_RESET") {
        return (Step::Wait, FaultKind::EmptyReply { reset: true });
    }
    if has("HTTP2_PROTOCOL_ERROR") || has("QUIC_PROTOCOL_ERROR") || has("SPDY_PROTOCOL_ERROR") {
        return (Step::Wait, FaultKind::StreamReset { code: name.to_owned() });
    }
    if short == "ABORTED" || has("BINDING_ABORTED") || has("CANCEL") {
        return (Step::Wait, FaultKind::Interrupted);
    }
    let why =
        if name.is_empty() { "the recording does not say why".into() } else { name.to_owned() };
    (Step::Wait, FaultKind::ReceiveFailed { why })
}

fn certificate(name: &str, short: &str, place: &Place) -> FaultKind {
    let reason = match short {
        _ if short.contains("DATE_INVALID") => CertificateReason::Expired,
        _ if short.contains("COMMON_NAME") => CertificateReason::WrongName,
        _ if short.contains("AUTHORITY") => CertificateReason::UnknownIssuer,
        _ if short.contains("REVOKED") => CertificateReason::Revoked,
        _ if short.contains("WEAK_SIGNATURE") => CertificateReason::WeakSignature,
        _ if short.contains("WEAK_KEY") => CertificateReason::WeakKey,
        _ => CertificateReason::Unspecified,
    };
    FaultKind::BadCertificate {
        reason,
        host: place.host.clone(),
        names: Vec::new(),
        not_after: None,
        not_before: None,
        issuer: None,
        detail: name.to_owned(),
    }
}
