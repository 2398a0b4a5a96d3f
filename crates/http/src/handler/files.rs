//! Files, from a folder or from memory.

use core::cell::RefCell;
use core::fmt;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use http::{Method, StatusCode};
use roundtrip_wire::LocalFuture;

use super::compressed::add_vary;
use super::content::{Content, Known, Open, Stamp, serve};
use super::listing::{self, Entry, Order, UploadForm};
use super::look::{in_memory, inside, look};
use super::negotiate::choose;
use super::packed::{Packed, PackedFiles};
use super::path::{PathError, Place};
use super::range::Wanted;
use super::tree::Tree;
use crate::packing::Coding;
use crate::server::{Handler, Request, RequestBody, Response};

/// How many files are known at one time.
const KNOWN: usize = 512;

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
    packed: Option<PackedFiles>,
    form: UploadForm,
    urls: Urls,
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

/// How pages are named in URLs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urls {
    /// As their files are.
    #[default]
    AsNamed,
    /// Without `.html` and without the names of index pages: `/about` is `about.html`, and who asks for
    /// `/about.html` is sent there.
    Clean,
}

/// The end of the names of pages.
const PAGE: &str = ".html";

impl Hidden {
    /// Whether a name may be seen.
    pub(super) fn shows(self, name: &OsStr) -> bool {
        let hidden = name.as_encoded_bytes().starts_with(b".") && name != ".well-known";
        self == Self::Served || !hidden
    }
}

enum Root {
    Folder(PathBuf),
    Tree(Tree),
}

/// What a path leads to.
enum Found {
    /// A file, open where it is not in memory: content and what is said of it come from one descriptor,
    /// whatever becomes of its path meanwhile.
    File(Rc<Known>, Open),
    Listing(Listed),
    /// Another path.
    Elsewhere(String),
}

/// A folder that is to be listed.
enum Listed {
    /// In the file system.
    Folder(PathBuf),
    /// What lies in it.
    Entries(Vec<Entry>),
}

/// An answer, or what it takes to make it.
enum Answer {
    Now(Response),
    /// A file that is to be compressed first.
    Packing(Rc<Known>, Open, Coding),
    Listing(Place, Listed, Order),
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
        let (ready, packed) = (Ready::Ignored, None);
        let (form, urls, fallback) = (UploadForm::Absent, Urls::AsNamed, None);
        let known = RefCell::default();
        Self { root, index, listing, hidden, ready, packed, form, urls, fallback, known }
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

    /// Has pages that list folders hold a form for files to put there, or not.
    #[must_use]
    pub fn with_form(mut self, form: UploadForm) -> Self {
        self.form = form;
        self
    }

    /// Compresses files for clients that take that, and keeps up to so many bytes of them compressed.
    #[must_use]
    pub fn with_compression(mut self, kept: usize) -> Self {
        self.packed = Some(PackedFiles::new(kept));
        self
    }

    /// Takes files of these names, the first that is there, for the page of a folder.
    #[must_use]
    pub fn with_index(mut self, names: Vec<String>) -> Self {
        self.index = names;
        self
    }

    /// Names pages in URLs so.
    #[must_use]
    pub fn with_urls(mut self, urls: Urls) -> Self {
        self.urls = urls;
        self
    }

    /// Answers with the file at this path of a URL where there is none at the path that was asked for: an
    /// application that makes sense of its own paths in the browser.
    #[must_use]
    pub fn with_fallback(mut self, path: Option<String>) -> Self {
        self.fallback = path;
        self
    }

    /// All of the file at this path of a URL, whatever the preconditions and ranges of the request: for answers
    /// that it stands in. `None` where there is no such file.
    pub(super) fn page(&self, path: &str, request: &Request) -> Option<Response> {
        let place = Place::parse(path).ok()?;
        let Ok(Found::File(known, content)) = self.find_as_named(&place, request) else {
            return None;
        };
        let mut response = content.answer(Wanted::All, &known);
        response.fields.remove("Accept-Ranges");
        Some(response)
    }

