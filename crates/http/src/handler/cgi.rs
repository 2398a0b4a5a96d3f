//! Programs that answer: the Common Gateway Interface (RFC 3875).

use core::any::Any;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::stream::Stream;
use http::{StatusCode, Version};
use roundtrip_wire::LocalFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::path::{PathError, Place};
use crate::Body;
use crate::message::{Fields, to_text, version_text};
use crate::server::{Handler, Request, RequestBody, Response};

/// How large a program's head may be.
const HEAD: usize = 64 * 1024;
/// How much of a body is kept whose length is not known beforehand.
const KEPT: usize = 16 << 20;
/// How much of what a program says is waited for before its answer goes out, where it says how long that is.
const AHEAD: usize = 64 * 1024;
/// How much is read from a program at once.
const READ: usize = 16 * 1024;

/// Starts programs. Processes are an operating system's, so only a live wire has one that does.
pub trait Spawn {
    /// Starts a program whose standard input and output are pipes.
    ///
    /// # Errors
    /// When it cannot be started: [`io::ErrorKind::Unsupported`] where there are no processes.
    fn spawn(&self, command: &Command) -> io::Result<Program>;
}

/// What is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program's file.
    pub program: PathBuf,
    /// The folder to start it in: its own (RFC 3875 §7.2).
    pub folder: PathBuf,
    /// All of its environment but what the starter adds (PATH).
    pub environment: Vec<(String, String)>,
}

/// A program that runs.
pub struct Program {
    /// Its standard input.
    pub input: Pin<Box<dyn AsyncWrite>>,
    /// Its standard output.
    pub output: Pin<Box<dyn AsyncRead>>,
    /// Ends it when dropped. A limit on its time is kept by whoever started it.
    pub guard: Box<dyn Any>,
}

/// Has programs of a folder answer.
///
/// One thing of the RFC is not done: the query is never made into arguments (§4.4), which has hurt too
/// many interpreters. A local redirect (§6.2.2) is told in [`Response::local`]; whoever calls this
/// handler follows it, with [`crate::server::follow`], or else the client does. A request's body whose length
/// is not known beforehand is read first, since §4.1.2 wants to know it; one that is longer than 16 MiB is
/// answered with 411.
pub struct Cgi {
    root: PathBuf,
    prefix: String,
    software: String,
    spawn: Rc<dyn Spawn>,
}

impl Cgi {
    /// Programs of `folder`, for paths below `prefix` (`/cgi-bin/`).
    ///
    /// # Errors
    /// When the folder is not there.
    pub fn new(folder: impl AsRef<Path>, prefix: &str, spawn: Rc<dyn Spawn>) -> io::Result<Self> {
        Ok(Self {
            root: folder.as_ref().canonicalize()?,
            prefix: format!("/{}/", prefix.trim_matches('/')).replace("//", "/"),
            software: concat!("roundtrip/", env!("CARGO_PKG_VERSION")).into(),
            spawn,
        })
    }

    /// Whether a path is one of its programs'.
    pub fn takes(&self, path: &str) -> bool {
        path.starts_with(&self.prefix)
    }

    async fn answer(&self, request: &Request, body: RequestBody) -> Response {
        let script = match self.find(request.path()) {
            Ok(script) => script,
            Err(status) => return Response::error(status, "There is no such program."),
        };
        let (length, feed) = match body.length() {
            Some(length) => (length, Feed::Coming(body)),
            None => match read_first(body).await {
                Ok(kept) => (kept.iter().map(|piece| piece.len() as u64).sum(), Feed::Kept(kept)),
                Err(response) => return *response,
            },
        };
        let command = Command {
            folder: script.file.parent().unwrap_or(&self.root).to_path_buf(),
            environment: environment(self, request, &script, length),
            program: script.file.clone(),
        };
        let program = match self.spawn.spawn(&command) {
            Ok(program) => program,
            Err(error) => return refuse(&error).because(format!("{}: {error}", script.name)),
        };
        let mut run = Run::new(program, feed);
        match run.head().await {
            Ok(head) => respond(&head, run).await,
            Err(why) => Response::error(StatusCode::BAD_GATEWAY, &why)
                .because(format!("{}: {why}", script.name)),
        }
    }

