//! Makes a connection ready for an exchange: a kept one, or a new one.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use roundtrip_record::{FaultKind, Step};
use roundtrip_wire::{Wire, about, mostly};
use tokio::sync::oneshot;

use super::carrier::Carrier;
use super::clocks::{Clocks, up_fault};
use super::dial::{Dial, Opened, offer};
use super::exchange::Exchange;
use super::failure::Failure;
use super::group::Group;
use super::one::One;
use super::options::Binding;
use super::origin::Origin;
use super::permit::Permit;
use super::pool::{Grant, Queued};
use super::request::Request;
use super::retry::Route;
use super::stream::Stream;
use super::three;
use super::tls::Offer;
use super::undone::Undone;

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
    let via = shared.via(&origin);
    let offer = offer(&shared.options, &origin, via, wanted);
    let group = Group { origin: via.key(&origin), credentials: request.credentials };
    if route.only_one {
        shared.pool.only_one(&group);
    }
    let dial = Dial {
        shared: Rc::clone(shared),
        origin: origin.clone(),
        reporter: exchange.reporter.clone(),
        cause: exchange.started,
        limits: clocks.dialing(),
        order: request.order,
        heard: request.heard.clone(),
    };
    let three = three::obtain(&dial, &group, wanted, route);
    match within(clocks, three).await {
        Ok(Ok(Some(three))) => {
            let most = shared.options.limits.head;
            return Ok((Box::new(three::Flow::new(three, origin.clone(), most)), origin));
        }
        Ok(Ok(None)) => {}
        Ok(Err(undone)) => return Err(undone.lost(exchange)),
        Err(kind) => return Err(fail(Step::Connect, exchange.began, None, kind)),
    }
    let acquired = shared.pool.acquire(&group, request.priority, route.reuse, offer);
    let late = shared.options.binding == Binding::Late && route == Route::default();
    let opened = match within(clocks, acquired).await {
        Ok(Grant::Kept(connection)) => Opened::One(connection),
        Ok(Grant::Two(two)) => Opened::Two(two),
        Ok(Grant::Open(permit)) => {
            let opened = if late {
                first_free(&dial, request, &group, offer, permit, clocks).await
            } else {
                dial.open(permit).await
            };
            opened.map_err(|undone| undone.lost(exchange))?
        }
        Err(kind) => return Err(fail(Step::Connect, exchange.began, None, kind)),
    };
    let carrier: Box<dyn Carrier> = match opened {
        Opened::One(connection) => {
            Box::new(One::new(*connection, shared.pool.clone(), &shared.options))
        }
        Opened::Two(two) => Box::new(Stream::new(two, origin.clone())),
    };
    Ok((carrier, origin))
}

impl Undone {
    /// An exchange comes to nothing by it.
    fn lost<W: Wire>(self, exchange: &Exchange<W>) -> Failure {
        let Self { step, since, connection, cause, kind } = self;
        exchange.lost(step, since, connection, cause, kind)
    }
}

/// Opens a connection for whoever is first to need it, and waits for the first that is free: that one,
/// or one that another exchange is done with.
async fn first_free<W: Wire>(
    dial: &Dial<W>,
    request: &Request,
    group: &Group,
    offer: Offer,
    permit: Permit,
    clocks: &mut Clocks<W>,
) -> Result<Opened<W>, Undone> {
    let (pool, began) = (&dial.shared.pool, dial.shared.wire.now());
    let (wire, work) = (&dial.shared.wire, dial.shared.options.own_work);
    let spare = || pool.another(group, offer);
    let mut spares: Vec<Permit> = (0..request.ahead).map_while(|_| spare()).collect();
    let mut permit = permit;
    loop {
        let Queued { turn, granted } = pool.queue(group, request.priority, offer);
        let (failing, failed) = oneshot::channel();
        let (of, group) = (pool.clone(), group.clone());
        let over = move || of.dialed(&group, turn);
        dial.clone().open_for_all(permit, Some(failing), over);
        for spare in spares.drain(..) {
            open_later(dial.clone(), spare, about(wire, work.spare));
        }
        // The other end of `failed` is dropped where the connection came about.
        let failed = async {
            match failed.await {
                Ok(undone) => undone,
                Err(_) => core::future::pending().await,
            }
        };
        let granted = match within(clocks, select(granted, pin!(failed))).await {
            Ok(Either::Left((granted, _))) => granted,
            Ok(Either::Right((undone, _))) => return Err(undone),
            Err(kind) => {
                let (step, since, cause) = (Step::Connect, began, dial.cause);
                return Err(Undone { step, since, connection: None, cause, kind });
            }
        };
        if let Ok(Grant::Kept(_) | Grant::Two(_)) = granted
            && !work.send.is_zero()
        {
            pool.go(mostly(wire, work.send)).await;
        }
        match granted {
            Ok(Grant::Kept(connection)) => return Ok(Opened::One(connection)),
            Ok(Grant::Two(two)) => return Ok(Opened::Two(two)),
            // The connection that was opened on its behalf went to a more urgent one.
            Ok(Grant::Open(another)) => permit = another,
            // The pool does not drop those who wait; should it, there is no connection to be had.
            Err(_) => {
                let kind = FaultKind::SendFailed { why: "no connection could be had".into() };
                let (step, since, cause) = (Step::Connect, began, dial.cause);
                return Err(Undone { step, since, connection: None, cause, kind });
            }
        }
    }
}

/// Opens a connection that nobody waits for, after a time.
fn open_later<W: Wire>(dial: Dial<W>, permit: Permit, after: Duration) {
    if after.is_zero() {
        dial.open_for_all(permit, None, || {});
        return;
    }
    let wire = dial.shared.wire.clone();
    let opening = async move {
        dial.shared.wire.sleep(after).await;
        dial.open_for_all(permit, None, || {});
    };
    wire.spawn(opening).detach();
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
