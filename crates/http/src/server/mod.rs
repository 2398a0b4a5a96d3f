//! The server: accepts connections, reads requests, has a [`Handler`] answer them.

mod access;
mod connection;
mod crowd;
mod handler;
mod input;
mod interim;
mod local;
mod options;
mod outcome;
mod priority;
mod refusal;
mod reply;
mod response;
mod secure;
mod shared;
mod three;
mod to_https;
mod two;
mod upgrade;

pub use access::Served;
pub use crowd::Crowd;
pub use handler::{BodyError, Handler, Request, RequestBody};
pub use interim::{Interim, Trailers};
pub use local::follow;
pub use options::Options;
pub use priority::{Priority, Scheduling};
pub use response::{After, Response};
pub use secure::{Hello, Shown, Unsecured};
pub use to_https::ToHttps;
pub use upgrade::Upgrade;

pub use crate::two::{Allowance, Floods};
pub use crate::upgraded::Upgraded;

pub(crate) use input::poll_read_into;
pub(crate) use response::escape;

use core::future::{Future, poll_fn};
use core::pin::pin;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::future::{Either, select};
use http::Version;
use roundtrip_wire::{Listener, LocalFuture, Nodelay, Transport as _, Wire};
use tokio::io::AsyncRead;

use crate::channel::{Channel, Counted};
use crate::upgraded::Accepted;
use crowd::{Entry, Visitor};
use secure::TLS_BUFFER;
use shared::Shared;

/// Answers HTTP/1.0, HTTP/1.1 and HTTP/2 on any wire, in the clear or through TLS, and HTTP/3 over QUIC.
///
/// Its clones share everything.
pub struct Server<W: Wire> {
    shared: Rc<Shared<W>>,
}

