//! `Seen`: all that a log tells, by whose it is.

use std::collections::{BTreeMap, BTreeSet};

use roundtrip_record::Log;

use super::event::{Event, Kind, Phase};
use super::request::{Hop, Request};
use super::socket::{Lookup, QuicSession, Session, Socket};
use crate::notes::Notes;

/// The most of each that is kept.
const MOST: usize = 200_000;

/// What carried a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Link {
    /// The socket with this number.
    Tcp(u64),
    /// The session of QUIC with this number.
    Quic(u64),
}

/// How a hop was carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) link: Link,
    /// Whether the connection carries several at a time, and on which stream it carried this one.
    pub(crate) streams: bool,
    pub(crate) stream: Option<u64>,
}

/// Who found a stream for a request, and what it found.
#[derive(Clone, Copy, Debug, Default)]
struct Job {
    controller: Option<u64>,
    socket: Option<u64>,
    session: Option<u64>,
    /// The job of QUIC's pool that it waits for.
    pooled: Option<u64>,
    quic: Option<u64>,
    stream: Option<u64>,
}

/// All that was told.
pub(crate) struct Seen {
    log: Log,
    pub(crate) requests: BTreeMap<u64, Request>,
    jobs: BTreeMap<u64, Job>,
    proxies: BTreeMap<u64, String>,
    pub(crate) sockets: BTreeMap<u64, Socket>,
    pub(crate) sessions: BTreeMap<u64, Session>,
    pub(crate) quic: BTreeMap<u64, QuicSession>,
    /// The first session that each job opened, once all is seen.
    opened: BTreeMap<u64, u64>,
    pub(crate) lookups: BTreeMap<u64, Lookup>,
    /// The lookup that each connect job waited for.
    waited: BTreeMap<u64, u64>,
    /// The time of the last event.
    pub(crate) last: u64,
}

