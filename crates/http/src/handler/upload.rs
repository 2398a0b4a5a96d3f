//! `Uploads`: files that clients may put into a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use http::{Method, StatusCode};
use roundtrip_wire::LocalFuture;

use super::conditional::{self, Validators};
use super::files::Hidden;
use super::look::inside;
use super::path::{PathError, Place};
use crate::form::{Parts, Piece};
use crate::media::essence;
use crate::message::Fields;
use crate::server::{Handler, Request, RequestBody, Response};

/// What clients may do with a folder's files.
const ALLOW: &str = "GET, HEAD, OPTIONS, POST, PUT";

/// Takes files into a folder: PUT has one at its path, a form sent by POST to the path of a folder has several. A
/// file is there once it is whole, at one instant, in place of the one that had its name. All else is
/// answered by another handler.
pub struct Uploads {
    root: PathBuf,
    /// Bytes that a request may have.
    most: u64,
    hidden: Hidden,
    inner: Rc<dyn Handler>,
}

impl Uploads {
    /// Takes files of requests of up to `most` bytes into a folder.
    ///
    /// # Errors
    /// When the folder is not there, or is none.
    pub fn new(
        root: impl AsRef<Path>,
        most: u64,
        hidden: Hidden,
        inner: Rc<dyn Handler>,
    ) -> io::Result<Self> {
        let root = root.as_ref().canonicalize()?;
        if !root.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { root, most, hidden, inner })
    }

    async fn put(&self, request: &Request, body: RequestBody) -> Result<Response, Refused> {
        let place = self.place(request)?;
        let (Some(name), Some(parent), false) =
            (place.segments.last(), place.parent(), place.slash)
        else {
            let why = "A file has a name: that path is of a folder.";
            return Err(Refused::words(StatusCode::CONFLICT, why));
        };
        if request.head.fields.contains("Content-Range") {
            let why = "A part of a file cannot be put (RFC 9110 §14.5).";
            return Err(Refused::words(StatusCode::BAD_REQUEST, why));
        }
        let folder = self.folder(&parent)?;
        let target = folder.join(name);
        let before = fs::metadata(&target).ok();
        if before.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(Refused::words(StatusCode::CONFLICT, "There is a folder of that name."));
        }
        check(request, before.as_ref())?;
        let mut arriving = Arriving::begin(&folder)?;
        self.take(body, |bytes| arriving.write(bytes).map_err(Refused::from)).await?;
        arriving.keep(&target)?;
        let status = if before.is_some() { StatusCode::NO_CONTENT } else { StatusCode::CREATED };
        Ok(Response::new(status))
    }

    /// Takes the files of a form.
    async fn post(&self, request: &Request, body: RequestBody) -> Result<Response, Refused> {
        if is_from_elsewhere(&request.head.fields) {
            let why = "A page of another site may not put files here.";
            return Err(Refused::words(StatusCode::FORBIDDEN, why));
        }
        let place = self.place(request)?;
        let folder = self.folder(&place)?;
        let content_type = request.head.fields.text("Content-Type").unwrap_or_default();
        let mut form = Form { uploads: self, folder: &folder, files: Vec::new(), ended: false };
        let mut parts = Parts::new(content_type).map_err(|error| malformed(&error))?;
        self.take(body, |bytes| {
            parts.push(bytes);
            form.go_on(&mut parts)
        })
        .await?;
        if !form.ended {
            let why = "The form does not come to its end.";
            return Err(Refused::words(StatusCode::BAD_REQUEST, why));
        }
        let count = form.files.len();
        for (arriving, target) in form.files {
            arriving.keep(&target)?;
        }
        Ok(if request.head.fields.text("Accept").is_some_and(|all| all.contains("text/html")) {
            // Who goes back to the folder sees what is there now, and sends nothing twice.
            Response::redirect(StatusCode::SEE_OTHER, &place.as_folder())
        } else {
            let mut response = Response::text(format!("{count} files\n"));
            response.status = StatusCode::CREATED;
            response
        })
    }

    /// Reads a body, as far as it is not too long.
    async fn take(
        &self,
        mut body: RequestBody,
        mut use_it: impl FnMut(&[u8]) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let too_much = || {
            let why = format!("A request may have {} bytes here.", self.most);
            Refused(Response::error(StatusCode::PAYLOAD_TOO_LARGE, &why).closing())
        };
        if body.length().is_some_and(|length| length > self.most) {
            return Err(too_much());
        }
        let mut taken = 0;
        while let Some(chunk) = body.chunk().await {
            let chunk = chunk.map_err(|error| {
                Refused(Response::error(error.status(), &error.to_string()).closing())
            })?;
            taken += chunk.len() as u64;
            if taken > self.most {
                return Err(too_much());
            }
            use_it(&chunk)?;
        }
        Ok(())
    }

    fn place(&self, request: &Request) -> Result<Place, Refused> {
        let place = Place::parse(request.path()).map_err(|error| match error {
            PathError::Malformed => {
                Refused::words(StatusCode::BAD_REQUEST, "That is no path of a URL.")
            }
            PathError::Outside => {
                Refused::words(StatusCode::FORBIDDEN, "That path leads elsewhere.")
            }
            PathError::Nowhere => Refused::words(StatusCode::BAD_REQUEST, "No file has that name."),
        })?;
        if !place.segments.iter().all(|name| self.hidden.shows(name)) {
            return Err(hidden());
        }
        Ok(place)
    }

    /// The folder at a place, with all links followed.
    fn folder(&self, place: &Place) -> Result<PathBuf, Refused> {
        match inside(&self.root, &place.below(&self.root)) {
            Ok(folder) if folder.is_dir() => Ok(folder),
            Ok(_) => Err(no_folder()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(no_folder()),
            Err(error) => Err(error.into()),
        }
    }

    /// The name of a file of a form, without the folders that it may come with.
    fn file_name(&self, told: &str) -> Result<PathBuf, Refused> {
        let name = told.rsplit(['/', '\\']).next().unwrap_or_default();
        let mut components = Path::new(name).components();
        match (components.next(), components.next()) {
            (Some(Component::Normal(own)), None) if !name.contains('\0') => {
                if self.hidden.shows(own) { Ok(own.into()) } else { Err(hidden()) }
            }
            _ => Err(Refused::words(StatusCode::BAD_REQUEST, "No file has that name.")),
        }
    }

    async fn other(&self, request: &Request, body: RequestBody) -> Response {
        let mut response = self.inner.handle(request, body).await;
        if response.fields.contains("Allow") {
            response.fields.set("Allow", ALLOW);
        }
        response
    }
}

