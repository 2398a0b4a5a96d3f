//! HTTP/1 in both directions of a connection, from its begin or from the middle.

use std::collections::VecDeque;

use roundtrip_http::message::{
    BodyDecoder, HeadDecoder, Limits, RequestLine, StatusLine, request_framing, response_framing,
};
use roundtrip_record::{BodyCut, Framing, HttpVersion};

use super::stream::Stamp;
use super::talk::{AnswerHead, Carrier, Desk, RequestHead, Talk};

/// Methods by which a request is known whose first line was not captured to its end.
const METHODS: [&str; 9] =
    ["GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "];

/// The longest method that is known by its place alone: those that are registered have 17 letters at most.
const LONGEST_METHOD: usize = 24;

/// Whether bytes begin like a request: with a line that says so itself, whatever the method, or with a method that is
/// well known. Other protocols have lines of the same form (RTSP, SIP).
pub(crate) fn is_request(bytes: &[u8]) -> bool {
    let known = || METHODS.iter().any(|method| bytes.starts_with(method.as_bytes()));
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return known() };
    let line = bytes[..end].trim_ascii_end();
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_method = (1..=LONGEST_METHOD).contains(&method.len())
        && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    // HTTP/0.9 has a method and a path, and no version.
    let is_oldest = line.starts_with(b"GET /") && line.split(|byte| *byte == b' ').count() == 2;
    is_method && (version.starts_with(b"HTTP/1.") || is_oldest)
}

/// Whether more bytes may make this the begin of a request.
pub(crate) fn may_become_request(bytes: &[u8]) -> bool {
    let method = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
    !bytes.contains(&b'\n')
        && method.len() <= LONGEST_METHOD
        && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-')
}

/// Whether bytes begin like a response.
pub(crate) fn is_response(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.")
}

/// Both directions.
#[derive(Default)]
pub(crate) struct Http1 {
    asking: Direction<RequestLine>,
    answering: Direction<StatusLine>,
    /// Exchanges whose response has not ended, the oldest first.
    talks: VecDeque<Talk>,
    /// The connection has become one of another protocol.
    upgraded: bool,
    /// It has become a tunnel through a proxy.
    tunnel: bool,
    /// Bytes that are no HTTP, or belong to messages whose head was not seen.
    pub(crate) passed_over: u64,
}

/// One direction.
struct Direction<L> {
    head: Option<HeadDecoder<L>>,
    body: Option<BodyDecoder>,
    /// When the first byte of the message passed.
    began: Option<Stamp>,
    /// After a gap or an error, until a message begins.
    lost: bool,
}

impl<L> Default for Direction<L> {
    fn default() -> Self {
        Self { head: None, body: None, began: None, lost: false }
    }
}

/// Limits of a reader that only looks on.
const LIMITS: Limits = Limits { start_line: 64 << 10, head: 512 << 10, ..Limits::CLIENT };

impl Http1 {
    /// Takes the next bytes of one direction.
    pub(crate) fn feed(
        &mut self,
        desk: &mut Desk,
        carrier: &mut Carrier,
        by_client: bool,
        bytes: &[u8],
        stamp: Stamp,
    ) {
        if self.upgraded {
            self.passed_over += bytes.len() as u64;
        } else if by_client {
            self.ask(desk, carrier, bytes, stamp);
        } else {
            self.answer(desk, bytes, stamp);
        }
    }

    fn ask(&mut self, desk: &mut Desk, carrier: &mut Carrier, mut rest: &[u8], stamp: Stamp) {
        while !rest.is_empty() {
            if self.asking.lost {
                if !is_request(rest) {
                    self.passed_over += rest.len() as u64;
                    return;
                }
                self.asking.lost = false;
            }
            if let Some(body) = &mut self.asking.body {
                let Ok(step) = body.decode(rest) else { return self.asking.lose() };
                if let Some(talk) = self.talks.back_mut() {
                    talk.request_body(desk, &rest[step.data]);
                    if step.done {
                        talk.request_end(desk, stamp);
                    }
                }
                if step.done {
                    self.asking.body = None;
                }
                if step.used == 0 && !step.done {
                    return;
                }
                rest = &rest[step.used..];
                continue;
            }
            let began = *self.asking.began.get_or_insert(stamp);
            let decoder = self.asking.head.get_or_insert_with(|| HeadDecoder::new(LIMITS));
            let Ok(fed) = decoder.feed(rest) else { return self.asking.lose() };
            rest = &rest[fed.used..];
            let Some(head) = fed.done else { return };
            (self.asking.head, self.asking.began) = (None, None);
            let framing = request_framing(&head).unwrap_or(Framing::None);
            let request = RequestHead {
                version: version(head.line.version),
                method: head.line.method.to_string(),
                target: head.line.target.clone(),
                authority: None,
                fields: head.fields.to_record(),
                bytes: head.bytes,
                stream: None,
            };
            let mut talk = Talk::new(desk, carrier, request, began);
            let body = BodyDecoder::new(framing, LIMITS);
            if body.is_done() {
                talk.request_end(desk, stamp);
            } else {
                self.asking.body = Some(body);
            }
            self.talks.push_back(talk);
        }
    }

