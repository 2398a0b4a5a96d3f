//! `Service`: what a server serves, and how.

use core::num::NonZeroUsize;
use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use roundtrip_http::handler::{Cgi, Echo, Files, Hidden, Hosts, Listing, Ready};
use roundtrip_http::server::{Handler, Options, Request, RequestBody, Response, Served, follow};
use roundtrip_wire::LocalFuture;

use crate::cgi::Processes;
use crate::identity::{BadIdentity, Identity};
use crate::place::Place;
use crate::run_error::RunError;

/// The path below which programs run.
pub const CGI_PREFIX: &str = "/cgi-bin/";
/// The path that answers with what was sent.
pub const ECHO_PATH: &str = "/echo";

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct Service {
    /// The folder.
    pub folder: PathBuf,
    /// Where to listen.
    pub listen: Vec<Place>,
    /// Threads that serve, on a live wire.
    pub workers: NonZeroUsize,
    /// Programs of this folder run below [`CGI_PREFIX`].
    pub programs: Option<PathBuf>,
    /// Whether [`ECHO_PATH`] answers with what was sent.
    pub echo: Echoing,
    /// Other folders, by the host that a request is for.
    pub hosts: Vec<(String, PathBuf)>,
    /// Whether folders without an index page are listed.
    pub listing: Listing,
    /// Whether names that begin with a dot are served.
    pub hidden: Hidden,
    /// Whether files that were compressed beforehand are sent.
    pub ready: Ready,
    /// The path of the file that answers where there is none at the path that was asked for.
    pub fallback: Option<String>,
    /// How long a program may run.
    pub program_limit: Duration,
    /// Whether HTTP/3 is spoken at the same ports, where it is https: by the first thread.
    pub three: SpeaksThree,
    /// Certificate chains and private keys (PEM), where it is to be https: the one that is for the name that a
    /// client asks for is shown, the first where none is.
    pub identities: Vec<Identity>,
    /// Whether data that comes with a SYN is taken (TCP Fast Open, RFC 7413).
    pub fast_open: bool,
    /// Limits and times.
    pub options: Options,
}

/// Whether [`ECHO_PATH`] answers with what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echoing {
    /// It does.
    On,
    /// It is a path as any other.
    Off,
}

/// Whether HTTP/3 is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpeaksThree {
    /// It is, and answers over TCP say so.
    Yes,
    /// It is not.
    #[default]
    No,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A folder cannot be served.
    #[error("{path} cannot be served: {why}", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// A place cannot be listened at.
    #[error("cannot listen on {at}: {why}{}", advice(.why))]
    Listen {
        /// The address, or the socket's name.
        at: Place,
        /// Why.
        why: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(
        "{0}; --cert must hold PEM, beginning with -----BEGIN CERTIFICATE-----, and --key its private key"
    )]
    Identity(#[from] BadIdentity),
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The wire cannot be had.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Signals cannot be had.
    #[error("signals cannot be waited for: {0}")]
    Signals(#[from] io::Error),
}

/// What to try next where an address cannot be listened on, as the end of a sentence; empty where there is
/// nothing.
pub fn advice(why: &io::Error) -> &'static str {
    match why.kind() {
        io::ErrorKind::AddrInUse => "; --listen ADDR:0 takes a free port",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need CAP_NET_BIND_SERVICE",
        io::ErrorKind::AddrNotAvailable => "; ip addr lists the addresses of this machine",
        _ => "",
    }
}

/// Who is told of what a server does, from all of its threads.
pub struct Told<'a> {
    /// Where it listens, before the first connection is accepted.
    pub ready: &'a (dyn Fn(&[Place]) + Sync),
    /// Every request that was answered.
    pub served: Arc<dyn Fn(&Served<'_>) + Send + Sync>,
    /// What went wrong that is no request's: accepting, reloading.
    pub trouble: Arc<dyn Fn(&str) + Send + Sync>,
    /// What is served from now on is asked for (SIGHUP): folders, programs, hosts and certificates of it count;
    /// places, threads and limits stay as they were. Or why it cannot be had.
    pub reload: &'a (dyn Fn() -> Result<Service, String> + Sync),
    /// Logs are to be opened anew (SIGUSR1).
    pub reopen: &'a (dyn Fn() + Sync),
}

impl Service {
    /// Makes what answers.
    pub(crate) fn handler(&self) -> Result<Rc<dyn Handler>, ServeError> {
        handler(self)
    }
}

fn handler(service: &Service) -> Result<Rc<dyn Handler>, ServeError> {
    let folder = |path: &Path| {
        let files = Files::folder(path);
        let files = files.map_err(|why| ServeError::Folder { path: path.to_owned(), why })?;
        let files = files.with_listing(service.listing).with_hidden(service.hidden);
        let fallback = service.fallback.clone();
        Ok::<_, ServeError>(files.with_ready(service.ready).with_fallback(fallback))
    };
    let programs = |path: &PathBuf| {
        let processes = Processes { limit: service.program_limit, ..Processes::new() };
        Cgi::new(path, CGI_PREFIX, Rc::new(processes))
            .map_err(|why| ServeError::Folder { path: path.clone(), why })
    };
    let place: Rc<dyn Handler> = Rc::new(Followed(Routes {
        files: folder(&service.folder)?,
        programs: service.programs.as_ref().map(programs).transpose()?,
        echo: (service.echo == Echoing::On).then(Echo::default),
    }));
    if service.hosts.is_empty() {
        return Ok(place);
    }
    let mut hosts = Hosts::new().otherwise(place);
    for (name, path) in &service.hosts {
        hosts = hosts.with(name, Rc::new(folder(path)?));
    }
    Ok(Rc::new(hosts))
}

/// One host, whose programs may answer with another of its paths.
struct Followed(Routes);

impl Handler for Followed {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(follow(&self.0, request, body))
    }
}

/// Programs and the echo at their paths, files at all others.
struct Routes {
    files: Files,
    programs: Option<Cgi>,
    echo: Option<Echo>,
}

impl Handler for Routes {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        let path = request.path();
        if let Some(programs) = self.programs.as_ref().filter(|programs| programs.takes(path)) {
            return programs.handle(request, body);
        }
        match self.echo.as_ref().filter(|_| path == ECHO_PATH) {
            Some(echo) => echo.handle(request, body),
            None => self.files.handle(request, body),
        }
    }
}
