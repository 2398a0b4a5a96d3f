//! `Service`: what a server serves, and how.

use core::num::NonZeroUsize;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use roundtrip_http::gateway::{Outward, Route, Upstream};
use roundtrip_http::handler::{
    Admission, Cgi, Compressed, Echo, ErrorPage, Files, Gate, Guarded, Hidden, Hosts, Listing,
    Pages, Pattern, Ready, Realm, Ruled, Rules, UploadForm, Uploads, Urls,
};
use roundtrip_http::server::{
    Crowd, Handler, Options, Request, RequestBody, Response, Served, follow,
};
use roundtrip_wire::{LocalFuture, Wire};

use crate::cgi::Processes;
use crate::identity::{BadIdentity, Identity};
use crate::passwords::Passwords;
use crate::place::Place;
use crate::reach::Reach;
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
    /// Where to listen in the clear as well, and send clients to https.
    pub redirect: Vec<Place>,
    /// Threads that serve, on a live wire.
    pub workers: NonZeroUsize,
    /// Paths that other servers answer for. The longest that is for what is asked for counts.
    pub routes: Vec<Route>,
    /// How long these servers may say nothing.
    pub patience: Duration,
    /// Programs of this folder run below [`CGI_PREFIX`].
    pub programs: Option<PathBuf>,
    /// Whether [`ECHO_PATH`] answers with what was sent.
    pub echo: Echoing,
    /// Other folders, by the host that a request is for.
    pub hosts: Vec<(String, PathBuf)>,
    /// Names of the pages of folders: the first that is there is taken.
    pub index: Vec<String>,
    /// How pages are named in URLs.
    pub urls: Urls,
    /// Whether folders without an index page are listed.
    pub listing: Listing,
    /// Whether names that begin with a dot are served.
    pub hidden: Hidden,
    /// Whether files that were compressed beforehand are sent.
    pub ready: Ready,
    /// The path of the file that answers where there is none at the path that was asked for.
    pub fallback: Option<String>,
    /// What is said in answers beyond what is served: fields, how long caches keep them, who may read them.
    pub rules: Rules,
    /// Pages of one's own for errors, each in the folder of its host.
    pub pages: Vec<ErrorPage>,
    /// Whether what is sent is compressed.
    pub compression: Compression,
    /// Paths that are for those who know a password.
    pub realms: Vec<(Pattern, Arc<Passwords>)>,
    /// Where clients may put files.
    pub uploads: Option<Upload>,
    /// Who may ask at all, and how often.
    pub admission: Admission,
    /// Counts connections, and those of each address.
    pub crowd: Arc<Crowd>,
    /// Where what the server does is shown, in the clear: to Prometheus and to people.
    pub metrics: Option<SocketAddr>,
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

/// Whether text is compressed for clients that take that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// It is, and each thread keeps so many bytes of files compressed.
    On(usize),
    /// It is not.
    #[default]
    Off,
}

/// Where clients may put files.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The folder.
    pub folder: PathBuf,
    /// Bytes that a request may have.
    pub most: u64,
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

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub struct Listening<'a> {
    /// Where it serves.
    pub serving: &'a [Place],
    /// Where it sends clients to https.
    pub redirecting: &'a [Place],
    /// Where what it does is shown.
    pub metrics: Option<SocketAddr>,
}

