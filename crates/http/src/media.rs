//! Media types (RFC 9110 §8.3).

use crate::charset;

/// The type of a `Content-Type` field's value without its parameters, in lower case.
#[must_use]
pub fn essence(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What the name of a file and its content tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// The media type, with a charset where that is known.
    pub(crate) media_type: String,
    /// The coding that all files of that name are in.
    pub(crate) coding: Option<&'static str>,
}

/// Whether a file of this name whose content begins so may be text, so that its charset is to be looked for.
pub(crate) fn may_be_text(name: &str, start: &[u8]) -> bool {
    by_name(name).is_none_or(|known| known.starts_with("text/")) && charset::is_text(start, false)
}

/// The media type of files of this name.
fn by_name(name: &str) -> Option<&'static str> {
    match mime_guess::from_path(name).first_raw() {
        // As all scripts have it (RFC 9239).
        Some("application/javascript") => Some("text/javascript"),
        known => known,
    }
}

/// What a file with this name is, whose content is, or begins, so. The name decides; without an ending that is
/// known, a text is one where its bytes are.
pub(crate) fn of_file(name: &str, bytes: &[u8], whole: bool) -> Media {
    // A picture in SVG, packed: all who show such pictures unpack it, where they are told.
    let packed = name.len() > 5 && name.to_ascii_lowercase().ends_with(".svgz");
    let coding = packed.then_some("gzip");
    let known = match by_name(name) {
        None if charset::is_text(bytes, whole) => "text/plain",
        None => "application/octet-stream",
        Some(known) => known,
    };
    let says = known.starts_with("text/") && charset::is_utf8(known, bytes, whole);
    let charset = if says { "; charset=utf-8" } else { "" };
    Media { media_type: format!("{known}{charset}"), coding }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_and_the_content_tells_the_charset() {
        let of = |name: &str, bytes: &[u8]| of_file(name, bytes, true).media_type;
        assert_eq!(of("a.html", "ä".as_bytes()), "text/html; charset=utf-8");
        assert_eq!(of("a.html", b"\xe4 latin"), "text/html");
        assert_eq!(of("a.css", b""), "text/css; charset=utf-8");
        assert_eq!(of("a.js", b""), "text/javascript; charset=utf-8");
        assert_eq!(of("a.png", b"\x89PNG"), "image/png");
        assert_eq!(of("a.json", b"{}"), "application/json");
        assert_eq!(of("README", b"hello"), "text/plain; charset=utf-8");
        assert_eq!(of("core", b"\x7fELF\0"), "application/octet-stream");
        let cut = &"ä".as_bytes()[..1];
        assert_eq!(of_file("cut", cut, false).media_type, "text/plain");
        assert_eq!(of_file("cut", cut, true).media_type, "application/octet-stream");
    }

    #[test]
    fn packed_pictures_say_their_coding() {
        let picture = of_file("a.SVGZ", b"\x1f\x8b", true);
        assert_eq!((picture.media_type.as_str(), picture.coding), ("image/svg+xml", Some("gzip")));
        assert_eq!(of_file("a.gz", b"\x1f\x8b", true).coding, None);
    }

    #[test]
    fn parameters_do_not_belong_to_the_essence() {
        assert_eq!(essence("Text/HTML ; charset=x"), "text/html");
    }
}
