//! A recorded visit, carried out again: one simulated server for each origin, answering from the
//! record.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Method, StatusCode, Version};
use roundtrip_http::client::{Origin, Scheme};
use roundtrip_http::message::{Fields, keeps_alive};
use roundtrip_http::server::After;
use roundtrip_record::{
    Body as BodyRecord, BodyCut, BodyRef, ConnectionId, Event, Field, Framing, HttpVersion,
    Initiator, ReplayOf, ResourceKind, RunStarted,
};
use roundtrip_story::{Exchange, Head, PhaseKind, Story};
use url::Url;

use crate::answers::{Answer, AnswerBody, Interim, Server, sites, target};
use crate::coded::encode;
use crate::crypto::Likeness;
use crate::given::Given;
use crate::plan::Plan;
use crate::scripted::{Asker, scripted};
use crate::site::Site;
use crate::standin;
use crate::trust::Versions;

/// What is said where a recording lacks bodies.
const STAND_INS: &str =
    "bodies that the recording lacks: stand-ins of their length, which name what these named";

/// What is said where a cache gave answers.
const CACHED: &str = "answers that the browser's cache gave: their servers give them here, as on a first \
                      visit (--warm makes it a second)";

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

/// Fields that belong to one connection only (RFC 9110 §7.6.1) or tell where a body ends, which the
/// server adds anew.
const OF_THE_CONNECTION: [&str; 6] =
    ["connection", "transfer-encoding", "content-length", "upgrade", "te", "trailer"];
/// The fields of a page's policy (CSP 3 §3).
const POLICIES: [&str; 2] = ["content-security-policy", "content-security-policy-report-only"];
/// The longest round trip of a path that is taken to be fast: what a body then took to come was the
/// server's doing.
const NEAR: Duration = Duration::from_millis(5);
/// The most bytes a second of a body that is taken to have been paced by its server.
const PACED: u64 = 1_250_000;

/// A recorded visit.
pub struct Recording {
    /// What was asked for.
    pub run: RunStarted,
    story: Story,
    /// Made when the sites are first wanted.
    servers: RefCell<Option<Servers>>,
}

/// The servers of a record, and in what they are not as recorded.
#[derive(Clone, Default)]
struct Servers {
    list: Vec<Server>,
    differences: BTreeSet<String>,
}

impl Recording {
    /// Reads it off the events of a record.
    ///
    /// # Errors
    /// When there is no exchange in it.
    pub fn read(events: Vec<Event>) -> Result<Self, ReplayError> {
        let story = Story::new(events);
        let asked = story.exchanges.first().map(|exchange| exchange.url.clone());
        let first = first(&story);
        let by_user = first.is_some_and(|exchange| exchange.initiator == Initiator::User);
        match story.run.clone().filter(|_| by_user) {
            Some(run) => Ok(Self { run, story, servers: RefCell::default() }),
            None => Err(ReplayError::Nothing(asked)),
        }
    }

    /// The plan of the visit: its first request.
    ///
    /// # Errors
    /// When its URL cannot be used.
    pub fn plan(&self, body: impl Fn(&BodyRef) -> Option<Vec<u8>>) -> Result<Plan, ReplayError> {
        let first = first(&self.story).ok_or(ReplayError::Nothing(None))?;
        let url = Url::parse(&first.url).map_err(|error| ReplayError::BadUrl {
            url: first.url.clone(),
            why: error.to_string(),
        })?;
        let mut plan = Plan { https_first: false, ..Plan::get(url) };
        if given(&self.story).any(|exchange| version(exchange) == Version::HTTP_3) {
            plan = plan.learning_three();
            plan.speak_three = begun_with_three(&self.story);
        }
        plan.method = Method::from_bytes(first.method.as_bytes()).unwrap_or(Method::GET);
        plan.scripted = scripted(&self.story);
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
        Ok(sites(self.servers(body)?))
    }

    /// One server for each origin, answering as recorded.
    ///
    /// # Errors
    /// When a body that is needed is not in the record.
    pub fn servers(
        &self,
        body: impl Fn(&BodyRef) -> Option<Vec<u8>>,
    ) -> Result<Vec<Server>, ReplayError> {
        let mut servers = self.servers.borrow_mut();
        let servers = match &mut *servers {
            Some(servers) => servers,
            none => none.insert(self.read_servers(&body)?),
        };
        Ok(servers.list.clone())
    }

    /// What the record says.
    pub fn story(&self) -> &Story {
        &self.story
    }

