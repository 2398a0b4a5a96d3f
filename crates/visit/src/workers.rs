//! The threads of a server: each has a wire, a handler and connections of its own, and the kernel deals
//! connections out to them.

use core::cell::RefCell;
use core::pin::pin;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{Either, join, join_all, join3, select};
use roundtrip_http::Accepted;
use roundtrip_http::server::{Handler, Options, Request, RequestBody, Response, Server, ToHttps};
use roundtrip_live::Ports;
use roundtrip_os::{Notice, Notices, Signals};
use roundtrip_wire::{Listener as _, LocalFuture, Wire};
use rustls::ServerConfig;

use crate::certificates::Certificates;
use crate::ground::{Errand, Here};
use crate::metrics::{Metrics, Shown};
use crate::orders::{Order, Orders};
use crate::place::Place;
use crate::reach::Reach;
use crate::service::{Listening, ServeError, Service, SpeaksThree, Told};

/// What all threads of a server share.
pub(crate) struct Common<'a> {
    pub(crate) service: &'a Service,
    pub(crate) options: Options,
    pub(crate) certificates: Option<Arc<Certificates>>,
    /// Whether threads share their ports.
    pub(crate) ports: Ports,
    pub(crate) told: &'a Told<'a>,
    pub(crate) opened: Opened,
    pub(crate) orders: Orders,
    /// What was done, where that is shown.
    pub(crate) metrics: Option<Arc<Metrics>>,
}

impl Common<'_> {
    /// What shows what was done.
    fn shown(&self) -> Option<Shown> {
        let metrics = Arc::clone(self.metrics.as_ref()?);
        Some(Shown { metrics, crowd: Arc::clone(&self.service.crowd) })
    }
}

/// Addresses that threads listen at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    serving: Vec<SocketAddr>,
    redirecting: Vec<SocketAddr>,
}

/// Where the first thread listens, for the others.
#[derive(Default)]
pub(crate) struct Opened {
    /// `None` until it is known; none at all where nothing could be listened on.
    addresses: Mutex<Option<Addresses>>,
    known: Condvar,
}

impl Addresses {
    /// Whether there are none: other threads have nothing to do then.
    pub(crate) fn is_empty(&self) -> bool {
        self.serving.is_empty() && self.redirecting.is_empty()
    }
}

impl Opened {
    fn tell(&self, addresses: Addresses) {
        let mut known = lock(&self.addresses);
        known.get_or_insert(addresses);
        self.known.notify_all();
    }

    /// Waits until the first thread listens.
    pub(crate) fn wait(&self) -> Addresses {
        let mut known = lock(&self.addresses);
        loop {
            if let Some(addresses) = &*known {
                return addresses.clone();
            }
            known = self.known.wait(known).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whatever becomes of the first thread, the others do not wait for ever.
impl Drop for First<'_> {
    fn drop(&mut self) {
        self.0.tell(Addresses::default());
    }
}

/// The first thread has this until it listens.
pub(crate) struct First<'a>(pub(crate) &'a Opened);

/// Which of the threads one is.
pub(crate) enum Rank<'a> {
    /// The first one. It listens where the service is to listen and tells the others, and it alone speaks for all
    /// of them, reads settings anew and opens logs anew.
    First(First<'a>),
    /// Another one, which listens where the first does.
    Like(Addresses),
}

/// What a thread hears beside its connections.
enum News {
    /// A signal to end.
    End,
    /// A signal that does not end it.
    Notice(Notice),
    /// What the first thread orders.
    Order(Order),
}

/// Signals, for the first thread alone: it listens to them before it tells anybody that it serves.
struct Hearing {
    signals: Signals,
    notices: Notices,
}

impl Hearing {
    fn begin() -> std::io::Result<Self> {
        Ok(Self { signals: Signals::listen()?, notices: Notices::listen()? })
    }

    async fn next(&mut self) -> News {
        let (signal, notice) = (pin!(self.signals.next()), pin!(self.notices.next()));
        match select(signal, notice).await {
            Either::Left(_) => News::End,
            Either::Right((notice, _)) => News::Notice(notice),
        }
    }
}

/// A thread's part of a service.
pub(crate) struct Worker<'a> {
    pub(crate) common: &'a Common<'a>,
    pub(crate) rank: Rank<'a>,
}

/// The sockets that a thread listens on.
struct Listeners<W: Wire> {
    serving: Vec<(Place, W::Listener)>,
    redirecting: Vec<(Place, W::Listener)>,
    /// Of the first thread: where it shows what all of them do.
    showing: Option<W::Listener>,
}

