//! The server on a real wire: folders, programs, an echo and virtual hosts, behind one listener.

use core::pin::pin;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};
use roundtrip_http::handler::{Cgi, Echo, Files, Hidden, Hosts, Listing};
use roundtrip_http::server::{
    Handler, Options, Request, RequestBody, Response, Served, Server, follow,
};
use roundtrip_live::CaptureWish;
use roundtrip_os::Signals;
use roundtrip_record::Log;
use roundtrip_wire::{Listener as _, LocalFuture, Wire};
use rustls::ServerConfig;
use rustls::sign::SingleCertAndKey;

use crate::cgi::Processes;
use crate::ground::{Errand, Ground, Here, Scene};
use crate::identity::{BadIdentity, Identity};
use crate::run::{RunError, ThisMachine, Title};

/// The path below which programs run.
pub const CGI_PREFIX: &str = "/cgi-bin/";
/// The path that answers with what was sent.
pub const ECHO_PATH: &str = "/echo";

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct Service {
    /// The folder.
    pub folder: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
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
    /// How long a program may run.
    pub program_limit: Duration,
    /// Certificate chain and private key (PEM), where it is to be https.
    pub identity: Option<Identity>,
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
    /// The address cannot be listened on.
    #[error("cannot listen on {at}: {why}{}", advice(.why))]
    Listen {
        /// The address.
        at: SocketAddr,
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

/// Serves until SIGINT or SIGTERM; requests under way are finished, unless a second signal comes.
/// `ready` is told the real address before the first connection is accepted; `served` hears of every
/// request that was answered. No record is kept.
///
/// # Errors
/// When it cannot begin.
pub fn serve(
    service: &Service,
    ground: &Ground,
    ready: impl FnOnce(SocketAddr),
    served: impl Fn(&Served<'_>) + 'static,
) -> Result<(), ServeError> {
    let handler = handler(service)?;
    let tls = service.identity.as_ref().map(tls).transpose()?;
    let serving = Serving { service, handler, tls, ready, served };
    let machine = ThisMachine::default();
    let sites = || Ok(Vec::new());
    let scene = Scene::new(&machine, CaptureWish::No, &sites);
    ground.carry_out(&Title::default(), &Log::off(), &scene, serving)?.done
}

/// A server at work.
struct Serving<'a, R, S> {
    service: &'a Service,
    handler: Rc<dyn Handler>,
    tls: Option<Arc<ServerConfig>>,
    ready: R,
    served: S,
}

impl<R: FnOnce(SocketAddr), S: Fn(&Served<'_>) + 'static> Errand for Serving<'_, R, S> {
    type Done = Result<(), ServeError>;

    async fn run<W: Wire>(self, here: Here<W>) -> Self::Done {
        let Self { service, handler, tls, ready, served } = self;
        on_wire(&here.wire, service, handler, tls, ready, served).await
    }
}

async fn on_wire<W: Wire>(
    wire: &W,
    service: &Service,
    handler: Rc<dyn Handler>,
    tls: Option<Arc<ServerConfig>>,
    ready: impl FnOnce(SocketAddr),
    served: impl Fn(&Served<'_>) + 'static,
) -> Result<(), ServeError> {
    let at = service.listen;
    let listener = wire.listen(at).map_err(|why| ServeError::Listen { at, why })?;
    let mut signals = Signals::listen()?;
    ready(listener.local());
    let mut server =
        Server::new(wire.clone(), handler, service.options.clone()).with_access(served);
    if let Some(tls) = tls {
        server = server.with_tls(tls);
    }
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut work = pin!(server.serve(listener, async {
        let _ = stopped.await;
    }));
    let told = matches!(select(work.as_mut(), pin!(signals.next())).await, Either::Right(_));
    if told {
        let _ = stop.send(());
        // Who asks twice does not want to wait.
        let _ = select(work, pin!(signals.next())).await;
    }
    Ok(())
}

fn handler(service: &Service) -> Result<Rc<dyn Handler>, ServeError> {
    let folder = |path: &Path| {
        let files = Files::folder(path);
        let files = files.map_err(|why| ServeError::Folder { path: path.to_owned(), why })?;
        Ok::<_, ServeError>(files.with_listing(service.listing).with_hidden(service.hidden))
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

/// TLS as a server with this certificate speaks it.
fn tls(identity: &Identity) -> Result<Arc<ServerConfig>, ServeError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let own = SingleCertAndKey::from(identity.read(&provider)?);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(own));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
