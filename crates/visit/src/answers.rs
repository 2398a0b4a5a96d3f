//! Servers that answer from a list: what recorded ones answered, or that with a change. A list is a
//! value, which can be copied, changed and carried out on any thread.

use core::cell::RefCell;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::unfold;
use http::{StatusCode, Version};
use roundtrip_http::Body;
use roundtrip_http::client::{Origin, Scheme};
use roundtrip_http::handler::is_unchanged;
use roundtrip_http::message::Fields;
use roundtrip_http::server::{
    After, Handler, Interim as InterimSender, Request, RequestBody, Response,
};
use roundtrip_lab::{LabHost, TcpProfile};
use roundtrip_record::REDACTED_VALUE;
use roundtrip_wire::{LocalFuture, Wire as _};
use url::Url;

use crate::coded::{encode, encode_usually};
use crate::crypto::Likeness;
use crate::server_like::ServerLike;
use crate::site::Site;

/// In how many pieces a paced body is sent.
const PIECES: usize = 10;

/// Answers of one origin, by method and target (path and query), in the order in which they are given;
/// the last one of each is given again and again.
pub type Answers = BTreeMap<(String, String), VecDeque<Answer>>;

/// The path and query of a URL, as a request line and [`Answers`] have them.
pub fn target(url: &Url) -> String {
    match url.query() {
        None => url.path().to_owned(),
        Some(query) => format!("{}?{query}", url.path()),
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How long the server thinks before it.
    pub think: Duration,
    /// Interim responses before it (RFC 9110 §15.2), in the order in which they are sent.
    pub interim: Vec<Interim>,
    /// The status.
    pub status: StatusCode,
    /// The reason phrase of HTTP/1; empty for the usual one.
    pub reason: String,
    /// The header fields, without those of one connection and without `Content-Length`.
    pub fields: Fields,
    /// How long the body takes to be given; `None`: all of it at once.
    pub pace: Option<Duration>,
    /// What the server does with the connection afterwards (HTTP/1).
    pub after: After,
    pub(crate) body: AnswerBody,
}

/// An interim response, such as 103 Early Hints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interim {
    /// How long after the request it is sent, at most as long as the server thinks.
    pub after: Duration,
    /// Its status: of the 1xx, but neither 100 nor 101.
    pub status: StatusCode,
    /// Its fields.
    pub fields: Fields,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub(crate) struct AnswerBody {
    /// What it is once its codings are undone.
    pub(crate) content: Bytes,
    /// Its content codings, in the order in which they were applied.
    pub(crate) codings: Vec<String>,
    /// What goes over the wire.
    pub(crate) coded: Bytes,
    /// The length that the head tells; `None` where it tells none.
    pub(crate) length: Option<u64>,
    /// The connection closes where the body has not ended.
    pub(crate) cut: bool,
    /// It is not what was recorded, but of its length.
    pub(crate) is_stand_in: bool,
}

impl Answer {
    /// The content, its codings undone.
    pub fn content(&self) -> &Bytes {
        &self.body.content
    }

    /// The content codings, in the order in which they are applied.
    pub fn codings(&self) -> &[String] {
        &self.body.codings
    }

    /// Bytes of the body as it goes over the wire.
    pub fn encoded_size(&self) -> usize {
        self.body.coded.len()
    }

    /// Whether all of the body is sent, so that it can be changed.
    pub fn is_whole(&self) -> bool {
        !self.body.cut && !self.body.coded.is_empty()
    }

    /// Whether the content stands in for one that was not recorded: of its length, and naming what it
    /// named, but no more than that.
    pub fn is_stand_in(&self) -> bool {
        self.body.is_stand_in
    }

    /// Gives it other content in the same codings. Its coded length differs from the old one by as much
    /// as the two differ when both are coded here, so that a coder which did better than ours, or
    /// worse, goes on to.
    pub fn set_content(&mut self, content: Bytes) {
        let codings = &self.body.codings;
        let usual = |content: &Bytes| encode_usually(content, codings).len();
        let wanted = if codings.is_empty() {
            content.len()
        } else {
            (self.body.coded.len() + usual(&content)).saturating_sub(usual(&self.body.content))
        };
        let coded = encode(&content, codings, wanted).bytes;
        self.replace(content, coded);
    }

    /// Codes its content with one coding, or with none.
    pub fn set_coding(&mut self, coding: Option<&str>) {
        self.body.codings = coding.map(str::to_owned).into_iter().collect();
        self.fields.remove("Content-Encoding");
        if let Some(coding) = coding {
            self.fields.set("Content-Encoding", coding);
            if !self.fields.has("Vary", "Accept-Encoding") {
                self.fields.add("Vary", "Accept-Encoding");
            }
        }
        let coded = encode_usually(&self.body.content, &self.body.codings);
        self.replace(self.body.content.clone(), coded);
    }

    fn replace(&mut self, content: Bytes, coded: Vec<u8>) {
        self.body.length = self.body.length.map(|_| coded.len() as u64);
        self.body.coded = coded.into();
        self.body.content = content;
    }
}

/// One origin's server, and what it answers.
#[derive(Clone, Debug)]
pub struct Server {
    /// The origin.
    pub origin: Origin,
    /// What it answers.
    pub answers: Answers,
    /// Its TLS, where a recording tells of it.
    pub likeness: Option<Likeness>,
    /// The highest version of HTTP that it speaks.
    pub version: Version,
    /// The TCP of its host, where it is not as on the others.
    pub tcp: Option<Arc<TcpProfile>>,
    /// The origin with which it is one server: at one address, with one certificate for the hosts of both.
    pub one_with: Option<Origin>,
    /// Counts requests for what is not in the list, which are answered with 404.
    pub unknown: Arc<AtomicU32>,
}

impl Server {
    /// A server that answers nothing yet.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            answers: Answers::new(),
            likeness: None,
            version: Version::HTTP_10,
            tcp: None,
            one_with: None,
            unknown: Arc::default(),
        }
    }

    /// Whose software it says it is, if that is known.
    pub(crate) fn like(&self) -> Option<ServerLike> {
        let answers = self.answers.values().flatten();
        answers.filter_map(|answer| answer.fields.text("Server")).find_map(ServerLike::named_by)
    }

    /// Whether another origin's answers come from this server too.
    fn is_of(&self, origin: &Origin) -> bool {
        self.origin == *origin || self.one_with.as_ref() == Some(origin)
    }

    fn handler(&self) -> impl FnOnce(&LabHost) -> Rc<dyn Handler> + use<> {
        let (answers, unknown) = (self.answers.clone(), Arc::clone(&self.unknown));
        move |host| Rc::new(Listed { host: host.clone(), answers: RefCell::new(answers), unknown })
    }
}

