//! `Sketch`: of each entry what is needed to put all entries in order and in relation, so that only
//! one whole entry need be in memory at a time.

use roundtrip_http::media::essence;
use roundtrip_record::{HttpVersion, ResourceKind};
use url::Url;

use super::entry::{Entry, field};
use super::times::Times;
use crate::notes::Notes;
use crate::words;

/// What an entry's exchange went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// A connection.
    Network,
    /// A cache of the browser's, or a service worker.
    Cache,
    /// Nothing at all: `data:`, `blob:`, an extension's own files.
    Inside,
}

/// An entry in short.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    /// The entry's place in the archive, from 0.
    pub(crate) place: u64,
    /// Where its text is among the kept entries, and how long it is.
    pub(crate) text: (u64, u64),
    /// The page it belongs to.
    pub(crate) page: Option<String>,
    /// When it was wanted, nanoseconds since 1970.
    pub(crate) start: u64,
    pub(crate) times: Times,
    /// The URL without its fragment.
    pub(crate) url: String,
    /// Scheme, host and port; empty where the URL has none.
    pub(crate) origin: String,
    pub(crate) status: u16,
    /// The URL a redirect leads to.
    pub(crate) redirect: Option<String>,
    pub(crate) kind: ResourceKind,
    /// What the kind was inferred from; `None` where the archive states it.
    pub(crate) kind_from: Option<&'static str>,
    pub(crate) version: HttpVersion,
    /// What the version was inferred from.
    pub(crate) version_from: Option<&'static str>,
    pub(crate) ground: Ground,
    /// The connection's name in the archive.
    pub(crate) connection: Option<String>,
    /// Whether it is a question that the browser asked before the request (CORS preflight).
    pub(crate) preflight: bool,
}

impl Sketch {
    /// The short form of an entry; an error says why it cannot be imported.
    pub(crate) fn of(
        entry: &Entry,
        place: u64,
        text: (u64, u64),
        notes: &mut Notes,
    ) -> Result<Self, String> {
        let given = entry.request.url.as_deref().unwrap_or_default();
        if given.is_empty() {
            return Err("it has no request.url".into());
        }
        let started = entry.started_date_time.as_deref().ok_or("it has no startedDateTime")?;
        let start = super::date::parse(started)
            .ok_or_else(|| format!("startedDateTime {started:?} is no date"))?;
        let mut parsed = Url::parse(given).ok();
        if let Some(url) = &mut parsed {
            url.set_fragment(None);
        }
        let (kind, kind_from) = kind(entry);
        let (version, version_from) = version(entry);
        Ok(Self {
            place,
            text,
            page: entry.pageref.clone(),
            start,
            times: Times::of(entry, notes),
            url: parsed.as_ref().map_or_else(|| given.to_owned(), Url::to_string),
            origin: parsed.as_ref().map(origin).unwrap_or_default(),
            status: entry.response.status.filter(|s| (0.0..1000.0).contains(s)).unwrap_or(0.0)
                as u16,
            redirect: redirect(entry, parsed.as_ref()),
            kind,
            kind_from,
            version,
            version_from,
            ground: ground(entry, parsed.as_ref()),
            connection: connection(entry, parsed.as_ref()),
            preflight: is_preflight(entry),
        })
    }

    /// When it had ended, nanoseconds since 1970.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.times.end)
    }

    /// When its request began to be sent, nanoseconds since 1970.
    pub(crate) fn sent(&self) -> u64 {
        self.start.saturating_add(self.times.send.0)
    }

    /// When its connection began to be opened, if it opened one.
    pub(crate) fn opened(&self) -> Option<u64> {
        let (began, ended) = self.times.connect.or(self.times.tls)?;
        let any = ended > began || self.times.tls.is_some_and(|(began, ended)| ended > began);
        any.then(|| self.start.saturating_add(began))
    }

    /// Whether it was answered.
    pub(crate) fn answered(&self) -> bool {
        self.status >= 100
    }
}

/// Scheme, host and port.
fn origin(url: &Url) -> String {
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        scheme => scheme,
    };
    let port = url.port_or_known_default().unwrap_or(0);
    url.host_str().map(|host| format!("{scheme}://{host}:{port}")).unwrap_or_default()
}

