//! Reads and writes cookies in a file of Netscape's format.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use roundtrip_fetch::{Asker, Jar};
use url::Url;

use crate::keep;

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
    for line in bytes.split(|byte| *byte == b'\n') {
        read_cookie(line.strip_suffix(b"\r").unwrap_or(line), jar, now, sessions);
    }
}

/// Parses one line: domain, whether it includes subdomains, path, secure, expiry, name, value. The last two
/// are bytes, which need not be text.
fn read_cookie(line: &[u8], jar: &mut Jar, now: SystemTime, sessions: Sessions) -> Option<()> {
    let (line, http_only) = match line.strip_prefix(b"#HttpOnly_") {
        Some(rest) => (rest, "; HttpOnly"),
        None => (line, ""),
    };
    let columns: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    let [domain, below, path, secure, expires, name, value] = columns[..] else { return None };
    let text = |column: &[u8]| String::from_utf8_lossy(column).into_owned();
    let (domain, path, expires) = (text(domain), text(path), text(expires));
    if domain.starts_with('#') {
        return None;
    }
    let is = |text: &[u8]| text.eq_ignore_ascii_case(b"TRUE");
    let mut more = format!("; Path={path}{http_only}");
    if is(below) {
        more.extend(["; Domain=", &domain]);
    }
    if is(secure) {
        more.push_str("; Secure");
    }
    let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    match expires.parse::<u64>().ok()? {
        0 if sessions == Sessions::Begin => return None,
        0 => {}
        at => more.extend(["; Max-Age=", &at.saturating_sub(now).to_string()]),
    }
    let scheme = if is(secure) { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{}{path}", domain.trim_start_matches('.'))).ok()?;
    let field = [name, b"=", value, more.as_bytes()].concat();
    jar.store(field, &url, &Asker::Person, UNIX_EPOCH + Duration::from_secs(now)).then_some(())
}

/// Writes the cookies of a jar to a file; `-` is standard output.
pub(crate) fn write(path: &Path, jar: &Jar) -> anyhow::Result<()> {
    let mut text = b"# Netscape HTTP Cookie File\n\n".to_vec();
    // As curl has them: the newest first.
    for cookie in jar.cookies().iter().rev() {
        let flag = |is: bool| if is { "TRUE" } else { "FALSE" };
        let expires = cookie.expires.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let columns = format!(
            "{}{}{}\t{}\t{}\t{}\t{}\t",
            if cookie.http_only { "#HttpOnly_" } else { "" },
            if cookie.host_only { "" } else { "." },
            cookie.domain,
            flag(!cookie.host_only),
            cookie.path,
            flag(cookie.secure),
            expires.map_or(0, |at| at.as_secs()),
        );
        text.extend([columns.as_bytes(), &cookie.name, b"\t", &cookie.value, b"\n"].concat());
    }
    if path == Path::new("-") {
        let mut out = std::io::stdout().lock();
        out.write_all(&text)?;
        return Ok(out.flush()?);
    }
    keep::write(path, &text)
}
