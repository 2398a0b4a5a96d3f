//! A recorded visit, carried out again: one simulated server for each origin, answering from the
//! record.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write as _};
use std::rc::Rc;

use bytes::Bytes;
use http::{Method, StatusCode};
use roundtrip_http::Body;
use roundtrip_http::client::{Origin, Scheme};
use roundtrip_http::message::Fields;
use roundtrip_http::server::{After, Handler, Request, RequestBody, Response};
use roundtrip_lab::LabHost;
use roundtrip_record::{
    AttemptEnd, BodyRef, ConnectionId, Event, ExchangeId, Framing, Initiator, ReplayOf, RunStarted,
    Time, What,
};
use roundtrip_wire::{LocalFuture, Wire as _};
use url::Url;

use crate::plan::Plan;
use crate::site::Site;

/// Why a record cannot be carried out again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It holds no exchange.
    #[error("the record holds no exchange to carry out again{}", .0.as_ref().map(|url| format!(": {url} was never answered")).unwrap_or_default())]
    Nothing(Option<String>),
    /// Its first URL cannot be used.
    #[error("the record's first URL {url} cannot be used: {why}")]
    BadUrl {
        /// The URL.
        url: String,
        /// Why.
        why: String,
    },
    /// The record was itself a visit of the lab to a name that no longer means anything.
    #[error("the body of {url} is not in the record")]
    NoBody {
        /// The URL.
        url: String,
    },
}

/// One exchange as it was recorded.
#[derive(Clone, Debug)]
struct Recorded {
    id: ExchangeId,
    url: Url,
    method: String,
    connection: Option<ConnectionId>,
    request_done: Option<Time>,
    first_byte: Option<Time>,
    status: u16,
    reason: String,
    fields: Vec<(String, String)>,
    codings: Vec<String>,
    framing: Framing,
    content: Option<BodyRef>,
    form: Option<BodyRef>,
    request_fields: Vec<(String, String)>,
    by_user: bool,
}

/// A recorded visit.
pub struct Recording {
    /// What was asked for.
    pub run: RunStarted,
    exchanges: Vec<Recorded>,
    /// Round-trip time of each connection, as its handshake showed it.
    round_trips: BTreeMap<ConnectionId, Duration>,
}

impl Recording {
    /// Reads it off the events of a record.
    ///
    /// # Errors
    /// When there is no exchange in it.
    pub fn read(events: &[Event]) -> Result<Self, ReplayError> {
        let mut reading = Reading::default();
        for event in events {
            reading.take(event);
        }
        reading.finish()
    }

    /// The plan of the visit: its first request.
    pub fn plan(&self, body: impl Fn(&BodyRef) -> Option<Vec<u8>>) -> Plan {
        let first = &self.exchanges[0];
        let mut plan = Plan::get(first.url.clone());
        plan.method = Method::from_bytes(first.method.as_bytes()).unwrap_or(Method::GET);
        if let Some(form) = first.form.as_ref().and_then(&body) {
            plan.body = form.into();
        }
        for (name, value) in &first.request_fields {
            if ["content-type"].contains(&name.to_ascii_lowercase().as_str()) {
                let _ = plan.fields.push(name, value.as_bytes());
            }
        }
        plan
    }

    /// The reference to it, for the record of the replay: its name, and the digest of its record
    /// where that is kept in a folder.
    pub fn reference(&self, run: &str, digest: Option<String>) -> ReplayOf {
        ReplayOf {
            run: run.to_owned(),
            digest,
            subject: Some(self.run.subject.clone()),
            wire: self.run.wire.clone(),
            net: self.run.net.clone(),
        }
    }

    /// The servers' share of a wait: what remains of it after one round trip of its connection.
    fn think(&self, exchange: &Recorded) -> Duration {
        let (Some(asked), Some(answered)) = (exchange.request_done, exchange.first_byte) else {
            return Duration::ZERO;
        };
        let trip = exchange.connection.and_then(|id| self.round_trips.get(&id)).copied();
        (answered - asked).saturating_sub(trip.unwrap_or_default())
    }