impl<W> Clone for Server<W>
where
    W: Wire,
{
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<W: Wire> Server<W> {
    /// A server that answers with `handler`.
    pub fn new(wire: W, handler: Rc<dyn Handler>, options: Options) -> Self {
        Self { shared: Rc::new(Shared::new(wire, handler, options)) }
    }

    /// Speaks TLS on every connection. Has no effect once the server has been cloned or serves.
    #[must_use]
    pub fn with_tls(mut self, config: Arc<rustls::ServerConfig>) -> Self {
        if let Some(shared) = Rc::get_mut(&mut self.shared) {
            shared.tls = Some(config);
        }
        self
    }

    /// Calls `access` after every request that was answered. Has no effect once the server has been
    /// cloned or serves.
    #[must_use]
    pub fn with_access(mut self, access: impl Fn(&Served<'_>) + 'static) -> Self {
        if let Some(shared) = Rc::get_mut(&mut self.shared) {
            shared.access = Some(Rc::new(access));
        }
        self
    }

    /// Calls `trouble` when accepting connections fails, once until it succeeds again. Has no effect once the
    /// server has been cloned or serves.
    #[must_use]
    pub fn with_trouble(mut self, trouble: impl Fn(&str) + 'static) -> Self {
        if let Some(shared) = Rc::get_mut(&mut self.shared) {
            shared.trouble = Some(Rc::new(trouble));
        }
        self
    }

    /// Counts the connections of each address there, and answers those beyond what it lets each have with 503. Has
    /// no effect once the server has been cloned or serves.
    #[must_use]
    pub fn with_crowd(mut self, crowd: Arc<Crowd>) -> Self {
        if let Some(shared) = Rc::get_mut(&mut self.shared) {
            shared.crowd = Some(crowd);
        }
        self
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.connections.get()
    }

    /// Serves until `stop` completes; then takes no more connections, closes those that are idle,
    /// lets those that answer finish, and returns when all are gone or [`Options::grace`] is over.
    pub async fn serve<L>(&self, listener: L, stop: impl Future<Output = ()>)
    where
        L: Listener<Stream = W::Stream>,
    {
        let shared = Rc::clone(&self.shared);
        let converse = move |stream, full| -> LocalFuture<'static, ()> {
            Box::pin(converse(Rc::clone(&shared), stream, full))
        };
        self.accept_each(listener, stop, converse).await;
    }

    /// The same with a conversation of the caller's own on each connection, such as one that ends in
    /// [`Server::answer`]: the connection counts as open until that is over.
    pub async fn serve_each<L>(
        &self,
        listener: L,
        stop: impl Future<Output = ()>,
        each: impl Fn(W::Stream) -> LocalFuture<'static, ()>,
    ) where
        L: Listener<Stream = W::Stream>,
    {
        self.accept_each(listener, stop, |stream, _| each(stream)).await;
    }

    /// The same; `each` is told whether there are more connections than may be.
    async fn accept_each<L>(
        &self,
        mut listener: L,
        stop: impl Future<Output = ()>,
        each: impl Fn(W::Stream, bool) -> LocalFuture<'static, ()>,
    ) where
        L: Listener<Stream = W::Stream>,
    {
        let mut stop = pin!(stop);
        let mut told = false;
        loop {
            let next = async {
                self.shared.has_room().await;
                listener.accept().await
            };
            match select(stop.as_mut(), pin!(next)).await {
                Either::Left(_) => break,
                Either::Right((Ok(stream), _)) => {
                    told = false;
                    self.start(stream, &each);
                }
                Either::Right((Err(error), _)) => {
                    let first = !core::mem::replace(&mut told, true);
                    if let Some(tell) = self.shared.trouble.as_ref().filter(|_| first) {
                        tell(&format!("connections cannot be accepted for now: {error}"));
                    }
                    self.pause(&error).await;
                }
            }
        }
        drop(listener);
        self.wind_down().await;
    }

    /// Serves HTTP/3 until `stop` completes, as [`Server::serve`] does: the connections of both count
    /// together.
    pub async fn serve_three(
        &self,
        listener: roundtrip_quic::Listener<W>,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = pin!(stop);
        loop {
            match select(stop.as_mut(), pin!(listener.accept())).await {
                Either::Left(_) => break,
                Either::Right((quic, _)) => self.start_three(quic),
            }
        }
        drop(listener);
        self.wind_down().await;
    }

    /// Takes no more requests, and gives those under way their time.
    async fn wind_down(&self) {
        self.shared.stopping.set(true);
        self.shared.changed.notify_waiters();
        let grace = pin!(self.shared.wire.sleep(self.shared.options.grace));
        let _ = select(grace, pin!(self.emptied())).await;
    }

    fn start_three(&self, quic: roundtrip_quic::Connection<W>) {
        let Some((counted, full)) = self.count(quic.peer().ip()) else { return };
        let shared = Rc::clone(&self.shared);
        let handler = Rc::clone(&shared.handler);
        self.shared
            .wire
            .spawn(async move {
                let _counted = counted;
                three::run(shared, handler, quic, full).await;
            })
            .detach();
    }

    /// After a lack of descriptors or memory, accepting again at once would only spin.
    async fn pause(&self, error: &io::Error) {
        if !matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::Interrupted
        ) {
            self.shared.wire.sleep(self.shared.options.accept_pause).await;
        }
    }

    async fn emptied(&self) {
        while self.connections() > 0 {
            let changed = self.shared.changed.notified();
            if self.connections() > 0 {
                changed.await;
            }
        }
    }

    /// Completes when the server is told to stop.
    pub async fn told_to_stop(&self) {
        self.shared.told_to_stop().await;
    }

    /// Answers what comes on a connection that was accepted elsewhere, in the clear, with a handler of
    /// its own; to its end.
    pub async fn answer(&self, accepted: Accepted<W::Stream>, handler: Rc<dyn Handler>) {
        let full = self.shared.is_full();
        let Accepted { stream, early, received } = accepted;
        let (shared, channel) = (Rc::clone(&self.shared), Channel::Plain(stream));
        connection::run(shared, handler, channel, (early, received), full).await;
    }

    /// The same through TLS. From what the client says first, `choose` makes the configuration and the
    /// handler; `None` ends the connection with an alert.
    ///
    /// # Errors
    /// Why the handshake failed; an alert has been sent where that was for us to do.
    pub async fn answer_secure(
        &self,
        accepted: Accepted<W::Stream>,
        choose: impl AsyncFnOnce(Hello) -> Option<Shown>,
    ) -> Result<(), Unsecured> {
        let full = self.shared.is_full();
        let Accepted { stream, early, received } = accepted;
        let stream = Counted::with_early(Channel::Plain(stream), early, received);
        let shared = Rc::clone(&self.shared);
        if let Some((channel, handler)) = secure::accept(&shared, stream, choose).await? {
            speak(shared, handler, channel, full).await;
        }
        Ok(())
    }

    fn start(
        &self,
        mut stream: W::Stream,
        each: &impl Fn(W::Stream, bool) -> LocalFuture<'static, ()>,
    ) {
        let Some((counted, full)) = self.count(stream.peer().ip()) else { return };
        stream.set_nodelay(Nodelay::On);
        let conversation = each(stream, full);
        self.shared
            .wire
            .spawn(async move {
                let _counted = counted;
                conversation.await;
            })
            .detach();
    }

    /// Counts a connection, and tells whether it is one too many; `None` where it is not even to hear that.
    fn count(&self, peer: IpAddr) -> Option<(CountedConnection<W>, bool)> {
        let shared = Rc::clone(&self.shared);
        let (visitor, many) = match shared.crowd.as_ref().map(|crowd| crowd.enter(peer)) {
            None => (None, false),
            Some(Entry::Welcome(visitor)) => (Some(visitor), false),
            Some(Entry::TooMany(visitor)) => (Some(visitor), true),
            Some(Entry::Closed) => return None,
        };
        shared.connections.set(shared.connections.get() + 1);
        let full = many || shared.is_full();
        Some((CountedConnection { shared, _visitor: visitor }, full))
    }
}

