//! Whether a request goes by HTTP/3, and how there comes to be a connection for it.

use core::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};
use http::Version;
use roundtrip_quic::{Ended, Refused, connect as begin};
use roundtrip_record::{AttemptEnd, ConnectionId, EventId, FaultKind, Step};
use roundtrip_wire::{ConnectFault, Wire};
use tokio::sync::oneshot;

use super::connection::Three;
use super::places::{Found, Place};
use crate::client::connect::{connect_quic, quic_fault};
use crate::client::dial::Dial;
use crate::client::group::Group;
use crate::client::options::Three as When;
use crate::client::origin::{Origin, Scheme};
use crate::client::proxy::Via;
use crate::client::retry::{Reuse, Route};
use crate::client::tls::{Tls, begin_within, complete_within, fault_within};
use crate::client::undone::Undone;
use crate::session::THREE;

/// The connection of HTTP/3 by which a request goes; `None` where it goes another way.
pub(crate) async fn obtain<W: Wire>(
    dial: &Dial<W>,
    group: &Group,
    wanted: Version,
    route: Route,
) -> Result<Option<Three<W>>, Undone> {
    let shared = Rc::clone(&dial.shared);
    let (options, now) = (&shared.options, shared.wire.now());
    let only = options.three == When::Only;
    let may = options.three != When::Never
        && dial.origin.scheme == Scheme::Https
        && wanted >= Version::HTTP_3
        && matches!(shared.via(&dial.origin), Via::Nobody)
        && (only || !route.only_one);
    if !may && only {
        let why = "HTTP/3 and nothing else is spoken with https, and by way of no proxy".into();
        let kind = FaultKind::BadUrl { url: dial.origin.to_string(), why };
        let (since, cause) = (now, dial.cause);
        return Err(Undone { step: Step::Url, since, connection: None, cause, kind });
    }
    if !may {
        return Ok(None);
    }
    let origin = dial.origin.clone();
    let place = shared.threes.of(&origin, now);
    let unknown = options.three == When::Learned && place.is_none();
    if unknown || !only && shared.threes.is_broken(&origin, now) {
        return Ok(None);
    }
    let unfit = |three: &Three<W>| matches!(route.reuse, Reuse::Fresh { not } if not == three.id());
    let (named, has_name) = oneshot::channel();
    let mut found = shared.threes.find(group);
    if let Found::Open(three) = &found
        && unfit(three)
    {
        three.retire("the server takes no more requests on it");
        found = shared.threes.find(group);
    }
    let waiting = match found {
        Found::Open(three) => return Ok(Some(three)),
        Found::Opening(waiting) => waiting,
        Found::Nothing(waiting) => {
            open(dial.clone(), group, place, named);
            waiting
        }
    };
    // A connection of TCP that is there is taken, until there is one of QUIC (Chromium:
    // `net/http/http_stream_factory_job_controller.cc`).
    if options.three == When::Learned && shared.pool.has_ready(group) {
        return Ok(None);
    }
    let opened = async {
        match waiting.await {
            Ok(opened) => opened.map(Some),
            // Whoever opens it tells what came of it; should it not, there is none.
            Err(_) => Ok(None),
        }
    };
    if only {
        return opened.await;
    }
    // The head start is one of connecting: Chromium's and curl's begin when the name is known. Where another
    // request has begun to connect, `named` is gone, and it begins at once.
    let head_start = async {
        let _ = has_name.await;
        shared.wire.sleep(options.three_head_start).await;
    };
    match select(pin!(opened), pin!(head_start)).await {
        Either::Left((Ok(three), _)) => Ok(three),
        Either::Left((Err(_), _)) | Either::Right(_) => Ok(None),
    }
}

/// Opens a connection, in a task of its own, for whoever waits for it; `named` hears when the server's name
/// is known.
fn open<W: Wire>(dial: Dial<W>, group: &Group, place: Option<Place>, named: oneshot::Sender<()>) {
    let (wire, group) = (dial.shared.wire.clone(), group.clone());
    let opening = async move {
        let shared = Rc::clone(&dial.shared);
        let opened = establish(&dial, place, named).await;
        if let Err(undone) = &opened
            && shared.options.three != When::Only
        {
            shared.threes.broke(&dial.origin, shared.wire.now());
            let what = format!("no HTTP/3: {}; TCP is taken", in_words(&undone.kind));
            dial.reporter.note(undone.cause, &what, "RFC 9114 §3.1");
        }
        shared.threes.opened(&group, &opened);
    };
    wire.spawn(opening).detach();
}

