//! `Finding`: a fault in words, which are what was seen, what it means, and what to try next.

mod connect;
mod context;
mod delegation;
mod name;
mod refused;
mod transfer;

use core::num::NonZeroU64;

use roundtrip_record::{
    CertificateReason, ConnectionId, EventId, ExchangeId, Fault, FaultKind, RunStarted, SCHEMA,
    Step, Time, WireKind,
};
use roundtrip_story::{Story, Timed, ms};
use serde::Serialize;

use context::{FaultContext, FindingText};

use crate::text::clean;

/// A fault, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The step in which the fault showed.
    pub step: Step,
    /// When the fault was reported.
    #[serde(rename = "at_ms", serialize_with = "ms")]
    pub at: Time,
    /// The event of the fault.
    pub event: EventId,
    /// The exchange that the fault ended or harmed.
    pub exchange: Option<ExchangeId>,
    /// The connection, where there was one.
    pub connection: Option<ConnectionId>,
    /// Whether the fault ended the whole run.
    pub fatal: bool,
    /// One line that says what went wrong with what.
    pub headline: String,
    /// What was seen, one fact a line.
    pub evidence: Vec<String>,
    /// What the evidence means.
    pub meaning: Option<String>,
    /// What to try next: a command, or an action.
    pub next: String,
    /// The fault's type in Network Error Logging (W3C).
    pub nel: &'static str,
    /// The exit code for the fault, curl's where it has one.
    pub exit: u8,
    /// The fault itself, for programs.
    pub fault: FaultKind,
}

impl Finding {
    /// Explains a fault from what the rest of the record says.
    pub(crate) fn new(fault: &Timed<Fault>, story: &Story) -> Self {
        let Timed { at, event, what } = fault;
        let context = FaultContext { story, fault: what, at: *at };
        let words = texts(&context);
        Self {
            step: what.step,
            at: *at,
            event: *event,
            exchange: what.exchange,
            connection: what.connection,
            fatal: what.fatal,
            headline: words.headline,
            evidence: words.evidence,
            meaning: words.meaning,
            next: words.next,
            nel: nel(&what.fault),
            exit: what.fault.exit_code(),
            fault: what.fault.clone(),
        }
    }
}

impl Finding {
    /// Explains a fault of which nothing else was recorded, seen at `at` when `subject` was asked for.
    pub fn alone(fault: &Fault, at: Time, subject: &str) -> Self {
        let run = RunStarted {
            schema: SCHEMA,
            tool: String::new(),
            command: String::new(),
            subject: subject.to_owned(),
            wire: WireKind::Live,
            net: None,
            seed: None,
            wall: 0,
            replay_of: None,
        };
        let story = Story { run: Some(run), ..Story::default() };
        Self::new(&Timed { at, event: EventId(NonZeroU64::MIN), what: fault.clone() }, &story)
    }

    /// Whether `other` tells the same, perhaps of another exchange: the kind of the fault, its step and
    /// its meaning are equal. Where it was seen, and so what to try next, may differ.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        core::mem::discriminant(&self.fault) == core::mem::discriminant(&other.fault)
            && self.step == other.step
            && self.nel == other.nel
            && self.meaning == other.meaning
    }
}

/// The texts of the finding of a fault.
fn texts(context: &FaultContext<'_>) -> FindingText {
    match &context.fault.fault {
        FaultKind::BadUrl { url, why } => bad_url(url, why),
        FaultKind::NxDomain { .. }
        | FaultKind::NoAddress { .. }
        | FaultKind::NoRecord { .. }
        | FaultKind::DanglingAlias { .. }
        | FaultKind::AliasLoop { .. }
        | FaultKind::NameTruncated { .. }
        | FaultKind::BadDelegation { .. }
        | FaultKind::NameServerFailed { .. }
        | FaultKind::NameTimedOut { .. }
        | FaultKind::NameFailed { .. } => name::words(context),
        FaultKind::ConnectFailed { attempts } => connect::failed(context, attempts),
        FaultKind::ProxyUnknown { proxy, why } => FindingText::new(
            say!("the proxy {} cannot be found: {}", clean(proxy), clean(why)),
            say!("name another with -x, or none with --noproxy '*'; http_proxy and its kin name them too"),
        )
        .means(say!("nothing was asked of the server itself: the way to it begins at the proxy")),
        FaultKind::TunnelRefused { proxy, status, why } => {
            connect::tunnel_refused(proxy, *status, why)
        }
        FaultKind::TlsFailed { why, alert_received } => {
            connect::tls_failed(context, why, *alert_received)
        }
        FaultKind::BadCertificate { .. } => connect::bad_certificate(context),
        FaultKind::WriteFailed { path, why } => FindingText::new(
            say!("{} could not be written: {}", clean(path), clean(why)),
            say!("free some space or choose another place (-o FILE, --out DIR)"),
        )
        .means(say!("the exchange went well, keeping what came did not")),
        FaultKind::ReadFailed { path, why } => FindingText::new(
            say!("{} could not be read: {}", clean(path), clean(why)),
            say!("check the name and the permissions of the file"),
        )
        .means(say!("what was to be sent is not there; nothing went out")),
        FaultKind::PaintFailed { why } => FindingText::new(
            say!("the page could not be painted: {}", clean(why)),
            say!("the exchange itself is in the record: roundtrip show latest"),
        )
        .means(say!("layout or painting failed on this page; all that was fetched is kept")),
        FaultKind::Refused { .. } => refused::words(context),
        FaultKind::Interrupted => FindingText::new(
            say!("interrupted after {}", crate::text::duration(context.at - Time::ZERO)),
            say!("what was recorded so far is kept: roundtrip show latest"),
        )
        .means(say!("Ctrl-C or another signal ended it; connections were closed in good order")),
        _ => transfer::words(context),
    }
}

