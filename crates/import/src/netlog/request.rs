//! `Request` and `Hop`: what a log tells of a request, and of each URL that it was sent to by redirects.

use data_encoding::BASE64;
use roundtrip_record::{BodyRef, BodyWriter, Log};

use super::event::{Event, Kind, Phase};

/// The most hops of one request; Chromium itself follows twenty redirects.
const MOST_HOPS: usize = 100;

/// One URL that was asked for.
#[derive(Default)]
pub(crate) struct Hop {
    pub(crate) url: String,
    pub(crate) method: String,
    /// `main frame`, `sub frame`, `other`; empty in older logs.
    pub(crate) request_type: String,
    /// The origin that wanted it; `not an origin` where nobody's page did.
    pub(crate) initiator: String,
    /// The first priority that it had, by its name in Chromium's network (`HIGHEST`).
    pub(crate) priority: String,
    /// Whether it was given another one later.
    pub(crate) reprioritized: bool,
    pub(crate) began: u64,
    /// Who found a stream for it.
    pub(crate) job: Option<u64>,
    /// When it began to be sent, and when it had been.
    pub(crate) send: Option<(u64, u64)>,
    /// Its head as it was sent: the request line, where there is one, and the fields.
    pub(crate) line: Option<String>,
    pub(crate) fields: Vec<String>,
    /// The heads of its responses, interim ones too, and when each had come.
    pub(crate) heads: Vec<(u64, Vec<String>)>,
    /// When the last byte of the body was read.
    pub(crate) body_end: Option<u64>,
    /// Bytes of the body before codings were undone; `None` where there were none to undo.
    pub(crate) raw: Option<u64>,
    /// Bytes of the body as the browser had them, and those themselves where the log has them.
    pub(crate) decoded: u64,
    body: Option<BodyWriter>,
    pub(crate) content: Option<BodyRef>,
    pub(crate) redirect: Option<String>,
    pub(crate) error: Option<i64>,
    /// When it ended; `None` where the log breaks off before.
    pub(crate) ended: Option<u64>,
}

impl Hop {
    /// The status of its final response; 0 where there is none.
    pub(crate) fn status(&self) -> u16 {
        let head = self.heads.last().and_then(|(_, lines)| lines.first());
        let status = head
            .and_then(|line| line.split_ascii_whitespace().nth(1))
            .and_then(|status| status.parse().ok());
        status.filter(|status| (200..1000).contains(status) || *status == 101).unwrap_or(0)
    }

    /// Whether nobody had to be asked.
    pub(crate) fn is_cached(&self) -> bool {
        self.send.is_none()
            && self.error.is_none()
            && self.redirect.is_none()
            && self.ended.is_some()
    }
}

/// A request, through all redirects.
#[derive(Default)]
pub(crate) struct Request {
    alive: Option<u64>,
    priority: String,
    pub(crate) hops: Vec<Hop>,
    /// Whether it is no page's but the browser's: what it looks for by itself.
    pub(crate) left_out: bool,
}

impl Request {
    /// Takes an event of this request.
    pub(crate) fn take(&mut self, event: &Event, log: &Log) {
        let time = event.time;
        match (event.kind, event.phase) {
            (Kind::Alive, Phase::Begin) => {
                self.alive = Some(time);
                event.text("priority").unwrap_or_default().clone_into(&mut self.priority);
            }
            (Kind::Start, Phase::Begin) => self.start(event),
            (Kind::Priority, _) => self.reprioritize(event),
            _ => {
                if let Some(hop) = self.hops.last_mut() {
                    hop.take(event, log);
                }
            }
        }
    }

    fn start(&mut self, event: &Event) {
        if self.hops.len() >= MOST_HOPS {
            return;
        }
        let text = |name| event.text(name).unwrap_or_default().to_owned();
        let hop = Hop {
            url: text("url"),
            method: event.text("method").unwrap_or("GET").to_owned(),
            request_type: text("request_type"),
            initiator: text("initiator"),
            priority: event.text("priority").map_or_else(|| self.priority.clone(), str::to_owned),
            // The first was wanted when the request came into being.
            began: self.alive.take().unwrap_or(event.time),
            ..Hop::default()
        };
        self.hops.push(hop);
    }

    fn reprioritize(&mut self, event: &Event) {
        event.text("priority").unwrap_or_default().clone_into(&mut self.priority);
        if let Some(hop) = self.hops.last_mut().filter(|hop| hop.ended.is_none()) {
            hop.reprioritized |= hop.priority != self.priority;
        }
    }
}

impl Hop {
    fn take(&mut self, event: &Event, log: &Log) {
        let time = event.time;
        match (event.kind, event.phase) {
            (Kind::BoundToJob, _) => self.job = event.dependency(),
            (Kind::Send, Phase::Begin) => self.send = Some((time, time)),
            (Kind::Send, Phase::End) => self.send = self.send.map(|(began, _)| (began, time)),
            (Kind::SentHead, _) => {
                self.line = event.text("line").map(str::to_owned);
                self.fields = event.texts("headers");
            }
            (Kind::Head, _) => {
                // What was answered to a request that is sent again, as after 401, makes room for the next answer.
                if self.status() != 0 {
                    self.heads.clear();
                }
                self.heads.push((time, event.texts("headers")));
            }
            (Kind::ReadBody, Phase::End) if event.error().is_none() => self.body_end = Some(time),
            (Kind::Raw, _) => {
                let count = event.number("byte_count").and_then(|count| u64::try_from(count).ok());
                self.raw = Some(self.raw.unwrap_or(0).saturating_add(count.unwrap_or(0)));
            }
            (Kind::Decoded, _) => self.decoded(event, log),
            (Kind::Redirected, _) => {
                self.redirect = event.text("location").map(str::to_owned);
                self.ended = Some(time);
            }
            (Kind::Start | Kind::Gone, Phase::End | Phase::None) => {
                self.error = event.error().or(self.error);
            }
            (Kind::Alive, Phase::End) => {
                self.error = event.error().or(self.error);
                self.ended = self.ended.or(Some(time));
                self.settle();
            }
            _ => {}
        }
    }

    /// Nothing more of its body comes.
    pub(crate) fn settle(&mut self) {
        self.content = self.body.take().and_then(BodyWriter::finish).or(self.content.take());
    }

    fn decoded(&mut self, event: &Event, log: &Log) {
        let count = event.number("byte_count").and_then(|count| u64::try_from(count).ok());
        let before = self.decoded;
        self.decoded = before.saturating_add(count.unwrap_or(0));
        let Some(bytes) = event.text("bytes").and_then(|text| BASE64.decode(text.as_bytes()).ok())
        else {
            return;
        };
        if before == 0 {
            self.body = Some(log.body_writer());
        }
        if let Some(body) = &mut self.body {
            body.write(&bytes);
        }
    }
}