impl Handler for Uploads {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        let fields = &request.head.fields;
        let is_form = fields
            .text("Content-Type")
            .is_some_and(|value| essence(value) == "multipart/form-data");
        Box::pin(async move {
            let done = match request.head.line.method {
                Method::PUT => self.put(request, body).await,
                Method::POST if is_form => self.post(request, body).await,
                _ => return self.other(request, body).await,
            };
            done.unwrap_or_else(|Refused(response)| response)
        })
    }
}

/// A form whose files arrive.
struct Form<'a> {
    uploads: &'a Uploads,
    folder: &'a Path,
    files: Vec<(Arriving, PathBuf)>,
    ended: bool,
}

impl Form<'_> {
    fn go_on(&mut self, parts: &mut Parts) -> Result<(), Refused> {
        // Whether the part that goes on is a file is known by whether it has just been begun.
        while !self.ended
            && let Some(piece) = parts.pull().map_err(|error| malformed(&error))?
        {
            match piece {
                Piece::Part(head) => {
                    self.close();
                    // A form in which no file was chosen has one without a name.
                    let Some(name) = head.file_name.filter(|name| !name.is_empty()) else {
                        continue;
                    };
                    let target = self.folder.join(self.uploads.file_name(&name)?);
                    if target.is_dir() {
                        let why = "There is a folder of that name.";
                        return Err(Refused::words(StatusCode::CONFLICT, why));
                    }
                    self.files.push((Arriving::begin(self.folder)?, target));
                }
                Piece::Content(bytes) => {
                    if let Some((arriving, _)) = self.files.last_mut() {
                        arriving.write_if_open(&bytes)?;
                    }
                }
                Piece::End => {
                    self.close();
                    self.ended = true;
                }
            }
        }
        Ok(())
    }

    /// What comes from now on is not of the last file.
    fn close(&mut self) {
        if let Some((arriving, _)) = self.files.last_mut() {
            arriving.file = None;
        }
    }
}

