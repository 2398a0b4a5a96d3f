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
use roundtrip_record::Time;
use roundtrip_wire::LocalFuture;

use super::conditional::{self, Validators};
use super::listing;
use super::path::{PathError, Place};
use super::range::{self, Range, Wanted};
use super::tree::Tree;
use crate::body::{Body, Part};
use crate::media;
use crate::server::{Handler, Request, RequestBody, Response};

/// Files this small are kept in memory while they are asked for.
const SMALL: u64 = 64 * 1024;
/// How long what is known of a file is taken for true without looking again.
const FRESH: Duration = Duration::from_millis(100);
/// How many files are known at one time.
const KNOWN: usize = 512;
/// Of how much of a file the media type is made.
const START: usize = 4 * 1024;

/// Serves files: media types, validators, preconditions, ranges, index pages and listings. Nothing
/// outside the root is reached, by whatever spelling or symbolic link.
///
/// What it knows of a file it takes for true for a tenth of a second, so that a file asked for
/// thousands of times a second is not looked up as often.
pub struct Files {
    root: Root,
    index: Vec<String>,
    listing: Listing,
    hidden: Hidden,
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
    looked: Time,
    content: Content,
    length: u64,
    validators: Validators,
    last_modified: Option<String>,
    media_type: String,
}

#[derive(Clone)]
enum Content {
    Bytes(Bytes),
    Path(PathBuf),
}

/// What a path leads to.
enum Found {
    File(Rc<Known>),
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
        Self { root, index, listing, hidden, known: RefCell::default() }
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

    fn answer(&self, request: &Request) -> Response {
        let method = &request.head.line.method;
        if let Some(response) = refuse_method(method) {
            return response;
        }
        let path = request.path();
        if let Some(known) = self.fresh(path, request.at) {
            return serve(request, &known);
        }
        let place = match Place::parse(path) {
            Ok(place) => place,
            Err(error) => return refuse(error),
        };
        if !place.segments.iter().all(|name| self.hidden.shows(name)) {
            return refuse(PathError::Nowhere);
        }
        match self.find(&place, request) {
            Ok(Found::File(known)) => {
                self.keep(path, &known);
                serve(request, &known)
            }
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
            Err(error) => error_response(&error),
        }
    }

    /// What is known of the file that this path led to a moment ago.
    fn fresh(&self, path: &str, now: Time) -> Option<Rc<Known>> {
        let known = self.known.borrow();
        let known = known.get(path)?;
        (now.since(known.looked) < FRESH).then(|| Rc::clone(known))
    }

    fn keep(&self, path: &str, file: &Rc<Known>) {
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
            return look(&path, request).map(Found::File);
        }
        if !place.slash {
            return Ok(Found::Folder);
        }
        for index in &self.index {
            match inside(root, &path.join(index)).and_then(|path| look(&path, request)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found.map(Found::File),
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
            return Ok(Found::File(known_in_memory(&key, bytes, *modified, request)));
        }
        let entries = tree.folder(&key).ok_or(io::ErrorKind::NotFound)?;
        if !place.slash {
            return Ok(Found::Folder);
        }
        for index in &self.index {
            let key = if key.is_empty() { index.clone() } else { format!("{key}/{index}") };
            if let Some((bytes, modified)) = tree.file(&key) {
                return Ok(Found::File(known_in_memory(&key, bytes, *modified, request)));
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

/// Looks at a file, and reads it if it is small. What is neither file nor folder (a device, a pipe)
/// is not opened: that could take for ever.
fn look(path: &Path, request: &Request) -> io::Result<Rc<Known>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let small = meta.len() <= SMALL;
    let mut start = Vec::new();
    let take = if small { SMALL + 1 } else { START as u64 };
    file.by_ref().take(take).read_to_end(&mut start)?;
    let media_type = media::of_file(name, &start[..start.len().min(START)]);
    // A file that is being written: what was read is what is served.
    let (length, content) = if small && start.len() as u64 <= SMALL {
        (start.len() as u64, Content::Bytes(start.into()))
    } else {
        (meta.len(), Content::Path(path.to_path_buf()))
    };
    Ok(known(length, meta.modified().ok(), media_type, content, request))
}

fn known_in_memory(
    name: &str,
    bytes: &Bytes,
    modified: Option<SystemTime>,
    request: &Request,
) -> Rc<Known> {
    let media_type = media::of_file(name, &bytes[..bytes.len().min(START)]);
    known(bytes.len() as u64, modified, media_type, Content::Bytes(bytes.clone()), request)
}

fn known(
    length: u64,
    modified: Option<SystemTime>,
    media_type: String,
    content: Content,
    request: &Request,
) -> Rc<Known> {
    let validators = Validators::new(length, modified, request.wall);
    let last_modified = validators.modified.map(httpdate::fmt_http_date);
    Rc::new(Known { looked: request.at, content, length, validators, last_modified, media_type })
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

fn error_response(error: &io::Error) -> Response {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
            refuse(PathError::Nowhere)
        }
        ErrorKind::PermissionDenied => {
            Response::error(StatusCode::FORBIDDEN, "That file may not be read.")
        }
        _ => Response::error(StatusCode::INTERNAL_SERVER_ERROR, "That file cannot be read."),
    }
}

/// Answers with a file, with parts of it, or with why not.
fn serve(request: &Request, known: &Known) -> Response {
    let (method, fields) = (&request.head.line.method, &request.head.fields);
    let status = conditional::evaluate(method, fields, &known.validators);
    let mut response = match status {
        Some(StatusCode::NOT_MODIFIED) => Response::new(StatusCode::NOT_MODIFIED),
        Some(status) => Response::error(status, "The file is not in the state asked for."),
        None => match open(&known.content) {
            Ok(content) => content.answer(wanted(request, known), known),
            Err(error) => return error_response(&error),
        },
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

fn open(content: &Content) -> io::Result<Open> {
    match content {
        Content::Bytes(bytes) => Ok(Open::Bytes(bytes.clone())),
        Content::Path(path) => File::open(path).map(|file| Open::File(Rc::new(file))),
    }
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
