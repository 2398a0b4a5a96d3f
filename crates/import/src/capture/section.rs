//! Field sections of HTTP/2 and HTTP/3 as heads of messages (RFC 9113 §8.3, RFC 9114 §4.3).

use roundtrip_record::{Field, HttpVersion};

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

    /// The fields that are no pseudo-fields.
    pub(crate) fn fields(self) -> Vec<Field> {
        let regular = self.lines.into_iter().filter(|(name, _)| !name.starts_with(':'));
        regular.map(|(name, value)| Field(name, value)).collect()
    }

    fn pseudo(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|line| line.0 == name).map(|line| line.1.as_str())
    }
}

/// Octets as text: those that are no UTF-8 are those of ISO 8859-1, as in the record's own fields.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}
