//! The log of requests: one line each.

use std::fs::{File, OpenOptions};
use std::io::{self, LineWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use http::{Method, Version};
use roundtrip_http::server::Served;
use serde_json::json;

use crate::calendar::{common_log, rfc3339};

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people: time, address, request, answer, and how long it took
    #[default]
    Short,
    /// The combined log format of Apache and nginx
    Combined,
    /// An object a line
    Json,
}

/// A log of requests, on standard output or in a file.
pub(crate) struct RequestLog {
    format: LogFormat,
    path: Option<PathBuf>,
    /// `None` once its reader is gone: the server goes on without it.
    out: Mutex<Option<Box<dyn Write + Send>>>,
}

impl RequestLog {
    /// On standard output.
    pub(crate) fn standard(format: LogFormat) -> Self {
        let out: Box<dyn Write + Send> = Box::new(LineWriter::new(stdout()));
        Self { format, path: None, out: Mutex::new(Some(out)) }
    }

    /// At the end of a file, which is made where it is not there.
    pub(crate) fn file(path: &Path, format: LogFormat) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = Box::new(open(path)?);
        Ok(Self { format, path: Some(path.to_owned()), out: Mutex::new(Some(out)) })
    }

    /// Opens the file of that name anew: it was renamed.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let new: Box<dyn Write + Send> = Box::new(open(path)?);
        *self.out.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
        Ok(())
    }

    /// Writes a line.
    pub(crate) fn write(&self, served: &Served<'_>) {
        let line = match self.format {
            LogFormat::Short => short(served),
            LogFormat::Combined => combined(served),
            LogFormat::Json => object(served),
        };
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.as_mut().is_some_and(|out| out.write_all(line.as_bytes()).is_err()) {
            *out = None;
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Text that comes from a client, without what could control a terminal or end a line.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

/// One line: `2026-01-31T12:00:00Z 127.0.0.1 GET / 200 1234 B 0.5 ms`
fn short(served: &Served<'_>) -> String {
    let cut = if served.complete { "" } else { " cut" };
    format!(
        "{} {} {} {} {} {} B {:.1} ms{cut}\n",
        rfc3339(served.wall),
        served.peer.ip(),
        served.method.map_or("-", Method::as_str),
        plain(served.target),
        served.status.as_u16(),
        served.body,
        served.took.as_secs_f64() * 1000.0,
    )
}

/// One line: `127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1234 "-" "curl/8"`
fn combined(served: &Served<'_>) -> String {
    let quoted = |text: &str| {
        let text = plain(text).replace('\\', "\\\\").replace('"', "\\\"");
        if text.is_empty() { "-".to_owned() } else { text }
    };
    let request = match (served.method, served.version) {
        (Some(method), Some(version)) => format!("{method} {} {}", served.target, name(version)),
        _ => String::new(),
    };
    format!(
        "{} - - [{}] \"{}\" {} {} \"{}\" \"{}\"\n",
        served.peer.ip(),
        common_log(served.wall),
        quoted(&request),
        served.status.as_u16(),
        served.body,
        quoted(served.referer),
        quoted(served.user_agent),
    )
}

fn object(served: &Served<'_>) -> String {
    let object = json!({
        "time": rfc3339(served.wall),
        "address": served.peer.ip().to_string(),
        "method": served.method.map(Method::as_str),
        "host": served.host,
        "target": served.target,
        "version": served.version.map(name),
        "status": served.status.as_u16(),
        "bytes": served.body,
        "took_ms": served.took.as_nanos() as f64 / 1e6,
        "complete": served.complete,
        "referer": served.referer,
        "user_agent": served.user_agent,
        "trouble": served.trouble,
    });
    format!("{object}\n")
}

fn name(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/3.0",
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::StatusCode;

    use super::*;

    fn served<'a>(target: &'a str, agent: &'a str) -> Served<'a> {
        Served {
            peer: "192.0.2.1:5000".parse().expect("an address"),
            wall: SystemTime::UNIX_EPOCH + Duration::from_hours(491_628),
            method: Some(&Method::GET),
            target,
            status: StatusCode::OK,
            body: 12,
            took: Duration::from_micros(500),
            version: Some(Version::HTTP_11),
            host: "a.test",
            referer: "",
            user_agent: agent,
            trouble: None,
            complete: true,
        }
    }

    #[test]
    fn lines_are_as_others_read_them() {
        let one = served("/a", "curl/8");
        assert_eq!(short(&one), "2026-01-31T12:00:00Z 192.0.2.1 GET /a 200 12 B 0.5 ms\n");
        assert_eq!(
            combined(&one),
            "192.0.2.1 - - [31/Jan/2026:12:00:00 +0000] \"GET /a HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n"
        );
        let value: serde_json::Value = serde_json::from_str(&object(&one)).expect("an object");
        assert_eq!((&value["status"], &value["took_ms"]), (&200.into(), &0.5.into()));
    }

    /// What a client sends cannot make a line of its own, nor end a quoted part.
    #[test]
    fn a_client_cannot_write_into_the_log() {
        let one = served("/\u{1b}[2J\n127.0.0.1 - -", "x\" 200 \\");
        for line in [short(&one), combined(&one), object(&one)] {
            assert_eq!(line.matches('\n').count(), 1, "{line:?}");
            assert!(!line.contains('\u{1b}'), "{line:?}");
        }
        assert!(combined(&one).ends_with("\"x\\\" 200 \\\\\"\n"), "{}", combined(&one));
    }
}