/// A file that arrives, under a name that nobody asks for; it goes away again unless it is kept.
struct Arriving {
    /// `None` once all of it is there.
    file: Option<File>,
    path: PathBuf,
    kept: bool,
}

impl Arriving {
    fn begin(folder: &Path) -> io::Result<Self> {
        /// Names of arriving files that may be taken already.
        const TRIES: u32 = 10_000;
        for number in 0..TRIES {
            let path = folder.join(format!(".arriving-{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { file: Some(file), path, kept: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("{TRIES} files are arriving in one folder")))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => Err(io::Error::other("the file was closed")),
        }
    }

    /// Fields of a form may follow a file.
    fn write_if_open(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_some() { self.write(bytes) } else { Ok(()) }
    }

    /// Gives it its name.
    fn keep(mut self, target: &Path) -> io::Result<()> {
        self.file = None;
        fs::rename(&self.path, target)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if !self.kept {
            // There is nobody left to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why files are not taken.
struct Refused(Response);

impl Refused {
    fn words(status: StatusCode, why: &str) -> Self {
        Self(Response::error(status, why))
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind;
        let (status, why) = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                (StatusCode::INSUFFICIENT_STORAGE, "There is no room for it.")
            }
            ErrorKind::FileTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "No file may be so long."),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                (StatusCode::FORBIDDEN, "Nothing may be put there.")
            }
            ErrorKind::InvalidFilename => (StatusCode::BAD_REQUEST, "No file has that name."),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "It could not be written."),
        };
        Self(Response::error(status, why).because(format!("an upload: {error}")).closing())
    }
}

fn no_folder() -> Refused {
    Refused::words(StatusCode::CONFLICT, "There is no such folder to put it in.")
}

fn hidden() -> Refused {
    Refused::words(StatusCode::FORBIDDEN, "Names that begin with a dot are not taken.")
}

fn malformed(error: &dyn core::fmt::Display) -> Refused {
    Refused(Response::error(StatusCode::BAD_REQUEST, &format!("The form: {error}.")).closing())
}

/// Holds preconditions against the file that is there before (RFC 9110 §13).
fn check(request: &Request, before: Option<&fs::Metadata>) -> Result<(), Refused> {
    let fields = &request.head.fields;
    let failed = match before {
        Some(meta) => {
            let validators = Validators::new(meta.len(), meta.modified().ok(), request.wall);
            conditional::evaluate(&request.head.line.method, fields, &validators).is_some()
        }
        None => fields.contains("If-Match"),
    };
    if failed {
        let why = "The file is not in the state asked for.";
        return Err(Refused::words(StatusCode::PRECONDITION_FAILED, why));
    }
    Ok(())
}

/// Whether a browser sends this for a page of another site, with the credentials of whoever looks at it.
fn is_from_elsewhere(fields: &Fields) -> bool {
    if let Some(site) = fields.text("Sec-Fetch-Site") {
        return !matches!(site, "same-origin" | "none");
    }
    let own = fields.text("Host").unwrap_or_default();
    let origin = fields.text("Origin").map(|origin| origin.split_once("://").map(|(_, host)| host));
    origin.is_some_and(|origin| origin != Some(own))
}
