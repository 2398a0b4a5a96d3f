//! Bodies of forms: `application/x-www-form-urlencoded` and `multipart/form-data` (RFC 7578).

use core::fmt::Write as _;
use std::fs::File;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};

use crate::body::{Body, Part};
pub use crate::multipart::{MultipartError, PartHead, Parts, Piece};

/// The media type of [`encode`]'s text.
pub const URLENCODED: &str = "application/x-www-form-urlencoded";

/// Writes names and values as a form without files does (URL Standard §5).
///
/// ```
/// assert_eq!(roundtrip_http::form::encode([("a b", "ä&"), ("c", "")]), "a+b=%C3%A4%26&c=");
/// ```
pub fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = ::url::form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(pairs);
    out.finish()
}

/// Reads what [`encode`] writes.
pub fn decode(text: &[u8]) -> Vec<(String, String)> {
    ::url::form_urlencoded::parse(text)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// A body of several parts to be sent.
///
/// ```
/// use roundtrip_http::form::Multipart;
///
/// let mut form = Multipart::new(&[7; 8]);
/// form.text("name", "value");
/// assert_eq!(form.content_type(), "multipart/form-data; boundary=------------------------0707070707070707");
/// assert!(form.finish().length().is_some());
/// ```
#[derive(Debug)]
pub struct Multipart {
    boundary: String,
    body: Body,
    disposition: Disposition,
    names: Names,
}

/// What parts are (RFC 7578 §4.2, RFC 2183).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// Fields of a form.
    #[default]
    FormData,
    /// Things that go along.
    Attachment,
}

/// How names are written in which quotes stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// As browsers write them: percent-encoded (HTML Standard, "multipart/form-data encoding
    /// algorithm").
    #[default]
    Encoded,
    /// With backslashes before quotes and backslashes (RFC 9110 §5.6.4).
    Escaped,
}

impl Names {
    fn quote(self, name: &str) -> String {
        match self {
            Self::Encoded => name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A"),
            Self::Escaped => name.replace('\\', "\\\\").replace('"', "\\\""),
        }
    }
}

impl Multipart {
    /// An empty form. The boundary is made of `random`, which must be long enough that nobody's file
    /// holds it: eight bytes are. It begins with 24 dashes, as those of browsers and curl do.
    pub fn new(random: &[u8]) -> Self {
        let mut boundary = "-".repeat(24);
        for byte in random {
            // Writing to memory does not fail.
            let _ = write!(boundary, "{byte:02x}");
        }
        Self {
            boundary,
            body: Body::empty(),
            disposition: Disposition::default(),
            names: Names::default(),
        }
    }

    /// With parts of this kind.
    #[must_use]
    pub fn of(self, disposition: Disposition) -> Self {
        Self { disposition, ..self }
    }

    /// With names written so.
    #[must_use]
    pub fn with(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// What separates its parts.
    pub fn boundary(&self) -> &str {
        &self.boundary
    }

    /// Adds parts that belong together under one name, such as several files.
    pub fn mixed(&mut self, name: &str, parts: Self) {
        let media_type = format!("multipart/mixed; boundary={}", parts.boundary);
        self.head(name, None, Some(&media_type));
        self.body.append(parts.finish());
        self.end();
    }

    /// The value of Content-Type.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Adds a field.
    pub fn text(&mut self, name: &str, value: &str) {
        self.head(name, None, None);
        self.body.push(Part::Bytes(value.to_owned().into()));
        self.end();
    }

    /// Adds bytes: as a file where they have a name, of a media type where they have one.
    pub fn part(
        &mut self,
        name: &str,
        file_name: Option<&str>,
        media_type: Option<&str>,
        bytes: Bytes,
    ) {
        self.head(name, file_name, media_type);
        self.body.push(Part::Bytes(bytes));
        self.end();
    }

    /// Adds a file of this length, which is read while the body is sent.
    pub fn file(&mut self, name: &str, file_name: &str, media_type: &str, file: File, length: u64) {
        self.head(name, Some(file_name), Some(media_type));
        self.body.push(Part::File { file: Rc::new(file), offset: 0, length });
        self.end();
    }

    /// The body.
    pub fn finish(mut self) -> Body {
        self.body.push(Part::Bytes(format!("--{}--\r\n", self.boundary).into()));
        self.body
    }

    fn head(&mut self, name: &str, file_name: Option<&str>, media_type: Option<&str>) {
        let disposition = match self.disposition {
            Disposition::FormData => "form-data",
            Disposition::Attachment => "attachment",
        };
        let mut head = format!("--{}\r\nContent-Disposition: {disposition}", self.boundary);
        let names = [("name", Some(name).filter(|name| !name.is_empty())), ("filename", file_name)];
        for (key, name) in names {
            if let Some(name) = name {
                let _ = write!(head, "; {key}=\"{}\"", self.names.quote(name));
            }
        }
        if let Some(media_type) = media_type {
            head.push_str("\r\nContent-Type: ");
            head.extend(media_type.chars().filter(|char| !char.is_control()));
        }
        head.push_str("\r\n\r\n");
        self.body.push(Part::Bytes(head.into()));
    }

    fn end(&mut self) {
        self.body.push(Part::Bytes(Bytes::from_static(b"\r\n")));
    }
}

/// One part of a body that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The name of the form's field.
    pub name: String,
    /// The file's name, where it is a file.
    pub file_name: Option<String>,
    /// The media type, where given.
    pub media_type: Option<String>,
    /// The content.
    pub content: Bytes,
}