/// Serves a connection as the server was told to.
async fn converse<W: Wire>(shared: Rc<Shared<W>>, stream: W::Stream, full: bool) {
    let handler = Rc::clone(&shared.handler);
    let Some(config) = &shared.tls else {
        return speak(shared, handler, Channel::Plain(stream), full).await;
    };
    let (begun, late) = (begin(stream), shared.wire.sleep(shared.options.head_timeout));
    let begun = match select(pin!(begun), pin!(late)).await {
        Either::Left((begun, _)) => begun,
        Either::Right(_) => None,
    };
    let Some(accepted) = begun else { return };
    if accepted.early.first().is_some_and(u8::is_ascii_alphabetic) {
        // A request in the clear: whoever sent it hears where it should have gone.
        let handler = Rc::new(ToHttps::new(accepted.stream.local().port()));
        let Accepted { stream, early, received } = accepted;
        let channel = Channel::Plain(stream);
        return connection::run(shared, handler, channel, (early, received), full).await;
    }
    if let Some(channel) = accept_tls(&shared, config, accepted).await {
        speak(shared, handler, channel, full).await;
    }
}

/// The first bytes of a connection, which tell TLS from a request in the clear. `None` where none come.
async fn begin<S: AsyncRead + Unpin>(stream: S) -> Option<Accepted<S>> {
    /// What a client of TLS says first, most often.
    const FIRST: usize = 2048;
    let mut accepted = Accepted::new(stream);
    let Accepted { stream, early, received } = &mut accepted;
    let read = poll_fn(|context| poll_read_into(stream, early, FIRST, context)).await;
    *received = read.ok().filter(|read| *read > 0)? as u64;
    Some(accepted)
}

/// Speaks the version of HTTP that was agreed on.
async fn speak<W: Wire>(
    shared: Rc<Shared<W>>,
    handler: Rc<dyn Handler>,
    channel: Channel<W::Stream>,
    full: bool,
) {
    if channel.speaks_two() && shared.options.version >= Version::HTTP_2 {
        two::run(shared, handler, channel, BytesMut::new(), full).await;
    } else {
        connection::run(shared, handler, channel, (BytesMut::new(), 0), full).await;
    }
}

/// The TLS handshake, within the time that a request's head may take.
async fn accept_tls<W: Wire>(
    shared: &Shared<W>,
    config: &Arc<rustls::ServerConfig>,
    accepted: Accepted<W::Stream>,
) -> Option<Channel<W::Stream>> {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(config));
    let Accepted { stream, early, received } = accepted;
    let handshake = acceptor.accept(Counted::with_early(Channel::Plain(stream), early, received));
    let late = shared.wire.sleep(shared.options.head_timeout);
    match select(handshake, pin!(late)).await {
        Either::Left((Ok(mut tls), _)) => {
            tls.get_mut().1.set_buffer_limit(Some(TLS_BUFFER));
            Some(Channel::Tls(Box::new(tls.into())))
        }
        // A handshake that fails was answered with an alert; there is nobody else to tell.
        _ => None,
    }
}

struct CountedConnection<W: Wire> {
    shared: Rc<Shared<W>>,
    _visitor: Option<Visitor>,
}

impl<W: Wire> Drop for CountedConnection<W> {
    fn drop(&mut self) {
        let shared = &self.shared;
        let was_closed = shared.is_closed();
        shared.connections.set(shared.connections.get() - 1);
        if was_closed {
            shared.room.notify_waiters();
        }
        if shared.stopping.get() {
            shared.changed.notify_waiters();
        }
    }
}