/// The simulated sites that servers are.
pub fn sites(servers: impl IntoIterator<Item = Server>) -> Vec<Site> {
    let mut servers: Vec<Server> = servers.into_iter().collect();
    let mut sites = Vec::new();
    while !servers.is_empty() {
        let first = servers.remove(0);
        let origin = first.one_with.clone().unwrap_or_else(|| first.origin.clone());
        let others: Vec<Server> = servers.extract_if(.., |other| other.is_of(&origin)).collect();
        sites.push(site(&first, &others));
    }
    sites
}

/// The site of a server that has these origins, too.
fn site(first: &Server, others: &[Server]) -> Site {
    let Server { origin, likeness, version, tcp, .. } = first.clone();
    let hosts = core::iter::once(first).chain(others);
    let makers: Vec<_> = hosts.map(|one| (one.origin.host.clone(), one.handler())).collect();
    let make = move |host: &LabHost| -> Rc<dyn Handler> {
        let mut hosts: BTreeMap<_, _> =
            makers.into_iter().map(|(name, make)| (name, make(host))).collect();
        match hosts.pop_first() {
            // Whoever reaches it means it.
            Some((_, one)) if hosts.is_empty() => one,
            first => Rc::new(ByHost(hosts.into_iter().chain(first).collect())),
        }
    };
    let mut site = Site::http(&origin.host, Box::new(make));
    site.also = others.iter().map(|other| other.origin.host.clone()).collect();
    site.options.version = version;
    site.options.scheduling = first.like().map(ServerLike::scheduling).unwrap_or_default();
    // The heads in the list name the software.
    site.options.software = String::new();
    site.likeness = likeness.unwrap_or_default();
    site.tcp = tcp;
    let site = if origin.scheme == Scheme::Https { site.secure() } else { site };
    let site = Site { port: origin.port, ..site };
    if version >= Version::HTTP_3 { site.with_three() } else { site }
}

/// Answers for several hosts at one address.
struct ByHost(BTreeMap<String, Rc<dyn Handler>>);

impl Handler for ByHost {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        let host = request.authority().map(|authority| authority.host.to_ascii_lowercase());
        match host.as_ref().and_then(|host| self.0.get(host)) {
            Some(one) => one.handle(request, body),
            None => Box::pin(async {
                let status = StatusCode::MISDIRECTED_REQUEST;
                Response::error(status, "This server does not answer for that host.")
            }),
        }
    }
}

/// Answers from a list, each answer after its think time.
struct Listed {
    host: LabHost,
    answers: RefCell<Answers>,
    unknown: Arc<AtomicU32>,
}

impl Listed {
    /// The next answer to a request.
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
            of_method.into_iter().find(|(_, listed)| is_redacted(listed, asked))?.clone()
        };
        let queue = answers.get_mut(&key)?;
        if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() }
    }
}

