//! Answers on their way to whoever asked, and what became of one URL.

use core::time::Duration;
use std::io;

use http::{Method, StatusCode, Version};
use roundtrip_http::client::{Failure, Heads, Heard, Response};
use roundtrip_http::message::Fields;
use roundtrip_record::{ExchangeId, FaultKind, Step, Time};
use roundtrip_wire::Wire;
use url::Url;

use super::wanted::Wanted;

/// The head of an answer.
#[derive(Debug)]
pub struct Head<'a> {
    /// The fields.
    pub fields: &'a Fields,
    /// It byte for byte as it came, with the interim heads before it. Those of a proxy that was asked for
    /// a tunnel stand apart.
    pub text: &'a Heads,
    /// Bytes of body to come, where it is told.
    pub expected: Option<u64>,
    /// Its body will be handed on.
    pub last: bool,
}

/// Where answers go.
pub trait Sink {
    /// A head has come: of a redirect, or of the answer.
    ///
    /// # Errors
    /// When it cannot be written.
    fn head(&mut self, head: &Head<'_>) -> io::Result<()>;

    /// Heads have come, and no answer after them.
    ///
    /// # Errors
    /// When they cannot be written.
    fn lone_heads(&mut self, text: &Heads) -> io::Result<()>;

    /// The next bytes of the answer's body. `at` is when they came.
    ///
    /// # Errors
    /// When they cannot be written.
    fn body(&mut self, bytes: &[u8], at: Time) -> io::Result<()>;

    /// The trailer fields that followed the answer's body, as lines.
    ///
    /// # Errors
    /// When they cannot be written.
    fn trailers(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Takes back what was written of a body, since it comes again.
    ///
    /// # Errors
    /// When it cannot be: its reader has it already.
    fn take_back(&mut self) -> io::Result<()>;

    /// A try came to this fault; another follows after this time.
    fn again(&mut self, kind: &FaultKind, after: Duration);

    /// Where it writes to, for people.
    fn place(&self) -> String;
}

/// What became of one URL.
#[derive(Clone, Debug)]
pub struct Got {
    /// What was asked for in the end.
    pub url: Url,
    /// The status of the last answer, where one came.
    pub status: Option<StatusCode>,
    /// Its version.
    pub version: Option<Version>,
    /// Its fields.
    pub fields: Fields,
    /// Redirects that were followed.
    pub redirects: u32,
    /// Where a redirect leads that was not followed.
    pub redirect_url: Option<Url>,
    /// The method of the last request.
    pub method: Method,
    /// Bytes of body that were handed on.
    pub body: u64,
    /// Bytes of body in what was sent last.
    pub uploaded: u64,
    /// Bytes of all heads, as they were handed on.
    pub head: u64,
    /// Tries after the first.
    pub retries: u32,
    /// When it began.
    pub began: Time,
    /// When it ended.
    pub ended: Time,
    /// The Referer of the last request.
    pub referer: Option<String>,
    /// The answer says, or its date does, that nothing has changed: there is no body.
    pub unchanged: bool,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// curl's exit code, where it tells more than the kind of the fault does.
    pub curl_code: Option<u8>,
    /// What its requests have in common.
    pub(super) heard: Heard,
}

impl Got {
    /// curl's exit code for it.
    pub fn exit_code(&self) -> u8 {
        let of_kind = self.failure.as_ref().map(|failure| failure.kind.exit_code());
        of_kind.map_or(0, |code| self.curl_code.unwrap_or(code))
    }

    /// The exchanges that it took, in the order in which they began.
    pub fn exchanges(&self) -> Vec<ExchangeId> {
        self.heard.exchanges()
    }

    pub(super) fn new(wanted: &Wanted, began: Time) -> Self {
        Self {
            url: wanted.url.clone(),
            status: None,
            version: None,
            fields: Fields::new(),
            redirects: 0,
            redirect_url: None,
            method: wanted.method.clone(),
            body: 0,
            uploaded: 0,
            head: 0,
            retries: 0,
            began,
            ended: began,
            referer: None,
            unchanged: false,
            failure: None,
            curl_code: None,
            heard: Heard::default(),
        }
    }
}

/// Passes on the heads of a response, the interim ones first; `false` when one could not be written.
pub(super) fn show_head<W: Wire>(
    response: &Response<W>,
    text: &Heads,
    sink: &mut dyn Sink,
    got: &mut Got,
    last: bool,
) -> bool {
    let head = Head { fields: &response.fields, text, expected: response.body.expected(), last };
    got.head += (text.tunnel.len() + text.answer.len()) as u64;
    if let Err(error) = sink.head(&head) {
        got.failure = Some(unwritten(response, sink, &error));
        return false;
    }
    true
}

pub(super) fn unwritten<W: Wire>(
    response: &Response<W>,
    sink: &dyn Sink,
    error: &io::Error,
) -> Failure {
    let kind = FaultKind::WriteFailed { path: sink.place(), why: error.to_string() };
    response.failure(Step::Body, kind)
}
