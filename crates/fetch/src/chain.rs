//! A chain of requests, each but the first wanted because of the answer before it.

use core::fmt::Write as _;
use std::time::SystemTime;

use http::{Method, StatusCode, Version};
use roundtrip_http::Body;
use roundtrip_http::client::{
    Credentials as RequestCredentials, Expect, Origin, Proxies, Replay, Request, Response, Schemes,
};
use roundtrip_http::message::escape;
use roundtrip_record::{EventId, FaultKind, Initiator};
use roundtrip_wire::Wire;
use url::Url;

use crate::asker::Asker;
use crate::jar::Jar;
use crate::proofs::Proofs;
use crate::rules::{Credentials, Mode, Redirects, Rules};

/// One request of a chain.
#[derive(Clone, Debug)]
pub struct Hop {
    /// The URL.
    pub url: Url,
    /// The method.
    pub method: Method,
    /// The URL that redirected here; a request that is made once more keeps it.
    before: Option<Url>,
    /// The body, and the fields that speak of it, go along.
    body: bool,
    /// The chain has never left the first origin.
    at_home: bool,
    /// The server may be asked first whether it takes the body.
    expects: bool,
    initiator: Initiator,
}

impl Hop {
    /// Whether a redirect leads to it; otherwise it is the same request once more.
    pub fn is_redirect(&self) -> bool {
        matches!(self.initiator, Initiator::Redirect { .. })
    }
}

/// What follows an answer.
#[derive(Debug)]
pub enum Next {
    /// Nothing; it names this place where it is a redirect that is not followed.
    Answer(Option<Url>),
    /// Another request.
    Hop(Box<Hop>),
    /// A fault: the redirect cannot be followed.
    Fault(FaultKind),
}

/// Why a redirect is not followed whose scheme the rules do not permit.
pub const NOT_PERMITTED: &str = "its scheme is not among those that redirects may lead to";

/// A chain, at one of its requests.
#[derive(Debug)]
pub struct Chain {
    /// The first request; its body may be gone, and its cause is that of the request it is at.
    first: Request,
    rules: Rules,
    hop: Hop,
    followed: u32,
    /// The body was a stream that can be read only once, and has been sent.
    spent: bool,
    proofs: Proofs,
    /// Where the request goes instead of its own host.
    instead: Option<String>,
    /// A proxy carries the request out, and is told who asks with it; one that makes a tunnel was told
    /// before.
    is_carried: bool,
}

impl Chain {
    /// A chain that begins with this request.
    pub fn new(request: Request, rules: Rules) -> Self {
        let hop = Hop {
            url: request.url.clone(),
            method: request.method.clone(),
            before: None,
            body: true,
            at_home: true,
            expects: true,
            initiator: request.initiator.clone(),
        };
        let proofs = Proofs::default();
        Self {
            first: request,
            rules,
            hop,
            followed: 0,
            spent: false,
            proofs,
            instead: None,
            is_carried: true,
        }
    }

    /// Whether the proxy that there may be for the request it is at carries it out, which is so unless
    /// something else is said: it may have to make a tunnel to another place.
    pub(crate) fn carried(&mut self, is_carried: bool) {
        self.is_carried = is_carried;
    }

    /// The request that it is at.
    pub fn hop(&self) -> &Hop {
        &self.hop
    }

    /// The request goes to this place, which its host has named (RFC 7838), and tells so (§5).
    pub fn instead(&mut self, place: Option<String>) {
        self.instead = place;
    }

    /// The event that made the request wanted.
    pub(crate) fn cause(&self) -> Option<EventId> {
        self.first.cause
    }

    /// Has the request that it is at go to another address of the same resource.
    pub(crate) fn go_to(&mut self, url: Url) {
        self.hop.url = url;
    }

    /// The Referer of that request, where it has one.
    pub fn referer(&self) -> Option<String> {
        match self.first.fields.text("Referer") {
            Some(own) => Some(own.to_owned()),
            None => self.rules.referrer.value(&self.hop.url, self.hop.before.as_ref()),
        }
    }

    /// Redirects that were followed.
    pub fn followed(&self) -> u32 {
        self.followed
    }

    /// Bytes of body that the request carries; `None` where that is not known beforehand.
    pub fn body_length(&self) -> Option<u64> {
        if self.hop.body { self.first.body.length() } else { Some(0) }
    }

    /// Whether the request needs a body that is gone: it was a stream, and was sent before.
    pub fn is_spent(&self) -> bool {
        self.spent && self.hop.body
    }