/// Between the parts of a target of which a record may leave a value out: those of a query, and the
/// parameters of a path.
const SEPARATORS: [char; 3] = ['?', '&', ';'];

/// Whether a listed target is another than the one asked for, but only by values that a record does not
/// hold.
fn is_redacted(listed: &str, asked: &str) -> bool {
    let is_same = |(listed, asked): (&str, &str)| {
        listed == asked
            || listed.strip_suffix(REDACTED_VALUE).is_some_and(|name| {
                name.ends_with('=') && asked.len() > name.len() && asked.starts_with(name)
            })
    };
    listed != asked
        && listed.matches(SEPARATORS).eq(asked.matches(SEPARATORS))
        && listed.split(SEPARATORS).zip(asked.split(SEPARATORS)).all(is_same)
}

/// What a server says of a resource that is still as the client has it: what stands in the answer itself,
/// but for what describes the body (RFC 9110 §15.4.5).
fn not_modified(answer: &Answer) -> Response {
    let mut response = Response::new(StatusCode::NOT_MODIFIED);
    for (name, value) in answer.fields.iter() {
        let of_body = name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"));
        if !of_body || name.eq_ignore_ascii_case("content-location") {
            // It stands in a message already.
            let _ = response.fields.push(name, value);
        }
    }
    response.after = answer.after;
    response
}

/// Thinks about an answer, and sends its interim responses meanwhile.
async fn think(host: &LabHost, answer: &Answer, sender: &InterimSender) {
    let mut so_far = Duration::ZERO;
    for interim in &answer.interim {
        let until = interim.after.min(answer.think);
        if until > so_far {
            host.sleep(until.saturating_sub(so_far)).await;
            so_far = until;
        }
        sender.send(interim.status, &interim.fields);
    }
    host.sleep(answer.think.saturating_sub(so_far)).await;
}

/// The body of an answer, given as it was given.
fn paced(host: &LabHost, answer: &Answer) -> Body {
    let AnswerBody { coded, length, cut, .. } = &answer.body;
    if *length == Some(coded.len() as u64) && answer.pace.is_none() && !cut {
        return Body::from(coded.clone());
    }
    let pieces = if answer.pace.is_some() { PIECES } else { 1 };
    let pause = answer.pace.map_or(Duration::ZERO, |pace| pace / PIECES as u32);
    let piece = coded.len().div_ceil(pieces).max(1);
    let state = (host.clone(), coded.clone(), *cut, true);
    let chunks = unfold(state, move |(host, mut rest, cut, first)| async move {
        if rest.is_empty() {
            // The end that never came.
            let error = io::Error::from(io::ErrorKind::UnexpectedEof);
            return cut.then(|| (Err(error), (host, rest, false, first)));
        }
        if !first && !pause.is_zero() {
            host.sleep(pause).await;
        }
        let next = rest.split_to(piece.min(rest.len()));
        Some((Ok(next), (host, rest, cut, false)))
    });
    Body::stream(*length, chunks)
}

impl Handler for Listed {
    fn handle<'a>(
        &'a self,
        request: &'a Request,
        mut body: RequestBody,
    ) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            while let Some(Ok(_)) = body.chunk().await {}
            let Some(answer) = self.next(request) else {
                self.unknown.fetch_add(1, Ordering::Relaxed);
                return Response::error(
                    StatusCode::NOT_FOUND,
                    "The recorded visit did not ask for this.",
                );
            };
            think(&self.host, &answer, &request.interim).await;
            let line = &request.head.line;
            if answer.status == StatusCode::OK
                && is_unchanged(&line.method, &request.head.fields, &answer.fields)
            {
                return not_modified(&answer);
            }
            let mut response = Response::new(answer.status);
            response.reason = Some(answer.reason.clone()).filter(|reason| !reason.is_empty());
            response.fields = answer.fields.clone();
            response.body = paced(&self.host, &answer);
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
            ("/x?a=1;token=*", "/x?a=1;token=abc", true),
            ("/p;jsessionid=*", "/p;jsessionid=0A1B", true),
            ("/p;jsessionid=*?a=1", "/p;jsessionid=0A1B?a=1", true),
            ("/p;jsessionid=*?a=1", "/p;jsessionid=0A1B?a=2", false),
            ("/p;jsessionid=*", "/q;jsessionid=0A1B", false),
            ("/x?a=1&token=*", "/x&a=1?token=abc", false),
            ("/x?token=*;a=1", "/x?token=abc;a=1", true),
            ("/x?a=1;token=*", "/x?a=1;token=abc;b=2", false),
            ("/x", "/x", false),
            ("/x", "/y", false),
        ] {
            assert_eq!(is_redacted(recorded, asked), same, "{recorded} {asked}");
        }
    }
}
