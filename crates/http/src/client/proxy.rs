//! HTTP proxies: through which one an origin is reached, and the tunnel that TLS needs.

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::time::Duration;
use std::net::IpAddr;

use bytes::BytesMut;
use futures_util::future::{Either, select};
use http::{Method, Version};
use roundtrip_record::{EventId, FaultKind};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::{AsyncWrite as _, AsyncWriteExt as _};
use url::Url;

use super::heard::Heard;
use super::login::{Login, Prover, Schemes};
use super::order::Order;
use super::origin::{Origin, Scheme};
use super::socks::Socks;
use crate::channel::Channel;
use crate::message::{
    Fields, HeadDecoder, Limits, RequestHead, RequestLine, ResponseHead, StatusLine,
};
use crate::reporter::{HeadReport, Reporter, RequestReport};
use crate::server::poll_read_into;
use crate::url::userinfo;

/// The port of a proxy that names none, as curl has it.
const PORT: u16 = 1080;

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP in the clear (RFC 9110 §7.3.2).
    #[default]
    Http,
    /// HTTP through TLS: what it is asked is for nobody else to see, nor who asks.
    Https,
    /// SOCKS: it passes bytes on, whatever they are.
    Socks(Socks),
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its host in ASCII form, an IPv6 address in its brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who asks it.
    pub login: Option<Login>,
    /// Fields that are for it alone.
    pub fields: Fields,
    /// It is not told that the connection may stay (`Proxy-Connection`), as curl tells it.
    pub omits_connection: bool,
    /// In which version it is asked for a tunnel: 1.1, or 1.0.
    pub version: Version,
}

/// Why a text names no proxy that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It is no URL.
    #[error("{text} names no proxy: {why}")]
    Malformed {
        /// What was given.
        text: String,
        /// Why.
        why: String,
    },
    /// It speaks something else than HTTP or SOCKS.
    #[error(
        "{scheme} proxies are not spoken to, only http://HOST:PORT, https://, socks4://, socks4a://, socks5:// and socks5h://"
    )]
    Scheme {
        /// What it speaks.
        scheme: String,
    },
}

impl Proxy {
    /// Reads `[SCHEME://][USER:PASSWORD@]HOST[:PORT]`; the scheme is `http`, `https`, `socks4`,
    /// `socks4a`, `socks5` or `socks5h`. `user`, where given (`USER:PASSWORD`), stands in place of the one in the text.
    ///
    /// # Errors
    /// When it is no such thing.
    ///
    /// ```
    /// use roundtrip_http::client::Proxy;
    ///
    /// let proxy = Proxy::parse("cache.example:3128", None).unwrap();
    /// assert_eq!((proxy.host.as_str(), proxy.port), ("cache.example", 3128));
    /// assert_eq!(Proxy::parse("http://cache.example", None).unwrap().port, 1080);
    /// assert!(Proxy::parse("socks5h://cache.example", None).is_ok());
    /// assert_eq!(Proxy::parse("https://cache.example", None).unwrap().port, 443);
    /// assert!(Proxy::parse("ftp://cache.example", None).is_err());
    /// ```
    pub fn parse(text: &str, user: Option<&str>) -> Result<Self, ProxyError> {
        let malformed =
            |why: &str| ProxyError::Malformed { text: text.to_owned(), why: why.to_owned() };
        let (kind, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (ProxyKind::Http, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
                (ProxyKind::Https, rest)
            }
            Some((scheme, rest)) => match Socks::of_scheme(scheme) {
                Some(socks) => (ProxyKind::Socks(socks), rest),
                None => return Err(ProxyError::Scheme { scheme: scheme.to_ascii_lowercase() }),
            },
            None => (ProxyKind::Http, text),
        };
        let url =
            Url::parse(&format!("http://{rest}")).map_err(|error| malformed(&error.to_string()))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| malformed("it has no host"))?.to_owned();
        // A URL forgets the port that its scheme has anyway.
        let written = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let usual = if kind == ProxyKind::Https { Scheme::Https.port() } else { PORT };
        let port = url.port().unwrap_or(if written.ends_with(":80") { 80 } else { usual });
        let told = match user {
            Some(user) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                Some((name.into(), password.into()))
            }
            None => userinfo(&url),
        };
        let login = told.map(|(user, password)| Login { user, password, schemes: Schemes::BASIC });
        Ok(Self {
            kind,
            host,
            port,
            login,
            fields: Fields::new(),
            omits_connection: false,
            version: Version::HTTP_11,
        })
    }

    /// Host and port; before them what it speaks, where that is not HTTP in the clear.
    pub fn authority(&self) -> String {
        let scheme = match self.kind {
            ProxyKind::Http => return format!("{}:{}", self.host, self.port),
            ProxyKind::Https => Scheme::Https.name(),
            ProxyKind::Socks(socks) => socks.scheme(),
        };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    /// As a place that connections go to.
    pub(crate) fn origin(&self) -> Origin {
        let scheme = if self.kind == ProxyKind::Https { Scheme::Https } else { Scheme::Http };
        Origin { scheme, host: self.host.clone(), port: self.port }
    }
}