    /// Whether it may have to prove a password, for which chance is needed.
    pub(crate) fn proves(&self) -> bool {
        self.rules.logins != Schemes::BASIC || self.rules.proxies != Proxies::default()
    }

    /// The request that it is at, ready to be sent; cookies are those of `jar` and of the rules.
    /// `random` makes proofs of a password ones that nobody could have prepared.
    pub fn request(&mut self, jar: Option<&Jar>, now: SystemTime, random: [u8; 16]) -> Request {
        let (mut request, replay) = self.first.again();
        if self.hop.before.is_some() {
            // It was for the first URL.
            request.target = None;
        }
        request.url = self.hop.url.clone();
        request.method = self.hop.method.clone();
        request.initiator = self.hop.initiator.clone();
        let trusted = self.trusts(&self.hop.url, self.hop.at_home);
        let carries = self.hop.body && (self.spent || !self.first.body.is_empty());
        let proxied = self.is_carried;
        let only_asks = self.proofs.prepare(&mut request, &self.rules, trusted, (carries, proxied));
        if only_asks {
            request.body = Body::empty();
            request.expect = Expect::Nothing;
            request.fields.remove("Content-Length");
            request.derived.set("Content-Length", "0");
        } else if !self.hop.body {
            request.body = Body::empty();
            for name in self.rules.of_body {
                request.derived.remove(name);
                // What somebody wrote himself stays, as in curl.
                if self.rules.is_browser() {
                    request.fields.remove(name);
                }
            }
        } else if replay == Replay::Spent {
            // The first who needs it has it.
            request.body = core::mem::take(&mut self.first.body);
            self.spent = true;
        }
        if !self.hop.expects {
            request.expect = Expect::Nothing;
            request.fields.remove("Expect");
        }
        if !trusted {
            for name in self.rules.of_origin {
                request.fields.remove(name);
            }
        }
        add(&mut request, "Referer", self.referer());
        add(&mut request, "Alt-Used", self.instead.clone());
        let given = self.rules.cookies.clone().filter(|_| trusted).map(String::into_bytes);
        let kept = jar.filter(|_| self.takes_cookies(&self.hop.url));
        let kept = kept.and_then(|jar| jar.field(&self.cookie_url(), &self.rules.asker, now));
        let cookies: Vec<Vec<u8>> = kept.into_iter().chain(given).collect();
        add(&mut request, "Cookie", Some(cookies.join(&b"; "[..])));
        request.credentials = if self.takes_cookies(&self.hop.url) {
            RequestCredentials::Included
        } else {
            RequestCredentials::Omitted
        };
        self.proofs.prove(&mut request, &self.rules, random);
        request
    }

    /// The URL whose cookies go along: with the host of a Host field that somebody gave, since that is
    /// whom the server takes itself for (curl).
    pub(crate) fn cookie_url(&self) -> Url {
        let mut url = self.hop.url.clone();
        let trusted = self.trusts(&url, self.hop.at_home);
        let given = self.first.fields.text("Host").filter(|_| trusted && !self.rules.is_browser());
        if let Some(host) = given.map(|host| host.rsplit_once(':').map_or(host, |(host, _)| host)) {
            // What is no host changes nothing.
            let _ = url.set_host(Some(host));
        }
        url
    }

    /// Who asks.
    pub(crate) fn asker(&self) -> &Asker {
        &self.rules.asker
    }

    /// Whether cookies go to a URL, and are taken from there.
    pub(crate) fn takes_cookies(&self, url: &Url) -> bool {
        match (self.rules.mode, &self.rules.asker) {
            (Mode::SameOrigin, Asker::Page(page)) => Origin::of(page) == Origin::of(url),
            _ => true,
        }
    }

    /// Whether a URL is of whom the first request went to, or of somebody trusted as much.
    fn trusts(&self, url: &Url, at_home: bool) -> bool {
        let first = || Origin::of(url) == Origin::of(&self.first.url);
        match self.rules.credentials {
            Credentials::Anybody => true,
            Credentials::Origin => first(),
            Credentials::Unbroken => at_home && first(),
        }
    }

