//! What is to be asked.

use http::{Method, Version};
use roundtrip_record::{EventId, ExchangeId, Initiator, Priority, ResourceKind};
use url::Url;

use super::basic::basic;
use super::group::Credentials;
use super::heard::Heard;
use super::login::Login;
use super::order::{Order, curl_place};
use super::origin::Origin;
use super::proxy::Proxy;
use super::watch::Watch;
use crate::message::{Fields, RequestHead, RequestLine};
use crate::{Body, Following};

/// Whether the body waits until the server says that it will take it (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// It goes at once.
    #[default]
    Nothing,
    /// It waits.
    Continue,
}

/// Whether a request can be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It can.
    Whole,
    /// Its body was a stream and is gone.
    Spent,
}

/// A request.
///
/// ```
/// use roundtrip_http::client::Request;
///
/// let url = roundtrip_http::url::parse("http://example.org/a?b#c").unwrap();
/// let mut request = Request::post(url, "x=1");
/// request.fields.add("Content-Type", "application/x-www-form-urlencoded");
/// ```
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Url,
    /// Fields of the caller, in the order in which they go out. Each stands in place of the one of
    /// that name that the client would send.
    pub fields: Fields,
    /// Fields that go only where requests share a connection, in HTTP/2 and above (`priority`, RFC 9218).
    pub multiplexed: Fields,
    /// Fields that follow from what is asked for, such as Range, Referer or Cookie. One of the caller's
    /// own of that name stands in place of each.
    pub derived: Fields,
    /// Names of fields that the client would send and shall not.
    pub omit: Vec<String>,
    /// In which order fields go out.
    pub order: Order,
    /// What stands in the request line in place of the URL's path and query (RFC 9112 §3.2), sent as it
    /// is; a proxy that carries the request out gets it with scheme and host before it where it begins
    /// with a slash.
    pub target: Option<String>,
    /// The value of Proxy-Authorization, for a proxy that carries the request out, where it is not sent
    /// with every request.
    pub proxy_authorization: Option<String>,
    /// Takes down the heads that come in answer.
    pub heard: Option<Heard>,
    /// Tells of what comes before the answer.
    pub watch: Option<Watch>,
    /// The body.
    pub body: Body,
    /// The fields after a body of chunks or frames, where there may be any.
    pub following: Option<Following>,
    /// What the resource is for.
    pub kind: ResourceKind,
    /// How urgent it is.
    pub priority: Priority,
    /// Who wants it.
    pub initiator: Initiator,
    /// The event that made it wanted.
    pub cause: Option<EventId>,
    /// The exchange on whose behalf it is made: a proxy's names the one in which it was asked.
    pub of: Option<ExchangeId>,
    /// Whether the body waits.
    pub expect: Expect,
    /// The version, where it is not the client's.
    pub version: Option<Version>,
    /// What is done about content codings.
    pub decode: Decode,
    /// The bodies of request and response are kept in the record.
    pub keep_body: bool,
    /// Bytes that each of them may have to be kept; of a longer one nothing is.
    pub keep_at_most: u64,
    /// Whether it carries credentials; it shares connections only with its like.
    pub credentials: Credentials,
    /// How many connections are opened on its behalf where its origin has none, besides the one it
    /// needs: a browser that begins to navigate expects the page to need more (with
    /// [`Binding::Late`](super::Binding::Late) only).
    pub ahead: u32,
}

/// What is done about the content codings of an answer (RFC 9110 §8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decode {
    /// They are asked for and undone. One that is not known is noted, and the body given as it came,
    /// as browsers do.
    Lenient,
    /// They are asked for and undone. One that is not known is a fault, as for curl (exit 61).
    Strict,
    /// None is asked for, and the body is given as it came.
    Off,
    /// The same, but the record has the body with its codings undone: whoever passes it on does not read
    /// it, and whoever reads the record wants to.
    Through,
}

/// Why a body without a length is not sent to somebody who speaks HTTP/1.0.
pub const UNSENDABLE: &str =
    "a body whose length is not known beforehand cannot be sent in HTTP/1.0";