fn bad_url(url: &str, why: &str) -> FindingText {
    let words = FindingText::new(
        say!("{} is not a URL that can be visited", clean(url)),
        say!("give it as http://HOST/PATH or https://HOST/PATH; a bare host name will do as well"),
    )
    .seen(clean(why));
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some(scheme @ ("ftp" | "file" | "ws" | "wss" | "gopher" | "mailto" | "data")) => {
            words.means(say!("only http and https are carried out, not {}", scheme))
        }
        _ => words,
    }
}

/// The type name of a fault in Network Error Logging §6 (W3C).
fn nel(fault: &FaultKind) -> &'static str {
    use roundtrip_record::AttemptEnd;
    match fault {
        FaultKind::NxDomain { .. }
        | FaultKind::NoAddress { .. }
        | FaultKind::NoRecord { .. }
        | FaultKind::DanglingAlias { .. } => "dns.name_not_resolved",
        FaultKind::NameServerFailed { .. }
        | FaultKind::AliasLoop { .. }
        | FaultKind::NameTruncated { .. }
        | FaultKind::BadDelegation { .. } => "dns.failed",
        FaultKind::NameTimedOut { .. } => "dns.unreachable",
        FaultKind::NameFailed { .. } => "dns.failed",
        FaultKind::ConnectFailed { attempts } => match attempts.last().map(|last| &last.end) {
            Some(AttemptEnd::Refused) => "tcp.refused",
            Some(AttemptEnd::TimedOut) => "tcp.timed_out",
            Some(AttemptEnd::Unreachable { .. } | AttemptEnd::NoNeighbour { .. }) => {
                "tcp.address_unreachable"
            }
            Some(AttemptEnd::Cancelled) => "abandoned",
            _ => "tcp.failed",
        },
        FaultKind::ProxyUnknown { .. } => "dns.name_not_resolved",
        FaultKind::TunnelRefused { .. } => "http.error",
        FaultKind::TlsFailed { .. } => "tls.protocol.error",
        FaultKind::BadCertificate { reason, .. } => match reason {
            CertificateReason::Expired | CertificateReason::NotYetValid => "tls.cert.date_invalid",
            CertificateReason::WrongName => "tls.cert.name_invalid",
            CertificateReason::UnknownIssuer
            | CertificateReason::SelfSigned
            | CertificateReason::NotAnAuthority => "tls.cert.authority_invalid",
            CertificateReason::Revoked => "tls.cert.revoked",
            _ => "tls.cert.invalid",
        },
        FaultKind::EmptyReply { reset: false } => "http.response.invalid.empty",
        FaultKind::EmptyReply { reset: true } | FaultKind::Reset { .. } => "tcp.reset",
        FaultKind::SendFailed { .. } | FaultKind::ReceiveFailed { .. } => "tcp.failed",
        FaultKind::Malformed { .. }
        | FaultKind::HeadTooLarge { .. }
        | FaultKind::TooManyFields { .. }
        | FaultKind::NotHttp { .. } => "http.response.invalid",
        FaultKind::Short { .. } | FaultKind::TlsCut { .. } => "tcp.closed",
        FaultKind::Stalled { .. } | FaultKind::TimedOut { .. } => "tcp.timed_out",
        FaultKind::TooManyRedirects { .. } => "http.response.redirect_loop",
        FaultKind::BadRedirect { .. } => "http.response.invalid",
        FaultKind::BadEncoding { .. } | FaultKind::TooLarge { .. } => "http.response.invalid",
        FaultKind::HttpStatus { .. } => "http.error",
        FaultKind::Interrupted => "abandoned",
        _ => "unknown",
    }
}
