//! Files, from a folder or from memory.

use core::cell::RefCell;
use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, StatusCode};
use roundtrip_wire::LocalFuture;

use super::conditional::{self, Validators};
use super::listing;
use super::negotiate::{READY, accepts};
use super::path::{PathError, Place};
use super::range::{self, Range, Wanted};
use super::tree::Tree;
use crate::body::{Body, Part};
use crate::media;
use crate::server::{Handler, Request, RequestBody, Response};

/// Files this small are kept in memory while they are asked for.
const SMALL: u64 = 64 * 1024;
/// A file that was changed no longer ago than this when it was read may have changed once more without a
/// trace: clocks of file systems have a grain.
const SETTLED: Duration = Duration::from_secs(1);
/// How many files are known at one time.
const KNOWN: usize = 512;
/// Of how much of a file the media type is made.
const START: usize = 4 * 1024;

/// Serves files: media types, validators, preconditions, ranges, index pages and listings. Nothing
/// outside the root is reached, by whatever spelling or symbolic link.
///
/// What it knows of a file it uses again as long as the file at that path is the same and as it was; its
/// path is not walked and its content not read anew then.
pub struct Files {
    root: Root,
    index: Vec<String>,
    listing: Listing,
    hidden: Hidden,
    ready: Ready,
    fallback: Option<String>,
    known: RefCell<BTreeMap<String, Rc<Known>>>,
}

/// Whether a folder without an index page is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// It is.
    Shown,
    /// It is not: 403.
    Hidden,
}

/// What becomes of names that begin with a dot: of versions, passwords, settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// They are served as all others.
    Served,
    /// They are as if they were not there, but for `.well-known` (RFC 8615).
    Missing,
}

/// Whether files that were compressed beforehand stand beside the files that they are of: `a.css.br`,
/// `a.css.zst`, `a.css.gz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// They are sent to clients that take their coding.
    Sent,
    /// They are files as any others.
    Ignored,
}

impl Hidden {
    /// Whether a name may be seen.
    fn shows(self, name: &str) -> bool {
        self == Self::Served || !name.starts_with('.') || name == ".well-known"
    }
}

enum Root {
    Folder(PathBuf),
    Tree(Tree),
}

/// A file as it was when last looked at.
struct Known {
    /// Where it was found, and what it was like then; `None`: it cannot change.
    found: Option<(PathBuf, Stamp)>,
    content: Content,
    length: u64,
    validators: Validators,
    last_modified: Option<String>,
    media_type: String,
}

/// What tells a file from the one that was at its path before, and from itself before it was written to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    created: Option<SystemTime>,
}

impl Stamp {
    fn of(meta: &fs::Metadata) -> Self {
        let (modified, created) = (meta.modified().ok(), meta.created().ok());
        Self { length: meta.len(), modified, created }
    }

    /// Whether a change of the file after `now` would show.
    fn is_settled(self, now: SystemTime) -> bool {
        let before = |at: SystemTime| now.duration_since(at).is_ok_and(|age| age >= SETTLED);
        self.modified.is_some_and(before) && self.created.is_none_or(before)
    }
}

#[derive(Clone)]
enum Content {
    Bytes(Bytes),
    /// In the file, which is opened for each request.
    File,
}

/// What a path leads to.
enum Found {
    /// A file, open where it is not in memory: content and what is said of it come from one descriptor,
    /// whatever becomes of its path meanwhile.
    File(Rc<Known>, Open),
    Listing(Vec<listing::Entry>),
    Folder,
}

