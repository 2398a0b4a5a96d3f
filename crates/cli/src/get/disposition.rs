//! The file name in a Content-Disposition field (RFC 6266), as `-J` uses it.

/// The file name that a server suggests: the last part of the path it gives, since a server must
/// not choose the folder. `None` where no usable name is given.
pub(super) fn file_name(field: &str) -> Option<String> {
    let mut rest = field;
    loop {
        let (_, after) = split_outside(rest)?;
        let (name, value) = after.split_once('=').unwrap_or((after, ""));
        if name.trim().eq_ignore_ascii_case("filename") {
            return plain(&unquote(value.trim_start()));
        }
        rest = after;
    }
}

/// Splits at the first semicolon outside quotes.
fn split_outside(text: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

/// The text of a quoted string, or of a token.
fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else {
        return text.split(';').next().unwrap_or_default().trim().to_owned();
    };
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => break,
            '\\' => out.extend(chars.next()),
            other => out.push(other),
        }
    }
    out
}

/// The last part of a path, if it can be the name of a file.
fn plain(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let usable = !matches!(last, "" | "." | "..") && !last.contains(char::is_control);
    usable.then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for (field, name) in [
            ("attachment; filename=a.txt", Some("a.txt")),
            ("attachment; FileName=\"a b.txt\"; size=3", Some("a b.txt")),
            ("attachment; x=\"; filename=no\"; filename=yes", Some("yes")),
            ("attachment; filename=\"a\\\"b\"", Some("a\"b")),
            ("attachment; filename=\"/etc/passwd\"", Some("passwd")),
            ("attachment; filename=..\\..\\x.exe", Some("x.exe")),
            ("attachment; filename=..", None),
            ("attachment; filename=\"a\u{1b}b\"", None),
            ("attachment; filename*=UTF-8''x", None),
            ("inline", None),
            ("", None),
        ] {
            assert_eq!(file_name(field).as_deref(), name, "{field}");
        }
    }
}
