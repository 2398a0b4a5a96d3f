//! Credentials, which must not be kept: in header fields, URLs, bodies and captured frames.

use std::rc::Rc;

use crate::frame::FrameRedactor;
use crate::query::QueryScanner;
use crate::redact::{REDACTED, blank_texts};
use crate::secret_names::SecretNames;
use crate::{Event, InterfaceId, What};

/// The shortest text that is blanked, in bytes. Shorter ones occur everywhere, so that blanking
/// them would spoil the record.
const SHORTEST: usize = 4;

/// Texts that must not be kept, and the means to blank them.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    keep: bool,
    names: Rc<SecretNames>,
    texts: Vec<String>,
    frames: FrameRedactor,
}

impl Secrets {
    pub(crate) fn new(keep: bool, names: SecretNames) -> Self {
        Self { keep, names: Rc::new(names), ..Self::default() }
    }

    /// The names of credentials; `None` where credentials are kept.
    pub(crate) fn names(&self) -> Option<&SecretNames> {
        (!self.keep).then_some(&*self.names)
    }

    /// The event without the credentials that their places tell, and without the secret texts.
    pub(crate) fn redact(&self, mut event: Event) -> Event {
        if !self.keep {
            self.names.redact_event(&mut event.what);
        }
        event
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
            query: (!self.keep).then(|| (QueryScanner::in_body(), Rc::clone(&self.names))),
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
        self.frames.blank(interface, raw, bytes, &self.texts, &self.names)
    }
}

/// Blanks texts and secret query values in a stream of bytes, also where a text is spread over several writes.
#[derive(Debug, Default)]
pub(crate) struct StreamRedactor {
    /// The texts to blank, longest first.
    texts: Vec<Vec<u8>>,
    /// The end of what was written so far, held back since a text may begin in it.
    held: Vec<u8>,
    /// What finds secret query values; `None` where secrets are kept.
    query: Option<(QueryScanner, Rc<SecretNames>)>,
}

impl StreamRedactor {
    pub(crate) fn write(&mut self, bytes: &[u8], mut out: impl FnMut(&[u8])) {
        let secrets = match &mut self.query {
            Some((scanner, names)) => scanner.secrets(bytes, names),
            None => Vec::new(),
        };
        if self.texts.is_empty() && secrets.is_empty() {
            return out(bytes);
        }
        let old = self.held.len();
        self.held.extend_from_slice(bytes);
        for secret in secrets {
            self.held[old + secret.start..old + secret.end].fill(b'*');
        }
        blank_texts(&mut self.held, &self.texts);
        let longest = self.texts.first().map_or(1, Vec::len);
        let ready = self.held.len().saturating_sub(longest - 1);
        out(&self.held[..ready]);
        self.held.drain(..ready);
    }

    pub(crate) fn finish(&mut self, mut out: impl FnMut(&[u8])) {
        out(&self.held);
        self.held.clear();
    }
}
