//! Which charset a text is in, where that is known (RFC 9110 §8.3.2). What is said of it beside the text counts
//! for more than what the text says of itself: so nothing is said that may be wrong.

/// How far pages tell their charset (HTML Standard, "prescan a byte stream to determine its encoding").
const PRESCAN: usize = 1024;

/// Whether a text of this media type is known to be UTF-8. `whole`: the bytes are all of it, and not its beginning
/// alone.
pub(crate) fn is_utf8(media_type: &str, bytes: &[u8], whole: bool) -> bool {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return true;
    }
    // The escape character begins the codes of ISO-2022-JP and its like, which are ASCII otherwise.
    let plain = is_text(bytes, whole) && !bytes.contains(&0x1b);
    plain
        && match declared(media_type, &bytes[..bytes.len().min(PRESCAN)]) {
            Some(label) => matches!(label.as_str(), "utf-8" | "utf8"),
            None => whole,
        }
}

/// Whether these bytes are, or begin, a text in UTF-8 or ASCII. A character may be cut at the end of a beginning.
pub(crate) fn is_text(bytes: &[u8], whole: bool) -> bool {
    let valid = match core::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => !whole && error.error_len().is_none(),
    };
    valid && !bytes.contains(&0)
}

/// The charset that a text names itself, in lower case.
fn declared(media_type: &str, start: &[u8]) -> Option<String> {
    let start = start.to_ascii_lowercase();
    match media_type {
        "text/html" => elements(&start, b"<meta").find_map(|meta| value(meta, b"charset")),
        "text/css" => start.strip_prefix(b"@charset ").and_then(unquoted),
        _ if media_type.ends_with("xml") => {
            let is_declaration = start.starts_with(b"<?xml");
            let first = start.split(|byte| *byte == b'>').next().filter(|_| is_declaration);
            first.and_then(|declaration| value(declaration, b"encoding"))
        }
        _ => None,
    }
}

/// The elements of this name, each to its end.
fn elements<'a>(text: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let starts = text.windows(name.len()).enumerate().filter(move |(_, part)| *part == name);
    starts.filter_map(|(at, _)| text[at..].split(|byte| *byte == b'>').next())
}

/// What stands after `name` and the equals sign.
fn value(text: &[u8], name: &[u8]) -> Option<String> {
    let at = text.windows(name.len()).position(|part| part == name)?;
    unquoted(text[at + name.len()..].trim_ascii_start().strip_prefix(b"=")?)
}

/// A word, in quotes or not.
fn unquoted(text: &[u8]) -> Option<String> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"\"").or_else(|| text.strip_prefix(b"'")).unwrap_or(text);
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\'' | b';' | b'/' | b'?' | b' ' | b'>');
    let word = text.split(is_end).next()?;
    (!word.is_empty()).then(|| String::from_utf8_lossy(word).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_said() {
        let late = [&[b'x'; 9000][..], b"\xe4"].concat();
        let cases: &[(&str, &[u8], bool)] = &[
            ("text/html", b"<p>plain", true),
            ("text/html", "<p>ä".as_bytes(), true),
            ("text/html", b"<p>\xe4", false),
            ("text/plain", &late, false),
            // ISO-2022-JP has no byte beyond ASCII.
            ("text/html", b"\x1b$B$3$l\x1b(B", false),
            ("text/html", b"<meta charset=iso-8859-1><p>abc", false),
            (
                "text/html",
                b"<META http-equiv=Content-Type content='text/html; charset=Shift_JIS'>",
                false,
            ),
            ("text/html", b"<meta charset=\"UTF-8\"/>", true),
            ("text/html", b"<meta name=a content=b><meta charset = utf8>", true),
            ("text/css", b"@charset \"latin1\"; a{}", false),
            ("text/css", b"@charset \"utf-8\"; a{}", true),
            ("application/xml", b"<?xml version='1.0' encoding='koi8-r'?><a/>", false),
            ("text/xml", b"<?xml version='1.0'?><a encoding='koi8-r'/>", true),
            ("text/javascript", b"let charset='x'", true),
            ("text/plain", b"a\0b", false),
            ("text/plain", b"\xef\xbb\xbfa\x1b", true),
        ];
        for (media_type, text, known) in cases {
            let shown = String::from_utf8_lossy(&text[..text.len().min(60)]);
            assert_eq!(is_utf8(media_type, text, true), *known, "{media_type} {shown}");
        }
    }

    #[test]
    fn of_a_beginning_only_what_it_says_itself_is_known() {
        assert!(!is_utf8("text/html", b"<p>plain", false));
        assert!(is_utf8("text/html", b"<meta charset=utf-8><p>plain", false));
        assert!(!is_utf8("text/html", b"<meta charset=utf-8><p>\xe4 ", false));
    }
}
