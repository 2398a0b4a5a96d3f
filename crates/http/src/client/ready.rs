//! Makes a connection ready for an exchange: a kept one, or a new one with its name, its handshakes
//! and its tunnel.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use http::Version;
use roundtrip_record::{FaultKind, LookupId, Step};
use roundtrip_wire::{Transport as _, Wire};

use super::carrier::Carrier;
use super::clocks::{Clocks, up_fault};
use super::connect::{Connected, connect};
use super::connection::Connection;
use super::exchange::Exchange;
use super::failure::Failure;
use super::one::One;
use super::origin::{Origin, Scheme};
use super::permit::Permit;
use super::pool::Grant;
use super::proxy::{Answered, Proxy, Tunnel, Via};
use super::request::Request;
use super::retry::Route;
use super::stream::Stream;
use super::tls::{Offer, handshake};
use super::two::Two;
use crate::channel::{Channel, Counted};

/// What carries a request to its origin, and that origin.
pub(crate) async fn ready<W: Wire>(
    exchange: &Exchange<W>,
    request: &Request,
    route: Route,
    clocks: &mut Clocks<W>,
) -> Result<(Box<dyn Carrier>, Origin), Failure> {
    let shared = &exchange.shared;
    let fail = |step, since, cause, kind| exchange.lost(step, since, None, cause, kind);
    let Some(origin) = Origin::of(&request.url) else {
        let why = "neither http nor https, or without a host".into();
        let kind = FaultKind::BadUrl { url: request.url.to_string(), why };
        return Err(fail(Step::Url, exchange.began, None, kind));
    };
    let wanted = request.version.unwrap_or(shared.options.version);
    let via = shared.options.proxies.via(&origin);
    let may = match origin.scheme {
        Scheme::Https => true,
        // A proxy that carries requests out is spoken to in HTTP/1.
        Scheme::Http => shared.options.prior_knowledge && via.carrier().is_none(),
    };
    let two = may && wanted >= Version::HTTP_2 && !route.only_one;
    let offer = if two { Offer::TwoAndOne } else { Offer::One };
    let key = via.key(&origin);
    if route.only_one {
        shared.pool.only_one(&key);
    }
    let acquired = shared.pool.acquire(&key, request.priority, route.reuse, offer);
    let ready = match within(clocks, acquired).await {
        Ok(Grant::Kept(connection)) => Ready::One(connection),
        Ok(Grant::Two(two)) => Ready::Two(two),
        Ok(Grant::Open(permit)) => open(exchange, request, &origin, permit, clocks).await?,
        Err(kind) => return Err(fail(Step::Connect, exchange.began, None, kind)),
    };
    let carrier: Box<dyn Carrier> = match ready {
        Ready::One(connection) => {
            Box::new(One::new(*connection, shared.pool.clone(), &shared.options))
        }
        Ready::Two(two) => Box::new(Stream::new(two, origin.clone())),
    };
    Ok((carrier, origin))
}

/// A connection that can carry a request.
enum Ready<W: Wire> {
    One(Box<Connection<W>>),
    Two(Two<W>),
}

/// Opens a connection.
async fn open<W: Wire>(
    exchange: &Exchange<W>,
    request: &Request,
    origin: &Origin,
    permit: Permit,
    clocks: &mut Clocks<W>,
) -> Result<Ready<W>, Failure> {
    let (shared, wire) = (&exchange.shared, &exchange.shared.wire);
    let fail = |step, since, cause, kind| exchange.lost(step, since, None, cause, kind);
    let via = shared.options.proxies.via(origin);
    let asked = wire.now();
    let place = via.place(origin);
    let resolve = shared.resolve.resolve(place.bare_host(), place.port, exchange.started);
    let found = match within(clocks, resolve).await {
        Ok(Ok(found)) => found,
        Ok(Err(kind)) if via != Via::Nobody => {
            let kind = FaultKind::ProxyUnknown { proxy: place.host, why: unnamed(&kind) };
            return Err(fail(Step::Name, asked, None, kind));
        }
        Ok(Err(kind)) | Err(kind) => return Err(fail(Step::Name, asked, None, kind)),
    };
    if found.addresses.is_empty() {
        let kind = FaultKind::NoAddress { name: place.host };
        return Err(fail(Step::Name, asked, found.event, kind));
    }
    let cause = found.event.or(exchange.started);
    let port = found.port.unwrap_or(place.port);
    loop {
        let (since, limit, id) = (wire.now(), clocks.limit(), exchange.reporter.exchange());
        let connected = connect(wire, &shared.options, limit, &found.addresses, port, id, cause);
        let mut connected =
            connected.await.map_err(|kind| fail(Step::Connect, since, cause, kind))?;
        if let Via::Tunnel(proxy) = via {
            match tunnel(exchange, request, (proxy, origin), &mut connected, clocks.limit()).await?
            {
                Answered::Made(made) => {
                    connected.received = made.received;
                    connected.event = made.event;
                }
                // This one is closed: the answer's body is not worth waiting for.
                Answered::Again => continue,
            }
        }
        let (limit, lookup) = (clocks.limit(), found.lookup);
        return secure(exchange, origin, connected, limit, permit, lookup).await;
    }
}

