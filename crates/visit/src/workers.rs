//! The threads of a server: each has a wire, a handler and connections of its own, and the kernel deals
//! connections out to them.

use core::cell::RefCell;
use core::pin::pin;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{Either, join, join_all, select};
use roundtrip_http::server::{Handler, Options, Request, RequestBody, Response, Server};
use roundtrip_live::Ports;
use roundtrip_os::{Notice, Notices, Signals};
use roundtrip_wire::{Listener as _, LocalFuture, Wire};
use rustls::ServerConfig;

use crate::certificates::Certificates;
use crate::ground::{Errand, Here};
use crate::place::Place;
use crate::service::{ServeError, Service, SpeaksThree, Told};

/// Where the first thread listens, for the others.
#[derive(Default)]
pub(crate) struct Opened {
    /// `None` until it is known; none at all where nothing could be listened on.
    addresses: Mutex<Option<Vec<SocketAddr>>>,
    known: Condvar,
}

impl Opened {
    fn tell(&self, addresses: Vec<SocketAddr>) {
        let mut known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert(addresses);
        self.known.notify_all();
    }

    /// Waits until the first thread listens.
    pub(crate) fn wait(&self) -> Vec<SocketAddr> {
        let mut known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(addresses) = &*known {
                return addresses.clone();
            }
            known = self.known.wait(known).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Whatever becomes of the first thread, the others do not wait for ever.
impl Drop for First<'_> {
    fn drop(&mut self) {
        self.0.tell(Vec::new());
    }
}

/// The first thread has this until it listens.
pub(crate) struct First<'a>(pub(crate) &'a Opened);

/// Where a thread listens.
pub(crate) enum Listening<'a> {
    /// Where the service is to listen: the first thread, which tells the others.
    First(First<'a>),
    /// Where the first one does.
    Like(Vec<SocketAddr>),
}

/// A thread's part of a service.
pub(crate) struct Worker<'a> {
    pub(crate) service: &'a Service,
    pub(crate) options: Options,
    pub(crate) handler: Rc<dyn Handler>,
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) listening: Listening<'a>,
    /// Whether the threads of the kernel's wire share their ports. A stack of ours has one thread.
    pub(crate) ports: Ports,
    pub(crate) told: &'a Told<'a>,
}

impl Errand for Worker<'_> {
    type Done = Result<(), ServeError>;

    async fn run<W: Wire>(self, here: Here<W>) -> Self::Done {
        let listeners = self.listeners(&here.wire)?;
        let current = Rc::new(Current(RefCell::new(Rc::clone(&self.handler))));
        let (served, trouble) = (Arc::clone(&self.told.served), Arc::clone(&self.told.trouble));
        let handler: Rc<dyn Handler> = Rc::<Current>::clone(&current);
        let tls = self.certificates.as_ref().map(Certificates::config).transpose()?;
        let mut options = self.options.clone();
        let within_quic = match (&tls, self.service.three) {
            (Some(tls), SpeaksThree::Yes) => {
                self.three(&here.wire, &listeners, tls, &mut options)?
            }
            _ => Vec::new(),
        };
        let mut server = Server::new(here.wire.clone(), handler, options)
            .with_access(move |one| served(one))
            .with_trouble(move |why| trouble(why));
        if let Some(tls) = tls {
            server = server.with_tls(tls);
        }
        let (mut signals, mut notices) = (Signals::listen()?, Notices::listen()?);
        self.tell_places::<W>(&listeners);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let stopped = stopped.map(|_| ()).shared();
        let over_tcp = listeners.into_iter().map(|(_, one)| server.serve(one, stopped.clone()));
        let over_quic = within_quic.into_iter().map(|one| server.serve_three(one, stopped.clone()));
        let mut work = pin!(join(join_all(over_tcp), join_all(over_quic)));
        let mut stop = Some(stop);
        loop {
            let (asked, noticed) = (pin!(signals.next()), pin!(notices.next()));
            match select(work.as_mut(), select(asked, noticed)).await {
                Either::Left(_) => return Ok(()),
                Either::Right((Either::Left(_), _)) => match stop.take() {
                    Some(stop) => {
                        let _ = stop.send(());
                    }
                    // Who asks twice does not want to wait.
                    None => return Ok(()),
                },
                Either::Right((Either::Right((Notice::Reload, _)), _)) => self.reload(&current),
                Either::Right((Either::Right((Notice::Reopen, _)), _)) => {
                    if self.is_first() {
                        (self.told.reopen)();
                    }
                }
            }
        }
    }
}