    /// The first file on the path; what follows it is the program's.
    fn find(&self, path: &str) -> Result<Script, StatusCode> {
        let rest = path.strip_prefix(&self.prefix).ok_or(StatusCode::NOT_FOUND)?;
        let place = Place::parse(&format!("/{rest}")).map_err(|error| match error {
            PathError::Malformed => StatusCode::BAD_REQUEST,
            PathError::Outside => StatusCode::FORBIDDEN,
            PathError::Nowhere => StatusCode::NOT_FOUND,
        })?;
        let mut file = self.root.clone();
        for (at, segment) in place.segments.iter().enumerate() {
            file.push(segment);
            let meta = file.metadata().map_err(|_| StatusCode::NOT_FOUND)?;
            if meta.is_dir() {
                continue;
            }
            let real = file.canonicalize().map_err(|_| StatusCode::NOT_FOUND)?;
            if !meta.is_file() || !real.starts_with(&self.root) {
                return Err(StatusCode::FORBIDDEN);
            }
            // Variables hold text.
            let texts: Option<Vec<&str>> = place.segments.iter().map(|one| one.to_str()).collect();
            let texts = texts.ok_or(StatusCode::NOT_FOUND)?;
            let (own, more) = texts.split_at(at + 1);
            let mut info = String::new();
            for segment in more {
                info.push('/');
                info.push_str(segment);
            }
            if place.slash {
                info.push('/');
            }
            let name = format!("{}{}", self.prefix, own.join("/"));
            return Ok(Script { file: real, name, info });
        }
        Err(StatusCode::NOT_FOUND)
    }
}

impl Handler for Cgi {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(self.answer(request, body))
    }
}

/// A program that was found.
struct Script {
    file: PathBuf,
    /// The part of the path that names it.
    name: String,
    /// The part after that, decoded.
    info: String,
}

fn refuse(error: &io::Error) -> Response {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Response::error(StatusCode::FORBIDDEN, "That program may not be run.")
        }
        io::ErrorKind::Unsupported => {
            Response::error(StatusCode::NOT_IMPLEMENTED, "There are no programs on this wire.")
        }
        _ => Response::error(StatusCode::INTERNAL_SERVER_ERROR, "That program cannot be started."),
    }
}

/// The meta-variables (RFC 3875 §4.1).
fn environment(
    cgi: &Cgi,
    request: &Request,
    script: &Script,
    length: u64,
) -> Vec<(String, String)> {
    let line = &request.head.line;
    let fields = &request.head.fields;
    let host = request.authority().map(|authority| authority.host.to_owned());
    let mut all = vec![
        ("GATEWAY_INTERFACE", "CGI/1.1".to_owned()),
        ("PATH_INFO", script.info.clone()),
        ("QUERY_STRING", request.query().to_owned()),
        ("REMOTE_ADDR", request.peer.ip().to_string()),
        ("REMOTE_HOST", request.peer.ip().to_string()),
        ("REQUEST_METHOD", line.method.to_string()),
        ("SCRIPT_NAME", script.name.clone()),
        ("SERVER_NAME", host.unwrap_or_else(|| request.local.ip().to_string())),
        ("SERVER_PORT", request.local.port().to_string()),
        ("SERVER_PROTOCOL", version_text(line.version.min(Version::HTTP_11)).to_owned()),
        ("SERVER_SOFTWARE", cgi.software.clone()),
    ];
    if length > 0 {
        all.push(("CONTENT_LENGTH", length.to_string()));
    }
    if let Some(value) = fields.get("Content-Type") {
        all.push(("CONTENT_TYPE", to_text(value)));
    }
    if !script.info.is_empty() {
        let translated = format!("{}{}", cgi.root.display(), script.info);
        all.push(("PATH_TRANSLATED", translated));
    }
    if request.secure {
        all.push(("HTTPS", "on".to_owned()));
    }
    let mut all: Vec<(String, String)> =
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    add_fields(fields, &mut all);
    // No variable can hold a NUL, and none of these does but by a decoded path.
    all.retain(|(_, value)| !value.contains('\0'));
    all
}