    fn answer(&self, request: &Request) -> Answer {
        if let Some(response) = refuse_method(&request.head.line.method) {
            return Answer::Now(response);
        }
        let path = request.path();
        if let Some((known, content)) = self.same(path) {
            return self.file(request, known, content);
        }
        let place = match Place::parse(path) {
            Ok(place) => place,
            Err(error) => return Answer::Now(refuse(error)),
        };
        if !place.segments.iter().all(|name| self.hidden.shows(name)) {
            return Answer::Now(refuse(PathError::Nowhere));
        }
        Answer::Now(match self.find(&place, request) {
            Ok(Found::File(known, content)) => {
                self.keep(path, &known, request.wall);
                return self.file(request, known, content);
            }
            Ok(Found::Elsewhere(path)) => {
                let query = match request.query() {
                    "" => String::new(),
                    query => format!("?{query}"),
                };
                Response::redirect(StatusCode::MOVED_PERMANENTLY, &(path + &query))
            }
            Ok(Found::Listing(_)) if self.listing == Listing::Hidden => {
                Response::error(StatusCode::FORBIDDEN, "This folder is not listed.")
            }
            Ok(Found::Listing(listed)) => {
                return Answer::Listing(place, listed, Order::parse(request.query()));
            }
            Err(error) => match self.instead(request, &error) {
                Some(answer) => return answer,
                None => Self::error_response(&place, &error),
            },
        })
    }

    /// The page that lists a folder.
    async fn list(&self, place: &Place, listed: Listed, order: Order) -> Response {
        let entries = match listed {
            Listed::Folder(path) => listing::read(&path).await,
            Listed::Entries(entries) => Ok(entries),
        };
        match entries {
            Ok(mut entries) => {
                entries.retain(|entry| self.hidden.shows(&entry.name));
                listing::page(place, entries, order, self.form).await
            }
            Err(error) => Self::error_response(place, &error),
        }
    }

    /// Answers with a file that was found, in the coding that the client likes best of those that it can be had in.
    fn file(&self, request: &Request, known: Rc<Known>, content: Open) -> Answer {
        let ready = |coding: Coding| {
            let (at, _) = known.found.as_ref().filter(|_| self.ready == Ready::Sent)?;
            let mut name = at.clone().into_os_string();
            name.push(coding.suffix());
            Some(PathBuf::from(name)).filter(|path| path.is_file())
        };
        let packed = self.packed.as_ref().filter(|_| PackedFiles::takes(&known));
        let can = |coding: &Coding| packed.is_some() || ready(*coding).is_some();
        let mut available: Vec<Coding> = Coding::ALL.into_iter().filter(can).collect();
        if available.is_empty() {
            return Answer::Now(serve(request, &known, &content));
        }
        while let Some(coding) = choose(&request.head.fields, &available) {
            let variant =
                ready(coding).and_then(|name| self.variant(request, &known, (&name, coding)));
            match (variant, packed.map(|packed| packed.find(&known, coding))) {
                (Some(response), _) => return varying(response),
                (None, Some(Packed::Ready(known, content))) => {
                    return varying(serve(request, &known, &content));
                }
                (None, Some(Packed::Wanted)) => return Answer::Packing(known, content, coding),
                (None, Some(Packed::Plain)) => break,
                // It is of what was there before: perhaps another one is not.
                (None, None) => available.retain(|other| *other != coding),
            }
        }
        varying(serve(request, &known, &content))
    }

    /// Answers with a file that is compressed first.
    async fn pack(
        &self,
        request: &Request,
        known: Rc<Known>,
        content: Open,
        coding: Coding,
    ) -> Response {
        let made = match &self.packed {
            Some(packed) => packed.make(&known, &content, coding, request.wall).await,
            None => Ok(None),
        };
        let mut response = match made {
            Ok(Some((known, content))) => serve(request, &known, &content),
            Ok(None) => serve(request, &known, &content),
            Err(error) => {
                Response::error(StatusCode::INTERNAL_SERVER_ERROR, "That file cannot be read.")
                    .because(format!("{}: {error}", request.path()))
            }
        };
        add_vary(&mut response.fields);
        response
    }

    /// The answer with a file that was compressed beforehand; `None` where it cannot be had, or is older than
    /// what it is of.
    fn variant(
        &self,
        request: &Request,
        of: &Known,
        (name, coding): (&Path, Coding),
    ) -> Option<Response> {
        let Root::Folder(root) = &self.root else { return None };
        let path = inside(root, name).ok()?;
        let (known, content) = look(name, &path, request).ok()?;
        let modified = |known: &Known| known.found.as_ref().and_then(|(_, stamp)| stamp.modified);
        if modified(&known) < modified(of) {
            return None;
        }
        let mut known = Rc::try_unwrap(known).ok()?;
        known.media.media_type.clone_from(&of.media.media_type);
        known.media.coding = Some(coding.name());
        Some(serve(request, &known, &content))
    }