fn kind(entry: &Entry) -> (ResourceKind, Option<&'static str>) {
    let cause = &entry.cause;
    let stated = [&cause.resource_type, &cause.request_type, &cause.request_type_old];
    let by_name = entry.request.url.as_deref().and_then(words::extension);
    if let Some(kind) = stated.into_iter().flatten().find_map(|word| words::resource_type(word)) {
        // Chromium says `other` of a site's icon.
        return match by_name {
            Some(icon @ ResourceKind::Icon) if kind == ResourceKind::Other => {
                (icon, Some("the URL's extension"))
            }
            _ => (kind, None),
        };
    }
    let destination = field(&entry.request.headers, "sec-fetch-dest").and_then(words::destination);
    if let Some(kind) = destination {
        return (kind, None);
    }
    let media = entry.response.content.mime_type.as_deref();
    let media = media.or_else(|| field(&entry.response.headers, "content-type"));
    if let Some(kind) = media.and_then(|media| words::media_type(&essence(media))) {
        return (kind, Some("the media type"));
    }
    match by_name {
        Some(kind) => (kind, Some("the URL's extension")),
        None => (ResourceKind::Other, Some("nothing: counted as other")),
    }
}

/// The version of HTTP: as stated for the response, for the request, or as the fields tell.
fn version(entry: &Entry) -> (HttpVersion, Option<&'static str>) {
    let stated = |word: &Option<String>| word.as_deref().and_then(words::version);
    if let Some(version) = stated(&entry.response.http_version) {
        return (version, None);
    }
    if let Some(version) = stated(&entry.request.http_version) {
        return (version, Some("the request's version"));
    }
    let pseudo = |name| field(&entry.request.headers, name).is_some();
    if pseudo(":authority")
        || pseudo(":path")
        || field(&entry.response.headers, ":status").is_some()
    {
        return (HttpVersion::Http2, Some("pseudo-header fields"));
    }
    (HttpVersion::Http11, Some("nothing: taken for HTTP/1.1"))
}

fn redirect(entry: &Entry, url: Option<&Url>) -> Option<String> {
    if !(300..400).contains(&(entry.response.status? as i64)) {
        return None;
    }
    let stated = entry.response.redirect_url.as_deref().filter(|target| !target.is_empty());
    let target = stated.or_else(|| field(&entry.response.headers, "location"))?;
    let mut target = url?.join(target).ok()?;
    target.set_fragment(None);
    Some(target.into())
}

fn ground(entry: &Entry, url: Option<&Url>) -> Ground {
    let network = ["http", "https", "ws", "wss"];
    // A URL that cannot be parsed was asked for all the same.
    if url.is_some_and(|url| !network.contains(&url.scheme())) {
        return Ground::Inside;
    }
    let told = |word: &Option<String>| {
        word.as_deref().is_some_and(|word| !matches!(word, "" | "false" | "0" | "none"))
    };
    let cached = told(&entry.outcome.from_cache)
        || told(&entry.outcome.via_service_worker)
        || told(&entry.response.from_disk_cache)
        || told(&entry.response.via_service_worker);
    if cached { Ground::Cache } else { Ground::Network }
}

/// The connection's name in the archive. Firefox writes the server's port there, which names none.
fn connection(entry: &Entry, url: Option<&Url>) -> Option<String> {
    let carrier = &entry.carrier;
    let port = url.and_then(Url::port_or_known_default).map(|port| port.to_string());
    let named = |name: &&String| {
        !matches!(name.as_str(), "" | "0" | "-1") && Some(name.as_str()) != port.as_deref()
    };
    [&carrier.connection_id, &carrier.connection, &carrier.socket]
        .into_iter()
        .flatten()
        .find(named)
        .cloned()
}

fn is_preflight(entry: &Entry) -> bool {
    let told = entry.cause.resource_type.as_deref() == Some("preflight")
        || entry.cause.initiator_type.as_deref() == Some("preflight");
    let asked = field(&entry.request.headers, "access-control-request-method").is_some();
    told || (asked && entry.request.method.as_deref() == Some("OPTIONS"))
}
