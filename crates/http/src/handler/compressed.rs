//! Bodies compressed on their way out, as servers do with text.

use std::rc::Rc;

use http::{Method, StatusCode};
use roundtrip_wire::LocalFuture;

use super::negotiate::choose;
use crate::Body;
use crate::message::Fields;
use crate::packing::{Coding, Packed};
use crate::server::{Handler, Request, RequestBody, Response};

/// Shorter bodies are sent as they are: a packet holds either (nginx: `gzip_min_length`, as it is
/// commonly set).
pub(super) const SHORTEST: u64 = 256;

/// Longer files are not kept compressed: they are compressed while they are sent.
pub(super) const LONGEST: u64 = 8 << 20;

/// Answers as another handler does, with text compressed for clients that take that.
pub struct Compressed {
    inner: Rc<dyn Handler>,
    codings: &'static [Coding],
    /// Files choose their codings themselves, but for the longest.
    beside_files: bool,
}

impl Compressed {
    /// Compresses what this handler answers, with gzip.
    pub fn new(inner: Rc<dyn Handler>) -> Self {
        Self { inner, codings: &[Coding::Gzip], beside_files: false }
    }

    /// Compresses what this handler answers, with br, zstd or gzip, whichever a client likes best; but for files that
    /// [`Files`](super::Files) compresses itself.
    pub fn beside_files(inner: Rc<dyn Handler>) -> Self {
        Self { inner, codings: &Coding::ALL, beside_files: true }
    }

    /// Whether it was chosen already in which coding this goes.
    fn is_chosen(&self, response: &Response) -> bool {
        let file = self.beside_files && response.fields.contains("Accept-Ranges");
        let kept = file && response.body.length().is_some_and(|length| length <= LONGEST);
        kept || response.fields.contains("Content-Encoding")
    }

    fn compress(&self, request: &Request, response: &mut Response) {
        // What a tag names that was told with a compressed body is not what it names with a plain one: it was weak.
        if response.status == StatusCode::NOT_MODIFIED {
            weaken_as_asked(&request.head.fields, &mut response.fields);
        }
        let short = response.body.length().is_some_and(|has| has < SHORTEST);
        if !is_text(&response.fields) || short || self.is_chosen(response) {
            return;
        }
        add_vary(&mut response.fields);
        let kept = response.fields.has("Cache-Control", "no-transform");
        let partial = response.status == StatusCode::PARTIAL_CONTENT;
        if kept || partial || response.upgrade.is_some() || !response.trailers.is_none() {
            return;
        }
        let Some(coding) = choose(&request.head.fields, self.codings) else { return };
        let body = match request.head.line.method {
            // As long as nobody has seen it.
            Method::HEAD => Ok(Body::stream(None, futures_util::stream::empty())),
            _ => Packed::body(core::mem::take(&mut response.body), coding),
        };
        response.body = match body {
            Ok(body) => body,
            Err(error) => {
                *response = Response::error(StatusCode::INTERNAL_SERVER_ERROR, "")
                    .because(format!("cannot compress: {error}"));
                return;
            }
        };
        // The compressed bytes are others than those that the tag names (RFC 9110 §8.8.1).
        if let Some(tag) = response.fields.text("ETag").filter(|tag| !tag.starts_with("W/")) {
            let weak = format!("W/{tag}");
            response.fields.set("ETag", &weak);
        }
        response.fields.remove("Accept-Ranges");
        response.fields.set("Content-Encoding", coding.name());
    }
}

impl Handler for Compressed {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            let mut response = self.inner.handle(request, body).await;
            self.compress(request, &mut response);
            response
        })
    }
}

/// Says that the answer depends on what the client takes, where that was not said.
pub(super) fn add_vary(fields: &mut Fields) {
    if !fields.has("Vary", "Accept-Encoding") {
        fields.add("Vary", "Accept-Encoding");
    }
}

/// Tells the tag as weak, where the client told it so.
fn weaken_as_asked(asked: &Fields, fields: &mut Fields) {
    let Some(tag) = fields.text("ETag").filter(|tag| !tag.starts_with("W/")) else { return };
    let weak = format!("W/{tag}");
    if asked.text("If-None-Match").is_some_and(|tags| tags.contains(&weak)) {
        fields.set("ETag", &weak);
        add_vary(fields);
    }
}

fn is_text(fields: &Fields) -> bool {
    is_compressible(fields.text("Content-Type").unwrap_or_default())
}

/// Whether content of this media type becomes smaller.
pub(super) fn is_compressible(media_type: &str) -> bool {
    let kind = crate::media::essence(media_type);
    kind.starts_with("text/")
        || kind.ends_with("+xml")
        || kind.ends_with("+json")
        || matches!(
            kind.as_str(),
            "application/javascript"
                | "application/json"
                | "application/vnd.ms-fontobject"
                | "application/wasm"
                | "application/xml"
                | "font/otf"
                | "font/ttf"
        )
}
