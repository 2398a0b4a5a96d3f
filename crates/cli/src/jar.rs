//! Reads and writes cookies in a file of Netscape's format.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use roundtrip_fetch::{Asker, Jar};
use url::Url;

use crate::{keep, terminal};

/// Whether the cookies of a session that was are those of this one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sessions {
    /// They are.
    GoOn,
    /// They are not: what ends with a session has ended.
    Begin,
}

/// Puts the cookies of a file into a jar.
pub(crate) fn read(bytes: &[u8], jar: &mut Jar, now: SystemTime, sessions: Sessions) {
    for line in String::from_utf8_lossy(bytes).lines() {
        read_cookie(line, jar, now, sessions);
    }
}

/// Parses one line: domain, whether it includes subdomains, path, secure, expiry, name, value.
fn read_cookie(line: &str, jar: &mut Jar, now: SystemTime, sessions: Sessions) -> Option<()> {
    let (line, http_only) = match line.strip_prefix("#HttpOnly_") {
        Some(rest) => (rest, "; HttpOnly"),
        None => (line, ""),
    };
    let columns: Vec<&str> = line.split('\t').collect();
    let [domain, below, path, secure, expires, name, value] = columns[..] else { return None };
    if domain.starts_with('#') {
        return None;
    }
    let is = |text: &str| text.eq_ignore_ascii_case("TRUE");
    let mut field = format!("{name}={value}; Path={path}{http_only}");
    if is(below) {
        field.extend(["; Domain=", domain]);
    }
    if is(secure) {
        field.push_str("; Secure");
    }
    let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    match expires.parse::<u64>().ok()? {
        0 if sessions == Sessions::Begin => return None,
        0 => {}
        at => field.extend(["; Max-Age=", &at.saturating_sub(now).to_string()]),
    }
    let scheme = if is(secure) { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{}{path}", domain.trim_start_matches('.'))).ok()?;
    jar.store(&field, &url, &Asker::Person, UNIX_EPOCH + Duration::from_secs(now)).then_some(())
}

/// Writes the cookies of a jar to a file; `-` is standard output.
pub(crate) fn write(path: &Path, jar: &Jar) -> anyhow::Result<()> {
    let mut text = "# Netscape HTTP Cookie File\n\n".to_owned();
    // As curl has them: the newest first.
    for cookie in jar.cookies().iter().rev() {
        let flag = |is: bool| if is { "TRUE" } else { "FALSE" };
        let expires = cookie.expires.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}{}{}\t{}\t{}\t{}\t{}\t{}\t{}",
            if cookie.http_only { "#HttpOnly_" } else { "" },
            if cookie.host_only { "" } else { "." },
            cookie.domain,
            flag(!cookie.host_only),
            cookie.path,
            flag(cookie.secure),
            expires.map_or(0, |at| at.as_secs()),
            cookie.name,
            cookie.value
        );
    }
    if path == Path::new("-") {
        return Ok(terminal::print(&text)?);
    }
    keep::write(path, text.as_bytes())
}