    /// What an answer leads to (RFC 9110 §15.4).
    pub fn next<W: Wire>(&mut self, response: &Response<W>) -> Next {
        if let Some(hop) = self.unexpected(response) {
            return Next::Hop(Box::new(hop));
        }
        if response.version == Version::HTTP_10 && !self.rules.is_browser() {
            // curl goes on in the version that it was answered in.
            self.first.version = Some(Version::HTTP_10);
        }
        if self.proofs.are_worth_another_try(response.status, &response.fields) {
            let initiator = Initiator::Retry { of: response.exchange };
            return Next::Hop(Box::new(Hop { initiator, ..self.hop.clone() }));
        }
        let status = response.status;
        let location = response.fields.get("Location").filter(|value| !value.is_empty());
        let Some(location) = location.filter(|_| self.rules.redirects(status)) else {
            return Next::Answer(None);
        };
        let location =
            if self.rules.is_browser() { escape(location) } else { curl_escape(location) };
        let target = self.hop.url.join(&location);
        if self.rules.redirects == Redirects::Shown {
            return Next::Answer(target.ok());
        }
        let bad =
            |why: String| Next::Fault(FaultKind::BadRedirect { location: location.clone(), why });
        let mut url = match target {
            Ok(url) => url,
            Err(error) => return bad(error.to_string()),
        };
        if Origin::of(&url).is_none() {
            return bad("neither http nor https".into());
        }
        if !self.rules.leads_to.permit(&url) {
            return bad(NOT_PERMITTED.into());
        }
        if url.fragment().is_none() {
            url.set_fragment(self.hop.url.fragment());
        }
        let at_home = self.hop.at_home && Origin::of(&url) == Origin::of(&self.first.url);
        if self.trusts(&url, at_home) {
            take_credentials(&self.first.url, &mut url);
        }
        let changed = self.rules.without_body(status, &self.hop.method, self.hop.body);
        Next::Hop(Box::new(Hop {
            url,
            before: Some(self.hop.url.clone()),
            body: self.hop.body && changed.is_none(),
            method: changed.unwrap_or_else(|| self.hop.method.clone()),
            at_home,
            expects: self.hop.expects,
            initiator: Initiator::Redirect { of: response.exchange, status: status.as_u16() },
        }))
    }

    /// The same request without Expect, where that is what the server cannot meet (RFC 9110
    /// §10.1.1).
    fn unexpected<W: Wire>(&self, response: &Response<W>) -> Option<Hop> {
        let asked = self.first.expect == Expect::Continue
            || self.first.fields.has("Expect", "100-continue");
        // Whoever let the body come has met it.
        let met = response.interim.iter().any(|head| head.line.status == StatusCode::CONTINUE);
        let refused = response.status == StatusCode::EXPECTATION_FAILED && !met;
        let again = refused && asked && self.hop.body && self.hop.expects && !self.spent;
        again.then(|| Hop {
            expects: false,
            initiator: Initiator::Retry { of: response.exchange },
            ..self.hop.clone()
        })
    }

    /// Goes on with this request, which `cause` made wanted.
    pub fn follow(&mut self, hop: Hop, cause: Option<EventId>) {
        self.followed += u32::from(hop.is_redirect());
        self.hop = hop;
        self.first.cause = cause.or(self.first.cause);
    }

    /// The fault of one redirect too many, if this one is.
    pub fn is_too_long(&self, hop: &Hop) -> Option<FaultKind> {
        let Redirects::Most(limit) = self.rules.redirects else { return None };
        let too_long = hop.is_redirect() && self.followed >= limit;
        too_long.then(|| FaultKind::TooManyRedirects { limit, last: hop.url.to_string() })
    }
}

/// A place as curl asks for it: bytes beyond ASCII with small letters, and in its query plus signs in place
/// of blanks.
fn curl_escape(location: &[u8]) -> String {
    let location = location.trim_ascii();
    let mut out = String::with_capacity(location.len());
    let mut in_query = false;
    for &byte in location {
        in_query = in_query && byte != b'#' || byte == b'?';
        match byte {
            b' ' if in_query => out.push('+'),
            0x80.. => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02x}");
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// Gives a URL of the same origin the name and password of `from`, where it has none of its own: what
/// was given for a page is good for all that stands there.
pub fn share_credentials(from: &Url, to: &mut Url) {
    if Origin::of(from) == Origin::of(to) {
        take_credentials(from, to);
    }
}

fn take_credentials(from: &Url, to: &mut Url) {
    if to.username().is_empty() && to.password().is_none() {
        // It has a host, so neither can fail.
        let _ = to.set_username(from.username());
        let _ = to.set_password(from.password());
    }
}

/// Adds a field that has a value, unless the caller's own stands in its place or it is unwanted.
fn add(request: &mut Request, name: &'static str, value: Option<impl AsRef<[u8]>>) {
    if let Some(value) = value.filter(|value| !value.as_ref().is_empty())
        && !request.omits(name)
        && !request.fields.contains(name)
    {
        request.derived.add(name, value);
    }
}