    /// The answer with the file that is for all paths that lead to none.
    fn instead(&self, request: &Request, error: &io::Error) -> Option<Answer> {
        let missing =
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let path = self.fallback.as_ref().filter(|_| missing)?;
        let place = Place::parse(path).ok()?;
        let Ok(Found::File(known, content)) = self.find_as_named(&place, request) else {
            return None;
        };
        Some(self.file(request, known, content))
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

    /// What a path leads to, by the names that pages have in URLs.
    fn find(&self, place: &Place, request: &Request) -> io::Result<Found> {
        let exact = self.find_as_named(place, request);
        if self.urls == Urls::AsNamed || place.slash {
            return exact;
        }
        if matches!(exact, Ok(Found::File(..))) {
            let cleaner = self.cleaner(place, request);
            return cleaner.map_or(exact, |cleaner| Ok(Found::Elsewhere(cleaner.to_string())));
        }
        match place.with_ending(PAGE).map(|page| self.find_as_named(&page, request)) {
            Some(found @ Ok(Found::File(..))) => found,
            _ => exact,
        }
    }

    /// The path by which a page is known, where that is not its name and is not that of another file.
    fn cleaner(&self, place: &Place, request: &Request) -> Option<Place> {
        let name = place.segments.last()?.to_str()?;
        if self.index.iter().any(|index| index == name) {
            return place.parent();
        }
        let cleaner = place.without_ending(PAGE)?;
        let taken = matches!(self.find_as_named(&cleaner, request), Ok(Found::File(..)));
        (!taken).then_some(cleaner)
    }

    fn find_as_named(&self, place: &Place, request: &Request) -> io::Result<Found> {
        match &self.root {
            Root::Folder(root) => self.find_in_folder(root, place, request),
            Root::Tree(tree) => self.find_in_tree(tree, place, request),
        }
    }

    fn find_in_folder(&self, root: &Path, place: &Place, request: &Request) -> io::Result<Found> {
        let file = |(known, open)| Found::File(known, open);
        let path = inside(root, &place.below(root))?;
        let meta = fs::metadata(&path)?;
        if !meta.is_dir() {
            if place.slash {
                return Err(io::ErrorKind::NotFound.into());
            }
            return look(&place.below(root), &path, request).map(file);
        }
        if !place.slash {
            return Ok(Found::Elsewhere(place.as_folder()));
        }
        for index in &self.index {
            let name = path.join(index);
            match inside(root, &name).and_then(|path| look(&name, &path, request)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found.map(file),
            }
        }
        Ok(Found::Listing(Listed::Folder(path)))
    }

    fn find_in_tree(&self, tree: &Tree, place: &Place, request: &Request) -> io::Result<Found> {
        let key = place.key().ok_or(io::ErrorKind::NotFound)?;
        let found = |key: &str| {
            let (bytes, modified) = tree.file(key)?;
            let (known, open) = in_memory(key, bytes, *modified, request);
            Some(Found::File(known, open))
        };
        if !place.slash
            && let Some(file) = found(&key)
        {
            return Ok(file);
        }
        let entries = tree.folder(&key).ok_or(io::ErrorKind::NotFound)?;
        if !place.slash {
            return Ok(Found::Elsewhere(place.as_folder()));
        }
        let below = |name: &String| match key.as_str() {
            "" => name.clone(),
            key => format!("{key}/{name}"),
        };
        let index = self.index.iter().find_map(|name| found(&below(name)));
        Ok(index.unwrap_or(Found::Listing(Listed::Entries(entries))))
    }
}

impl Handler for Files {
    fn handle<'a>(&'a self, request: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        match self.answer(request) {
            Answer::Now(response) => Box::pin(core::future::ready(response)),
            Answer::Packing(known, content, coding) => {
                Box::pin(self.pack(request, known, content, coding))
            }
            Answer::Listing(place, listed, order) => {
                Box::pin(async move { self.list(&place, listed, order).await })
            }
        }
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

/// An answer that depends on what the client takes.
fn varying(mut response: Response) -> Answer {
    add_vary(&mut response.fields);
    Answer::Now(response)
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