    /// In what the sites that were made are not as recorded, each in a sentence.
    pub fn differences(&self) -> Vec<String> {
        let servers = self.servers.borrow();
        servers.iter().flat_map(|servers| servers.differences.iter().cloned()).collect()
    }

    fn read_servers(
        &self,
        body: &impl Fn(&BodyRef) -> Option<Vec<u8>>,
    ) -> Result<Servers, ReplayError> {
        let mut servers = Servers::default();
        let thinks = self.story.thinks();
        for exchange in given(&self.story) {
            // What has a URL that nobody understands cannot be asked for again.
            let Ok(url) = Url::parse(&exchange.url) else { continue };
            let Some(origin) = Origin::of(&url) else { continue };
            let think = thinks.get(&exchange.id).map_or(Duration::ZERO, |think| think.took);
            let answer = self.answer(exchange, think, body, &mut servers.differences)?;
            let key = (exchange.method.clone(), target(&url));
            let known = servers.list.iter().position(|server| server.origin == origin);
            let at = known.unwrap_or_else(|| {
                servers.list.push(Server::new(origin));
                servers.list.len() - 1
            });
            let server = &mut servers.list[at];
            server.version = server.version.max(version(exchange));
            if server.likeness.is_none() {
                server.likeness = self.likeness(exchange);
                if server.likeness.is_some_and(|likeness| likeness.versions == Versions::Two) {
                    let host = &server.origin.host;
                    servers.differences.insert(format!(
                        "{host} spoke TLS 1.2: a browser's False Start (RFC 7918) has the round trips of 1.3, which is \
                         spoken here but for --as roundtrip"
                    ));
                }
            }
            server.answers.entry(key).or_default().push_back(answer);
        }
        let together = together(&self.story);
        for server in &mut servers.list {
            server.one_with = together.get(&server.origin).cloned();
        }
        servers.differences.extend(self.by_scripts());
        servers.differences.extend(unordered(&servers.list));
        Ok(servers)
    }

    /// How requests of scripts are made again, where there are any.
    fn by_scripts(&self) -> impl Iterator<Item = String> {
        let by_script =
            |exchange: &&Exchange| matches!(exchange.initiator, Initiator::Script { .. });
        let asked = given(&self.story).filter(by_script).count();
        let again = scripted(&self.story);
        let again = again.iter().filter(|one| one.asker == Asker::Script).count();
        let made = (again > 0).then(|| {
            format!(
                "scripts are not run: what they asked for ({again}) is asked for as long after what came before it as it \
                 was"
            )
        });
        let rest = asked - again;
        let not_made = (rest > 0).then(|| {
            format!("what scripts asked for by other methods than GET, or again ({rest}), is not asked for")
        });
        made.into_iter().chain(not_made)
    }

    /// What of a server's TLS makes its handshake as long as it was.
    fn likeness(&self, exchange: &Exchange) -> Option<Likeness> {
        let connection = self.story.connection(exchange.connection?)?;
        let tls = &connection.tls.as_ref()?.what;
        let lengths = tls
            .certificates
            .iter()
            .map(|certificate| certificate.der.as_ref().map(|der| der.length as usize));
        let chain: Option<usize> = lengths.sum();
        Some(Likeness {
            versions: match tls.version.as_str() {
                "TLS 1.2" => Versions::Two,
                _ => Versions::All,
            },
            chain: chain.filter(|chain| *chain > 0),
        })
    }

