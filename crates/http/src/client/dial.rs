//! Opens a connection to an origin: its name, its handshakes and its tunnel.

use core::pin::pin;
use std::net::IpAddr;
use std::rc::Rc;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use http::Version;
use roundtrip_record::{EventId, ExchangeId, FaultKind, LookupId, Step};
use roundtrip_wire::{Transport as _, Wire};
use tokio::sync::oneshot;

use super::clocks::DialLimits;
use super::coalesce::{Coalescing, Reach};
use super::connect::{Connected, connect};
use super::connection::Connection;
use super::group::{Credentials, Group};
use super::heard::Heard;
use super::options::Options;
use super::order::Order;
use super::origin::{Origin, Scheme};
use super::permit::Permit;
use super::proxy::{Answered, Proxy, ProxyKind, Tunnel, Via};
use super::resolve::Resolved;
use super::shared::Shared;
use super::socks::{Negotiation, Place, Socks};
use super::tls::{Offer, Tls, handshake};
use super::two::Two;
use super::undone::Undone;
use crate::channel::{Channel, Counted};
use crate::reporter::Reporter;

/// How the reason of a fault begins that is one of the TLS with a proxy; the proxy follows. The report goes
/// by it.
const AT_PROXY: &str = "at the proxy ";

/// A connection that can carry a request.
pub(crate) enum Opened<W: Wire> {
    One(Box<Connection<W>>),
    Two(Two<W>),
}

/// A connection that leads where it should, or to who will lead it there: TLS of a proxy is done.
pub(crate) type Entered<W> = Connected<Channel<<W as Wire>::Stream>>;

/// What it takes to open a connection.
pub(crate) struct Dial<W: Wire> {
    pub(crate) shared: Rc<Shared<W>>,
    pub(crate) origin: Origin,
    /// The exchange on whose behalf it is opened.
    pub(crate) reporter: Reporter<W>,
    pub(crate) cause: Option<EventId>,
    pub(crate) limits: DialLimits,
    /// In which order the fields of a request for a tunnel go out.
    pub(crate) order: Order,
    /// Takes down the heads with which a proxy answers.
    pub(crate) heard: Option<Heard>,
}

impl<W: Wire> Clone for Dial<W> {
    fn clone(&self) -> Self {
        Self {
            shared: Rc::clone(&self.shared),
            origin: self.origin.clone(),
            reporter: self.reporter.clone(),
            heard: self.heard.clone(),
            ..*self
        }
    }
}

impl<W: Wire> Dial<W> {
    /// Opens it, for whoever calls this and nobody else.
    pub(crate) async fn open(&self, permit: Permit) -> Result<Opened<W>, Undone> {
        let opened = self.establish(permit).await?;
        if let Opened::One(connection) = &opened {
            connection.permit.settle();
        }
        Ok(opened)
    }

    /// Opens it. Those who wait to learn what the origin speaks have yet to hear that it is HTTP/1,
    /// where it is: whoever calls this knows whether one of them gets the connection.
    async fn establish(&self, permit: Permit) -> Result<Opened<W>, Undone> {
        let via = self.via();
        let (found, behind) = self.find(via).await?;
        let mut permit = permit;
        if let Via::Nobody = via {
            permit = match self.join(permit, &found) {
                Ok(two) => return Ok(Opened::Two(two)),
                Err(permit) => permit,
            };
        }
        let connected = self.connect_to(via, &found, behind).await?;
        self.secure(connected, permit, found.lookup).await
    }

    /// Opens a connection that carries nothing yet, not even TLS; through a proxy's tunnel where it takes
    /// one. Gives the lookup that led to it, too.
    pub(crate) async fn reach(&self) -> Result<(Entered<W>, Option<LookupId>), Undone> {
        let via = self.via();
        let (found, behind) = self.find(via).await?;
        Ok((self.connect_to(via, &found, behind).await?, found.lookup))
    }