/// For which origins a proxy makes a tunnel rather than the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tunnels {
    /// For those of https, where nothing else can be done.
    #[default]
    Https,
    /// For all.
    All,
}

/// Through which proxies origins are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For http.
    pub http: Option<Proxy>,
    /// For https.
    pub https: Option<Proxy>,
    /// For whom none is asked.
    pub except: Except,
    /// For whom tunnels are made.
    pub tunnels: Tunnels,
}

/// How an origin is reached through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via<'a> {
    /// Not at all: straight.
    Nobody,
    /// The proxy carries the request out.
    Request(&'a Proxy),
    /// The proxy passes bytes on.
    Tunnel(&'a Proxy),
    /// The proxy passes bytes on, and speaks this.
    Socks(&'a Proxy, Socks),
}

impl Proxies {
    /// The proxy that carries requests to an origin out, where one does: not one that makes a tunnel.
    pub fn carrier(&self, origin: &Origin) -> Option<&Proxy> {
        self.via(origin).carrier()
    }

    /// Whether one of them is spoken to through TLS.
    pub fn want_tls(&self) -> bool {
        let mut proxies = [&self.http, &self.https].into_iter().flatten();
        proxies.any(|proxy| proxy.kind == ProxyKind::Https)
    }

    pub(crate) fn via(&self, origin: &Origin) -> Via<'_> {
        let (proxy, tunnel) = match origin.scheme {
            Scheme::Http => (&self.http, self.tunnels == Tunnels::All),
            Scheme::Https => (&self.https, true),
        };
        match proxy {
            Some(proxy) if !self.except.covers(origin.bare_host()) => match proxy.kind {
                ProxyKind::Socks(socks) => Via::Socks(proxy, socks),
                ProxyKind::Http | ProxyKind::Https if tunnel => Via::Tunnel(proxy),
                ProxyKind::Http | ProxyKind::Https => Via::Request(proxy),
            },
            _ => Via::Nobody,
        }
    }
}

impl<'a> Via<'a> {
    /// The proxy that connections lead to.
    pub(crate) fn proxy(self) -> Option<&'a Proxy> {
        match self {
            Self::Nobody => None,
            Self::Request(proxy) | Self::Tunnel(proxy) | Self::Socks(proxy, _) => Some(proxy),
        }
    }

    /// Connections that may carry each other's requests have the same key: a proxy takes those of
    /// all origins, a tunnel leads to one.
    pub(crate) fn key(self, origin: &Origin) -> Origin {
        match self {
            Self::Request(proxy) => proxy.origin(),
            Self::Nobody | Self::Tunnel(_) | Self::Socks(..) => origin.clone(),
        }
    }

    /// The proxy that carries requests out.
    pub(crate) fn carrier(self) -> Option<&'a Proxy> {
        match self {
            Self::Request(proxy) => Some(proxy),
            Self::Nobody | Self::Tunnel(_) | Self::Socks(..) => None,
        }
    }
}

/// Hosts that are reached without a proxy (`no_proxy`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Except(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Everybody,
    /// A name, and all below it.
    Domain(String),
    /// Addresses whose first bits are these.
    Network(IpAddr, u8),
}

impl Except {
    /// Reads names, addresses and networks (`192.0.2.0/24`) with commas or blanks between; `*` is
    /// everybody. A name stands for those below it too. What is none of these is passed over.
    pub fn parse(text: &str) -> Self {
        let entries = text.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        Self(entries.filter_map(Pattern::parse).collect())
    }