impl Errand for Worker<'_> {
    type Done = Result<(), ServeError>;

    async fn run<W: Wire>(self, here: Here<W>) -> Self::Done {
        let (common, wire) = (self.common, here.wire.clone());
        let reach = Reach::from(here);
        let current = Rc::new(Current(RefCell::new(common.service.handler(&reach)?)));
        let listeners = self.listeners(&wire)?;
        let handler: Rc<dyn Handler> = Rc::<Current>::clone(&current);
        let tls = common.certificates.as_ref().map(Certificates::config).transpose()?;
        let mut options = common.options.clone();
        let within_quic = match (&tls, common.service.three) {
            (Some(tls), SpeaksThree::Yes) => {
                self.three(&wire, &listeners.serving, tls, &mut options)?
            }
            _ => Vec::new(),
        };
        let server = self.server(&wire, Rc::clone(&handler), options, tls);
        let mut hearing = self.is_first().then(Hearing::begin).transpose()?;
        self.tell_places::<W>(&listeners);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let stopped = stopped.map(|_| ()).shared();
        let elsewhere = Rc::new(listeners.to_https(handler));
        let Listeners { serving, redirecting, showing } = listeners;
        let over_tcp = serving.into_iter().map(|(_, one)| server.serve(one, stopped.clone()));
        let over_quic = within_quic.into_iter().map(|one| server.serve_three(one, stopped.clone()));
        let away = redirecting.into_iter().map(|(_, one)| {
            let (clear, elsewhere) = (server.clone(), Rc::clone(&elsewhere));
            server.serve_each(one, stopped.clone(), move |stream| {
                let (clear, elsewhere) = (clear.clone(), Rc::clone(&elsewhere));
                Box::pin(async move { clear.answer(Accepted::new(stream), elsewhere).await })
            })
        });
        let shown = showing.zip(common.shown()).map(|(listener, shown)| {
            let own = Server::new(wire.clone(), Rc::new(shown), Options::default());
            let stopped = stopped.clone();
            async move { own.serve(listener, stopped).await }
        });
        let beside = join(join_all(away), join_all(shown));
        let mut work = pin!(join3(join_all(over_tcp), join_all(over_quic), beside));
        let (mut stop, mut seen) = (Some(stop), Order::default());
        loop {
            let news = pin!(self.news(hearing.as_mut(), seen.number));
            let news = match select(work.as_mut(), news).await {
                Either::Left(_) => return Ok(()),
                Either::Right((news, _)) => news,
            };
            match news {
                News::End => common.orders.give(|order| order.ends += 1),
                News::Notice(notice) => self.heed(notice, &reach),
                News::Order(order) => {
                    // Who asks twice does not want to wait.
                    if order.ends > 1 {
                        return Ok(());
                    }
                    if let Some(stop) = stop.take_if(|_| order.ends > 0) {
                        let _ = stop.send(());
                    }
                    self.follow(&order, &seen, &current, &reach);
                    seen = order;
                }
            }
        }
    }
}