impl Request {
    /// A request of the person at the keyboard.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            fields: Fields::new(),
            multiplexed: Fields::new(),
            derived: Fields::new(),
            omit: Vec::new(),
            order: Order::default(),
            target: None,
            proxy_authorization: None,
            heard: None,
            watch: None,
            body: Body::empty(),
            following: None,
            kind: ResourceKind::Other,
            priority: Priority::default(),
            initiator: Initiator::User,
            cause: None,
            of: None,
            expect: Expect::default(),
            version: None,
            decode: Decode::Lenient,
            keep_body: true,
            keep_at_most: u64::MAX,
            credentials: Credentials::default(),
            ahead: 0,
        }
    }

    /// GET.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// POST with this body.
    pub fn post(url: Url, body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..Self::new(Method::POST, url) }
    }

    /// Whether a field of this name shall not go.
    pub fn omits(&self, name: &str) -> bool {
        self.omit.iter().any(|omitted| omitted.eq_ignore_ascii_case(name))
    }

    /// The same request once more, and whether its body came along.
    pub fn again(&self) -> (Self, Replay) {
        let body = self.body.again();
        let replay = if body.is_some() { Replay::Whole } else { Replay::Spent };
        let again = Self {
            method: self.method.clone(),
            url: self.url.clone(),
            fields: self.fields.clone(),
            multiplexed: self.multiplexed.clone(),
            derived: self.derived.clone(),
            omit: self.omit.clone(),
            target: self.target.clone(),
            proxy_authorization: self.proxy_authorization.clone(),
            heard: self.heard.clone(),
            watch: self.watch.clone(),
            body: body.unwrap_or_default(),
            following: self.following.clone(),
            initiator: self.initiator.clone(),
            ..*self
        };
        (again, replay)
    }

    /// The head as it goes out: Host first, then what the client adds, then the caller's own. A
    /// `proxy` that carries requests out is told the whole URL (RFC 9112 §3.2.2).
    pub(crate) fn head(
        &self,
        origin: &Origin,
        user_agent: &str,
        version: Version,
        closing: bool,
        proxy: Option<&Proxy>,
    ) -> RequestHead {
        let added = self.added(origin, user_agent, version, closing, proxy);
        let mut fields = Fields::new();
        let chunked = added.contains("Transfer-Encoding") || self.chunks(version);
        let mut own = self.fields.clone();
        for (name, value) in proxy.into_iter().flat_map(|proxy| proxy.fields.iter()) {
            // They were checked when they were added.
            let _ = own.push(name, value);
        }
        let given = own.iter().filter(|(name, _)| {
            // RFC 9112 §6.2: a length beside chunks could be read in two ways.
            !(chunked && name.eq_ignore_ascii_case("Content-Length"))
        });
        let derived = self.derived.iter().filter(|(name, _)| !self.is_own(name));
        let mut all: Vec<_> = match self.order {
            Order::Plain => {
                added.iter().chain(given).chain(derived).map(|field| (0, field)).collect()
            }
            Order::Curl => {
                let by_itself = added.iter().chain(derived);
                let by_itself = by_itself.map(|field| (curl_place(field.0, false), field));
                by_itself.chain(given.map(|field| (curl_place(field.0, true), field))).collect()
            }
        };
        // A stable sort: fields of one place stay in their order.
        all.sort_by_key(|(place, _)| *place);
        for (_, (name, value)) in all {
            // They were checked when they were added.
            let _ = fields.push_as_is(name, value);
        }
        if version >= Version::HTTP_2 {
            for (name, value) in self.multiplexed.iter() {
                if !fields.contains(name) {
                    let _ = fields.push(name, value);
                }
            }
        }
        let target = match proxy {
            Some(_) => match self.target() {
                whole if !whole.starts_with('/') && self.target.is_some() => whole,
                path => format!("{origin}{path}"),
            },
            None => self.target(),
        };
        let line = RequestLine { method: self.method.clone(), target, version };
        RequestHead { line, fields, bytes: 0 }
    }

    /// Whether the caller says what becomes of a field.
    fn is_own(&self, name: &str) -> bool {
        self.fields.contains(name) || self.omits(name)
    }

    /// The fields that the client adds by itself.
    fn added(
        &self,
        origin: &Origin,
        user_agent: &str,
        version: Version,
        closing: bool,
        proxy: Option<&Proxy>,
    ) -> Fields {
        let mut fields = Fields::new();
        let mut add = |name: &'static str, value: &str| {
            let own = self.is_own(name) || self.derived.contains(name);
            // Without it, the body would be taken for the next request.
            let needed = name == "Content-Length" && value != "0" || name == "Transfer-Encoding";
            if !own || needed {
                fields.add(name, value);
            }
        };
        let curl = self.order == Order::Curl;
        add("Host", &origin.authority());
        if !(curl && user_agent.is_empty()) {
            add("User-Agent", user_agent);
        }
        add("Accept", "*/*");
        if matches!(self.decode, Decode::Lenient | Decode::Strict) {
            add("Accept-Encoding", if curl { "deflate, gzip, br, zstd" } else { "gzip, br, zstd" });
        }
        if let Some(credentials) = credentials(&self.url) {
            add("Authorization", &credentials);
        }
        if let Some(proxy) = proxy {
            let at_once = || proxy.login.as_ref().and_then(Login::at_once);
            if let Some(credentials) = self.proxy_authorization.clone().or_else(at_once) {
                add("Proxy-Authorization", &credentials);
            }
        }
        let own = |proxy: &Proxy| proxy.fields.contains("Proxy-Connection");
        if curl && proxy.is_some_and(|proxy| !own(proxy) && !proxy.omits_connection) {
            add("Proxy-Connection", "Keep-Alive");
        }
        match self.framing(version) {
            BodyFraming::None | BodyFraming::Own => {}
            BodyFraming::Length(length) => add("Content-Length", &length.to_string()),
            BodyFraming::Chunked => add("Transfer-Encoding", "chunked"),
        }
        let waits = self.expect == Expect::Continue && version >= Version::HTTP_11;
        if waits && !self.body.is_empty() {
            add("Expect", "100-continue");
        }
        if closing && version >= Version::HTTP_11 {
            add("Connection", "close");
        } else if !closing && version < Version::HTTP_11 && !curl {
            add("Connection", "keep-alive");
        }
        fields
    }

    /// Whether the caller's own fields say that the body goes in chunks. HTTP/1.0 has none (RFC 9112 §6.1),
    /// but whoever asks for them there knows whom they talk to: then it is chunks, and no length beside them.
    fn chunks(&self, version: Version) -> bool {
        version < Version::HTTP_2 && self.fields.has("Transfer-Encoding", "chunked")
    }

    /// How the end of the body is to be told. A body always is told of (RFC 9112 §6.3): where the
    /// caller does not want the field for it, by the other one.
    fn framing(&self, version: Version) -> BodyFraming {
        // Of a body without a length, the caller may know it, and then wants no chunks.
        let known = self.body.length().is_some() || self.omits("Transfer-Encoding");
        let told = self.fields.contains("Content-Length") && known;
        if self.chunks(version) || told {
            return BodyFraming::Own;
        }
        match self.body.length() {
            // RFC 9110 §8.6: for methods whose body means something.
            Some(0) if matches!(self.method, Method::POST | Method::PUT | Method::PATCH) => {
                BodyFraming::Length(0)
            }
            Some(0) => BodyFraming::None,
            Some(_) if self.omits("Content-Length") && version == Version::HTTP_11 => {
                BodyFraming::Chunked
            }
            Some(length) => BodyFraming::Length(length),
            None if version == Version::HTTP_11 => BodyFraming::Chunked,
            None => BodyFraming::None,
        }
    }

    /// Why the body cannot be sent in this version, if so.
    pub(crate) fn unsendable(&self, version: Version) -> Option<&'static str> {
        let old = version < Version::HTTP_11;
        (old && self.body.length().is_none()).then_some(UNSENDABLE)
    }

    /// What stands in the request line, where no proxy carries the request out: path and query, or what
    /// the caller wants.
    pub fn target(&self) -> String {
        if let Some(target) = &self.target {
            return target.clone();
        }
        let path = match self.url.path() {
            "" => "/",
            path => path,
        };
        match self.url.query() {
            None => path.to_owned(),
            Some(query) => format!("{path}?{query}"),
        }
    }
}

