//! What a client is told where a server cannot be had (RFC 9110 §15.6, RFC 9209).

use http::StatusCode;
use roundtrip_record::{AttemptEnd, FaultKind};

use crate::client::Failure;
use crate::server::Response;

/// A fault in the words of HTTP: the status, the type of error in `Proxy-Status` (RFC 9209 §2.3), and a
/// sentence for people.
struct Told {
    status: StatusCode,
    error: &'static str,
    sentence: String,
}

/// The answer to a request that came to nothing, for this reason.
pub fn refuse(failure: &Failure, host: &str) -> Response {
    let Told { status, error, sentence } = told(&failure.kind, host);
    let mut response = Response::error(status, &sentence);
    response.fields.add("Proxy-Status", format!("roundtrip; error={error}"));
    response
}

/// Why a request came to nothing, for people.
pub fn sentence(failure: &Failure, host: &str) -> String {
    told(&failure.kind, host).sentence
}

/// The answer to what is no request that could be passed on.
pub fn bad_request(why: &str) -> Response {
    let mut response = Response::error(StatusCode::BAD_REQUEST, why);
    response.fields.add("Proxy-Status", "roundtrip; error=http_request_error");
    response
}

/// The answer to a request for another server than the one that its tunnel leads to (RFC 9110 §15.5.20).
pub fn misdirected(why: &str) -> Response {
    let mut response = Response::error(StatusCode::MISDIRECTED_REQUEST, why);
    response.fields.add("Proxy-Status", "roundtrip; error=http_request_error");
    response
}

/// A name without the dot that ends it in DNS.
fn bare(name: &str) -> &str {
    name.trim_end_matches('.')
}

const BAD: StatusCode = StatusCode::BAD_GATEWAY;
const LATE: StatusCode = StatusCode::GATEWAY_TIMEOUT;

