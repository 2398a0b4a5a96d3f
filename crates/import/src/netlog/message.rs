//! The messages of a hop: heads as lines, and what they say.

use roundtrip_http::media::essence;
use roundtrip_record::{Field, Framing, HttpVersion, ResourceKind};

use super::request::Hop;
use super::state::{Carried, Link};
use crate::words;

/// Header fields of lines `name: value`, without the pseudo-header fields of HTTP/2 (RFC 9113 §8.3).
pub(crate) fn fields(lines: &[String]) -> Vec<Field> {
    let fields =
        lines.iter().filter(|line| !line.starts_with(':')).filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| Field(name.to_owned(), value.trim().to_owned())).collect()
}

/// Bytes of a head of HTTP/1 as it was sent. The log says of credentials how long they were.
pub(crate) fn head_bytes(first: Option<&str>, lines: &[String]) -> u64 {
    let Some(first) = first else { return 0 };
    let lines = lines.iter().map(|line| match line.split_once(": [") {
        Some((name, left_out)) => {
            let digits = left_out
                .strip_suffix(" bytes were stripped]")
                .and_then(|digits| digits.parse().ok());
            digits.map_or(line.len(), |bytes: usize| name.len() + 2 + bytes)
        }
        None => line.len(),
    });
    let lines: usize = lines.map(|length| length + 2).sum();
    (first.trim_end().len() + 2 + lines + 2) as u64
}

/// The version of HTTP in which a hop was answered, as its connection and its status line tell.
pub(crate) fn version(hop: &Hop, carried: Option<Carried>) -> HttpVersion {
    match carried {
        Some(Carried { link: Link::Quic(_), .. }) => HttpVersion::Http3,
        Some(Carried { streams: true, .. }) => HttpVersion::Http2,
        _ => {
            let line = hop.heads.last().and_then(|(_, lines)| lines.first());
            let word = line.and_then(|line| line.split_ascii_whitespace().next());
            word.and_then(words::version).unwrap_or(HttpVersion::Http11)
        }
    }
}

/// The kind of what a hop asks for, and what that was inferred from.
pub(crate) fn kind(
    hop: &Hop,
    sent: &[Field],
    answered: &[Field],
) -> (ResourceKind, Option<&'static str>) {
    match hop.request_type.as_str() {
        "main frame" => return (ResourceKind::Document, None),
        "sub frame" | "subframe" => return (ResourceKind::Frame, None),
        _ => {}
    }
    if let Some(kind) = Field::first(sent, "sec-fetch-dest").and_then(words::destination) {
        let icon = words::extension(&hop.url).filter(|by_name| *by_name == ResourceKind::Icon);
        // Chromium says `empty` or `image` of a site's icon.
        return icon.map_or((kind, None), |icon| (icon, Some("the URL's extension")));
    }
    let media = Field::first(answered, "content-type").map(essence);
    if let Some(kind) = media.as_deref().and_then(words::media_type) {
        return (kind, Some("the media type"));
    }
    match words::extension(&hop.url) {
        Some(kind) => (kind, Some("the URL's extension")),
        None => (ResourceKind::Other, Some("nothing: counted as other")),
    }
}

/// The content codings of a response.
pub(crate) fn codings(fields: &[Field]) -> Vec<String> {
    words::codings(Field::first(fields, "content-encoding").unwrap_or_default())
}

/// How the end of a body was found.
pub(crate) fn framing(hop: &Hop, status: u16, version: &HttpVersion, fields: &[Field]) -> Framing {
    if matches!(status, 100..200 | 204 | 304) || hop.method == "HEAD" {
        return Framing::None;
    }
    if words::is_multiplexed(version) {
        return Framing::Frames;
    }
    let coded = Field::first(fields, "transfer-encoding").unwrap_or_default();
    if coded.to_ascii_lowercase().contains("chunked") {
        return Framing::Chunked;
    }
    let length =
        Field::first(fields, "content-length").and_then(|length| length.trim().parse().ok());
    length.map_or(Framing::Close, Framing::Length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_counted_with_what_was_taken_out() {
        let lines = ["Host: h".to_owned(), "Cookie: [10 bytes were stripped]".to_owned()];
        // GET / HTTP/1.1, Host: h, Cookie: and ten more, each with its line end, and the empty line.
        assert_eq!(head_bytes(Some("GET / HTTP/1.1\r\n"), &lines), 16 + 9 + 20 + 2);
        assert_eq!(head_bytes(None, &lines), 0);
        let fields = fields(&[":path: /".to_owned(), "A: b: c".to_owned(), "nothing".to_owned()]);
        assert_eq!(fields, [Field("A".into(), "b: c".into())]);
    }
}
