//! Field sections of HTTP/2 and HTTP/3 as heads of messages (RFC 9113 §8.3, RFC 9114 §4.3).

use roundtrip_record::{Field, Framing, HttpVersion};

use super::talk::{AnswerHead, RequestHead};

/// A field: name and value.
pub(crate) type Line = (String, String);

/// A field section, and how many bytes it had as it was coded.
pub(crate) struct Section {
    pub(crate) lines: Vec<Line>,
    pub(crate) bytes: u64,
}

impl Section {
    /// As the head of a request; `None` where it has no method, as trailers have none.
    pub(crate) fn request(self, version: HttpVersion, stream: u64) -> Option<RequestHead> {
        let pseudo = |name: &str| self.pseudo(name).map(ToOwned::to_owned);
        Some(RequestHead {
            version,
            method: pseudo(":method")?,
            target: pseudo(":path").unwrap_or_default(),
            authority: pseudo(":authority"),
            bytes: self.bytes,
            stream: Some(stream),
            fields: self.fields(),
        })
    }

    /// As the head of a response; `None` where it has no status, as trailers have none.
    pub(crate) fn answer(self, version: HttpVersion) -> Option<AnswerHead> {
        Some(AnswerHead {
            version,
            status: self.pseudo(":status")?.parse().ok()?,
            reason: String::new(),
            bytes: self.bytes,
            fields: self.fields(),
        })
    }

    /// The fields that are no pseudo-fields; but `:authority` is kept, which stands for Host.
    pub(crate) fn fields(self) -> Vec<Field> {
        let kept = |name: &str| !name.starts_with(':') || name == ":authority";
        let fields = self.lines.into_iter().filter(|(name, _)| kept(name));
        fields.map(|(name, value)| Field(name, value)).collect()
    }

    fn pseudo(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|line| line.0 == name).map(|line| line.1.as_str())
    }
}

/// How the body is framed of a response with this head, to a request of this method; `ends` says that nothing follows.
pub(crate) fn framing(head: &AnswerHead, method: &str, ends: bool) -> Framing {
    let bodyless = matches!(head.status, 100..200 | 204 | 304) || method == "HEAD";
    if bodyless || ends { Framing::None } else { Framing::Frames }
}

/// Octets as text: those that are no UTF-8 are those of ISO 8859-1, as in the record's own fields.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}