/// Who is told of what a server does, from all of its threads.
pub struct Told<'a> {
    /// Where it listens, before the first connection is accepted.
    pub ready: &'a (dyn Fn(&Listening<'_>) + Sync),
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
    /// Makes what answers. What stands further out sees requests first, and answers last.
    pub(crate) fn handler<W: Wire>(&self, reach: &Reach<W>) -> Result<Rc<dyn Handler>, ServeError> {
        let files = Rc::new(self.files(&self.folder)?);
        let routes = Routes {
            upstreams: self.upstreams(&reach.to(&self.routes, self.patience)?),
            files: self.with_uploads(Rc::clone(&files))?,
            programs: self.programs.as_ref().map(|path| self.programs(path)).transpose()?,
            echo: (self.echo == Echoing::On).then(Echo::default),
        };
        let mut all = self.host(files, Rc::new(Followed(routes)));
        if !self.hosts.is_empty() {
            let mut hosts = Hosts::new().otherwise(all);
            for (name, path) in &self.hosts {
                let files = Rc::new(self.files(path)?);
                hosts = hosts.with(name, self.host(Rc::clone(&files), files));
            }
            all = Rc::new(hosts);
        }
        if self.compression != Compression::Off {
            all = Rc::new(Compressed::beside_files(all));
        }
        if !self.rules.is_empty() {
            all = Rc::new(Ruled::new(self.rules.clone(), all));
        }
        if !self.admission.is_free() {
            all = Rc::new(Gate::new(self.admission.clone(), all));
        }
        Ok(all)
    }

    /// What answers for one host: those who may see it, and others with its own pages for errors.
    fn host(&self, files: Rc<Files>, handler: Rc<dyn Handler>) -> Rc<dyn Handler> {
        let mut all = handler;
        if !self.realms.is_empty() {
            let realm = |(paths, users): &(Pattern, Arc<Passwords>)| Realm {
                paths: paths.clone(),
                users: Arc::<Passwords>::clone(users),
            };
            all = Rc::new(Guarded::new(self.realms.iter().map(realm).collect(), all));
        }
        match self.pages.as_slice() {
            [] => all,
            pages => Rc::new(Pages::new(pages.to_vec(), files, all)),
        }
    }

    fn upstreams<W: Wire>(&self, outward: &Outward<W>) -> Vec<(Route, Rc<dyn Handler>)> {
        let mut routes = self.routes.clone();
        routes.sort_by_key(|route| core::cmp::Reverse(route.path().len()));
        let upstream = |route: Route| {
            let upstream: Rc<dyn Handler> = Rc::new(Upstream::new(route.clone(), outward));
            (route, upstream)
        };
        routes.into_iter().map(upstream).collect()
    }

    fn with_uploads(&self, files: Rc<Files>) -> Result<Rc<dyn Handler>, ServeError> {
        let Some(Upload { folder, most }) = &self.uploads else { return Ok(files) };
        let uploads = Uploads::new(folder, *most, self.hidden, files);
        let uploads = uploads.map_err(|why| ServeError::Folder { path: folder.clone(), why })?;
        Ok(Rc::new(uploads))
    }

    fn files(&self, path: &Path) -> Result<Files, ServeError> {
        let files = Files::folder(path);
        let files = files.map_err(|why| ServeError::Folder { path: path.to_owned(), why })?;
        let files = match self.compression {
            Compression::On(kept) => files.with_compression(kept),
            Compression::Off => files,
        };
        Ok(files
            .with_index(self.index.clone())
            .with_urls(self.urls)
            .with_listing(self.listing)
            .with_hidden(self.hidden)
            .with_ready(self.ready)
            .with_form(self.form(path))
            .with_fallback(self.fallback.clone()))
    }

    /// Whether what is put somewhere is seen in this folder.
    fn form(&self, path: &Path) -> UploadForm {
        let uploads = self.uploads.as_ref().and_then(|upload| upload.folder.canonicalize().ok());
        if uploads.is_some_and(|folder| path.canonicalize().is_ok_and(|own| own == folder)) {
            UploadForm::Shown
        } else {
            UploadForm::Absent
        }
    }

    fn programs(&self, path: &Path) -> Result<Cgi, ServeError> {
        let processes = Processes { limit: self.program_limit, ..Processes::new() };
        Cgi::new(path, CGI_PREFIX, Rc::new(processes))
            .map_err(|why| ServeError::Folder { path: path.to_owned(), why })
    }
}

/// One host, whose programs may answer with another of its paths.
struct Followed(Routes);

impl Handler for Followed {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(follow(&self.0, request, body))
    }
}

/// Other servers, programs and the echo at their paths, files at all others.
struct Routes {
    upstreams: Vec<(Route, Rc<dyn Handler>)>,
    files: Rc<dyn Handler>,
    programs: Option<Cgi>,
    echo: Option<Echo>,
}

impl Handler for Routes {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        let path = request.path();
        if let Some((_, upstream)) = self.upstreams.iter().find(|(route, _)| route.is_for(path)) {
            return upstream.handle(request, body);
        }
        if let Some(programs) = self.programs.as_ref().filter(|programs| programs.takes(path)) {
            return programs.handle(request, body);
        }
        match self.echo.as_ref().filter(|_| path == ECHO_PATH) {
            Some(echo) => echo.handle(request, body),
            None => self.files.handle(request, body),
        }
    }
}
