//! The words that archives have for protocols, priorities and kinds of resources, and what they
//! mean.

use roundtrip_record::{HttpVersion, Priority, ResourceKind, TlsVersion};
use url::Url;

/// The request target of a URL: path and query.
pub(crate) fn target(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) => match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        },
        Err(_) => url.to_owned(),
    }
}

/// The content codings that a Content-Encoding field names.
pub(crate) fn codings(field: &str) -> Vec<String> {
    let all = field.split(',').map(|coding| coding.trim().to_ascii_lowercase());
    all.filter(|coding| !coding.is_empty() && coding != "identity").collect()
}

/// The version of HTTP that a word of `httpVersion` means; `None` for rubbish, which WebPageTest
/// cuts out of header lines, and for words that say nothing.
pub(crate) fn version(word: &str) -> Option<HttpVersion> {
    let word = word.trim().to_ascii_lowercase();
    let number = word.strip_prefix("http/").unwrap_or(&word);
    Some(match number {
        "0.9" => HttpVersion::Http09,
        "1.0" | "1" => HttpVersion::Http10,
        "1.1" => HttpVersion::Http11,
        "2" | "2.0" | "h2" | "h2c" | "h2-14" => HttpVersion::Http2,
        "3" | "3.0" | "h3" => HttpVersion::Http3,
        _ if number.starts_with("h3-") || number.contains("quic") => HttpVersion::Http3,
        _ if number.starts_with("spdy") => HttpVersion::Other(word),
        _ => return None,
    })
}

/// Whether exchanges of this version share a connection at the same time.
pub(crate) fn is_multiplexed(version: &HttpVersion) -> bool {
    match version {
        HttpVersion::Http2 | HttpVersion::Http3 => true,
        HttpVersion::Other(word) => word.starts_with("spdy"),
        _ => false,
    }
}

/// The priority that a word means: the names of Chrome's developer tools, Chrome's net stack's, and Firefox's.
pub(crate) fn priority(word: &str) -> Option<Priority> {
    Some(match word.to_ascii_lowercase().as_str() {
        "veryhigh" | "highest" => Priority::VeryHigh,
        "high" => Priority::High,
        "medium" => Priority::Medium,
        "low" => Priority::Low,
        "verylow" | "lowest" | "idle" | "throttled" => Priority::VeryLow,
        _ => return None,
    })
}

/// The kind of resource that a word means: the resource types of Chrome's developer tools, and our own.
pub(crate) fn resource_type(word: &str) -> Option<ResourceKind> {
    Some(match word.to_ascii_lowercase().as_str() {
        "document" => ResourceKind::Document,
        "stylesheet" | "style" | "css" => ResourceKind::Style,
        "script" | "js" => ResourceKind::Script,
        "image" => ResourceKind::Image,
        "font" => ResourceKind::Font,
        "icon" => ResourceKind::Icon,
        "media" | "audio" | "video" | "texttrack" => ResourceKind::Media,
        "frame" | "iframe" | "subdocument" => ResourceKind::Frame,
        "manifest" => ResourceKind::Manifest,
        "xhr" | "fetch" | "websocket" | "eventsource" | "ping" | "preflight" | "other"
        | "signedexchange" | "cspviolationreport" | "prefetch" => ResourceKind::Other,
        _ => return None,
    })
}

/// The kind of resource that a value of `Sec-Fetch-Dest` means (Fetch Metadata).
pub(crate) fn destination(word: &str) -> Option<ResourceKind> {
    Some(match word {
        "document" => ResourceKind::Document,
        "iframe" | "frame" | "embed" | "object" => ResourceKind::Frame,
        "style" | "xslt" => ResourceKind::Style,
        "script" | "worker" | "sharedworker" | "serviceworker" | "audioworklet"
        | "paintworklet" => ResourceKind::Script,
        "image" => ResourceKind::Image,
        "font" => ResourceKind::Font,
        "audio" | "video" | "track" => ResourceKind::Media,
        "manifest" => ResourceKind::Manifest,
        "empty" | "report" => ResourceKind::Other,
        _ => return None,
    })
}

/// The kind of resource that a media type suggests.
pub(crate) fn media_type(essence: &str) -> Option<ResourceKind> {
    Some(match essence {
        "text/html" | "application/xhtml+xml" => ResourceKind::Document,
        "text/css" => ResourceKind::Style,
        "application/manifest+json" => ResourceKind::Manifest,
        "image/x-icon" | "image/vnd.microsoft.icon" => ResourceKind::Icon,
        _ if essence.contains("javascript") || essence.contains("ecmascript") => {
            ResourceKind::Script
        }
        _ if essence.starts_with("image/") => ResourceKind::Image,
        _ if essence.starts_with("font/") || essence.contains("font") => ResourceKind::Font,
        _ if essence.starts_with("audio/") || essence.starts_with("video/") => ResourceKind::Media,
        _ => return None,
    })
}

/// The kind of resource that the path of a URL suggests by its extension.
pub(crate) fn extension(url: &str) -> Option<ResourceKind> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let name = path.rsplit('/').next().unwrap_or(path);
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" | "xhtml" => ResourceKind::Document,
        "css" => ResourceKind::Style,
        "js" | "mjs" => ResourceKind::Script,
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "svg" => ResourceKind::Image,
        "woff" | "woff2" | "ttf" | "otf" | "eot" => ResourceKind::Font,
        "ico" => ResourceKind::Icon,
        "mp4" | "webm" | "mp3" | "ogg" | "m4a" | "mov" => ResourceKind::Media,
        "webmanifest" => ResourceKind::Manifest,
        _ => return None,
    })
}

/// The version of TLS that a word means; a word that names none is kept as it is.
pub(crate) fn tls(word: &str) -> TlsVersion {
    let plain: String =
        word.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.trim_start_matches("tls").trim_start_matches('v') {
        "13" => TlsVersion::Tls13,
        "12" => TlsVersion::Tls12,
        "11" => TlsVersion::Tls11,
        "10" | "1" => TlsVersion::Tls10,
        _ => TlsVersion::Other(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_writers_spell_them() {
        for (word, version) in [
            ("HTTP/1.1", Some(HttpVersion::Http11)),
            ("http/2.0", Some(HttpVersion::Http2)),
            ("h3", Some(HttpVersion::Http3)),
            ("h3-29", Some(HttpVersion::Http3)),
            ("http/2+quic/46", Some(HttpVersion::Http3)),
            ("2 2", None),
            ("us:", None),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(super::version(word), version, "{word}");
        }
        assert!(is_multiplexed(&super::version("spdy/3.1").unwrap()));
        assert_eq!(tls("TLSv1.3"), TlsVersion::Tls13);
        assert_eq!(tls("TLS 1.2"), TlsVersion::Tls12);
        assert_eq!(tls("QUIC"), TlsVersion::Other("QUIC".into()));
    }
}
