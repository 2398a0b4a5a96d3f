//! Files of options (`-K`): an option a line, its value behind a blank, `=` or `:`, in quotes where it
//! has blanks in it (curl(1), `--config`).

use super::line_error::LineError;
use super::source;

/// Takes an option: its name, and its value where it has one.
type Take<'a> = dyn FnMut(&str, Option<String>) -> Result<(), LineError> + 'a;

/// Reads a file, `-` for standard input, and hands each of its options on.
pub(super) fn read(path: &str, take: &mut Take<'_>) -> Result<(), LineError> {
    let text = source::read(path).map_err(|error| LineError::unread(format!("-K {error:#}")))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    for (number, whole) in text.lines().enumerate() {
        let Some((name, value)) = option(whole) else { continue };
        take(name, value).map_err(|error| LineError {
            text: format!("-K {path}, line {}: {error}", number + 1),
            ..error
        })?;
    }
    Ok(())
}

/// The option of a line, and its value; `None` where there is none.
fn option(line: &str) -> Option<(&str, Option<String>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let dashed = line.starts_with('-');
    // A name with dashes ends at a blank alone.
    let ends = |char: char| char.is_ascii_whitespace() || !dashed && matches!(char, '=' | ':');
    let (name, rest) = line.split_at(line.find(ends).unwrap_or(line.len()));
    let rest = rest.trim_start_matches(|char: char| {
        char.is_ascii_whitespace() || !dashed && matches!(char, '=' | ':')
    });
    let value = match rest.strip_prefix('"') {
        Some(quoted) => unquote(quoted),
        None => rest.split([' ', '\t']).next().unwrap_or_default().to_owned(),
    };
    let quoted = rest.starts_with('"');
    Some((name, (quoted || !value.is_empty()).then_some(value)))
}

/// The text up to the closing quote, its escapes undone.
fn unquote(quoted: &str) -> String {
    let mut out = String::new();
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => break,
            '\\' => out.extend(chars.next().map(|escaped| match escaped {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'v' => '\u{b}',
                other => other,
            })),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_options() {
        for (line, name, value) in [
            ("url = http://a.test/", "url", Some("http://a.test/")),
            ("  --header \"X: a \\\"b\\\"\\n\" # more", "--header", Some("X: a \"b\"\n")),
            ("user-agent:me", "user-agent", Some("me")),
            ("-L", "-L", None),
            ("data=\"\"", "data", Some("")),
            ("output file rest", "output", Some("file")),
        ] {
            assert_eq!(option(line), Some((name, value.map(str::to_owned))), "{line}");
        }
        assert_eq!(option("# a comment"), None);
        assert_eq!(option("   "), None);
    }
}