    /// Reads one of these, as somebody typed it: `*.` before a name is the name. `None` of what is none of
    /// them, so that nobody is left out without a word.
    pub fn one(text: &str) -> Option<Self> {
        let entry = text.strip_prefix("*.").unwrap_or(text);
        let pattern = Pattern::parse(entry)?;
        let pattern = match pattern {
            Pattern::Domain(domain) => Pattern::Domain(usual(&domain)?),
            other if entry == text => other,
            Pattern::Everybody | Pattern::Network(..) => return None,
        };
        Some(Self(vec![pattern]))
    }

    /// These and those.
    pub fn add(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Whether `host` is among them: a name, or an address without brackets.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        self.0.iter().any(|pattern| match (pattern, address) {
            (Pattern::Everybody, _) => true,
            (Pattern::Domain(domain), None) => {
                let above = host.strip_suffix(domain.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            (Pattern::Network(network, bits), Some(address)) => {
                same_network(*network, address, *bits)
            }
            _ => false,
        })
    }
}

impl Pattern {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::Everybody);
        }
        let (host, bits) = match entry.split_once('/') {
            Some((host, bits)) => (host, Some(bits.parse::<u8>().ok()?)),
            None => (entry, None),
        };
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.unwrap_or(most);
            return (bits <= most).then_some(Self::Network(address, bits));
        }
        let domain = host.trim_matches('.').to_ascii_lowercase();
        (bits.is_none() && !domain.is_empty()).then_some(Self::Domain(domain))
    }
}

/// A name as URLs have it, in ASCII; `None` of what is none, or an address in disguise (`127.1`).
fn usual(name: &str) -> Option<String> {
    let strange = |character: char| {
        character.is_ascii() && !character.is_ascii_alphanumeric() && !"-_.".contains(character)
    };
    if name.contains(strange) {
        return None;
    }
    let url = Url::parse(&format!("http://{name}/")).ok()?;
    url.domain().map(str::to_owned)
}

fn same_network(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let differ = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => u128::from(one.to_bits() ^ other.to_bits()) << 96,
        (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits() ^ other.to_bits(),
        _ => return false,
    };
    differ.leading_zeros() >= u32::from(bits)
}

/// What an exchange has to do with a tunnel.
pub(crate) struct Tunnel<'a, W: Wire> {
    pub(crate) proxy: &'a Proxy,
    /// Where it shall lead.
    pub(crate) to: &'a Origin,
    pub(crate) user_agent: &'a str,
    pub(crate) limits: Limits,
    pub(crate) reporter: &'a Reporter<W>,
    /// In which order fields go out.
    pub(crate) order: Order,
    /// Takes heads down.
    pub(crate) heard: Option<&'a Heard>,
}

/// A tunnel that was made: the bytes received for it, and the event of its coming about.
pub(crate) struct Made {
    pub(crate) received: u64,
    pub(crate) event: Option<EventId>,
}

/// What the proxy says.
pub(crate) enum Answered {
    /// The tunnel is there.
    Made(Made),
    /// It wants to know who asks, which can be proven now, on another connection.
    Again,
}