    fn answer(&mut self, desk: &mut Desk, mut rest: &[u8], stamp: Stamp) {
        while !rest.is_empty() {
            if self.answering.lost {
                if !is_response(rest) {
                    self.passed_over += rest.len() as u64;
                    return;
                }
                self.answering.lost = false;
            }
            if let Some(body) = &mut self.answering.body {
                let Ok(step) = body.decode(rest) else {
                    self.finish_answer(desk, stamp, Some(BodyCut::Malformed));
                    return self.answering.lose();
                };
                if let Some(talk) = self.talks.front_mut() {
                    talk.body(&rest[step.data]);
                    if step.done
                        && let Some(trailers) = body.trailers()
                    {
                        talk.trailers(trailers.to_record());
                    }
                }
                if step.done {
                    self.finish_answer(desk, stamp, None);
                }
                if step.used == 0 && !step.done {
                    return;
                }
                rest = &rest[step.used..];
                continue;
            }
            if self.talks.is_empty() {
                // The request was not captured.
                self.passed_over += rest.len() as u64;
                return self.answering.lose();
            }
            let began = *self.answering.began.get_or_insert(stamp);
            let decoder = self.answering.head.get_or_insert_with(|| HeadDecoder::new(LIMITS));
            let Ok(fed) = decoder.feed(rest) else { return self.answering.lose() };
            rest = &rest[fed.used..];
            let Some(head) = fed.done else { return };
            (self.answering.head, self.answering.began) = (None, None);
            let Some(talk) = self.talks.front_mut() else { return };
            let method =
                http::Method::from_bytes(talk.method.as_bytes()).unwrap_or(http::Method::GET);
            let framing = response_framing(&method, &head).unwrap_or(Framing::Close);
            let status = head.line.status.as_u16();
            let answer = AnswerHead {
                version: version(head.line.version),
                status,
                reason: head.line.reason_text(),
                fields: head.fields.to_record(),
                bytes: head.bytes,
            };
            talk.head(desk, answer, began, stamp, framing);
            if status == 101 || (method == http::Method::CONNECT && (200..300).contains(&status)) {
                talk.end(desk, stamp, None);
                self.talks.pop_front();
                self.upgraded = true;
                self.tunnel = status != 101;
                return;
            }
            if status >= 200 {
                let body = BodyDecoder::new(framing, LIMITS);
                let done = body.is_done();
                self.answering.body = Some(body);
                if done {
                    self.finish_answer(desk, stamp, None);
                }
            }
        }
    }

    fn finish_answer(&mut self, desk: &mut Desk, stamp: Stamp, cut: Option<BodyCut>) {
        self.answering.body = None;
        if let Some(mut talk) = self.talks.pop_front() {
            talk.end(desk, stamp, cut);
        }
    }

    /// Whether what follows goes through a tunnel to another server (RFC 9110 §9.3.6).
    pub(crate) fn is_tunnel(&self) -> bool {
        self.tunnel
    }

    /// Bytes of one direction are missing.
    pub(crate) fn gap(&mut self, desk: &mut Desk, by_client: bool, bytes: u64, stamp: Stamp) {
        self.passed_over += bytes;
        if by_client {
            return self.asking.lose();
        }
        // A body that goes on to the end of the connection may lack bytes and still end.
        self.finish_answer(desk, stamp, Some(BodyCut::Short));
        self.answering.lose();
    }

    /// A direction or the connection is closed.
    pub(crate) fn closed(&mut self, desk: &mut Desk, by_client: bool, reset: bool, stamp: Stamp) {
        if by_client && !reset {
            return;
        }
        let may_end = self.answering.body.as_ref().is_some_and(BodyDecoder::may_end);
        let cut = if reset { BodyCut::Reset } else { BodyCut::Short };
        self.answering.body = None;
        for (n, mut talk) in core::mem::take(&mut self.talks).into_iter().enumerate() {
            let whole = n == 0 && may_end && !reset;
            talk.end(desk, stamp, (!whole).then_some(cut));
        }
    }
}

impl<L> Direction<L> {
    fn lose(&mut self) {
        *self = Self { lost: true, ..Self::default() };
    }
}

fn version(version: http::Version) -> HttpVersion {
    match version {
        http::Version::HTTP_09 => HttpVersion::Http09,
        http::Version::HTTP_10 => HttpVersion::Http10,
        _ => HttpVersion::Http11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_known_by_their_first_line() {
        for yes in [
            "GET / HTTP/1.1\r\n",
            "PROPFIND /a HTTP/1.1\r\nHost: h\r\n",
            "M-SEARCH * HTTP/1.1\r\n",
            "GET /old\r\n",
            "POST /a-very-long-path",
            "GET http://h/ HTTP/1.0\n",
        ] {
            assert!(is_request(yes.as_bytes()), "{yes}");
        }
        for no in [
            "OPTIONS rtsp://h/ RTSP/1.0\r\n",
            "INVITE sip:a@b SIP/2.0\r\n",
            "get / HTTP/1.1\r\n",
            "EHLO mail.example\r\n",
            "PROPFIND /cut",
            "\r\n",
            "",
        ] {
            assert!(!is_request(no.as_bytes()), "{no}");
        }
        assert!(may_become_request(b"PROPFIND /cut") && may_become_request(b"M-"));
        assert!(!may_become_request(b"SSH-2.0-x\r\n") && !may_become_request(&[b'A'; 30]));
    }
}