    /// Whoever waits for this learns how far it has come.
    pub(crate) fn reaches(&self, step: Step) {
        if let Some(heard) = &self.heard {
            heard.reaches(step);
        }
    }

    /// The addresses to connect to, and what a SOCKS proxy there is to be told.
    async fn find(&self, via: Via<'_>) -> Result<(Resolved, Option<(Place, u16)>), Undone> {
        self.reaches(Step::Name);
        let mut found = self.resolve(via, &self.place(via)).await?;
        let behind = match via {
            Via::Socks(_, socks) => Some(self.behind(socks, &mut found).await?),
            _ => None,
        };
        Ok((found, behind))
    }

    /// Who is on the way.
    fn via(&self) -> Via<'_> {
        self.shared.via(&self.origin)
    }

    /// Where connections go to: the proxy, or the server.
    fn place(&self, via: Via<'_>) -> Origin {
        match via.proxy() {
            Some(proxy) => proxy.origin(),
            None => self.shared.instead(&self.origin),
        }
    }

    async fn connect_to(
        &self,
        via: Via<'_>,
        found: &Resolved,
        behind: Option<(Place, u16)>,
    ) -> Result<Entered<W>, Undone> {
        let (shared, wire) = (&self.shared, &self.shared.wire);
        let cause = found.event.or(self.cause);
        let (port, id) = (self.place(via).port, self.reporter.exchange());
        loop {
            self.reaches(Step::Connect);
            let since = wire.now();
            let limit = self.limits.connect(since);
            let connected =
                connect(wire, &shared.options, limit, &found.addresses, port, id, cause);
            let connected = connected.await.map_err(|kind| Undone {
                step: Step::Connect,
                since,
                connection: None,
                cause,
                kind,
            })?;
            let mut connected = self.enter(via, connected).await?;
            if let Via::Tunnel(proxy) = via {
                match self.tunnel(proxy, &mut connected).await? {
                    Answered::Made(made) => {
                        connected.received = made.received;
                        connected.event = made.event;
                    }
                    // This one is closed: the answer's body is not worth waiting for.
                    Answered::Again => continue,
                }
            }
            if let (Via::Socks(proxy, socks), Some((to, port))) = (via, &behind) {
                let login = proxy.login.as_ref();
                let asked = Negotiation { socks, login, to, port: *port };
                connected.received = self.lead_on(proxy, &asked, &mut connected).await?;
            }
            return Ok(connected);
        }
    }

    /// The connection of another host that can carry requests for this one, from now on.
    fn join(&self, permit: Permit, found: &Resolved) -> Result<Two<W>, Permit> {
        let (shared, cause) = (&self.shared, found.event.or(self.cause));
        let port = self.place(Via::Nobody).port;
        let wanted = permit.offer() == Offer::TwoAndOne
            && shared.options.coalescing == Coalescing::ByAddress;
        if !wanted {
            return Err(permit);
        }
        let addresses = &found.addresses;
        let at: Vec<_> = addresses.iter().map(|own| addresses.socket(*own, port)).collect();
        let group = permit.group().clone();
        let Some(two) = shared.pool.coalesced(&group, &at) else { return Err(permit) };
        if let Some(reach) = two.reach() {
            let why = reach.why(two.id(), self.origin.bare_host());
            self.reporter.note(cause, &why, "RFC 9113 §9.1.1");
        }
        let two = two.joined_by(found.lookup);
        // What the origin speaks is known, and nobody waits for a place.
        permit.found_out();
        shared.pool.keep_two(&group, &two);
        Ok(two)
    }

    /// What a SOCKS proxy is to be told of the origin: its name, or an address of it and the port. A
    /// lookup of the origin's name is then the one that stands in `found`.
    async fn behind(&self, socks: Socks, found: &mut Resolved) -> Result<(Place, u16), Undone> {
        let to = self.shared.instead(&self.origin);
        let (host, port) = (to.bare_host(), to.port);
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok((Place::Address(address), port));
        }
        if !socks.resolves() {
            return Ok((Place::Name(host.to_owned()), port));
        }
        let own = self.resolve(Via::Nobody, &to).await?;
        let (mut all, mut late) = (own.addresses.to_vec(), own.addresses.late());
        let fits = |address: &&IpAddr| socks.takes(**address);
        // The family that the proxy takes may come after the other.
        while !all.iter().any(|address| fits(&address))
            && let Some(more) = &mut late
            && let Some(more) = more.next().await
        {
            all.extend(more);
        }
        found.lookup = own.lookup.or(found.lookup);
        found.event = own.event.or(found.event);
        match all.iter().find(fits).or(all.first()) {
            Some(address) => Ok((Place::Address(*address), port)),
            None => Ok((Place::Name(host.to_owned()), port)),
        }
    }

    /// Puts TLS on a connection to a proxy that wants it: what it is asked goes through that.
    async fn enter(
        &self,
        via: Via<'_>,
        connected: Connected<W::Stream>,
    ) -> Result<Entered<W>, Undone> {
        let Connected { stream, to, event, received } = connected;
        let stream = Channel::Plain(stream);
        let proxy = via.proxy().filter(|proxy| proxy.kind == ProxyKind::Https);
        let Some(proxy) = proxy else { return Ok(Connected { stream, to, event, received }) };
        let (shared, wire) = (&self.shared, &self.shared.wire);
        let (id, since) = (stream.id(), wire.now());
        let undone = |kind| Undone {
            step: Step::Tls,
            since,
            connection: Some(id),
            cause: event,
            kind: at_proxy(kind, proxy),
        };
        self.reaches(Step::Tls);
        let Some(tls) = shared.tls.get().and_then(Tls::with_proxies) else {
            let why = "this client was given no TLS for proxies".into();
            return Err(undone(FaultKind::TlsFailed { why, alert_received: false }));
        };
        let (place, limit) = (proxy.origin(), self.limits.connect(since));
        let stream = Counted::after(stream, received);
        let host = place.bare_host();
        let secured = handshake(wire, tls, stream, host, Offer::One, limit, event).await;
        let secured = secured.map_err(undone)?;
        Ok(Connected { stream: secured.channel, to, event: secured.event, received: 0 })
    }

    /// Asks a SOCKS proxy to lead a connection on to the origin. Returns how many bytes it answered.
    async fn lead_on(
        &self,
        proxy: &Proxy,
        asked: &Negotiation<'_>,
        connected: &mut Entered<W>,
    ) -> Result<u64, Undone> {
        let wire = &self.shared.wire;
        let (id, since, cause) = (connected.stream.id(), wire.now(), connected.event);
        let undone = |kind| {
            let connection = Some(id);
            Undone { step: Step::Connect, since, connection, cause, kind }
        };
        let refused =
            |why| FaultKind::TunnelRefused { proxy: proxy.authority(), status: None, why };
        let asking = pin!(asked.carry_out(&mut connected.stream));
        let answered = match self.limits.connect(since) {
            None => asking.await,
            Some(limit) => match select(asking, pin!(wire.sleep(limit))).await {
                Either::Left((answered, _)) => answered,
                Either::Right(_) => {
                    return Err(undone(FaultKind::TimedOut { limit, received: 0, head: 0 }));
                }
            },
        };
        answered.map_err(|why| undone(refused(why)))
    }

    /// Asks a proxy for a tunnel on a connection.
    async fn tunnel(&self, proxy: &Proxy, connected: &mut Entered<W>) -> Result<Answered, Undone> {
        let (shared, wire) = (&self.shared, &self.shared.wire);
        let (id, since, cause) = (connected.stream.id(), wire.now(), connected.event);
        let tunnel = Tunnel {
            proxy,
            to: &shared.instead(&self.origin),
            user_agent: &shared.options.user_agent,
            limits: shared.options.limits,
            reporter: &self.reporter,
            order: self.order,
            heard: self.heard.as_ref(),
        };
        let mut prover = shared.provers.take(proxy);
        let limit = self.limits.connect(since);
        let made = tunnel.make(wire, &mut connected.stream, prover.as_mut(), limit, cause).await;
        shared.provers.put(proxy, prover);
        made.map_err(|kind| {
            let connection = Some(id);
            Undone { step: Step::Connect, since, connection, cause, kind }
        })
    }

    /// Looks a place up.
    pub(crate) async fn resolve(&self, via: Via<'_>, place: &Origin) -> Result<Resolved, Undone> {
        let (shared, wire) = (&self.shared, &self.shared.wire);
        let since = wire.now();
        let undone = |cause, kind| {
            let connection = None;
            Undone { step: Step::Name, since, connection, cause, kind }
        };
        let resolve = shared.resolve.resolve(place.bare_host(), place.port, self.cause);
        let found = match self.limits.whole(since) {
            None => resolve.await,
            Some((left, limit)) => match select(resolve, pin!(wire.sleep(left))).await {
                Either::Left((found, _)) => found,
                Either::Right(_) => {
                    return Err(undone(None, FaultKind::TimedOut { limit, received: 0, head: 0 }));
                }
            },
        };
        let found = found.map_err(|kind| {
            let kind = match via {
                Via::Nobody => kind,
                _ => FaultKind::ProxyUnknown { proxy: place.host.clone(), why: unnamed(&kind) },
            };
            undone(None, kind)
        })?;
        if found.addresses.is_empty() {
            let kind = FaultKind::NoAddress { name: place.host.clone() };
            return Err(undone(found.event, kind));
        }
        Ok(found)
    }

    /// Puts TLS on a connection where the origin wants it, and HTTP/2 where that was agreed on; one of
    /// HTTP/2 is for everybody from then on.
    pub(crate) async fn secure(
        &self,
        connected: Entered<W>,
        permit: Permit,
        lookup: Option<LookupId>,
    ) -> Result<Opened<W>, Undone> {
        let group = permit.group().clone();
        let opened = self.apart(connected, permit, lookup).await?;
        if let Opened::Two(two) = &opened {
            self.shared.pool.keep_two(&group, two);
        }
        Ok(opened)
    }

    /// Whether its connections go through TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.origin.scheme == Scheme::Https
    }

    /// The same for a connection that the pool does not hear of.
    pub(crate) async fn apart(
        &self,
        connected: Entered<W>,
        permit: Permit,
        lookup: Option<LookupId>,
    ) -> Result<Opened<W>, Undone> {
        let (shared, wire) = (&self.shared, &self.shared.wire);
        let direct = matches!(self.via(), Via::Nobody);
        let (received, to) = (connected.received, connected.to);
        let (channel, event, is_two, names) = match self.origin.scheme {
            // Whoever offers HTTP/2 in the clear knows that it is spoken.
            Scheme::Http => {
                let is_two = permit.offer() == Offer::TwoAndOne;
                (connected.stream, connected.event, is_two, Vec::new())
            }
            Scheme::Https => {
                self.reaches(Step::Tls);
                let (since, id, cause) = (wire.now(), connected.stream.id(), connected.event);
                let undone = |kind| {
                    let connection = Some(id);
                    Undone { step: Step::Tls, since, connection, cause, kind }
                };
                let Some(tls) = shared.tls.get() else {
                    let why = "this client was given no TLS".into();
                    return Err(undone(FaultKind::TlsFailed { why, alert_received: false }));
                };
                let (host, limit) = (self.origin.bare_host(), self.limits.connect(since));
                let stream = Counted::after(connected.stream, received);
                let secured =
                    handshake(wire, tls, stream, host, permit.offer(), limit, cause).await;
                let secured = secured.map_err(undone)?;
                (secured.channel, secured.event, secured.is_two, secured.names)
            }
        };
        if is_two {
            let (since, id, limits) = (wire.now(), channel.id(), shared.options.limits);
            let host = self.origin.bare_host().to_owned();
            let reach = direct.then_some(Reach { to, host, names });
            let known = (event, lookup);
            let two = Two::begin(wire.clone(), channel, permit, limits, known, reach).await;
            let two = two.map_err(|error| Undone {
                step: Step::Request,
                since,
                connection: Some(id),
                cause: event,
                kind: FaultKind::SendFailed { why: format!("HTTP/2 did not begin: {error}") },
            })?;
            return Ok(Opened::Two(two));
        }
        let mut connection = Connection::new(wire.clone(), channel, permit, event, lookup);
        connection.received = received;
        Ok(Opened::One(Box::new(connection)))
    }

    /// Opens a connection for whoever is first to need it, in a task of its own; `failed` hears why
    /// there is none, and `over` is called where there is one.
    pub(crate) fn open_for_all(
        self,
        permit: Permit,
        failed: Option<oneshot::Sender<Undone>>,
        over: impl FnOnce() + 'static,
    ) {
        let wire = self.shared.wire.clone();
        let task = async move {
            match self.establish(permit).await {
                Ok(Opened::One(connection)) => {
                    if let Err((connection, why)) = self.shared.pool.give_back(*connection) {
                        let by = roundtrip_record::EndedBy::Client;
                        connection.report(by, &why, connection.ready);
                        connection.finish_later();
                    }
                }
                // Those who waited have it already.
                Ok(Opened::Two(_)) => {}
                Err(undone) => {
                    // Whoever has another connection by now does not need to hear of it.
                    failed.map(|failed| failed.send(undone));
                    return;
                }
            }
            over();
        };
        wire.spawn(task).detach();
    }
}

