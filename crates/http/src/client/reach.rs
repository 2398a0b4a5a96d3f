//! Connections that are opened before it is known what they will carry: a proxy says whether it reaches
//! a server before its client says what it wants there.

use std::rc::Rc;

use http::Version;
use roundtrip_record::{EndedBy, EventId, ExchangeId, LookupId};
use roundtrip_wire::Wire;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

use super::Client;
use super::clocks::DialLimits;
use super::dial::{Dial, Entered, Opened, offer};
use super::failure::Failure;
use super::group::{Credentials, Group};
use super::order::Order;
use super::origin::Origin;
use super::proxy::Via;
use super::undone::Undone;
use crate::reporter::Reporter;

/// A connection to a server that carries nothing yet, not even TLS.
pub struct Reached<W: Wire> {
    dial: Dial<W>,
    connected: Entered<W>,
    lookup: Option<LookupId>,
}

impl<W: Wire> Client<W> {
    /// Opens a connection to the origin of `url`, on behalf of an exchange, and uses it for nothing.
    ///
    /// # Errors
    /// A fault, as it was seen.
    pub async fn reach(
        &self,
        url: &Url,
        exchange: ExchangeId,
        cause: Option<EventId>,
    ) -> Result<Reached<W>, Failure> {
        let shared = Rc::clone(&self.shared);
        let wire = shared.wire.clone();
        let Some(origin) = Origin::of(url) else {
            let why = "neither http nor https, or without a host".into();
            return Err(Failure {
                exchange,
                connection: None,
                step: roundtrip_record::Step::Url,
                since: wire.now(),
                cause,
                kind: roundtrip_record::FaultKind::BadUrl { url: url.to_string(), why },
            });
        };
        let limits = DialLimits::alone(shared.options.timeouts, wire.now());
        let reporter = Reporter::of_begun(wire, exchange);
        let order = Order::default();
        let dial = Dial { shared, origin, reporter, cause, limits, order, heard: None };
        match dial.reach().await {
            Ok((connected, lookup)) => Ok(Reached { dial, connected, lookup }),
            Err(undone) => Err(failure(exchange, undone)),
        }
    }
}

impl<W: Wire> Reached<W> {
    /// The connection, to see whether the server is first to say something.
    pub fn stream(&mut self) -> &mut (impl AsyncRead + AsyncWrite + Unpin + use<W>) {
        &mut self.connected.stream
    }

    /// The connection, for whatever it is.
    pub fn into_stream(self) -> impl AsyncRead + AsyncWrite + Unpin + use<W> {
        self.connected.stream
    }

    /// Keeps the connection for the client's next request to `origin`, with TLS where that wants it; gives
    /// the version that will be spoken, of which `most` is the highest. The origin's host may be another
    /// name of the server that was reached.
    ///
    /// # Errors
    /// A fault of TLS, as it was seen; the connection is lost then.
    pub async fn keep(self, origin: Origin, most: Version) -> Result<Version, Failure> {
        let Self { mut dial, connected, lookup } = self;
        let shared = Rc::clone(&dial.shared);
        dial.origin = origin;
        let via = shared.via(&dial.origin);
        if matches!(via, Via::Request(_)) {
            // It leads through a tunnel, and a request would not.
            return Ok(Version::HTTP_11);
        }
        let offer = offer(&shared.options, &dial.origin, via, most.min(shared.options.version));
        let credentials = Credentials::default();
        let group = Group { origin: via.key(&dial.origin), credentials };
        let Some(permit) = shared.pool.another(&group, offer) else { return Ok(Version::HTTP_11) };
        match dial.secure(connected, permit, lookup).await {
            Ok(Opened::One(connection)) => {
                if let Err((connection, why)) = shared.pool.give_back(*connection) {
                    connection.report(EndedBy::Client, &why, connection.ready);
                    connection.finish_later();
                }
                Ok(Version::HTTP_11)
            }
            Ok(Opened::Two(_)) => Ok(Version::HTTP_2),
            Err(undone) => Err(failure(dial.reporter.exchange(), undone)),
        }
    }
}

fn failure(exchange: ExchangeId, undone: Undone) -> Failure {
    let Undone { step, since, connection, cause, kind } = undone;
    Failure { exchange, connection, step, since, cause, kind }
}