impl<W: Wire> Tunnel<'_, W> {
    /// Asks the proxy to pass bytes on (RFC 9110 §9.3.6). `prover` says who asks, where that is not told at
    /// once.
    pub(crate) async fn make(
        &self,
        wire: &W,
        stream: &mut Channel<W::Stream>,
        prover: Option<&mut Prover>,
        limit: Option<Duration>,
        cause: Option<EventId>,
    ) -> Result<Answered, FaultKind> {
        let work = pin!(self.ask(wire, stream, prover, cause));
        match limit {
            None => work.await,
            Some(limit) => match select(work, pin!(wire.sleep(limit))).await {
                Either::Left((made, _)) => made,
                Either::Right(_) => Err(FaultKind::TimedOut { limit, received: 0, head: 0 }),
            },
        }
    }

    async fn ask(
        &self,
        wire: &W,
        stream: &mut Channel<W::Stream>,
        mut prover: Option<&mut Prover>,
        cause: Option<EventId>,
    ) -> Result<Answered, FaultKind> {
        let connection = stream.id();
        let authorization = match &mut prover {
            Some(prover) => {
                let mut random = [0; 16];
                wire.random(&mut random);
                prover.value("CONNECT", &self.target(), random)
            }
            None => self.proxy.login.as_ref().and_then(Login::at_once),
        };
        let head = self.head(authorization);
        let mut out = Vec::new();
        head.encode(&mut out);
        let began = wire.now();
        let broken = |error: std::io::Error| self.refused(None, error.to_string());
        stream.write_all(&out).await.map_err(broken)?;
        poll_fn(|context| Pin::new(&mut *stream).poll_flush(context)).await.map_err(broken)?;
        let report = RequestReport {
            connection,
            stream: None,
            lookup: None,
            reused: 0,
            line: &head.line,
            fields: &head.fields,
            began,
            passed: stream.departed(),
            head_bytes: out.len() as u64,
            body_bytes: 0,
            body: None,
        };
        let sent = self.reporter.request(cause, report);
        let mut decoder = HeadDecoder::<StatusLine>::new(self.limits);
        let mut input = BytesMut::new();
        let mut first = None;
        loop {
            let read = poll_fn(|context| poll_read_into(stream, &mut input, 4096, context)).await;
            let first_byte = *first.get_or_insert_with(|| wire.now());
            if read.map_err(broken)? == 0 {
                return Err(self.refused(None, "it closed the connection".into()));
            }
            while !input.is_empty() {
                let fed = decoder.feed(&input).map_err(|error| FaultKind::Malformed {
                    what: error.defect.text().into(),
                    offset: error.offset,
                    rule: error.defect.rule().into(),
                })?;
                let text = input.split_to(fed.used);
                if let Some(heard) = self.heard {
                    heard.tunnel(&text);
                }
                let Some(answer) = fed.done else { continue };
                let segment = stream.segment_at(answer.bytes.saturating_sub(1));
                let first_segment = None;
                let report = HeadReport {
                    connection,
                    stream: None,
                    head: &answer,
                    first_byte,
                    arrived: stream.arrived(0),
                    first_segment,
                };
                let event = self.reporter.head(segment.or(sent), &report);
                if answer.line.status.is_informational() {
                    continue;
                }
                let status = answer.line.status;
                if let Some(prover) = prover.filter(|_| status.as_u16() == 407)
                    && prover.is_challenged(answer.fields.get_all("Proxy-Authenticate"))
                {
                    return Ok(Answered::Again);
                }
                self.judge(&answer, &input)?;
                return Ok(Answered::Made(Made { received: answer.bytes, event: event.or(sent) }));
            }
        }
    }

    /// What is asked for. The port always stands there.
    fn target(&self) -> String {
        format!("{}:{}", self.to.host, self.to.port)
    }

    fn head(&self, authorization: Option<String>) -> RequestHead {
        let target = self.target();
        let mut fields = Fields::new();
        fields.add("Host", &target);
        if let Some(authorization) = authorization {
            fields.add("Proxy-Authorization", authorization);
        }
        if !self.user_agent.is_empty() && !self.proxy.fields.contains("User-Agent") {
            fields.add("User-Agent", self.user_agent);
        }
        let told = self.proxy.fields.contains("Proxy-Connection") || self.proxy.omits_connection;
        if self.order == Order::Curl && !told {
            fields.add("Proxy-Connection", "Keep-Alive");
        }
        for (name, value) in self.proxy.fields.iter() {
            // They were checked when they were added.
            let _ = fields.push(name, value);
        }
        let line = RequestLine { method: Method::CONNECT, target, version: self.proxy.version };
        RequestHead { line, fields, bytes: 0 }
    }

    fn judge(&self, answer: &ResponseHead, rest: &[u8]) -> Result<(), FaultKind> {
        let status = answer.line.status;
        if !status.is_success() {
            return Err(self.refused(Some(status.as_u16()), answer.line.reason_text()));
        }
        if !rest.is_empty() {
            // Nobody behind the tunnel has been asked anything yet.
            let why = "it said more than that the tunnel is there".into();
            return Err(self.refused(Some(status.as_u16()), why));
        }
        Ok(())
    }

    fn refused(&self, status: Option<u16>, why: String) -> FaultKind {
        FaultKind::TunnelRefused { proxy: self.proxy.authority(), status, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_read_or_refused() {
        for (text, host) in [
            ("*.Bank.example", "www.bank.example"),
            ("bank.example", "bank.example"),
            ("192.0.2.0/24", "192.0.2.9"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("*", "a.test"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert!(Except::one(text).is_some_and(|except| except.covers(host)), "{text}");
        }
        for text in [
            "",
            "*.",
            "**",
            "*.*",
            "a.*.test",
            "*bank.example",
            "https://bank.example",
            "a.test/x",
            "a.test/24",
            "a.test:443",
            "192.0.2.1:443",
            "[::1]:443",
            "192.0.2.0/33",
            "*.192.0.2.1",
            "a b",
            "127.1",
        ] {
            assert_eq!(Except::one(text), None, "{text}");
        }
    }

    #[test]
    fn proxies_are_written_in_many_ways() {
        for (text, host, port) in [
            ("cache.test", "cache.test", 1080),
            ("cache.test:80", "cache.test", 80),
            ("http://cache.test:80/", "cache.test", 80),
            ("HTTP://Cache.Test:3128/path", "cache.test", 3128),
            ("[::1]:8080", "[::1]", 8080),
            ("http://u:p@192.0.2.1:8080", "192.0.2.1", 8080),
        ] {
            let proxy = Proxy::parse(text, None).unwrap();
            assert_eq!((proxy.host.as_str(), proxy.port), (host, port), "{text}");
        }
        let own = Proxy::parse("u:p%40@cache.test", None).unwrap();
        let told = |proxy: Proxy| proxy.login.map(|login| (login.user, login.password));
        assert_eq!(told(own), Some((b"u".to_vec(), b"p@".to_vec())));
        let given = Proxy::parse("u:p@cache.test", Some("a:b:c")).unwrap();
        assert_eq!(told(given), Some((b"a".to_vec(), b"b:c".to_vec())));
        let kind = |text: &str| Proxy::parse(text, None).map(|proxy| proxy.kind);
        for (text, socks) in [
            ("socks://cache.test", Socks::Four),
            ("SOCKS4a://cache.test:9050", Socks::FourA),
            ("socks5://u:p@cache.test", Socks::Five),
            ("socks5h://[::1]", Socks::FiveHostname),
        ] {
            assert_eq!(kind(text), Ok(ProxyKind::Socks(socks)), "{text}");
        }
        assert_eq!(kind("HTTPS://cache.test:8443"), Ok(ProxyKind::Https));
        for text in ["socks6://cache.test", "ftp://cache.test", "http://", "", "a b"] {
            assert!(Proxy::parse(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn some_hosts_need_no_proxy() {
        let except = Except::parse("one.test,.two.test three.test.,192.0.2.0/24,::1, 10.0.0.1");
        for host in ["one.test", "ONE.test.", "a.one.test", "two.test", "x.two.test", "three.test"]
        {
            assert!(except.covers(host), "{host}");
        }
        for host in ["192.0.2.9", "::1", "10.0.0.1"] {
            assert!(except.covers(host), "{host}");
        }
        for host in ["none.test", "bone.test", "192.0.3.1", "10.0.0.2", "::2", "test", ""] {
            assert!(!except.covers(host), "{host}");
        }
        assert!(Except::parse("*").covers("any.test") && Except::parse("*").covers("192.0.2.1"));
        assert!(!Except::parse("192.0.2.0/33,a/8").covers("192.0.2.1"));
    }

    #[test]
    fn origins_of_https_need_a_tunnel() {
        let proxy = Proxy::parse("cache.test", None).ok();
        let mut proxies = Proxies { http: proxy.clone(), https: proxy, ..Proxies::default() };
        let of = |text: &str| Origin::of(&Url::parse(text).unwrap()).unwrap();
        let (http, https) = (of("http://a.test/"), of("https://a.test/"));
        assert!(matches!(proxies.via(&http), Via::Request(_)));
        assert!(matches!(proxies.via(&https), Via::Tunnel(_)));
        assert_eq!(proxies.via(&http).key(&http), of("http://cache.test:1080/"));
        assert_eq!(proxies.via(&https).key(&https), https);
        proxies.tunnels = Tunnels::All;
        assert!(matches!(proxies.via(&http), Via::Tunnel(_)));
        proxies.http = Proxy::parse("socks5://cache.test", None).ok();
        assert!(matches!(proxies.via(&http), Via::Socks(..)));
        assert_eq!(proxies.via(&http).key(&http), http, "each connection leads to one origin");
        proxies.except = Except::parse("a.test");
        assert_eq!(proxies.via(&http), Via::Nobody);
    }
}
