//! The file name in a Content-Disposition field (RFC 6266), as `-J` uses it: bytes, which need not be text.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

/// The file name that a server suggests: the last part of the path it gives, since a server must
/// not choose the folder. `None` where no usable name is given.
pub(super) fn file_name(field: &[u8]) -> Option<OsString> {
    let mut rest = field;
    loop {
        let after = behind_semicolon(rest)?;
        let end = after.iter().position(|byte| *byte == b'=').unwrap_or(after.len());
        if after[..end].trim_ascii().eq_ignore_ascii_case(b"filename") {
            let value = after.get(end + 1..).unwrap_or_default();
            return plain(&unquote(value.trim_ascii_start())).map(OsString::from_vec);
        }
        rest = after;
    }
}

/// What follows the first semicolon outside quotes.
fn behind_semicolon(text: &[u8]) -> Option<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => return Some(&text[at + 1..]),
            _ => {}
        }
    }
    None
}

/// The text of a quoted string, or of a token.
fn unquote(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"") else {
        let token = text.split(|byte| *byte == b';').next().unwrap_or_default();
        return token.trim_ascii().to_vec();
    };
    let mut out = Vec::new();
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => out.extend(bytes.next()),
            other => out.push(other),
        }
    }
    out
}

/// The last part of a path, if it can be the name of a file.
fn plain(name: &[u8]) -> Option<Vec<u8>> {
    let last = name.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    let controls = match core::str::from_utf8(last) {
        Ok(text) => text.contains(char::is_control),
        Err(_) => last.iter().any(u8::is_ascii_control),
    };
    let usable = !matches!(last, b"" | b"." | b"..") && !controls;
    usable.then(|| last.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for (field, name) in [
            (&b"attachment; filename=a.txt"[..], Some(&b"a.txt"[..])),
            (b"attachment; FileName=\"a b.txt\"; size=3", Some(b"a b.txt")),
            (b"attachment; x=\"; filename=no\"; filename=yes", Some(b"yes")),
            (b"attachment; filename=\"a\\\"b\"", Some(b"a\"b")),
            (b"attachment; filename=\"/etc/passwd\"", Some(b"passwd")),
            (b"attachment; filename=..\\..\\x.exe", Some(b"x.exe")),
            (b"attachment; filename=\"caf\xe9.txt\"", Some(b"caf\xe9.txt")),
            (b"attachment; filename=..", None),
            (b"attachment; filename=\"a\x1bb\"", None),
            (b"attachment; filename=\"a\xc2\x9bb\"", None),
            (b"attachment; filename=\"\xe9\x1b\"", None),
            (b"attachment; filename*=UTF-8''x", None),
            (b"inline", None),
            (b"", None),
        ] {
            let found = file_name(field).map(OsString::into_vec);
            assert_eq!(found.as_deref(), name, "{}", field.escape_ascii());
        }
    }
}