    fn answer(
        &self,
        exchange: &Exchange,
        think: Duration,
        body: impl Fn(&BodyRef) -> Option<Vec<u8>>,
        differences: &mut BTreeSet<String>,
    ) -> Result<Answer, ReplayError> {
        let missing = || ReplayError::NoBody { url: exchange.url.clone() };
        let given = Given::of(exchange);
        if given.as_ref().is_some_and(|given| given.from_cache) {
            differences.insert(CACHED.to_owned());
        }
        let recorded = given.as_ref().and_then(|given| given.body.as_deref());
        let content = recorded.and_then(|recorded| recorded.content.as_ref());
        let plain = content.map(|content| body(content).ok_or_else(missing)).transpose()?;
        let is_stand_in = plain.is_none() && recorded.is_some_and(|recorded| recorded.decoded > 0);
        if is_stand_in {
            differences.insert(STAND_INS.to_owned());
        }
        let plain = plain.unwrap_or_else(|| standin::body(exchange, recorded, &self.story));
        let content = Bytes::from(plain);
        let mut fields = read(given.as_ref().map_or(&[], |given| given.fields));
        let closes = recorded.is_some_and(|recorded| recorded.framing == Framing::Close)
            || !keeps_alive(version(exchange), &fields);
        let promised = fields.text("Content-Length").and_then(|text| text.parse().ok());
        for name in OF_THE_CONNECTION {
            fields.remove(name);
        }
        if is_stand_in {
            // A stand-in names what was asked for, but with neither nonces nor digests: what browsers refused
            // was not asked for then either.
            for name in POLICIES {
                fields.remove(name);
            }
        }
        let (coded, cut) = coded(exchange, recorded, &content, promised, differences);
        // Over HTTP/2 the length is a field like any other.
        let told = match recorded.map(|recorded| recorded.framing) {
            Some(Framing::Length(length)) => Some(length),
            Some(Framing::Chunked | Framing::Close) => None,
            _ => promised,
        };
        // A body that is sent whole has the length that is told, though it be coded anew. One that is cut
        // falls short of what was told, and one that is not sent at all (HEAD, 304) has only that.
        let is_whole = !cut && !coded.is_empty();
        let length = told.map(|told| if is_whole { coded.len() as u64 } else { told });
        let codings = recorded.map_or_else(Vec::new, |recorded| recorded.codings.clone());
        Ok(Answer {
            think,
            interim: interim(exchange, think),
            status: given
                .as_ref()
                .and_then(|given| StatusCode::from_u16(given.status).ok())
                .unwrap_or(StatusCode::OK),
            reason: given.as_ref().map_or_else(String::new, |given| given.reason.to_owned()),
            fields,
            pace: self.pace(exchange, coded.len()),
            after: if closes { After::Close } else { After::Keep },
            body: AnswerBody { content, codings, coded, length, cut, is_stand_in },
        })
    }

    /// How long the server took to give the body, where that can be told from what the network took.
    fn pace(&self, exchange: &Exchange, bytes: usize) -> Option<Duration> {
        let took = exchange.spent(PhaseKind::Body)?;
        let near = self.story.round_trip(exchange).is_some_and(|round_trip| round_trip <= NEAR);
        let bound = Duration::from_micros(bytes as u64 * 1_000_000 / PACED);
        (near && took > NEAR && took > bound).then_some(took)
    }
}

/// Origins whose requests went by the same connections of HTTP/2, each with the first of those that it shared
/// them with: hosts at one address and in one certificate, of which a browser then made use (RFC 9113 §9.1.1).
fn together(story: &Story) -> BTreeMap<Origin, Origin> {
    let mut by_connection: BTreeMap<ConnectionId, BTreeSet<Origin>> = BTreeMap::new();
    let own = given(story).filter(|one| version(one) == Version::HTTP_2 && one.tunnel.is_none());
    for exchange in own {
        let origin = Url::parse(&exchange.url).ok().and_then(|url| Origin::of(&url));
        let origin = origin.filter(|origin| origin.scheme == Scheme::Https);
        if let (Some(connection), Some(origin)) = (exchange.connection, origin) {
            by_connection.entry(connection).or_default().insert(origin);
        }
    }
    let mut groups: Vec<BTreeSet<Origin>> = Vec::new();
    for origins in by_connection.into_values() {
        let with = groups.extract_if(.., |group| !group.is_disjoint(&origins));
        let whole = with.collect::<Vec<_>>().into_iter().flatten().chain(origins.clone()).collect();
        groups.push(whole);
    }
    let first_of = |group: BTreeSet<Origin>| {
        let first = group.first().filter(|_| group.len() > 1).cloned();
        group.into_iter().filter_map(move |one| Some((one, first.clone()?)))
    };
    groups.into_iter().flat_map(first_of).collect()
}

/// That nobody knows in which order servers sent several responses at one time, where that is so.
fn unordered(servers: &[Server]) -> Option<String> {
    let unknown = |server: &&Server| {
        server.version >= Version::HTTP_2 && server.answers.len() > 1 && server.like().is_none()
    };
    let hosts: Vec<&str> =
        servers.iter().filter(unknown).map(|server| server.origin.host.as_str()).collect();
    let (first, rest) = hosts.split_first()?;
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    Some(format!(
        "in which order {first}{more} sent several responses of one connection is not recorded: here as RFC 9218 has \
         it, or as --server says"
    ))
}

/// The exchanges in which a client was given something, by a server or by a cache.
fn given(story: &Story) -> impl Iterator<Item = &Exchange> {
    story.exchanges.iter().filter(|exchange| Given::of(exchange).is_some())
}