    /// One site for each origin, answering as recorded.
    ///
    /// # Errors
    /// When a body that is needed is not in the record.
    pub fn sites(
        &self,
        body: impl Fn(&BodyRef) -> Option<Vec<u8>>,
    ) -> Result<Vec<Site>, ReplayError> {
        let mut origins: Vec<(Origin, Answers)> = Vec::new();
        for exchange in &self.exchanges {
            let Some(origin) = Origin::of(&exchange.url) else { continue };
            let answer = self.answer(exchange, &body)?;
            let key = (exchange.method.clone(), target(&exchange.url));
            match origins.iter_mut().find(|(known, _)| *known == origin) {
                Some((_, answers)) => answers.entry(key).or_default().push_back(answer),
                None => origins.push((origin, Answers::from([(key, [answer].into())]))),
            }
        }
        Ok(origins.into_iter().map(|(origin, answers)| site(&origin, answers)).collect())
    }

    fn answer(
        &self,
        exchange: &Recorded,
        body: impl Fn(&BodyRef) -> Option<Vec<u8>>,
    ) -> Result<Answer, ReplayError> {
        let plain = match &exchange.content {
            Some(content) => body(content)
                .ok_or_else(|| ReplayError::NoBody { url: exchange.url.to_string() })?,
            None => Vec::new(),
        };
        let mut fields = Fields::new();
        for (name, value) in &exchange.fields {
            if !is_of_the_connection(name) {
                let _ = fields.push(name, value.as_bytes());
            }
        }
        let closes = exchange.framing == Framing::Close
            || exchange.fields.iter().any(|(name, value)| {
                name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close")
            });
        Ok(Answer {
            think: self.think(exchange),
            status: StatusCode::from_u16(exchange.status).unwrap_or(StatusCode::OK),
            reason: exchange.reason.clone(),
            fields,
            body: encode(plain, &exchange.codings).into(),
            after: if closes { After::Close } else { After::Keep },
        })
    }
}

/// What the server adds anew, or what belongs to one connection only (RFC 9110 §7.6.1).
fn is_of_the_connection(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-length",
        "date",
        "server",
        "upgrade",
        "te",
        "trailer",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn target(url: &Url) -> String {
    match url.query() {
        None => url.path().to_owned(),
        Some(query) => format!("{}?{query}", url.path()),
    }
}

/// A body in the codings it came in. The record keeps it decoded; what it is made into again has
/// about the length it had.
fn encode(plain: Vec<u8>, codings: &[String]) -> Vec<u8> {
    codings.iter().fold(plain, |body, coding| match encode_once(&body, coding) {
        Ok(encoded) => encoded,
        Err(_) => body,
    })
}

fn encode_once(body: &[u8], coding: &str) -> io::Result<Vec<u8>> {
    match coding {
        "gzip" | "x-gzip" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            out.write_all(body)?;
            out.finish()
        }
        "deflate" => {
            let mut out =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            out.write_all(body)?;
            out.finish()
        }
        "br" => {
            let mut out = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            out.write_all(body)?;
            Ok(out.into_inner())
        }
        "zstd" => zstd::encode_all(body, 3),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Answers of one origin, by method and target, in the order in which they were given.
type Answers = BTreeMap<(String, String), VecDeque<Answer>>;

/// What a server answered.
#[derive(Clone)]
struct Answer {
    think: Duration,
    status: StatusCode,
    reason: String,
    fields: Fields,
    body: Bytes,
    after: After,
}

fn site(origin: &Origin, answers: Answers) -> Site {
    let make = move |host: &LabHost| -> Rc<dyn Handler> {
        Rc::new(Replay { host: host.clone(), answers: RefCell::new(answers) })
    };
    let site = Site::http(&origin.host, Box::new(make));
    let site = if origin.scheme == Scheme::Https { site.secure() } else { site };
    Site { port: origin.port, ..site }
}

/// Answers as recorded, after the time the recorded server took.
struct Replay {
    host: LabHost,
    answers: RefCell<Answers>,
}

impl Replay {
    /// The next answer to a request; the last one is given again and again.
    fn next(&self, request: &Request) -> Option<Answer> {
        let line = &request.head.line;
        let key = (line.method.to_string(), line.path_and_query().to_owned());
        let mut answers = self.answers.borrow_mut();
        let queue = answers.get_mut(&key)?;
        if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() }
    }
}

impl Handler for Replay {
    fn handle<'a>(
        &'a self,
        request: &'a Request,
        mut body: RequestBody,
    ) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            while let Some(Ok(_)) = body.chunk().await {}
            let Some(answer) = self.next(request) else {
                return Response::error(
                    StatusCode::NOT_FOUND,
                    "The recorded visit did not ask for this.",
                );
            };
            self.host.sleep(answer.think).await;
            let mut response = Response::new(answer.status);
            response.reason = Some(answer.reason).filter(|reason| !reason.is_empty());
            response.fields = answer.fields;
            response.body = Body::from(answer.body);
            response.after = answer.after;
            response
        })
    }
}

