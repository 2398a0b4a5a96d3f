//! `Hint`: a resource that a 103 names (RFC 8297).

use core::time::Duration;

use http::StatusCode;
use roundtrip_http::client::Origin;
use roundtrip_http::message::Fields;
use roundtrip_visit::answers::{Answer, Interim};
use url::Url;

use crate::document::Edits;

/// A resource to be named in a 103.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) url: Url,
    /// What it is for, as the `as` of a link says it.
    pub(crate) destination: &'static str,
    /// It is asked for without credentials.
    pub(crate) anonymous: bool,
}

impl Hint {
    /// It in the document as it is with these changes; `None` where that does not load it any more.
    fn after(&self, edits: &Edits) -> Option<Self> {
        let url = edits.moved.get(&self.url).unwrap_or(&self.url);
        let is_gone = edits.inline.contains_key(&self.url)
            || edits.without_urls.contains(&self.url)
            || Origin::of(url).is_some_and(|origin| edits.without.contains(&origin));
        (!is_gone).then(|| Self { url: url.clone(), ..self.clone() })
    }

    /// The value of a `Link` field that names it.
    fn link(&self) -> String {
        let crossorigin = if self.anonymous { "; crossorigin" } else { "" };
        format!("<{}>; rel=preload; as={}{crossorigin}", self.url, self.destination)
    }
}

/// Has an answer begin with a 103 that names what is still loaded of these.
pub(crate) fn give(answer: &mut Answer, hints: &[Hint], edits: &Edits) {
    let mut fields = Fields::new();
    for hint in hints.iter().filter_map(|hint| hint.after(edits)) {
        fields.add("Link", hint.link());
    }
    if !fields.is_empty() {
        let (after, status) = (Duration::ZERO, StatusCode::EARLY_HINTS);
        answer.interim.insert(0, Interim { after, status, fields });
    }
}