/// Takes a body of `multipart/form-data` apart.
///
/// # Errors
/// When it is none.
pub fn parse(content_type: &str, body: &Bytes) -> Result<Vec<Received>, MultipartError> {
    let mut parts = Parts::new(content_type)?;
    parts.push(body);
    let mut all: Vec<(PartHead, BytesMut)> = Vec::new();
    loop {
        match parts.pull()?.ok_or(MultipartError::Unfinished)? {
            Piece::Part(head) => all.push((head, BytesMut::new())),
            Piece::Content(bytes) => {
                if let Some((_, content)) = all.last_mut() {
                    content.extend_from_slice(&bytes);
                }
            }
            Piece::End => break,
        }
    }
    let received = |(head, content): (PartHead, BytesMut)| Received {
        name: head.name,
        file_name: head.file_name,
        media_type: head.media_type,
        content: content.freeze(),
    };
    Ok(all.into_iter().map(received).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of a body whose parts are there.
    fn bytes(body: Body) -> Bytes {
        let mut body = body;
        let mut all = Vec::new();
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        while let core::task::Poll::Ready(Some(chunk)) = body.poll_chunk(&mut context) {
            all.extend_from_slice(&chunk.unwrap());
        }
        all.into()
    }

    #[test]
    fn what_is_sent_is_received() {
        let mut form = Multipart::new(&[0xab]);
        form.text("a \"b\"", "1\r\n--x");
        form.part("file", Some("ä.bin"), Some("image/png"), Bytes::from_static(b"\0\r\n\r\n\xff"));
        form.text("empty", "");
        let content_type = form.content_type();
        let parts = parse(&content_type, &bytes(form.finish())).unwrap();
        assert_eq!(parts.len(), 3);
        assert_eq!(
            (parts[0].name.as_str(), &parts[0].content[..]),
            ("a %22b%22", &b"1\r\n--x"[..])
        );
        assert_eq!(parts[1].file_name.as_deref(), Some("ä.bin"));
        assert_eq!(parts[1].media_type.as_deref(), Some("image/png"));
        assert_eq!(parts[1].content, &b"\0\r\n\r\n\xff"[..]);
        assert!(parts[2].content.is_empty());
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let parse = |text: &'static str| parse("multipart/form-data; boundary=x", &text.into());
        let unfinished = Err(MultipartError::Unfinished);
        assert_eq!(parse(""), unfinished);
        assert_eq!(parse("--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1"), unfinished);
        assert_eq!(parse("--x--\r\n"), Ok(vec![]));
        assert!(matches!(parse("--xy\r\n\r\n\r\n--x--"), Err(MultipartError::Head(_))));
        assert!(matches!(parse("--x\r\n\r\n\r\n--x--"), Err(MultipartError::Head(_))));
        assert!(matches!(parse("--x\r\nA : b\r\n\r\n\r\n--x--"), Err(MultipartError::Head(_))));
        let none = super::parse("multipart/form-data", &Bytes::new());
        assert_eq!(none, Err(MultipartError::Boundary));
    }
}