/// The request's own fields as `HTTP_…` (RFC 3875 §4.1.18). Those that would reach the program as
/// another variable (`Proxy`, names with an underscore), and credentials, are left out.
fn add_fields(fields: &Fields, all: &mut Vec<(String, String)>) {
    const HIDDEN: [&str; 6] = [
        "authorization",
        "proxy-authorization",
        "proxy",
        "content-length",
        "content-type",
        "connection",
    ];
    for (name, value) in fields.iter() {
        if HIDDEN.iter().any(|hidden| name.eq_ignore_ascii_case(hidden)) || name.contains('_') {
            continue;
        }
        let name = format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_"));
        let value = to_text(value);
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                known.push_str(", ");
                known.push_str(&value);
            }
            None => all.push((name, value)),
        }
    }
}

/// A request's body, for a program.
enum Feed {
    /// It comes.
    Coming(RequestBody),
    /// It was read.
    Kept(VecDeque<Bytes>),
}

impl Feed {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self {
            // A body that ends too early is one that has ended, for a program that counts.
            Self::Coming(body) => body.poll_chunk(context).map(|chunk| chunk?.ok()),
            Self::Kept(pieces) => Poll::Ready(pieces.pop_front()),
        }
    }
}

/// Reads a body to its end whose length has to be known.
async fn read_first(mut body: RequestBody) -> Result<VecDeque<Bytes>, Box<Response>> {
    let (mut kept, mut length) = (VecDeque::new(), 0);
    while let Some(chunk) = poll_fn(|context| body.poll_chunk(context)).await {
        let Ok(chunk) = chunk else {
            let why = "The body did not come to its end.";
            return Err(Response::error(StatusCode::BAD_REQUEST, why).closing().into());
        };
        length += chunk.len();
        if length > KEPT {
            let why = "A program must know beforehand how long a body is that is so long.";
            return Err(Response::error(StatusCode::LENGTH_REQUIRED, why).closing().into());
        }
        kept.push_back(chunk);
    }
    Ok(kept)
}

/// A program that runs, and the request's body on its way into it.
struct Run {
    program: Program,
    body: Feed,
    /// How much it may still say; `None`: all that it wants to.
    left: Option<u64>,
    /// Taken from the body and not written yet.
    piece: Bytes,
    /// The program has all of the body, or does not want more of it.
    fed: bool,
    /// Read from the program and not used yet.
    buffer: BytesMut,
}

impl Run {
    fn new(program: Program, body: Feed) -> Self {
        let (piece, buffer) = (Bytes::new(), BytesMut::new());
        Self { program, body, left: None, piece, fed: false, buffer }
    }

    /// Writes what can be written of the body. A program need not read all of it (RFC 3875 §4.2).
    fn poll_feed(&mut self, context: &mut Context<'_>) {
        while !self.fed {
            if self.piece.is_empty() {
                match self.body.poll_chunk(context) {
                    Poll::Pending => return,
                    Poll::Ready(Some(piece)) => self.piece = piece,
                    Poll::Ready(None) => {
                        if self.program.input.as_mut().poll_shutdown(context).is_ready() {
                            self.fed = true;
                        }
                        return;
                    }
                }
            }
            match self.program.input.as_mut().poll_write(context, &self.piece) {
                Poll::Pending => return,
                Poll::Ready(Ok(wrote)) if wrote > 0 => self.piece.advance(wrote),
                Poll::Ready(_) => self.fed = true,
            }
        }
        if self.program.input.as_mut().poll_shutdown(context).is_ready() {
            self.program.input = Box::pin(tokio::io::sink());
        }
    }