/// A record that is being read.
#[derive(Default)]
struct Reading {
    run: Option<RunStarted>,
    exchanges: Vec<Recorded>,
    attempts: BTreeMap<u64, Time>,
    round_trips: BTreeMap<ConnectionId, Duration>,
}

impl Reading {
    fn take(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted(run) => self.run = Some(run.clone()),
            What::ConnectAttempt(_) => {
                self.attempts.insert(event.id.get(), event.at);
            }
            What::ConnectResult(result) if result.end == AttemptEnd::Connected => {
                let began = event.cause.and_then(|cause| self.attempts.get(&cause.get()));
                if let (Some(began), Some(connection)) = (began, result.connection) {
                    self.round_trips.insert(connection, event.at - *began);
                }
            }
            What::ExchangeStarted(started) => {
                let Ok(url) = Url::parse(&started.url) else { return };
                self.exchanges.push(Recorded {
                    id: started.exchange,
                    url,
                    method: started.method.clone(),
                    connection: None,
                    request_done: None,
                    first_byte: None,
                    status: 0,
                    reason: String::new(),
                    fields: Vec::new(),
                    codings: Vec::new(),
                    framing: Framing::None,
                    content: None,
                    form: None,
                    request_fields: Vec::new(),
                    by_user: started.initiator == Initiator::User,
                });
            }
            what => self.take_exchange(event.at, what),
        }
    }

    fn take_exchange(&mut self, at: Time, what: &What) {
        let pairs = |fields: &[roundtrip_record::Field]| {
            fields.iter().map(|field| (field.0.clone(), field.1.clone())).collect()
        };
        match what {
            What::RequestSent(request) => {
                if let Some(exchange) = self.find(request.exchange) {
                    exchange.connection = Some(request.connection);
                    exchange.request_done = Some(at);
                    exchange.form.clone_from(&request.body);
                    exchange.request_fields = pairs(&request.fields);
                }
            }
            What::ResponseHead(head) if head.status >= 200 => {
                if let Some(exchange) = self.find(head.exchange) {
                    exchange.first_byte = Some(head.first_byte);
                    exchange.status = head.status;
                    exchange.reason.clone_from(&head.reason);
                    exchange.fields = pairs(&head.fields);
                }
            }
            What::ResponseEnded(response) => {
                if let Some(exchange) = self.find(response.exchange) {
                    exchange.content.clone_from(&response.body.content);
                    exchange.codings.clone_from(&response.body.codings);
                    exchange.framing = response.body.framing;
                }
            }
            _ => {}
        }
    }

    fn find(&mut self, id: Option<ExchangeId>) -> Option<&mut Recorded> {
        self.exchanges.iter_mut().find(|exchange| Some(exchange.id) == id)
    }

    fn finish(mut self) -> Result<Recording, ReplayError> {
        let asked = self.exchanges.first().map(|exchange| exchange.url.to_string());
        self.exchanges.retain(|exchange| exchange.status != 0);
        let first = self.exchanges.first().filter(|exchange| exchange.by_user);
        match (self.run, first) {
            (Some(run), Some(_)) => {
                Ok(Recording { run, exchanges: self.exchanges, round_trips: self.round_trips })
            }
            _ => Err(ReplayError::Nothing(asked)),
        }
    }
}