/// Asks a proxy for a tunnel on a connection.
async fn tunnel<W: Wire>(
    exchange: &Exchange<W>,
    request: &Request,
    (proxy, origin): (&Proxy, &Origin),
    connected: &mut Connected<W::Stream>,
    limit: Option<Duration>,
) -> Result<Answered, Failure> {
    let (shared, wire) = (&exchange.shared, &exchange.shared.wire);
    let (id, since, cause) = (connected.stream.id(), wire.now(), connected.event);
    let tunnel = Tunnel {
        proxy,
        origin,
        user_agent: &shared.options.user_agent,
        limits: shared.options.limits,
        reporter: &exchange.reporter,
        order: request.order,
        heard: request.heard.as_ref(),
    };
    let mut prover = shared.provers.take(proxy);
    let stream = &mut connected.stream;
    let made = tunnel.make(wire, stream, prover.as_mut(), limit, cause).await;
    shared.provers.put(proxy, prover);
    made.map_err(|kind| exchange.lost(Step::Connect, since, Some(id), cause, kind))
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

/// Puts TLS on a connection where the origin wants it, and HTTP/2 where that was agreed on.
async fn secure<W: Wire>(
    exchange: &Exchange<W>,
    origin: &Origin,
    connected: Connected<W::Stream>,
    limit: Option<Duration>,
    permit: Permit,
    lookup: Option<LookupId>,
) -> Result<Ready<W>, Failure> {
    let (shared, wire) = (&exchange.shared, &exchange.shared.wire);
    let received = connected.received;
    let (channel, event, is_two) = match origin.scheme {
        // Whoever offers HTTP/2 in the clear knows that it is spoken.
        Scheme::Http => {
            let is_two = permit.offer() == Offer::TwoAndOne;
            (Channel::Plain(connected.stream), connected.event, is_two)
        }
        Scheme::Https => {
            let (since, id, cause) = (wire.now(), connected.stream.id(), connected.event);
            let fail = |kind| exchange.lost(Step::Tls, since, Some(id), cause, kind);
            let Some(tls) = shared.tls.get() else {
                let why = "this client was given no TLS".into();
                return Err(fail(FaultKind::TlsFailed { why, alert_received: false }));
            };
            let host = origin.bare_host();
            let stream = Counted::after(connected.stream, received);
            let secured = handshake(wire, tls, stream, host, permit.offer(), limit, cause).await;
            let secured = secured.map_err(fail)?;
            (secured.channel, secured.event, secured.is_two)
        }
    };
    if is_two {
        let (since, id, limits) = (wire.now(), channel.id(), shared.options.limits);
        let two = Two::begin(wire.clone(), channel, permit, limits, event, lookup).await;
        let two = two.map_err(|error| {
            let kind = FaultKind::SendFailed { why: format!("HTTP/2 did not begin: {error}") };
            exchange.lost(Step::Request, since, Some(id), event, kind)
        })?;
        shared.pool.keep_two(origin, &two);
        return Ok(Ready::Two(two));
    }
    permit.settle();
    let mut connection = Connection::new(wire.clone(), channel, permit, event, lookup);
    connection.received = received;
    Ok(Ready::One(Box::new(connection)))
}

/// Waits for something, as long as the whole may take.
async fn within<W: Wire, T>(
    clocks: &mut Clocks<W>,
    what: impl Future<Output = T>,
) -> Result<T, FaultKind> {
    let mut what = pin!(what);
    poll_fn(|context| {
        if let Poll::Ready(done) = what.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        clocks.poll_up(context).map(|up| Err(up_fault(up, 0, None)))
    })
    .await
}