    /// Reads more of what the program says; 0 at its end.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.poll_feed(context);
        self.buffer.reserve(READ);
        let read = self.program.output.read_buf(&mut self.buffer);
        core::future::Future::poll(core::pin::pin!(read), context)
    }

    /// Reads until so much is there; tells whether the program has ended before.
    async fn read_ahead(&mut self, most: usize) -> io::Result<bool> {
        while self.buffer.len() < most {
            if poll_fn(|context| self.poll_fill(context)).await? == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The head of what it says, up to and with the blank line. Lines end as they do on the
    /// operating system (RFC 3875 §6.2), with or without a carriage return.
    async fn head(&mut self) -> Result<Bytes, String> {
        loop {
            if let Some(end) = head_end(&self.buffer) {
                return Ok(self.buffer.split_to(end).freeze());
            }
            if self.buffer.len() > HEAD {
                return Err("The program's head is too large.".into());
            }
            match poll_fn(|context| self.poll_fill(context)).await {
                Ok(0) => return Err("The program ended inside its head.".into()),
                Ok(_) => {}
                Err(error) => return Err(format!("The program cannot be read: {error}.")),
            }
        }
    }
}

/// Where the blank line ends.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    while let Some(length) = bytes[start..].iter().position(|&byte| byte == b'\n') {
        let line = &bytes[start..start + length];
        start += length + 1;
        if line.is_empty() || line == b"\r" {
            return Some(start);
        }
    }
    None
}

impl Stream for Run {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == Some(0) {
            return Poll::Ready(None);
        }
        if self.buffer.is_empty() {
            match ready!(self.poll_fill(context)) {
                Ok(0) => return Poll::Ready(None),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        } else {
            self.poll_feed(context);
        }
        let most = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let most = most.min(self.buffer.len());
        let piece = self.buffer.split_to(most).freeze();
        if let Some(left) = &mut self.left {
            *left -= piece.len() as u64;
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

/// Makes a response of the program's head (RFC 3875 §6.2, §6.3).
async fn respond(head: &[u8], run: Run) -> Response {
    let bad = |why: &str| Response::error(StatusCode::BAD_GATEWAY, why);
    let mut fields = Fields::new();
    for line in head.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() && fields.parse_line(line, 0).is_err() {
            return bad("The program's head is malformed.");
        }
    }
    let status = fields.get("Status").map(to_text);
    let location = fields.contains("Location");
    let (status, reason) = match status.as_deref().map(parse_status) {
        Some(None) => return bad("The program's status is malformed."),
        Some(Some((status, reason))) => (status, Some(reason)),
        None if location => (StatusCode::FOUND, None),
        None if fields.contains("Content-Type") => (StatusCode::OK, None),
        None => return bad("The program gave neither type, nor status, nor location."),
    };
    let path = fields.text("Location").filter(|path| path.starts_with('/'));
    let local = path.filter(|_| status.is_redirection() && fields.len() == 1).map(str::to_owned);
    let length = fields.text("Content-Length").and_then(|length| length.parse().ok());
    for own in ["Status", "Content-Length", "Transfer-Encoding", "Connection", "Date", "Server"] {
        fields.remove(own);
    }
    let mut response = Response::new(status);
    response.reason = reason.filter(|reason| !reason.is_empty());
    response.fields = fields;
    response.local = local;
    response.body = match length {
        None => Body::stream(None, run),
        Some(length) => match body_of(length, run).await {
            Ok(body) => body,
            Err(error) => {
                return bad("The program cannot be read.").because(format!("its output: {error}"));
            }
        },
    };
    response
}

/// The body of a program that says how long it is. One that comes to its end soon is as long as it is,
/// whatever the program said; of any other it is held to its word: what is more is left out, and what is
/// missing shows in the end.
async fn body_of(length: u64, mut run: Run) -> io::Result<Body> {
    let most = usize::try_from(length).unwrap_or(AHEAD).min(AHEAD);
    let ended = run.read_ahead(most).await?;
    // Nothing at all is the answer to HEAD, which is about a body that it does not have.
    if ended && !run.buffer.is_empty() {
        return Ok(run.buffer.split().freeze().into());
    }
    run.left = Some(length);
    Ok(Body::stream(Some(length), run))
}

fn parse_status(text: &str) -> Option<(StatusCode, String)> {
    let (digits, reason) = text.split_once(' ').unwrap_or((text, ""));
    let status = StatusCode::from_bytes(digits.as_bytes()).ok()?;
    // An interim response is not the program's to give.
    (!status.is_informational()).then(|| (status, reason.trim().to_owned()))
}

impl core::fmt::Debug for Cgi {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Cgi")
            .field("root", &self.root)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl core::fmt::Debug for Program {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Program")
    }
}
