//! `Hint`: a resource that is named before the page names it, in the head of the document or in a 103
//! (RFC 8297).

use url::Url;

/// A resource to be named ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) url: Url,
    /// What it is for, as the `as` of a link says it.
    pub(crate) destination: &'static str,
    /// It is asked for without credentials.
    pub(crate) anonymous: bool,
}

impl Hint {
    /// The value of a `Link` field that names it.
    pub(crate) fn link(&self) -> String {
        let crossorigin = if self.anonymous { "; crossorigin" } else { "" };
        format!("<{}>; rel=preload; as={}{crossorigin}", self.url, self.destination)
    }

    /// The element that names it, with its address as the page writes it.
    pub(crate) fn markup(&self, address: &str) -> String {
        let crossorigin = if self.anonymous { " crossorigin" } else { "" };
        format!("<link rel=preload as={} href=\"{address}\"{crossorigin}>", self.destination)
    }
}