/// Status, error and sentence.
type Words = (StatusCode, &'static str, String);

fn told(kind: &FaultKind, host: &str) -> Told {
    let words = of_name(kind).or_else(|| of_way(kind, host)).or_else(|| of_answer(kind, host));
    let (status, error, sentence) = words
        .unwrap_or_else(|| (BAD, "proxy_internal_error", format!("{host} could not be asked.")));
    Told { status, error, sentence }
}

/// Of a name that leads nowhere.
fn of_name(kind: &FaultKind) -> Option<Words> {
    Some(match kind {
        FaultKind::NxDomain { name, .. } => {
            (BAD, "dns_error", format!("The name {} does not exist.", bare(name)))
        }
        FaultKind::NoAddress { name } => {
            (BAD, "dns_error", format!("The name {} has no address.", bare(name)))
        }
        FaultKind::NameTimedOut { name, .. } => {
            (LATE, "dns_timeout", format!("No name server answered for {}.", bare(name)))
        }
        FaultKind::NameServerFailed { name, code } => {
            (BAD, "dns_error", format!("The name server says {code} of {}.", bare(name)))
        }
        FaultKind::DanglingAlias { name, .. }
        | FaultKind::AliasLoop { name, .. }
        | FaultKind::NameTruncated { name, .. }
        | FaultKind::BadDelegation { name, .. }
        | FaultKind::NoRecord { name, .. }
        | FaultKind::NameFailed { name, .. } => {
            (BAD, "dns_error", format!("The name {} could not be looked up.", bare(name)))
        }
        _ => return None,
    })
}

/// Of a server that cannot be reached, or not be trusted.
fn of_way(kind: &FaultKind, host: &str) -> Option<Words> {
    Some(match kind {
        FaultKind::ConnectFailed { attempts } => match attempts.last().map(|last| &last.end) {
            Some(AttemptEnd::TimedOut) => (
                LATE,
                "connection_timeout",
                format!("{host} did not answer when it was connected to."),
            ),
            Some(AttemptEnd::Refused) => {
                (BAD, "connection_refused", format!("{host} refused the connection."))
            }
            Some(AttemptEnd::Unreachable { why, .. }) => {
                (BAD, "destination_ip_unroutable", format!("{host} cannot be reached: {why}."))
            }
            Some(AttemptEnd::Failed { why }) => (
                BAD,
                "destination_unavailable",
                format!("{host} could not be connected to: {why}."),
            ),
            _ => (BAD, "destination_unavailable", format!("{host} could not be connected to.")),
        },
        FaultKind::ProxyUnknown { proxy, why } => {
            (BAD, "dns_error", format!("The next proxy, {proxy}, cannot be found: {why}."))
        }
        FaultKind::TunnelRefused { proxy, why, .. } => (
            BAD,
            "connection_refused",
            format!("The next proxy, {proxy}, made no tunnel to {host}: {why}."),
        ),
        FaultKind::TlsFailed { why, alert_received: true } => {
            (BAD, "tls_alert_received", format!("TLS with {host} failed: {why}."))
        }
        FaultKind::TlsFailed { why, .. } => {
            (BAD, "tls_protocol_error", format!("TLS with {host} failed: {why}."))
        }
        FaultKind::BadCertificate { detail, .. } => (
            BAD,
            "tls_certificate_error",
            format!("The certificate of {host} is not trusted: {detail}."),
        ),
        _ => return None,
    })
}

/// Of a request that could not be sent, or an answer that is none.
fn of_answer(kind: &FaultKind, host: &str) -> Option<Words> {
    Some(match kind {
        FaultKind::EmptyReply { .. } => (
            BAD,
            "connection_terminated",
            format!("{host} ended the connection without an answer."),
        ),
        FaultKind::Stalled { .. } | FaultKind::TimedOut { .. } => (
            LATE,
            "http_response_timeout",
            format!("{host} said nothing for so long that it was given up."),
        ),
        FaultKind::NotHttp { .. } => {
            (BAD, "http_protocol_error", format!("What {host} answered is no HTTP."))
        }
        FaultKind::Malformed { what, rule, .. } => (
            BAD,
            "http_protocol_error",
            format!("The answer of {host} cannot be understood: {what} ({rule})."),
        ),
        FaultKind::HeadTooLarge { limit } => (
            BAD,
            "http_response_header_section_size",
            format!("The head of the answer of {host} has more than {limit} bytes."),
        ),
        FaultKind::TooManyFields { limit } => (
            BAD,
            "http_response_header_section_size",
            format!("The head of the answer of {host} has more than {limit} fields."),
        ),
        FaultKind::BadUrl { url, why } => (
            StatusCode::BAD_REQUEST,
            "http_request_error",
            format!("{url} cannot be asked for: {why}."),
        ),
        FaultKind::ReadFailed { why, .. } => (
            StatusCode::BAD_REQUEST,
            "http_request_error",
            format!("The request did not come whole: {why}."),
        ),
        FaultKind::Reset { .. } => (
            BAD,
            "connection_terminated",
            format!("The connection to {host} was lost before the answer."),
        ),
        // With TLS 1.3 a server says what is wrong with our certificate, or that it wants one, only here.
        FaultKind::SendFailed { why, .. } | FaultKind::ReceiveFailed { why, .. } => (
            BAD,
            if why.contains("the alert") { "tls_alert_received" } else { "connection_terminated" },
            format!("The connection to {host} was lost before the answer: {why}."),
        ),
        FaultKind::StreamReset { code } => {
            (BAD, "http_response_incomplete", format!("{host} gave the request up ({code})."))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use roundtrip_record::{Attempt, ExchangeId, Step, Time};

    fn failure(kind: FaultKind) -> Failure {
        let (exchange, step, since) = (ExchangeId(1), Step::Connect, Time::ZERO);
        Failure { exchange, connection: None, step, since, cause: None, kind }
    }

    #[test]
    fn a_server_that_is_late_is_another_matter_than_one_that_is_not_there() {
        let failed = |end| FaultKind::ConnectFailed {
            attempts: vec![Attempt {
                to: "192.0.2.1:80".parse().unwrap(),
                began: Time::ZERO,
                ended: Time::ZERO,
                syns: Vec::new(),
                syn_count: None,
                end,
            }],
        };
        for (kind, status, error) in [
            (failed(AttemptEnd::TimedOut), 504, "connection_timeout"),
            (failed(AttemptEnd::Refused), 502, "connection_refused"),
            (FaultKind::EmptyReply { reset: false }, 502, "connection_terminated"),
            (FaultKind::NameTimedOut { name: "a.".into(), servers: vec![] }, 504, "dns_timeout"),
        ] {
            let response = refuse(&failure(kind), "a.test");
            assert_eq!(response.status.as_u16(), status);
            let told = response.fields.text("Proxy-Status").unwrap_or_default();
            assert_eq!(told, format!("roundtrip; error={error}"));
        }
    }
}
