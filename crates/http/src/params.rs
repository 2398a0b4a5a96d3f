//! Lists and parameters with quoted strings in them (RFC 9110 §5.6).

/// The parts between separators that stand outside of quotes, trimmed; empty ones are left out.
pub(crate) fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if char == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + char.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A token as it is, a quoted string without its quotes and backslashes.
pub(crate) fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else { return text.to_owned() };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => break,
            '\\' => out.extend(chars.next()),
            _ => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hide_separators() {
        assert_eq!(split(r#"a, b;c="x,\"y", d"#, ','), ["a", r#"b;c="x,\"y""#, "d"]);
        assert_eq!(split(" ,,", ','), Vec::<String>::new());
        assert_eq!(unquote(r#""x,\"y""#), "x,\"y");
        assert_eq!(unquote("plain"), "plain");
    }
}