/// How the end of a request's body is told.
enum BodyFraming {
    /// There is none, or the version tells it by itself.
    None,
    /// The caller's own fields tell it.
    Own,
    Length(u64),
    Chunked,
}

/// The value of Authorization for a URL with a user name in it (RFC 7617).
fn credentials(url: &Url) -> Option<String> {
    crate::url::userinfo(url).map(|(user, password)| basic(&user, &password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_told_of_in_one_way() {
        let url = Url::parse("http://a.test/").unwrap();
        let origin = Origin::of(&url).unwrap();
        let told = |own: &[(&'static str, &str)], omit: &str, version| {
            let mut request = Request::post(url.clone(), "hello");
            for (name, value) in own {
                request.fields.add(name, value);
            }
            request.omit.push(omit.into());
            let head = request.head(&origin, "", version, false, None);
            ["Content-Length", "Transfer-Encoding"]
                .map(|name| head.fields.text(name).map(str::to_owned))
        };
        let (length, chunked) = ([Some("5".to_owned()), None], [None, Some("chunked".to_owned())]);
        let one = Version::HTTP_11;
        assert_eq!(told(&[], "", one), length);
        assert_eq!(told(&[("Transfer-Encoding", "chunked")], "", one), chunked);
        assert_eq!(
            told(&[("Transfer-Encoding", "chunked"), ("Content-Length", "5")], "", one),
            chunked
        );
        assert_eq!(told(&[], "content-length", one), chunked);
        assert_eq!(told(&[], "content-length", Version::HTTP_10), length);
        // Whoever asks for chunks where there are none gets them, and no length beside them.
        assert_eq!(told(&[("Transfer-Encoding", "chunked")], "", Version::HTTP_10), chunked);
    }

    #[test]
    fn the_callers_fields_stand_in_place_of_ours() {
        let url = Url::parse("http://u:p%40@example.org:8080/a?b#c").unwrap();
        let mut request = Request::get(url);
        request.fields.add("X-One", "1").add("accept", "text/html").add("X-One", "2");
        request.omit.push("user-agent".into());
        let origin = Origin::of(&request.url).unwrap();
        let mut out = Vec::new();
        request.head(&origin, "agent", Version::HTTP_11, false, None).encode(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "GET /a?b HTTP/1.1\r\nHost: example.org:8080\r\nAccept-Encoding: gzip, br, zstd\r\n\
             Authorization: Basic dTpwQA==\r\nX-One: 1\r\naccept: text/html\r\nX-One: 2\r\n\r\n"
        );
    }
}
