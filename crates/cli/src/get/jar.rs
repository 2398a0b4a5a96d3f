//! Reads and writes cookies in a file of Netscape's format.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use roundtrip_http::client::{Jar, Order};
use url::Url;

use super::content;
use crate::args::Get;
use crate::{keep, terminal};

/// The cookie jar: filled from `-b FILE`, and empty if only `-c` is given; `None` where neither
/// asks for cookies to be kept.
pub(super) fn jar(arguments: &Get, now: SystemTime) -> Option<Jar> {
    let files: Vec<&String> = arguments.cookie.iter().filter(|text| !text.contains('=')).collect();
    if files.is_empty() && arguments.cookie_jar.is_none() {
        return None;
    }
    let mut jar = Jar::new().in_order(Order::Curl);
    for path in files.into_iter().filter(|path| !path.is_empty()) {
        // Like curl, takes a missing file for an empty one: the session begins without cookies.
        let Ok(bytes) = content::read(path) else { continue };
        for line in String::from_utf8_lossy(&bytes).lines() {
            read_cookie(line, &mut jar, now);
        }
    }
    Some(jar)
}

/// Parses one line: domain, whether it includes subdomains, path, secure, expiry, name, value.
fn read_cookie(line: &str, jar: &mut Jar, now: SystemTime) -> Option<()> {
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
        0 => {}
        at => field.extend(["; Max-Age=", &at.saturating_sub(now).to_string()]),
    }
    let scheme = if is(secure) { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{}{path}", domain.trim_start_matches('.'))).ok()?;
    jar.store(&field, &url, UNIX_EPOCH + Duration::from_secs(now)).then_some(())
}

pub(super) fn write_jar(path: &Path, jar: &Jar) -> anyhow::Result<()> {
    let mut text = "# Netscape HTTP Cookie File\n\n".to_owned();
    for cookie in jar.cookies() {
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