impl Files {
    /// Serves a folder.
    ///
    /// # Errors
    /// When it is not there, or is no folder.
    pub fn folder(path: impl AsRef<Path>) -> io::Result<Self> {
        let root = path.as_ref().canonicalize()?;
        if !root.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self::new(Root::Folder(root)))
    }

    /// Serves files in memory.
    pub fn tree(tree: Tree) -> Self {
        Self::new(Root::Tree(tree))
    }

    fn new(root: Root) -> Self {
        let index = vec!["index.html".into(), "index.htm".into()];
        let (listing, hidden) = (Listing::Shown, Hidden::Served);
        let (ready, fallback, known) = (Ready::Ignored, None, RefCell::default());
        Self { root, index, listing, hidden, ready, fallback, known }
    }

    /// Shows folders without an index page, or does not.
    #[must_use]
    pub fn with_listing(mut self, listing: Listing) -> Self {
        self.listing = listing;
        self
    }

    /// Serves names that begin with a dot, or does not.
    #[must_use]
    pub fn with_hidden(mut self, hidden: Hidden) -> Self {
        self.hidden = hidden;
        self
    }

    /// Sends files that were compressed beforehand, or does not.
    #[must_use]
    pub fn with_ready(mut self, ready: Ready) -> Self {
        self.ready = ready;
        self
    }

    /// Answers with the file at this path of a URL where there is none at the path that was asked for: an
    /// application that makes sense of its own paths in the browser.
    #[must_use]
    pub fn with_fallback(mut self, path: Option<String>) -> Self {
        self.fallback = path;
        self
    }

    fn answer(&self, request: &Request) -> Response {
        let method = &request.head.line.method;
        if let Some(response) = refuse_method(method) {
            return response;
        }
        let path = request.path();
        if let Some((known, content)) = self.same(path) {
            return serve(request, &known, &content);
        }
        let place = match Place::parse(path) {
            Ok(place) => place,
            Err(error) => return refuse(error),
        };
        if !place.segments.iter().all(|name| self.hidden.shows(name)) {
            return refuse(PathError::Nowhere);
        }
        match self.find(&place, request) {
            Ok(Found::File(known, content)) => self.file(path, request, &known, &content),
            Ok(Found::Folder) => {
                let query = match request.query() {
                    "" => String::new(),
                    query => format!("?{query}"),
                };
                let location = place.as_folder() + &query;
                Response::redirect(StatusCode::MOVED_PERMANENTLY, &location)
            }
            Ok(Found::Listing(_)) if self.listing == Listing::Hidden => {
                Response::error(StatusCode::FORBIDDEN, "This folder is not listed.")
            }
            Ok(Found::Listing(mut entries)) => {
                entries.retain(|entry| self.hidden.shows(&entry.name));
                Response::html(listing::page(&place, entries))
            }
            Err(error) => self
                .instead(request, &error)
                .unwrap_or_else(|| Self::error_response(&place, &error)),
        }
    }

    /// Answers with a file that was found.
    fn file(&self, path: &str, request: &Request, known: &Rc<Known>, content: &Open) -> Response {
        let (Ready::Sent, Some((at, _))) = (self.ready, &known.found) else {
            self.keep(path, known, request.wall);
            return serve(request, known, content);
        };
        let variants = READY.iter().filter_map(|coding| {
            let mut name = at.clone().into_os_string();
            name.push(coding.suffix);
            Some((coding, PathBuf::from(name))).filter(|(_, path)| path.is_file())
        });
        let (mut any, mut response) = (false, None);
        for (coding, name) in variants {
            any = true;
            if response.is_none() && accepts(&request.head.fields, coding.name) {
                response = self.variant(request, known, &name).map(|mut response| {
                    if response.status.is_success() {
                        response.fields.add("Content-Encoding", coding.name);
                    }
                    response
                });
            }
        }
        let mut response = response.unwrap_or_else(|| serve(request, known, content));
        if any {
            response.fields.add("Vary", "Accept-Encoding");
        }
        response
    }

    /// The answer with a file that was compressed beforehand; `None` where it cannot be had, or is older than
    /// what it is of.
    fn variant(&self, request: &Request, of: &Known, name: &Path) -> Option<Response> {
        let Root::Folder(root) = &self.root else { return None };
        let path = inside(root, name).ok()?;
        let Ok(Found::File(known, content)) = look(name, &path, request) else { return None };
        let modified = |known: &Known| known.found.as_ref().and_then(|(_, stamp)| stamp.modified);
        if modified(&known) < modified(of) {
            return None;
        }
        let mut known = Rc::try_unwrap(known).ok()?;
        known.media_type.clone_from(&of.media_type);
        Some(serve(request, &known, &content))
    }

    /// The answer with the file that is for all paths that lead to none.
    fn instead(&self, request: &Request, error: &io::Error) -> Option<Response> {
        let missing =
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let path = self.fallback.as_ref().filter(|_| missing)?;
        let place = Place::parse(path).ok()?;
        let Ok(Found::File(known, content)) = self.find(&place, request) else { return None };
        Some(self.file(path, request, &known, &content))
    }

    /// What a path comes to that leads to nothing that can be served.
    fn error_response(place: &Place, error: &io::Error) -> Response {
        use io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
                refuse(PathError::Nowhere)
            }
            ErrorKind::PermissionDenied => {
                Response::error(StatusCode::FORBIDDEN, "That file may not be read.")
                    .because(format!("{place}: {error}"))
            }
            kind if is_loop(kind) => refuse(PathError::Nowhere),
            _ => Response::error(StatusCode::INTERNAL_SERVER_ERROR, "That file cannot be read.")
                .because(format!("{place}: {error}")),
        }
    }

    /// What is known of the file that this path led to before, if it still is as it was.
    fn same(&self, path: &str) -> Option<(Rc<Known>, Open)> {
        let known = Rc::clone(self.known.borrow().get(path)?);
        let content = match (&known.content, &known.found) {
            (Content::Bytes(bytes), None) => Open::Bytes(bytes.clone()),
            (Content::Bytes(bytes), Some((path, stamp))) => {
                let meta = fs::metadata(path).ok()?;
                (Stamp::of(&meta) == *stamp).then(|| Open::Bytes(bytes.clone()))?
            }
            (Content::File, Some((path, stamp))) => {
                let file = File::open(path).ok()?;
                let meta = file.metadata().ok()?;
                (Stamp::of(&meta) == *stamp).then(|| Open::File(Rc::new(file)))?
            }
            (Content::File, None) => return None,
        };
        Some((known, content))
    }

    fn keep(&self, path: &str, file: &Rc<Known>, now: SystemTime) {
        if file.found.as_ref().is_some_and(|(_, stamp)| !stamp.is_settled(now)) {
            return;
        }
        let mut known = self.known.borrow_mut();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(path.to_owned(), Rc::clone(file));
    }

    fn find(&self, place: &Place, request: &Request) -> io::Result<Found> {
        match &self.root {
            Root::Folder(root) => self.find_in_folder(root, place, request),
            Root::Tree(tree) => self.find_in_tree(tree, place, request),
        }
    }

    fn find_in_folder(&self, root: &Path, place: &Place, request: &Request) -> io::Result<Found> {
        let path = inside(root, &place.below(root))?;
        let meta = fs::metadata(&path)?;
        if !meta.is_dir() {
            if place.slash {
                return Err(io::ErrorKind::NotFound.into());
            }
            return look(&place.below(root), &path, request);
        }
        if !place.slash {
            return Ok(Found::Folder);
        }
        for index in &self.index {
            let name = path.join(index);
            match inside(root, &name).and_then(|path| look(&name, &path, request)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found,
            }
        }
        match self.listing {
            Listing::Shown => listing::read(&path).map(Found::Listing),
            Listing::Hidden => Ok(Found::Listing(Vec::new())),
        }
    }

    fn find_in_tree(&self, tree: &Tree, place: &Place, request: &Request) -> io::Result<Found> {
        let key = place.key();
        if !place.slash
            && let Some((bytes, modified)) = tree.file(&key)
        {
            return Ok(in_memory(&key, bytes, *modified, request));
        }
        let entries = tree.folder(&key).ok_or(io::ErrorKind::NotFound)?;
        if !place.slash {
            return Ok(Found::Folder);
        }
        for index in &self.index {
            let key = if key.is_empty() { index.clone() } else { format!("{key}/{index}") };
            if let Some((bytes, modified)) = tree.file(&key) {
                return Ok(in_memory(&key, bytes, *modified, request));
            }
        }
        Ok(Found::Listing(entries))
    }
}