impl Worker<'_> {
    fn is_first(&self) -> bool {
        matches!(self.listening, Listening::First(_))
    }

    /// Takes connections of QUIC where those of TCP are taken, if it is the first thread: datagrams cannot be
    /// dealt out by their senders, since a connection may move. All threads say where it is.
    fn three<W: Wire>(
        &self,
        wire: &W,
        listeners: &[(Place, W::Listener)],
        tls: &ServerConfig,
        options: &mut Options,
    ) -> Result<Vec<roundtrip_quic::Listener<W>>, ServeError> {
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        let tls = Arc::new(tls);
        let mut all = Vec::new();
        for (_, listener) in listeners.iter().filter(|(place, _)| is_address(place)) {
            let at = listener.local();
            if options.alternatives.is_empty() {
                options.alternatives = format!("h3=\":{}\"; ma=86400", at.port());
            }
            if self.is_first() {
                let streams = options.max_streams;
                let settings = roundtrip_quic::Settings { streams, ..Default::default() };
                let (tls, most) = (Arc::clone(&tls), options.max_connections);
                let bound = roundtrip_quic::Listener::bind(wire, at, tls, settings, most);
                let at = Place::Address(at);
                all.push(bound.map_err(|why| ServeError::Listen { at, why })?);
            }
        }
        Ok(all)
    }

    /// Tells where it listens, if it is the first.
    fn tell_places<W: Wire>(&self, listeners: &[(Place, W::Listener)]) {
        let Listening::First(First(opened)) = &self.listening else { return };
        let addresses = listeners.iter().filter(|(place, _)| is_address(place));
        let addresses = addresses.map(|(_, one)| one.local()).collect();
        let places = listeners.iter().map(|(place, one)| real(place, one.local()));
        (self.told.ready)(&places.collect::<Vec<_>>());
        opened.tell(addresses);
    }

    fn listeners<W: Wire>(&self, wire: &W) -> Result<Vec<(Place, W::Listener)>, ServeError> {
        let failed = |at: &Place| {
            let at = at.clone();
            move |why| ServeError::Listen { at, why }
        };
        let address = |at: SocketAddr| {
            let place = Place::Address(at);
            let listener = wire.listen(at).map_err(failed(&place))?;
            Ok((place, listener))
        };
        match &self.listening {
            Listening::Like(addresses) => addresses.iter().copied().map(address).collect(),
            Listening::First(_) => {
                let each = self.service.listen.iter().map(|place| match place {
                    Place::Address(at) => {
                        self.is_free(*at).map_err(failed(place))?;
                        address(*at)
                    }
                    Place::Unix(path) => {
                        let listener = wire.listen_unix(path).map_err(failed(place))?;
                        Ok((place.clone(), listener))
                    }
                });
                each.collect()
            }
        }
    }

    /// Whether nobody listens there. Ports that are shared among threads could be shared with another
    /// server of the same user, too, and either would miss a part of its connections.
    fn is_free(&self, at: SocketAddr) -> std::io::Result<()> {
        if at.port() == 0 || self.ports == Ports::Own {
            return Ok(());
        }
        std::net::TcpListener::bind(at).map(drop)
    }

    /// Looks at settings and folders, and reads certificates, anew. What cannot be used is told, and what was
    /// there stays.
    fn reload(&self, current: &Current) {
        if let Err(why) = self.renew(current)
            && self.is_first()
        {
            (self.told.trouble)(&format!("not reloaded: {why}"));
        }
    }

    fn renew(&self, current: &Current) -> Result<(), String> {
        let service = (self.told.reload)()?;
        let handler = service.handler().map_err(|error| error.to_string())?;
        if let Some(own) = &self.certificates {
            own.reload(&service.identities).map_err(|error| error.to_string())?;
        }
        *current.0.borrow_mut() = handler;
        Ok(())
    }
}

fn is_address(place: &Place) -> bool {
    matches!(place, Place::Address(_))
}

/// The place with the port that was taken.
fn real(place: &Place, local: SocketAddr) -> Place {
    match place {
        Place::Address(_) => Place::Address(local),
        Place::Unix(_) => place.clone(),
    }
}

/// The handler that answers now. Requests that are under way end with the one they began with.
struct Current(RefCell<Rc<dyn Handler>>);

impl Handler for Current {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        let handler = Rc::clone(&self.0.borrow());
        Box::pin(async move { handler.handle(request, body).await })
    }
}