impl Seen {
    /// Nothing yet; bodies are written to `log`.
    pub(crate) fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            requests: BTreeMap::new(),
            jobs: BTreeMap::new(),
            proxies: BTreeMap::new(),
            sockets: BTreeMap::new(),
            sessions: BTreeMap::new(),
            quic: BTreeMap::new(),
            opened: BTreeMap::new(),
            lookups: BTreeMap::new(),
            waited: BTreeMap::new(),
            last: 0,
        }
    }

    /// Takes an event.
    pub(crate) fn take(&mut self, event: &Event, notes: &mut Notes) {
        self.last = self.last.max(event.time);
        let source = event.source;
        match event.kind {
            Kind::Alive | Kind::Start => {
                if let Some(request) = kept(&mut self.requests, source, notes) {
                    request.take(event, &self.log);
                }
            }
            Kind::Priority
            | Kind::BoundToJob
            | Kind::Send
            | Kind::SentHead
            | Kind::ReadHead
            | Kind::Head
            | Kind::ReadBody
            | Kind::Raw
            | Kind::Decoded
            | Kind::Redirected
            | Kind::Gone => {
                if let Some(request) = self.requests.get_mut(&source) {
                    request.take(event, &self.log);
                }
            }
            Kind::Job | Kind::JobSocket | Kind::JobSession | Kind::JobQuic => {
                self.job(event, notes);
            }
            Kind::Proxy => self.proxy(event),
            // Sockets of UDP have lives too.
            Kind::Socket if event.phase == Phase::End => {
                if let Some(socket) = self.sockets.get_mut(&source) {
                    socket.take(event);
                }
            }
            Kind::Socket | Kind::Connect | Kind::Attempt | Kind::Secure => {
                if let Some(socket) = kept(&mut self.sockets, source, notes) {
                    socket.take(event);
                }
            }
            Kind::Session | Kind::SessionSocket | Kind::GoAway | Kind::SessionClosed => {
                if let Some(session) = kept(&mut self.sessions, source, notes) {
                    session.take(event);
                }
            }
            Kind::SessionRequest => self.streamed(event),
            Kind::QuicSession | Kind::QuicPacket | Kind::QuicReady | Kind::QuicClosed => {
                if let Some(session) = kept(&mut self.quic, source, notes) {
                    session.take(event);
                }
            }
            Kind::QuicAttached => {
                if let Some(job) = event.dependency().and_then(|job| self.jobs.get_mut(&job)) {
                    job.quic = Some(source);
                }
            }
            Kind::LookupOf => {
                if let Some(lookup) = event.dependency().filter(|_| self.waited.len() < MOST) {
                    self.waited.insert(source, lookup);
                }
            }
            Kind::Lookup | Kind::LookupResults => {
                if let Some(lookup) = kept(&mut self.lookups, source, notes) {
                    lookup.take(event);
                }
            }
            Kind::Within => {
                notes.add(
                    "events within sessions (settings, pings, stalls) have no place in a record",
                );
            }
        }
    }

    fn job(&mut self, event: &Event, notes: &mut Notes) {
        let Some(job) = kept(&mut self.jobs, event.source, notes) else { return };
        let led = event.dependency();
        match event.kind {
            Kind::Job if event.phase == Phase::Begin => job.controller = led,
            Kind::JobSocket => job.socket = led,
            Kind::JobSession => job.session = led,
            Kind::JobQuic => job.pooled = led,
            _ => {}
        }
    }

    /// Who finds streams by way of which proxy.
    fn proxy(&mut self, event: &Event) {
        let chain = event.text("proxy_chain").or(event.text("proxy_server")).unwrap_or_default();
        let bare = chain.trim_matches(['[', ']']);
        let direct = matches!(bare, "" | "direct://" | "DIRECT");
        if !direct && self.proxies.len() < MOST {
            self.proxies.insert(event.source, bare.to_owned());
        }
    }

    /// A session sends the head of a request: by that it is known which stream it is.
    fn streamed(&mut self, event: &Event) {
        let stream = event.number("stream_id").and_then(|stream| u64::try_from(stream).ok());
        if let Some(job) = event.dependency().and_then(|job| self.jobs.get_mut(&job)) {
            job.session = job.session.or(Some(event.source));
            job.stream = stream;
        }
    }

    /// What carried a hop; `None` where it was not sent, or the log does not tell.
    pub(crate) fn carried(&self, hop: &Hop) -> Option<Carried> {
        hop.send?;
        let job = self.jobs.get(&hop.job?)?;
        if let Some(session) = job.session.and_then(|session| self.sessions.get(&session)) {
            return Some(Carried {
                link: Link::Tcp(session.socket?),
                streams: true,
                stream: job.stream,
            });
        }
        if let Some(socket) = job.socket {
            return Some(Carried { link: Link::Tcp(socket), streams: false, stream: None });
        }
        let opened = || self.opened.get(&job.pooled?).copied();
        // An older log names the session itself.
        let named = job.quic.or(job.pooled).filter(|id| self.quic.contains_key(id));
        Some(Carried { link: Link::Quic(named.or_else(opened)?), streams: true, stream: None })
    }

    /// The connect job that opened what carried a hop.
    pub(crate) fn opener(&self, link: Link) -> Option<u64> {
        match link {
            Link::Tcp(socket) => self.sockets.get(&socket)?.job,
            Link::Quic(session) => self.quic.get(&session)?.job,
        }
    }

    /// The proxy by way of which a hop went.
    pub(crate) fn proxy_of(&self, hop: &Hop) -> Option<&str> {
        let controller = self.jobs.get(&hop.job?)?.controller?;
        self.proxies.get(&controller).map(String::as_str)
    }

    /// The lookup that the opening of a connection waited for.
    pub(crate) fn lookup_of(&self, link: Link) -> Option<u64> {
        self.waited.get(&self.opener(link)?).copied()
    }

    /// The connect jobs of the requests that were left out.
    pub(crate) fn left_out_openers(&self) -> BTreeSet<u64> {
        let left_out = self.requests.values().filter(|request| request.left_out);
        let carried =
            left_out.flat_map(|request| &request.hops).filter_map(|hop| self.carried(hop));
        carried.filter_map(|carried| self.opener(carried.link)).collect()
    }

    /// The log has been read.
    pub(crate) fn settle(&mut self) {
        self.requests.values_mut().flat_map(|request| &mut request.hops).for_each(Hop::settle);
        for (id, session) in &self.quic {
            if let Some(job) = session.job {
                self.opened.entry(job).or_insert(*id);
            }
        }
    }

    /// Leaves out what no page asked for, such as looking for updates, unless nothing else is there.
    pub(crate) fn leave_out_the_browsers_own(&mut self, notes: &mut Notes) {
        let own = |request: &Request| {
            request.hops.first().is_none_or(|hop| {
                let is_page = hop.request_type.contains("frame") || hop.request_type.is_empty();
                !is_page && matches!(hop.initiator.as_str(), "not an origin" | "")
            })
        };
        if self.requests.values().all(own) {
            return;
        }
        for request in self.requests.values_mut().filter(|request| own(request)) {
            request.left_out = true;
            notes.add(
                "requests of the browser itself (updates, accounts, preparations) were left out",
            );
        }
    }

    /// The hops that become exchanges, in the order of their begins.
    pub(crate) fn hops(&self) -> Vec<(&Hop, Option<usize>)> {
        let kept = self.requests.values().filter(|request| !request.left_out);
        let mut all: Vec<(u64, u64, usize)> = Vec::new();
        let requests: Vec<&Request> = kept.collect();
        for (n, request) in requests.iter().enumerate() {
            for (place, hop) in request.hops.iter().enumerate().filter(|(_, hop)| is_http(&hop.url))
            {
                all.push((hop.began, n as u64, place));
            }
        }
        all.sort_unstable();
        let places: BTreeMap<(u64, usize), usize> =
            all.iter().enumerate().map(|(n, (_, request, hop))| ((*request, *hop), n)).collect();
        let hop = |(_, request, hop): &(u64, u64, usize)| {
            let before =
                hop.checked_sub(1).and_then(|before| places.get(&(*request, before)).copied());
            (&requests[*request as usize].hops[*hop], before)
        };
        all.iter().map(hop).collect()
    }

    /// When the first of them began.
    pub(crate) fn first(&self) -> Option<u64> {
        let kept = self.requests.values().filter(|request| !request.left_out);
        let hops = kept.flat_map(|request| &request.hops).filter(|hop| is_http(&hop.url));
        hops.map(|hop| hop.began).min()
    }
}

/// Whether a URL is asked for over a network.
fn is_http(url: &str) -> bool {
    ["http:", "https:", "ws:", "wss:"].iter().any(|scheme| url.starts_with(scheme))
}

/// The entry of a source, a new one where there is room.
fn kept<'a, T: Default>(
    all: &'a mut BTreeMap<u64, T>,
    source: u64,
    notes: &mut Notes,
) -> Option<&'a mut T> {
    if all.len() >= MOST && !all.contains_key(&source) {
        notes.add("there are more requests and sockets than are kept; later ones were passed over");
        return None;
    }
    Some(all.entry(source).or_default())
}