/// What a visit begins with: the first document, since a browser that was recorded may have asked for
/// something of its own before; or else whatever was first.
fn first(story: &Story) -> Option<&Exchange> {
    let is_document = |exchange: &&Exchange| exchange.kind == ResourceKind::Document;
    given(story).find(is_document).or_else(|| given(story).next())
}

/// Fields as a record has them.
fn read(recorded: &[Field]) -> Fields {
    let mut fields = Fields::new();
    for Field(name, value) in recorded {
        let _ = fields.push(name, value.as_bytes());
    }
    fields
}

/// The interim responses before an answer. Each was sent as long before it as it came before it: the way was
/// as long for both. 100 is not among them, which a server sends by itself where it is asked to.
fn interim(exchange: &Exchange, think: Duration) -> Vec<Interim> {
    let Some(answered) = exchange.head().map(|head| head.what.first_byte) else {
        return Vec::new();
    };
    let sent = |head: &Head| {
        let status = StatusCode::from_u16(head.what.status).ok()?;
        let is_sent = status.is_informational() && !matches!(status.as_u16(), 100 | 101);
        let before = answered.since(head.what.first_byte);
        is_sent.then(|| Interim {
            after: think.saturating_sub(before),
            status,
            fields: read(&head.what.fields),
        })
    };
    exchange.heads.iter().filter_map(sent).collect()
}

/// A body as it went over the wire, and whether its end did not come.
fn coded(
    exchange: &Exchange,
    recorded: Option<&BodyRecord>,
    content: &Bytes,
    promised: Option<u64>,
    differences: &mut BTreeSet<String>,
) -> (Bytes, bool) {
    let Some(recorded) = recorded else { return (content.clone(), false) };
    let wanted = recorded.encoded as usize;
    let Some(why) = recorded.cut else {
        // What is not sent at all (HEAD, 304) was not coded: even nothing, once coded, is something.
        if content.is_empty() && wanted == 0 {
            return (Bytes::new(), false);
        }
        let coded = encode(content, &recorded.codings, wanted);
        if !coded.is_exact && wanted > 0 && !recorded.codings.is_empty() {
            let (codings, now) = (recorded.codings.join(", "), coded.bytes.len());
            differences.insert(format!(
                "{}: {now} bytes of {codings} in place of {wanted}, coded anew",
                exchange.url
            ));
        }
        return (coded.bytes.into(), false);
    };
    // A coded body that was cut is coded whole, and cut again.
    let mut bytes = encode(content, &recorded.codings, wanted + TRAILER).bytes;
    bytes.truncate(if recorded.codings.is_empty() { bytes.len() } else { wanted });
    // Where all that was promised came, it is the coding that has no end.
    let framed_whole = match recorded.framing {
        Framing::Length(length) => length == recorded.encoded,
        _ => promised == Some(recorded.encoded) || why == BodyCut::Malformed,
    };
    if !framed_whole && why != BodyCut::Short {
        let how = format!("{why:?}").to_lowercase();
        differences.insert(format!(
            "{}: its body was {how}; here the connection closes within it",
            exchange.url
        ));
    }
    (bytes.into(), !framed_whole)
}

/// What stands at the end of a gzip body (RFC 1952 §2.3): cut off, the body has no end.
const TRAILER: usize = 8;

/// The origins that were spoken to in HTTP/3 from the beginning: what had told the browser of it does not
/// stand in the record. Others tell it in their answers, as they did.
fn begun_with_three(story: &Story) -> Vec<Origin> {
    let mut first = BTreeMap::new();
    for exchange in given(story) {
        let origin = Url::parse(&exchange.url).ok().and_then(|url| Origin::of(&url));
        first.extend(origin.filter(|of| !first.contains_key(of)).map(|of| (of, version(exchange))));
    }
    let begun = first.into_iter().filter(|(_, version)| *version == Version::HTTP_3);
    begun.map(|(origin, _)| origin).collect()
}

/// The version an exchange was answered in: what a cache had kept may have come in another one.
fn version(exchange: &Exchange) -> Version {
    let on_wire = exchange.head().map(|head| &head.what.version);
    match on_wire.or_else(|| Given::of(exchange).map(|given| given.version)) {
        Some(HttpVersion::Http10) => Version::HTTP_10,
        Some(HttpVersion::Http2) => Version::HTTP_2,
        Some(HttpVersion::Http3) => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}
