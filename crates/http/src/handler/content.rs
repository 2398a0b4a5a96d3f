//! A file that was found, and answers made of it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, StatusCode};

use super::conditional::{self, Validators};
use super::range::{self, Range, Wanted};
use crate::body::{Body, Part};
use crate::media::Media;
use crate::server::{Request, Response};

/// A file that was changed no longer ago than this when it was read may have changed once more without a
/// trace: clocks of file systems have a grain.
const SETTLED: Duration = Duration::from_secs(1);

/// A file as it was when last looked at.
pub(super) struct Known {
    /// Where it was found, and what it was like then; `None`: it cannot change.
    pub(super) found: Option<(PathBuf, Stamp)>,
    pub(super) content: Content,
    pub(super) length: u64,
    pub(super) validators: Validators,
    last_modified: Option<String>,
    pub(super) media: Media,
}

/// What tells a file from the one that was at its path before, and from itself before it was written to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    pub(super) modified: Option<SystemTime>,
    created: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(meta: &fs::Metadata) -> Self {
        let (modified, created) = (meta.modified().ok(), meta.created().ok());
        Self { length: meta.len(), modified, created }
    }

    /// Whether a change of the file after `now` would show.
    pub(super) fn is_settled(self, now: SystemTime) -> bool {
        let before = |at: SystemTime| now.duration_since(at).is_ok_and(|age| age >= SETTLED);
        self.modified.is_some_and(before) && self.created.is_none_or(before)
    }
}

#[derive(Clone)]
pub(super) enum Content {
    Bytes(Bytes),
    /// In the file, which is opened for each request.
    File,
}

impl Known {
    /// A file of this length that was last changed then, as `request` finds it.
    pub(super) fn new(
        length: u64,
        modified: Option<SystemTime>,
        media: Media,
        (content, found): (Content, Option<(PathBuf, Stamp)>),
        request: &Request,
    ) -> Rc<Self> {
        let validators = Validators::new(length, modified, request.wall);
        let last_modified = validators.modified.map(httpdate::fmt_http_date);
        Rc::new(Self { found, content, length, validators, last_modified, media })
    }

    /// The same file in a coding: other bytes, with a tag of their own.
    pub(super) fn packed(&self, bytes: &Bytes, coding: &'static str) -> Self {
        let etag = format!("{}-{coding}\"", self.validators.etag.trim_end_matches('"'));
        Self {
            found: self.found.clone(),
            content: Content::Bytes(bytes.clone()),
            length: bytes.len() as u64,
            validators: Validators { etag, modified: self.validators.modified },
            last_modified: self.last_modified.clone(),
            media: Media { media_type: self.media.media_type.clone(), coding: Some(coding) },
        }
    }
}

/// Answers with a file, with parts of it, or with why not.
pub(super) fn serve(request: &Request, known: &Known, content: &Open) -> Response {
    let (method, fields) = (&request.head.line.method, &request.head.fields);
    let status = conditional::evaluate(method, fields, &known.validators);
    let mut response = match status {
        Some(StatusCode::NOT_MODIFIED) => Response::new(StatusCode::NOT_MODIFIED),
        Some(status) => Response::error(status, "The file is not in the state asked for."),
        None => content.answer(wanted(request, known), known),
    };
    if let Some(coding) = known.media.coding.filter(|_| response.status.is_success()) {
        response.fields.add("Content-Encoding", coding);
    }
    if response.status.is_success() || response.status == StatusCode::NOT_MODIFIED {
        response.fields.add("ETag", &known.validators.etag);
        if let Some(date) = &known.last_modified {
            response.fields.add("Last-Modified", date);
        }
    }
    response
}

/// Ranges are for GET only (RFC 9110 §14.2).
fn wanted(request: &Request, known: &Known) -> Wanted {
    let fields = &request.head.fields;
    match fields.text("Range") {
        Some(value)
            if request.head.line.method == Method::GET
                && conditional::range_is_current(fields, &known.validators) =>
        {
            range::parse(value, known.length)
        }
        _ => Wanted::All,
    }
}

/// A file's content, open.
pub(super) enum Open {
    Bytes(Bytes),
    File(Rc<File>),
}

impl Open {
    fn part(&self, range: Range) -> Part {
        match self {
            Self::Bytes(bytes) => {
                // Ranges lie within the length, which is that of these bytes.
                Part::Bytes(bytes.slice(range.first as usize..=range.last as usize))
            }
            Self::File(file) => {
                Part::File { file: Rc::clone(file), offset: range.first, length: range.length() }
            }
        }
    }

    pub(super) fn answer(&self, wanted: Wanted, known: &Known) -> Response {
        let length = known.length;
        match wanted {
            Wanted::All => {
                let mut response = Response::new(StatusCode::OK);
                response.fields.add("Content-Type", &known.media.media_type);
                response.fields.add("Accept-Ranges", "bytes");
                if length > 0 {
                    response.body = self.part(Range { first: 0, last: length - 1 }).into();
                }
                response
            }
            Wanted::Nothing => {
                let why = format!("There are {length} bytes.");
                let mut response = Response::error(StatusCode::RANGE_NOT_SATISFIABLE, &why);
                response.fields.add("Content-Range", format!("bytes */{length}"));
                response
            }
            Wanted::Parts(parts) => match parts.as_slice() {
                [range] => {
                    let mut response = Response::new(StatusCode::PARTIAL_CONTENT);
                    response.fields.add("Content-Type", &known.media.media_type);
                    response.fields.add("Content-Range", format!("bytes {range}/{length}"));
                    response.body = self.part(*range).into();
                    response
                }
                parts => self.multipart(parts, known),
            },
        }
    }

    /// Several ranges in one response (RFC 9110 §14.6).
    fn multipart(&self, parts: &[Range], known: &Known) -> Response {
        let boundary = boundary(known, parts);
        let mut response = Response::new(StatusCode::PARTIAL_CONTENT);
        let media_type = format!("multipart/byteranges; boundary={boundary}");
        response.fields.add("Content-Type", media_type);
        let mut body = Body::empty();
        let mut start = "";
        for range in parts {
            let head = format!(
                "{start}--{boundary}\r\nContent-Type: {}\r\nContent-Range: bytes {range}/{}\r\n\r\n",
                known.media.media_type, known.length
            );
            body.push(Part::Bytes(head.into()));
            body.push(self.part(*range));
            start = "\r\n";
        }
        body.push(Part::Bytes(format!("\r\n--{boundary}--\r\n").into()));
        response.body = body;
        response
    }
}

/// A line that separates parts. It depends on the file's state and the ranges alone, so that the
/// same request has the same answer.
fn boundary(known: &Known, parts: &[Range]) -> String {
    // FNV-1a, 64 bits.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let text = format!("{}{parts:?}", known.validators.etag);
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("roundtrip-{hash:016x}")
}
