//! A trace of all that is sent and received (`--trace`, `--trace-ascii`), in curl's format.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use roundtrip_record::{Event, Field, Log, RequestSent, ResponseHead, Time, What};

use super::args::Trace;
use super::verbose::{Clock, line};

/// Whether a trace is wanted.
pub(super) fn is_wanted(options: &Trace) -> bool {
    options.trace.is_some() || options.trace_ascii.is_some()
}

/// The trace that options want; `None` where they want none.
///
/// # Errors
/// When its file cannot be made.
pub(super) fn wanted(options: &Trace, clock: Option<Clock>) -> anyhow::Result<Option<Tracer>> {
    let (option, form, path) = match (&options.trace, &options.trace_ascii) {
        (Some(path), _) => ("--trace", Form::Digits, path),
        (None, Some(path)) => ("--trace-ascii", Form::Text, path),
        (None, None) => return Ok(None),
    };
    let opened = Tracer::open(path, form, clock);
    opened.map(Some).with_context(|| format!("{option} {}", path.display()))
}

/// How bytes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As hexadecimal digits and text.
    Digits,
    /// As text.
    Text,
}

impl Form {
    /// Bytes in one line.
    fn width(self) -> usize {
        match self {
            Self::Digits => 16,
            Self::Text => 64,
        }
    }
}

/// Writes the trace.
pub(super) struct Tracer {
    out: Box<dyn Write>,
    form: Form,
    clock: Option<Clock>,
}

impl Tracer {
    /// A trace that goes to a file; `-` is standard output, `%` standard error.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(super) fn open(path: &Path, form: Form, clock: Option<Clock>) -> io::Result<Self> {
        let out: Box<dyn Write> = match path.to_str() {
            Some("-") => Box::new(io::stdout()),
            Some("%") => Box::new(io::stderr()),
            _ => Box::new(File::create(path)?),
        };
        Ok(Self { out, form, clock })
    }

    /// Writes what an event tells. A file that takes no more is no reason to end the exchange.
    pub(super) fn event(&mut self, event: &Event, log: &Log) {
        match &event.what {
            What::RequestSent(sent) if sent.exchange.is_some() => {
                if sent.reused > 0 {
                    self.info(event.at, "On the connection of before");
                }
                self.piece(event.at, "=> Send header", &request(sent));
                let body = sent.body.as_ref().and_then(|body| log.bodies().get(body).ok());
                if let Some(body) = body.filter(|body| !body.is_empty()) {
                    self.piece(event.at, "=> Send data", &body);
                }
            }
            What::ResponseHead(head) if head.exchange.is_some() => {
                self.heads(event.at, &response(head));
            }
            What::ResponseEnded(ended) if !ended.trailers.is_empty() => {
                self.heads(event.at, &lines(&ended.trailers));
            }
            _ => {
                let mut text = String::new();
                // Writing to a string cannot fail.
                let _ = line(event, &mut text);
                for told in text.lines().filter_map(|told| told.strip_prefix("* ")) {
                    self.info(event.at, told);
                }
            }
        }
    }

    /// Writes bytes of a body that were received.
    pub(super) fn data(&mut self, at: Time, bytes: &[u8]) {
        self.piece(at, "<= Recv data", bytes);
    }

    fn heads(&mut self, at: Time, text: &[u8]) {
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            self.piece(at, "<= Recv header", line);
        }
    }

    fn info(&mut self, at: Time, told: &str) {
        let when = Clock::stamp(self.clock, at);
        let _ = writeln!(self.out, "{when}== Info: {told}");
    }

    fn piece(&mut self, at: Time, title: &str, bytes: &[u8]) {
        let (when, size) = (Clock::stamp(self.clock, at), bytes.len());
        let _ = writeln!(self.out, "{when}{title}, {size} bytes (0x{size:x})");
        let _ = self.out.write_all(dump(bytes, self.form).as_bytes());
    }
}

/// Bytes in lines, each with the place of its first. In text, a line end of the bytes is one of the
/// lines, too.
fn dump(bytes: &[u8], form: Form) -> String {
    use std::fmt::Write as _;

    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..bytes.len().min(at + form.width())];
        // A line end that begins right behind the last column belongs to this line, too.
        let ends = bytes[at..].windows(2).take(form.width() + 1).position(|two| two == b"\r\n");
        let ends = ends.filter(|_| form == Form::Text);
        let shown = ends.map_or(rest, |end| &bytes[at..at + end]);
        // Writing to a string cannot fail.
        let _ = write!(out, "{at:04x}: ");
        if form == Form::Digits {
            for column in 0..form.width() {
                let _ = match shown.get(column) {
                    Some(byte) => write!(out, "{byte:02x} "),
                    None => write!(out, "   "),
                };
            }
        }
        let visible = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
        out.extend(shown.iter().map(visible));
        out.push('\n');
        at += shown.len() + if ends.is_some() { 2 } else { 0 };
    }
    out
}

/// A request's head as HTTP/1 has it; that of HTTP/2 is written so too, as in curl.
fn request(sent: &RequestSent) -> Vec<u8> {
    let mut text = format!("{} {} {}\r\n", sent.method, sent.target, sent.version).into_bytes();
    text.extend(lines(&sent.fields));
    text.extend(b"\r\n");
    text
}

fn response(head: &ResponseHead) -> Vec<u8> {
    let mut text = format!("{} {} {}\r\n", head.version, head.status, head.reason).into_bytes();
    text.extend(lines(&head.fields));
    text.extend(b"\r\n");
    text
}

fn lines(fields: &[Field]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|Field(name, value)| format!("{name}: {value}\r\n").into_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_curl_shows_them() {
        assert_eq!(
            dump(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Form::Text),
            "0000: GET / HTTP/1.1\n0010: Host: a\n0019: \n"
        );
        let digits = dump(b"-foo-\n", Form::Digits);
        assert_eq!(digits, "0000: 2d 66 6f 6f 2d 0a                               -foo-.\n");
        let long = [b'a'; 70];
        let wide = "a".repeat(64);
        assert_eq!(dump(&long, Form::Text), format!("0000: {wide}\n0040: aaaaaa\n"));
        let full = [&[b'a'; 64][..], b"\r\nb\r\n"].concat();
        assert_eq!(dump(&full, Form::Text), format!("0000: {wide}\n0042: b\n"));
        assert_eq!(dump(b"", Form::Text), "");
        assert_eq!(dump(b"a\r", Form::Text), "0000: a.\n");
    }
}
