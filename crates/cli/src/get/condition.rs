//! What is wanted only if it is another than what is there already: by its date (`-z`), or by its ETag.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use roundtrip_visit::get::Condition;

use super::source;

/// Reads `-z`: a date, or the name of a file that has one; a dash before it turns it around. As in curl,
/// what is neither is passed over with a warning.
pub(super) fn parse(text: &str) -> Option<Condition> {
    let (older, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        // The older signs for "newer than" and "as new as".
        None => (false, text.strip_prefix(['+', '=']).unwrap_or(text)),
    };
    let of_file = || fs::metadata(text).and_then(|meta| meta.modified()).ok();
    let at = date(text).or_else(of_file);
    if at.is_none() {
        eprintln!("roundtrip: -z {text}: neither a date nor a file; everything is taken");
    }
    at.map(|at| Condition { at, older })
}

/// A date, with its time or without; `20040911` too. Without a zone, it is of UTC.
fn date(text: &str) -> Option<SystemTime> {
    let digits = text
        .split(' ')
        .next()
        .filter(|word| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit()));
    let text = match digits {
        Some(word) => {
            const MONTHS: [&str; 12] = [
                "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
            ];
            let month = MONTHS.get(word[4..6].parse::<usize>().ok()?.checked_sub(1)?)?;
            format!("{} {month} {}{}", &word[6..], &word[..4], &text[8..])
        }
        None => text.to_owned(),
    };
    roundtrip_fetch::parse_date(&text)
        .or_else(|| roundtrip_fetch::parse_date(&format!("{text} 00:00:00")))
}

/// The field that tells a condition (RFC 9110 §13.1): its name and value.
pub(super) fn field(condition: Condition) -> (&'static str, String) {
    let name = if condition.older { "If-Unmodified-Since" } else { "If-Modified-Since" };
    (name, httpdate::fmt_http_date(condition.at))
}

/// The ETag that `--etag-save` wrote to a file; an empty one where there is none, but with `must_be`.
pub(super) fn etag(path: &Path, must_be: bool) -> anyhow::Result<String> {
    let text = match fs::read_to_string(path) {
        Err(error) if must_be => return Err(source::unread(&path.display(), &error).into()),
        read => read.unwrap_or_default(),
    };
    let text = text.trim();
    Ok(if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        for (text, name, value) in [
            ("dec 12 12:00:00 1999 GMT", "If-Modified-Since", "Sun, 12 Dec 1999 12:00:00 GMT"),
            ("-dec 12 12:00:00 1999 GMT", "If-Unmodified-Since", "Sun, 12 Dec 1999 12:00:00 GMT"),
            ("12 Dec 1999", "If-Modified-Since", "Sun, 12 Dec 1999 00:00:00 GMT"),
            ("19991212", "If-Modified-Since", "Sun, 12 Dec 1999 00:00:00 GMT"),
            ("19991212 12:00:01", "If-Modified-Since", "Sun, 12 Dec 1999 12:00:01 GMT"),
        ] {
            assert_eq!(parse(text).map(field), Some((name, value.to_owned())), "{text}");
        }
        assert_eq!(parse("/no/such/file"), None);
    }
}