/// What a new connection to an origin offers, where `wanted` is the highest version that may be spoken.
pub(crate) fn offer(options: &Options, origin: &Origin, via: Via<'_>, wanted: Version) -> Offer {
    let may = match origin.scheme {
        Scheme::Https => true,
        // A proxy that carries requests out is spoken to in HTTP/1.
        Scheme::Http => options.prior_knowledge && via.carrier().is_none(),
    };
    if may && wanted >= Version::HTTP_2 { Offer::TwoAndOne } else { Offer::One }
}

/// Opens a connection to an origin that has none, for whoever comes to need it.
pub(crate) fn ahead<W: Wire>(
    shared: &Rc<Shared<W>>,
    url: &url::Url,
    credentials: Credentials,
    exchange: ExchangeId,
    cause: Option<EventId>,
) {
    let Some(origin) = Origin::of(url) else { return };
    let via = shared.via(&origin);
    let group = Group { origin: via.key(&origin), credentials };
    if shared.pool.has(&group) {
        return;
    }
    let offer = offer(&shared.options, &origin, via, shared.options.version);
    let Some(permit) = shared.pool.another(&group, offer) else { return };
    let wire = shared.wire.clone();
    let limits = DialLimits::alone(shared.options.timeouts, wire.now());
    let reporter = Reporter::of_begun(wire, exchange);
    let (shared, order) = (Rc::clone(shared), Order::default());
    let dial = Dial { shared, origin, reporter, cause, limits, order, heard: None };
    dial.open_for_all(permit, None, || {});
}

/// A fault of the TLS that leads to a proxy, which says whose it is.
fn at_proxy(kind: FaultKind, proxy: &Proxy) -> FaultKind {
    match kind {
        FaultKind::TlsFailed { why, alert_received } => {
            let why = format!("{AT_PROXY}{}: {why}", proxy.authority());
            FaultKind::TlsFailed { why, alert_received }
        }
        other => other,
    }
}

/// Why a name has no address, in a few words.
fn unnamed(kind: &FaultKind) -> String {
    match kind {
        FaultKind::NxDomain { .. } => "its name does not exist".into(),
        FaultKind::NoAddress { .. } => "its name has no address".into(),
        FaultKind::NameServerFailed { code, .. } => format!("the name server says {code}"),
        FaultKind::NameTimedOut { .. } => "no name server answered".into(),
        FaultKind::NameFailed { why, .. } => why.clone(),
        _ => "its name could not be looked up".into(),
    }
}