impl Handler for Files {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        let response = self.answer(request);
        Box::pin(core::future::ready(response))
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root: &dyn fmt::Debug = match &self.root {
            Root::Folder(path) => path,
            Root::Tree(tree) => tree,
        };
        f.debug_struct("Files").field("root", root).finish_non_exhaustive()
    }
}

/// The path with all symbolic links followed, if that is still below the root.
fn inside(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let path = path.canonicalize()?;
    if path.starts_with(root) { Ok(path) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// Looks at a file, which was found at `at` and is at `path`, and reads it if it is small. What is neither
/// file nor folder (a device, a pipe) is not opened: that could take for ever.
fn look(at: &Path, path: &Path, request: &Request) -> io::Result<Found> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let stamp = Stamp::of(&meta);
    let small = meta.len() <= SMALL;
    let mut start = Vec::new();
    let take = if small { SMALL + 1 } else { START as u64 };
    file.by_ref().take(take).read_to_end(&mut start)?;
    let media_type = media::of_file(name, &start[..start.len().min(START)]);
    // A file that is being written: what was read is what is served.
    let (length, content, open) = if small && start.len() as u64 <= SMALL {
        let bytes = Bytes::from(start);
        (bytes.len() as u64, Content::Bytes(bytes.clone()), Open::Bytes(bytes))
    } else {
        (meta.len(), Content::File, Open::File(Rc::new(file)))
    };
    let found = Some((at.to_path_buf(), stamp));
    Ok(Found::File(known(length, stamp.modified, media_type, (content, found), request), open))
}

fn in_memory(name: &str, bytes: &Bytes, modified: Option<SystemTime>, request: &Request) -> Found {
    let media_type = media::of_file(name, &bytes[..bytes.len().min(START)]);
    let content = (Content::Bytes(bytes.clone()), None);
    let known = known(bytes.len() as u64, modified, media_type, content, request);
    Found::File(known, Open::Bytes(bytes.clone()))
}

fn known(
    length: u64,
    modified: Option<SystemTime>,
    media_type: String,
    (content, found): (Content, Option<(PathBuf, Stamp)>),
    request: &Request,
) -> Rc<Known> {
    let validators = Validators::new(length, modified, request.wall);
    let last_modified = validators.modified.map(httpdate::fmt_http_date);
    Rc::new(Known { found, content, length, validators, last_modified, media_type })
}

fn refuse_method(method: &Method) -> Option<Response> {
    const ALLOW: &str = "GET, HEAD, OPTIONS";
    let status = match *method {
        Method::GET | Method::HEAD => return None,
        Method::OPTIONS => StatusCode::NO_CONTENT,
        Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::PATCH
        | Method::TRACE
        | Method::CONNECT => StatusCode::METHOD_NOT_ALLOWED,
        _ => StatusCode::NOT_IMPLEMENTED,
    };
    let mut response = match status {
        StatusCode::NO_CONTENT => Response::new(status),
        _ => Response::error(status, &format!("Files have no {method}.")),
    };
    response.fields.add("Allow", ALLOW);
    Some(response)
}

fn refuse(error: PathError) -> Response {
    match error {
        PathError::Malformed => {
            Response::error(StatusCode::BAD_REQUEST, "That is no path of a URL.")
        }
        PathError::Outside => Response::error(StatusCode::FORBIDDEN, "That path leads elsewhere."),
        PathError::Nowhere => Response::error(StatusCode::NOT_FOUND, "There is no such file."),
    }
}

/// Whether links lead in a circle. The kind has a name by which it is shown, and none yet that could be
/// matched (`io_error_more`).
fn is_loop(kind: io::ErrorKind) -> bool {
    format!("{kind:?}") == "FilesystemLoop"
}

/// Answers with a file, with parts of it, or with why not.
fn serve(request: &Request, known: &Known, content: &Open) -> Response {
    let (method, fields) = (&request.head.line.method, &request.head.fields);
    let status = conditional::evaluate(method, fields, &known.validators);
    let mut response = match status {
        Some(StatusCode::NOT_MODIFIED) => Response::new(StatusCode::NOT_MODIFIED),
        Some(status) => Response::error(status, "The file is not in the state asked for."),
        None => content.answer(wanted(request, known), known),
    };
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
enum Open {
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

    fn answer(&self, wanted: Wanted, known: &Known) -> Response {
        let length = known.length;
        match wanted {
            Wanted::All => {
                let mut response = Response::new(StatusCode::OK);
                response.fields.add("Content-Type", &known.media_type);
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
                    response.fields.add("Content-Type", &known.media_type);
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
                known.media_type, known.length
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
