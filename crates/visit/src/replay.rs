//! A recorded visit, carried out again: one simulated server for each origin, answering from the
//! record.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write as _};
use std::rc::Rc;

use bytes::Bytes;
use http::{Method, StatusCode, Version};
use roundtrip_http::Body;
use roundtrip_http::client::{Origin, Scheme};
use roundtrip_http::message::{Fields, keeps_alive};
use roundtrip_http::server::{After, Handler, Request, RequestBody, Response};
use roundtrip_lab::LabHost;
use roundtrip_record::{
    BodyRef, Event, Field, Framing, HttpVersion, Initiator, REDACTED_VALUE, ReplayOf, RunStarted,
};
use roundtrip_story::{Exchange, Story};
use roundtrip_wire::{LocalFuture, Wire as _};
use url::Url;

use crate::plan::Plan;
use crate::site::Site;
use crate::standin;

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

/// Fields that the server adds anew, or that belong to one connection only (RFC 9110 §7.6.1).
const OF_THE_CONNECTION: [&str; 9] = [
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

/// A recorded visit.
pub struct Recording {
    /// What was asked for.
    pub run: RunStarted,
    story: Story,
}

impl Recording {
    /// Reads it off the events of a record.
    ///
    /// # Errors
    /// When there is no exchange in it.
    pub fn read(events: Vec<Event>) -> Result<Self, ReplayError> {
        let story = Story::new(events);
        let asked = story.exchanges.first().map(|exchange| exchange.url.clone());
        let first = story.answered().next();
        let by_user = first.is_some_and(|exchange| exchange.initiator == Initiator::User);
        match story.run.clone().filter(|_| by_user) {
            Some(run) => Ok(Self { run, story }),
            None => Err(ReplayError::Nothing(asked)),
        }
    }

    /// The plan of the visit: its first request.
    ///
    /// # Errors
    /// When its URL cannot be used.
    pub fn plan(&self, body: impl Fn(&BodyRef) -> Option<Vec<u8>>) -> Result<Plan, ReplayError> {
        let first = self.story.answered().next().ok_or(ReplayError::Nothing(None))?;
        let url = Url::parse(&first.url).map_err(|error| ReplayError::BadUrl {
            url: first.url.clone(),
            why: error.to_string(),
        })?;
        let mut plan = Plan::get(url);
        plan.method = Method::from_bytes(first.method.as_bytes()).unwrap_or(Method::GET);
        let Some(request) = &first.request else { return Ok(plan) };
        if let Some(form) = request.what.body.as_ref().and_then(&body) {
            plan.body = form.into();
        }
        for Field(name, value) in &request.what.fields {
            if name.eq_ignore_ascii_case("content-type") {
                let _ = plan.fields.push(name, value.as_bytes());
            }
        }
        Ok(plan)
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

    /// One site for each origin, answering as recorded.
    ///
    /// # Errors
    /// When a body that is needed is not in the record.
    pub fn sites(
        &self,
        body: impl Fn(&BodyRef) -> Option<Vec<u8>>,
    ) -> Result<Vec<Site>, ReplayError> {
        let mut servers: Vec<Recorded> = Vec::new();
        for exchange in self.story.answered() {
            // What has a URL that nobody understands cannot be asked for again.
            let Ok(url) = Url::parse(&exchange.url) else { continue };
            let Some(origin) = Origin::of(&url) else { continue };
            let answer = self.answer(exchange, &body)?;
            let key = (exchange.method.clone(), target(&url));
            let known = servers.iter().position(|server| server.origin == origin);
            let at = known.unwrap_or_else(|| {
                servers.push(Recorded::new(origin));
                servers.len() - 1
            });
            let server = &mut servers[at];
            server.version = server.version.max(version(exchange));
            server.answers.entry(key).or_default().push_back(answer);
        }
        Ok(servers.into_iter().map(Recorded::site).collect())
    }

    fn answer(
        &self,
        exchange: &Exchange,
        body: impl Fn(&BodyRef) -> Option<Vec<u8>>,
    ) -> Result<Answer, ReplayError> {
        let missing = || ReplayError::NoBody { url: exchange.url.clone() };
        let recorded = exchange.response.as_ref().map(|response| &response.what.body);
        let plain = match recorded.and_then(|recorded| recorded.content.as_ref()) {
            Some(content) => body(content).ok_or_else(missing)?,
            None => standin::body(exchange, &self.story),
        };
        let head = exchange.head().map(|head| &head.what);
        let mut fields = Fields::new();
        for Field(name, value) in head.into_iter().flat_map(|head| &head.fields) {
            let _ = fields.push(name, value.as_bytes());
        }
        let closes = recorded.is_some_and(|recorded| recorded.framing == Framing::Close)
            || !keeps_alive(version(exchange), &fields);
        for name in OF_THE_CONNECTION {
            fields.remove(name);
        }
        let codings = recorded.map_or(&[][..], |recorded| &recorded.codings);
        Ok(Answer {
            think: self.story.think(exchange),
            status: head
                .and_then(|head| StatusCode::from_u16(head.status).ok())
                .unwrap_or(StatusCode::OK),
            reason: head.map_or_else(String::new, |head| head.reason.clone()),
            fields,
            body: encode(plain, codings).into(),
            after: if closes { After::Close } else { After::Keep },
        })
    }
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

/// One origin, and what it answered.
struct Recorded {
    origin: Origin,
    answers: Answers,
    /// The highest version that it spoke.
    version: Version,
}

impl Recorded {
    fn new(origin: Origin) -> Self {
        Self { origin, answers: Answers::new(), version: Version::HTTP_10 }
    }

    /// The simulated server that stands for it.
    fn site(self) -> Site {
        let Self { origin, answers, version } = self;
        let make = move |host: &LabHost| -> Rc<dyn Handler> {
            Rc::new(Replay { host: host.clone(), answers: RefCell::new(answers) })
        };
        let mut site = Site::http(&origin.host, Box::new(make));
        site.options.version = version;
        let site = if origin.scheme == Scheme::Https { site.secure() } else { site };
        Site { port: origin.port, ..site }
    }
}

/// The version an exchange was answered in. The simulated servers have none above 2.
fn version(exchange: &Exchange) -> Version {
    match exchange.head().map(|head| &head.what.version) {
        Some(HttpVersion::Http10) => Version::HTTP_10,
        Some(HttpVersion::Http2 | HttpVersion::Http3) => Version::HTTP_2,
        _ => Version::HTTP_11,
    }
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
        let method = line.method.to_string();
        let asked = line.path_and_query();
        let mut answers = self.answers.borrow_mut();
        let exact = (method.clone(), asked.to_owned());
        let key = if answers.contains_key(&exact) {
            exact
        } else {
            let of_method = answers.keys().filter(|(of, _)| *of == method);
            of_method.into_iter().find(|(_, recorded)| is_redacted(recorded, asked))?.clone()
        };
        let queue = answers.get_mut(&key)?;
        if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() }
    }
}

/// Whether a recorded target is the one asked for, but for the query values that the record does not
/// hold.
fn is_redacted(recorded: &str, asked: &str) -> bool {
    let (Some((path, recorded)), Some((asked_path, asked))) =
        (recorded.split_once('?'), asked.split_once('?'))
    else {
        return false;
    };
    let is_same = |(recorded, asked): (&str, &str)| {
        recorded == asked
            || recorded.strip_suffix(REDACTED_VALUE).is_some_and(|name| {
                name.ends_with('=') && asked.len() > name.len() && asked.starts_with(name)
            })
    };
    path == asked_path
        && recorded.split('&').count() == asked.split('&').count()
        && recorded.split('&').zip(asked.split('&')).all(is_same)
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

#[cfg(test)]
mod tests {
    use super::is_redacted;

    #[test]
    fn a_redacted_value_matches_any() {
        for (recorded, asked, same) in [
            ("/x?token=*", "/x?token=abc", true),
            ("/x?a=1&token=*", "/x?a=1&token=******", true),
            ("/x?a=1&token=*", "/x?a=2&token=abc", false),
            ("/x?token=*", "/x?token=", false),
            ("/x?token=*", "/y?token=abc", false),
            ("/x?token=*", "/x?token=abc&b=1", false),
            ("/x?name*", "/x?names", false),
            ("/x", "/x", false),
        ] {
            assert_eq!(is_redacted(recorded, asked), same, "{recorded} {asked}");
        }
    }
}
