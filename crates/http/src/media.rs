//! Media types (RFC 9110 §8.3).

/// The type of a `Content-Type` field's value without its parameters, in lower case.
#[must_use]
pub fn essence(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The media type of a file with this name whose content begins so.
///
/// The name decides. Text is said to be UTF-8 where its beginning is; where it is not, no charset is
/// named, since the content may name it itself and a wrong one here would override that.
pub(crate) fn of_file(name: &str, start: &[u8]) -> String {
    let text = is_utf8(start);
    let guess = mime_guess::from_path(name).first_raw();
    match guess {
        None if text => "text/plain; charset=utf-8".into(),
        None => "application/octet-stream".into(),
        Some(known) if known.starts_with("text/") && text => format!("{known}; charset=utf-8"),
        Some(known) => known.into(),
    }
}

/// Whether this is the beginning of a text in UTF-8. A character may be cut at its end.
fn is_utf8(start: &[u8]) -> bool {
    let whole = match core::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    whole && !start.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_and_the_content_tells_the_charset() {
        assert_eq!(of_file("a.html", "ä".as_bytes()), "text/html; charset=utf-8");
        assert_eq!(of_file("a.html", b"\xe4 latin"), "text/html");
        assert_eq!(of_file("a.css", b""), "text/css; charset=utf-8");
        assert_eq!(of_file("a.js", b""), "text/javascript; charset=utf-8");
        assert_eq!(of_file("a.png", b"\x89PNG"), "image/png");
        assert_eq!(of_file("a.json", b"{}"), "application/json");
        assert_eq!(of_file("README", b"hello"), "text/plain; charset=utf-8");
        assert_eq!(of_file("core", b"\x7fELF\0"), "application/octet-stream");
        assert_eq!(of_file("cut.txt", &"ä".as_bytes()[..1]), "text/plain; charset=utf-8");
    }

    #[test]
    fn parameters_do_not_belong_to_the_essence() {
        assert_eq!(essence("Text/HTML ; charset=x"), "text/html");
    }
}
