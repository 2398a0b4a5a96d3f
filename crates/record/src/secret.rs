//! Credentials, which must not be kept: in header fields, URLs, bodies and captured frames.

use crate::frame::FrameRedactor;
use crate::{Event, Field, InterfaceId, What};

/// The text that replaces a secret in events.
pub const REDACTED: &str = "[redacted]";

/// Header fields whose values are credentials, in lower case.
pub(crate) const FIELDS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    // What services and their gateways call a key or a token.
    "api-key",
    "apikey",
    "x-api-key",
    "x-api-token",
    "x-access-token",
    "x-auth-key",
    "x-auth-token",
    "x-amz-security-token",
    "x-csrf-token",
    "x-functions-key",
    "x-goog-api-key",
    "x-session-token",
    "x-vault-token",
    "x-xsrf-token",
    "ocp-apim-subscription-key",
    "private-token",
];

/// Replaces the values of header fields that carry credentials (`Authorization`, `Cookie`,
/// `X-Api-Key` and their like). The fields' names, order and number stay.
pub fn redact(fields: &mut [Field]) {
    for Field(name, value) in fields {
        if FIELDS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
            REDACTED.clone_into(value);
        }
    }
}

/// Takes the password out of a URL: `https://user:pass@host/` becomes `https://user:[redacted]@host/`.
pub fn redact_url(url: &str) -> String {
    let Some(start) = url.find("://").map(|at| at + 3) else { return url.to_owned() };
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let authority = &url[start..end];
    let Some((userinfo, _)) = authority.rsplit_once('@') else { return url.to_owned() };
    let Some((user, _)) = userinfo.split_once(':') else { return url.to_owned() };
    format!("{}{user}:{REDACTED}{}", &url[..start], &url[start + userinfo.len()..])
}

/// Redacts the credentials in the header fields and URLs of an event that is about to be recorded.
pub(crate) fn redact_event(what: &mut What) {
    let url = |url: &mut String| {
        if url.contains('@') {
            *url = redact_url(url);
        }
    };
    match what {
        What::RequestSent(request) => {
            redact(&mut request.fields);
            url(&mut request.target);
        }
        What::ResponseHead(head) => redact(&mut head.fields),
        What::ResponseEnded(response) => redact(&mut response.trailers),
        What::ExchangeStarted(started) => url(&mut started.url),
        What::RunStarted(run) => {
            url(&mut run.subject);
            if let Some(subject) = run.replay_of.as_mut().and_then(|old| old.subject.as_mut()) {
                url(subject);
            }
        }
        What::PageFound(found) => url(&mut found.url),
        What::Fault(fault) => match &mut fault.fault {
            crate::FaultKind::BadUrl { url: given, .. } => url(given),
            crate::FaultKind::TooManyRedirects { last, .. } => url(last),
            crate::FaultKind::BadRedirect { location, .. } => url(location),
            _ => {}
        },
        _ => {}
    }
}

/// The shortest text that is blanked, in bytes. Shorter ones occur everywhere, so that blanking
/// them would spoil the record.
const SHORTEST: usize = 4;

/// Texts that must not be kept, and the means to blank them.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    keep: bool,
    texts: Vec<String>,
    frames: FrameRedactor,
}

impl Secrets {
    pub(crate) fn new(keep: bool) -> Self {
        Self { keep, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    pub(crate) fn add(&mut self, text: &str) {
        if !self.keep && text.len() >= SHORTEST && !self.texts.iter().any(|known| known == text) {
            self.texts.push(text.to_owned());
            // Longer texts come first, so that a text is looked for before another that it
            // contains.
            self.texts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        }
    }

    /// The event with every secret text in its data replaced.
    pub(crate) fn blank_event(&self, event: Event) -> Event {
        let Ok(mut value) = serde_json::to_value(&event) else { return event };
        if !self.blank_value(&mut value) {
            return event;
        }
        // Only strings were replaced. Where one of them was a word of the schema, the event no
        // longer parses; a note takes its place, since the event must not be kept as it was.
        serde_json::from_value(value).unwrap_or_else(|_| Event {
            what: What::PageNote(crate::PageNote {
                note: format!(
                    "an event of kind {} held a secret and was not kept",
                    event.what.kind()
                ),
            }),
            ..event
        })
    }

    fn blank_value(&self, value: &mut serde_json::Value) -> bool {
        use serde_json::Value;
        match value {
            Value::String(text) => {
                let mut changed = false;
                for secret in &self.texts {
                    if text.contains(secret.as_str()) {
                        *text = text.replace(secret.as_str(), REDACTED);
                        changed = true;
                    }
                }
                changed
            }
            Value::Array(values) => {
                values.iter_mut().fold(false, |changed, value| self.blank_value(value) | changed)
            }
            Value::Object(fields) => {
                fields.values_mut().fold(false, |changed, value| self.blank_value(value) | changed)
            }
            _ => false,
        }
    }

    /// A blanker of the secret texts known so far, for a stream of bytes.
    pub(crate) fn stream_redactor(&self) -> StreamRedactor {
        StreamRedactor {
            texts: self.texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
            held: Vec::new(),
        }
    }

    /// The frame with its credentials overwritten, of the same length and with a correct checksum;
    /// `None` if it has none.
    pub(crate) fn blank_frame(
        &mut self,
        interface: InterfaceId,
        raw: bool,
        bytes: &[u8],
    ) -> Option<&[u8]> {
        if self.keep {
            return None;
        }
        self.frames.blank(interface, raw, bytes, &self.texts)
    }
}

/// Blanks texts in a stream of bytes, also where a text is spread over several writes.
#[derive(Debug, Default)]
pub(crate) struct StreamRedactor {
    /// The texts to blank, longest first.
    texts: Vec<Vec<u8>>,
    /// The end of what was written so far, held back since a text may begin in it.
    held: Vec<u8>,
}

impl StreamRedactor {
    pub(crate) fn write(&mut self, bytes: &[u8], mut out: impl FnMut(&[u8])) {
        let Some(longest) = self.texts.first().map(Vec::len) else { return out(bytes) };
        self.held.extend_from_slice(bytes);
        blank_texts(&mut self.held, &self.texts);
        let ready = self.held.len().saturating_sub(longest - 1);
        out(&self.held[..ready]);
        self.held.drain(..ready);
    }

    pub(crate) fn finish(&mut self, mut out: impl FnMut(&[u8])) {
        out(&self.held);
        self.held.clear();
    }
}

/// Overwrites every occurrence of every text, and returns whether there was one.
pub(crate) fn blank_texts<T: AsRef<[u8]>>(bytes: &mut [u8], texts: &[T]) -> bool {
    let mut found = false;
    for text in texts {
        let text = text.as_ref();
        let mut from = 0;
        while let Some(at) = find(&bytes[from..], text) {
            bytes[from + at..from + at + text.len()].fill(b'*');
            from += at + text.len();
            found = true;
        }
    }
    found
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let (first, rest) = text.split_first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        let after = from + at + 1;
        if bytes[after..].starts_with(rest) {
            return Some(after - 1);
        }
        from = after;
    }
    None
}
