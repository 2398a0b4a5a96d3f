//! Bodies compressed on their way out, as servers do with text.

use std::io::{self, Write as _};
use std::rc::Rc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::poll_fn;
use futures_util::stream::once;
use http::{Method, StatusCode};
use roundtrip_wire::LocalFuture;

use super::negotiate::accepts;
use crate::Body;
use crate::server::{Handler, Request, RequestBody, Response};

/// Shorter bodies are sent as they are: a packet holds either (nginx: `gzip_min_length`, as it is
/// commonly set).
const SHORTEST: u64 = 256;
/// zlib's level (nginx: `gzip_comp_level`, as it is commonly set).
const LEVEL: u32 = 5;

/// Answers as another handler does, with text compressed for clients that take gzip.
pub struct Compressed {
    inner: Rc<dyn Handler>,
}

impl Compressed {
    /// Compresses what this handler answers.
    pub fn new(inner: Rc<dyn Handler>) -> Self {
        Self { inner }
    }
}

impl Handler for Compressed {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            let mut response = self.inner.handle(request, body).await;
            let taken = accepts(&request.head.fields, "gzip");
            if !is_text(&response) || response.body.length().is_some_and(|has| has < SHORTEST) {
                return response;
            }
            response.fields.add("Vary", "Accept-Encoding");
            let whole = response.status == StatusCode::OK
                && request.head.line.method != Method::HEAD
                && !response.fields.contains("Content-Encoding");
            if !taken || !whole {
                return response;
            }
            // The compressed bytes are others than those that the tag names (RFC 9110 §8.8.1).
            if let Some(tag) = response.fields.text("ETag").filter(|tag| !tag.starts_with("W/")) {
                let weak = format!("W/{tag}");
                response.fields.set("ETag", &weak);
            }
            response.fields.remove("Accept-Ranges");
            response.fields.set("Content-Encoding", "gzip");
            let packed = pack(core::mem::take(&mut response.body)).await;
            response.body = Body::stream(None, once(core::future::ready(packed)));
            response
        })
    }
}

/// Whether a response is of a kind that becomes smaller.
fn is_text(response: &Response) -> bool {
    let kind = response.fields.text("Content-Type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || matches!(
            kind.as_str(),
            "application/javascript"
                | "application/json"
                | "application/manifest+json"
                | "application/vnd.ms-fontobject"
                | "application/xml"
                | "font/ttf"
                | "image/svg+xml"
        )
}

async fn pack(mut body: Body) -> io::Result<Bytes> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    while let Some(chunk) = poll_fn(|context| body.poll_chunk(context)).await {
        packer.write_all(&chunk?)?;
    }
    Ok(packer.finish()?.into())
}