/// Why there is no connection, in a few words.
fn in_words(kind: &FaultKind) -> String {
    match kind {
        FaultKind::ConnectFailed { attempts } => match attempts.last().map(|one| &one.end) {
            Some(AttemptEnd::Refused) => "nobody listens".into(),
            Some(AttemptEnd::TimedOut) => "nobody answers".into(),
            Some(AttemptEnd::Unreachable { why, .. } | AttemptEnd::Failed { why }) => why.clone(),
            _ => "it does not connect".into(),
        },
        FaultKind::TlsFailed { why, .. } => why.clone(),
        _ => "it cannot be had".into(),
    }
}

/// Opens a connection: its name, and the handshake of QUIC with that of TLS in it.
async fn establish<W: Wire>(
    dial: &Dial<W>,
    place: Option<Place>,
    named: oneshot::Sender<()>,
) -> Result<Three<W>, Undone> {
    let (shared, wire) = (&dial.shared, &dial.shared.wire);
    let to = place.map_or_else(
        || dial.origin.clone(),
        |place| Origin {
            scheme: Scheme::Https,
            host: place.host.unwrap_or_else(|| dial.origin.host.clone()),
            port: place.port,
        },
    );
    let to = shared.instead(&to);
    let found = dial.resolve(Via::Nobody, &to).await?;
    // Nobody may listen: whoever waits may have gone by TCP.
    let _ = named.send(());
    let cause = found.event.or(dial.cause);
    let since = wire.now();
    let undone = |step, kind| Undone { step, since, connection: None, cause, kind };
    let Some(tls) = shared.tls.get() else {
        let why = "this client was given no TLS".into();
        return Err(undone(Step::Tls, FaultKind::TlsFailed { why, alert_received: false }));
    };
    dial.reaches(Step::Connect);
    let limit = dial.limits.connect(since);
    let (host, exchange) = (dial.origin.bare_host().to_owned(), dial.reporter.exchange());
    let attempt =
        async |to, event| attempt(wire, tls, &host, shared.options.quic.clone(), to, event).await;
    let addresses = (&found.addresses, to.port);
    let won = connect_quic(wire, &shared.options, limit, addresses, exchange, cause, attempt);
    let (secured, event) = won.await.map_err(|kind| undone(Step::Connect, kind))?;
    let Secured { quic, handshake } = secured.map_err(|kind| undone(Step::Tls, kind))?;
    let cause = quic.latest().or(event);
    let ready = complete_within(wire, quic.id(), &handshake, quic.arrived(), cause);
    if handshake.protocol.as_deref() != Some(THREE) {
        let why = "the server did not choose h3".into();
        return Err(undone(Step::Tls, FaultKind::TlsFailed { why, alert_received: false }));
    }
    let (limits, idle) = (&shared.options.limits, shared.options.idle);
    Ok(Three::begin(wire, quic, limits, idle, (ready.or(event), found.lookup)))
}

/// A handshake that succeeded.
struct Secured<W: Wire> {
    quic: roundtrip_quic::Connection<W>,
    handshake: roundtrip_quic::Handshake,
}

/// One try to connect: what came of TLS, once the server was reached.
async fn attempt<W: Wire>(
    wire: &W,
    tls: &Tls,
    host: &str,
    settings: roundtrip_quic::Settings,
    to: std::net::SocketAddr,
    cause: Option<EventId>,
) -> Result<(Result<Secured<W>, FaultKind>, Option<ConnectionId>), ConnectFault> {
    let began = wire.now();
    let failed = |end| quic_fault(to, began, wire.now(), end);
    let config: Arc<_> = tls.within_quic();
    let quic = match begin(wire, to, host, config, settings, cause) {
        Ok(quic) => quic,
        Err(Refused::Socket(error)) => {
            let why = error.to_string();
            return Err(failed(AttemptEnd::Unreachable { why, from: None }));
        }
        Err(refused) => {
            let why = refused.to_string();
            return Ok((Err(FaultKind::TlsFailed { why, alert_received: false }), None));
        }
    };
    let id = quic.id();
    begin_within(wire, id, host, quic.latest().or(cause));
    if let Err(ended) = quic.established().await {
        let error = quic.tls_error();
        if let Some(kind) = fault_within(tls, host, error.as_ref(), &ended) {
            return Ok((Err(kind), Some(id)));
        }
        return Err(failed(match ended {
            Ended::Refused => AttemptEnd::Refused,
            Ended::TimedOut => AttemptEnd::TimedOut,
            Ended::Unreachable { why } => AttemptEnd::Unreachable { why, from: None },
            other => AttemptEnd::Failed { why: other.to_string() },
        }));
    }
    let Some(handshake) = quic.handshake() else {
        return Err(failed(AttemptEnd::Failed { why: "a handshake without an end".into() }));
    };
    Ok((Ok(Secured { quic, handshake }), Some(id)))
}