impl Worker<'_> {
    fn is_first(&self) -> bool {
        matches!(self.rank, Rank::First(_))
    }

    fn server<W: Wire>(
        &self,
        wire: &W,
        handler: Rc<dyn Handler>,
        options: Options,
        tls: Option<Arc<ServerConfig>>,
    ) -> Server<W> {
        let told = self.common.told;
        let (served, trouble) = (Arc::clone(&told.served), Arc::clone(&told.trouble));
        let metrics = self.common.metrics.clone();
        let server = Server::new(wire.clone(), handler, options)
            .with_access(move |one| {
                if let Some(metrics) = &metrics {
                    metrics.count(one);
                }
                served(one);
            })
            .with_trouble(move |why| trouble(why))
            .with_crowd(Arc::clone(&self.common.service.crowd));
        match tls {
            Some(tls) => server.with_tls(tls),
            None => server,
        }
    }

    async fn news(&self, hearing: Option<&mut Hearing>, seen: u64) -> News {
        let order = pin!(self.common.orders.after(seen));
        let Some(hearing) = hearing else { return News::Order(order.await) };
        match select(order, pin!(hearing.next())).await {
            Either::Left((order, _)) => News::Order(order),
            Either::Right((news, _)) => news,
        }
    }

    /// Serves what is ordered now, where that is another service than before.
    fn follow<W: Wire>(&self, order: &Order, seen: &Order, current: &Current, reach: &Reach<W>) {
        let Some(service) = &order.service else { return };
        if !seen.service.as_ref().is_some_and(|before| Arc::ptr_eq(before, service)) {
            self.tell_trouble(current.renew(service, reach));
        }
    }

    fn heed<W: Wire>(&self, notice: Notice, reach: &Reach<W>) {
        match notice {
            Notice::Reload => self.tell_trouble(self.renew(reach)),
            Notice::Reopen => (self.common.told.reopen)(),
        }
    }

    /// Reads settings and certificates anew, once for all threads. Where something cannot be used, all stays as it
    /// was.
    fn renew<W: Wire>(&self, reach: &Reach<W>) -> Result<(), String> {
        let service = (self.common.told.reload)()?;
        service.handler(reach).map_err(|error| error.to_string())?;
        if let Some(own) = &self.common.certificates {
            own.reload(&service.identities).map_err(|error| error.to_string())?;
        }
        let service = Arc::new(service);
        self.common.orders.give(|order| order.service = Some(service));
        Ok(())
    }

    fn tell_trouble(&self, done: Result<(), String>) {
        if let Err(why) = done {
            (self.common.told.trouble)(&format!("not reloaded: {why}"));
        }
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
    fn tell_places<W: Wire>(&self, listeners: &Listeners<W>) {
        let Rank::First(First(opened)) = &self.rank else { return };
        let addresses = |all: &[(Place, W::Listener)]| {
            all.iter().filter(|(place, _)| is_address(place)).map(|(_, one)| one.local()).collect()
        };
        let places = |all: &[(Place, W::Listener)]| {
            all.iter().map(|(place, one)| real(place, one.local())).collect::<Vec<_>>()
        };
        let Listeners { serving, redirecting, showing } = listeners;
        (self.common.told.ready)(&Listening {
            serving: &places(serving),
            redirecting: &places(redirecting),
            metrics: showing.as_ref().map(roundtrip_wire::Listener::local),
        });
        opened.tell(Addresses { serving: addresses(serving), redirecting: addresses(redirecting) });
    }

    fn listeners<W: Wire>(&self, wire: &W) -> Result<Listeners<W>, ServeError> {
        let (serving, redirecting) = match &self.rank {
            Rank::Like(Addresses { serving, redirecting }) => {
                let places = |all: &[SocketAddr]| {
                    all.iter().copied().map(Place::Address).collect::<Vec<_>>()
                };
                (places(serving), places(redirecting))
            }
            Rank::First(_) => {
                let service = self.common.service;
                (service.listen.clone(), service.redirect.clone())
            }
        };
        let open = |place: Place| match self.open(wire, &place) {
            Ok(listener) => Ok((place, listener)),
            Err(why) => Err(ServeError::Listen { at: place, why }),
        };
        Ok(Listeners {
            serving: serving.into_iter().map(open).collect::<Result<_, _>>()?,
            redirecting: redirecting.into_iter().map(open).collect::<Result<_, _>>()?,
            showing: match self.common.service.metrics.filter(|_| self.is_first()) {
                Some(at) => Some(open(Place::Address(at))?.1),
                None => None,
            },
        })
    }

    fn open<W: Wire>(&self, wire: &W, place: &Place) -> std::io::Result<W::Listener> {
        match place {
            Place::Address(at) => {
                self.is_free(*at)?;
                wire.listen(*at)
            }
            Place::Unix(path) => wire.listen_unix(path),
        }
    }

    /// Whether nobody else listens there. Ports that are shared among threads could be shared with another
    /// server of the same user, too, and either would miss a part of its connections.
    fn is_free(&self, at: SocketAddr) -> std::io::Result<()> {
        if at.port() == 0 || self.common.ports == Ports::Own || !self.is_first() {
            return Ok(());
        }
        std::net::TcpListener::bind(at).map(drop)
    }
}

impl<W: Wire> Listeners<W> {
    /// Sends clients to where TLS is spoken first; `handler` answers what is wanted in the clear all the same.
    fn to_https(&self, handler: Rc<dyn Handler>) -> ToHttps {
        let mut addresses = self.serving.iter().filter(|(place, _)| is_address(place));
        let port = addresses.next().map_or(443, |(_, one)| one.local().port());
        ToHttps::new(port).with_challenges(handler)
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

impl Current {
    fn renew<W: Wire>(&self, service: &Service, reach: &Reach<W>) -> Result<(), String> {
        let handler = service.handler(reach).map_err(|error| error.to_string())?;
        *self.0.borrow_mut() = handler;
        Ok(())
    }
}

impl Handler for Current {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        let handler = Rc::clone(&self.0.borrow());
        Box::pin(async move { handler.handle(request, body).await })
    }
}
