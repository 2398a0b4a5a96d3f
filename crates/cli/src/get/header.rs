//! Header fields of `-H` and `--proxy-header`.

use anyhow::anyhow;
use roundtrip_http::message::Fields;

use super::source;

/// Reads all values of `-H` or `--proxy-header`: fields, and names of those that are left out.
pub(super) fn header_fields(all: &[String]) -> anyhow::Result<(Fields, Vec<String>)> {
    let (mut fields, mut omit) = (Fields::new(), Vec::new());
    for text in all {
        header_field(text, &mut fields, &mut omit)?;
    }
    Ok((fields, omit))
}

/// Parses `-H`: `NAME: VALUE`, `NAME:` (omit the field), `NAME;` (empty value), `@FILE`. What is none of
/// these is passed over, as in curl.
fn header_field(text: &str, fields: &mut Fields, omit: &mut Vec<String>) -> anyhow::Result<()> {
    if let Some(path) = text.strip_prefix('@') {
        let lines = String::from_utf8_lossy(&source::read(path)?).into_owned();
        for line in lines.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            // A line of a file is a field, whatever it begins with.
            one(line, fields, omit)?;
        }
        return Ok(());
    }
    one(text, fields, omit)
}

fn one(text: &str, fields: &mut Fields, omit: &mut Vec<String>) -> anyhow::Result<()> {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) if value.trim().is_empty() => {
            omit.push(name.trim().to_owned());
            return Ok(());
        }
        Some(pair) => pair,
        None => {
            let Some((name, "")) = text.split_once(';') else {
                eprintln!("roundtrip: -H {text}: not NAME: VALUE, NAME: or NAME;, and left out");
                return Ok(());
            };
            (name, "")
        }
    };
    // A second Host would make the request one for two hosts.
    if name.trim().eq_ignore_ascii_case("Host") && fields.contains("Host") {
        return Ok(());
    }
    let value = value.strip_prefix(' ').unwrap_or(value);
    fields.push_as_is(name.trim(), value.as_bytes()).map_err(|error| anyhow!("-H {text}: {error}"))
}
