//! Tunnels (RFC 9110 §9.3.6): to where a client wants to speak by itself.

use core::pin::pin;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::BytesMut;
use http::{StatusCode, Version};
use roundtrip_http::client::{Client, Except, Failure, Origin, Reached, Resolve, Scheme};
use roundtrip_http::gateway::refusal::{bad_request, refuse, sentence};
use roundtrip_http::gateway::relay::{Side, relay};
use roundtrip_http::server::{Request, Response, Shown, Upgrade};
use roundtrip_http::{Accepted, Upgraded};
use roundtrip_record::{EventId, ExchangeId, Time};
use roundtrip_wire::Wire;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

use crate::certificates::{Certificates, Protocols};
use crate::greeting::{First, Greeting, first, peek};
use crate::seen::{Seen, SeenExchange};
use crate::shared::Shared;
use crate::target::Place;
use crate::toward::Toward;

/// Why what was open to servers is closed.
const OVER: &str = "the client's connection is over";

/// A tunnel whose other end was reached.
pub(crate) struct Tunnel<D: Wire, U: Wire> {
    shared: Rc<Shared<D, U>>,
    client: Client<U>,
    toward: Rc<Toward>,
    reached: Reached<U>,
    /// Where it leads: an IPv6 address in its brackets.
    host: String,
    port: u16,
    peer: SocketAddr,
    began: Time,
}

/// Who wants a tunnel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) peer: SocketAddr,
    pub(crate) exchange: ExchangeId,
    pub(crate) event: Option<EventId>,
}

/// Answers a request for a tunnel.
pub(crate) async fn open<D: Wire, U: Wire>(
    shared: &Rc<Shared<D, U>>,
    request: &Request,
) -> Response {
    let authority = request.authority().and_then(|to| Some((to.host, to.port?)));
    let Some((host, port)) = authority else {
        return bad_request("A tunnel leads to a host and a port: CONNECT host:port.");
    };
    let wanted = Wanted { peer: request.peer, exchange: request.exchange, event: request.event };
    match reach(shared, host, port, wanted).await {
        Ok(tunnel) => {
            let mut response = Response::new(StatusCode::OK);
            response.reason = Some("Connection established".into());
            response.upgrade = Some(Upgrade::new(|client| Box::pin(tunnel.through(client))));
            response
        }
        Err(failure) => failed(shared, &failure, host, port, request.peer, request.at),
    }
}

/// Reports a tunnel that cannot be had, which a client asked for at a time; returns the answer for a client of HTTP.
pub(crate) fn failed<D: Wire, U: Wire>(
    shared: &Shared<D, U>,
    failure: &Failure,
    host: &str,
    port: u16,
    peer: SocketAddr,
    since: Time,
) -> Response {
    shared.report(failure);
    let response = refuse(failure, host);
    let took = shared.wire.now().since(since);
    let wall = shared.wire.wall();
    let seen = SeenExchange {
        wall: wall.checked_sub(took).unwrap_or(wall),
        peer,
        method: "CONNECT".into(),
        url: format!("{host}:{port}"),
        status: response.status.as_u16(),
        media_type: String::new(),
        bytes: 0,
        took,
        fault: Some(sentence(failure, host)),
    };
    (shared.watcher)(&Seen::Exchange(&seen));
    response
}

/// Reaches the other end of a tunnel: only then is it known whether there can be one.
pub(crate) async fn reach<D: Wire, U: Wire>(
    shared: &Rc<Shared<D, U>>,
    host: &str,
    port: u16,
    wanted: Wanted,
) -> Result<Tunnel<D, U>, Failure> {
    let Wanted { peer, exchange, event } = wanted;
    let began = shared.wire.now();
    let text = format!("https://{host}:{port}/");
    let url = Url::parse(&text).map_err(|why| Failure {
        exchange,
        connection: None,
        step: roundtrip_record::Step::Url,
        since: began,
        cause: event,
        kind: roundtrip_record::FaultKind::BadUrl { url: text.clone(), why: why.to_string() },
    })?;
    // Connections are kept under the names that URLs have, however the client spells them.
    let host = usual(host).unwrap_or_else(|| host.to_owned());
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let toward = Rc::new(Toward::new(bare, Rc::clone(&shared.servers.names)));
    let names: Rc<dyn Resolve> = Rc::<Toward>::clone(&toward);
    let client = shared.client(names);
    let reached = client.reach(&url, exchange, event).await?;
    let shared = Rc::clone(shared);
    Ok(Tunnel { shared, client, toward, reached, host, port, peer, began })
}

/// A host as URLs have it: its name in lower case and ASCII, its address in the usual form.
fn usual(host: &str) -> Option<String> {
    let url = Url::parse(&format!("https://{host}/")).ok()?;
    Origin::of(&url).map(|origin| origin.host)
}

impl<D: Wire, U: Wire> Tunnel<D, U> {
    /// Goes through it, to its end.
    async fn through(self, client: Upgraded) {
        match client.into_accepted::<D::Stream>() {
            Ok(accepted) => self.converse(accepted).await,
            // One stream of many, or within TLS: what goes through it is not looked into.
            Err(client) => self.pass(Side::new(client), BytesMut::new()).await,
        }
    }

    /// The same for a client whose connection is all the tunnel's.
    pub(crate) async fn converse(mut self, mut accepted: Accepted<D::Stream>) {
        let certificates = self.shared.certificates.is_some();
        if !certificates || self.passes(&self.host) {
            return self.pass_accepted(accepted).await;
        }
        let late = self.shared.wire.sleep(self.shared.options.server.keep_alive);
        match first(&mut accepted, self.reached.stream(), late).await {
            First::Client => {}
            First::Server(said) => {
                let client = Side::with_early(accepted.stream, accepted.early);
                return self.pass(client, said).await;
            }
            First::Nobody => return,
        }
        match Greeting::of(&accepted.early) {
            Greeting::Tls => self.secure(accepted).await,
            Greeting::Http => self.plain(accepted).await,
            Greeting::Other => self.pass_accepted(accepted).await,
        }
    }

    fn passes(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        self.shared.options.pass.covers(bare)
    }

    /// HTTP in the clear goes through it: WebSocket of `ws:`, most often.
    async fn plain(self, accepted: Accepted<D::Stream>) {
        let Self { shared, client, toward, reached, host, port, .. } = self;
        toward.add(host.trim_start_matches('[').trim_end_matches(']'));
        let origin = Origin { scheme: Scheme::Http, host: host.clone(), port };
        // That it cannot be kept shows when a request wants another.
        let _ = reached.keep(origin.clone(), Version::HTTP_11).await;
        let place = Place::Tunnel { origin, names: vec![host] };
        let handler = (shared.within)(&shared, client.clone(), place);
        shared.server.answer(accepted, handler).await;
        client.close(OVER).await;
    }

    /// TLS goes through it: it ends here, and begins anew towards the server.
    async fn secure(self, mut accepted: Accepted<D::Stream>) {
        // A client that asked for an address may name the server now. What cannot be understood is answered
        // with an alert below.
        if self.shared.options.pass != Except::default() {
            let late = self.shared.wire.sleep(self.shared.options.server.head_timeout);
            let hello = peek(&mut accepted, late).await;
            let name = hello.and_then(|hello| hello.server_name);
            if name.is_some_and(|name| self.passes(&name)) {
                return self.pass_accepted(accepted).await;
            }
        }
        let Self { shared, client, toward, reached, host, port, peer, .. } = self;
        let asking = client.clone();
        let served = shared.server.answer_secure(accepted, async |hello| {
            let offers_two = hello.offers(b"h2");
            let name = hello.server_name.map(|name| usual(&name).unwrap_or(name));
            let name = name.unwrap_or_else(|| host.clone());
            for alias in [&name, &host] {
                toward.add(alias.trim_start_matches('[').trim_end_matches(']'));
            }
            let origin = Origin { scheme: Scheme::Https, host: name.clone(), port };
            let most = if offers_two { Version::HTTP_2 } else { Version::HTTP_11 };
            // Where the server refuses, the client's request is what hears of it.
            let spoken = reached.keep(origin.clone(), most).await.unwrap_or(most);
            let names = vec![name, host.clone()];
            let shown = match show(&shared, &names, spoken)? {
                Ok(shown) => shown,
                Err(why) => {
                    (shared.watcher)(&Seen::Uncertified { peer, host: &names[0], why: &why });
                    return None;
                }
            };
            let place = Place::Tunnel { origin, names };
            Some(Shown { config: shown, handler: (shared.within)(&shared, asking, place) })
        });
        if let Err(unsecured) = served.await {
            let host = unsecured.server_name.as_deref().unwrap_or(&host);
            let (why, distrust) = (&unsecured.why, unsecured.distrust);
            (shared.watcher)(&Seen::Unsecured { peer, host, why, distrust });
        }
        client.close(OVER).await;
    }

    async fn pass_accepted(self, accepted: Accepted<D::Stream>) {
        let client = Side::with_early(accepted.stream, accepted.early);
        self.pass(client, BytesMut::new()).await;
    }

    /// Passes what goes through it on, as it is; the server has `said` this already.
    async fn pass<C: AsyncRead + AsyncWrite + Unpin>(self, client: Side<C>, said: BytesMut) {
        let Self { shared, reached, host, port, peer, began, .. } = self;
        let server = Side::with_early(reached.into_stream(), said);
        let passed = relay(client, server, pin!(shared.server.told_to_stop())).await;
        (shared.watcher)(&Seen::Tunnel {
            peer,
            to: &format!("{host}:{port}"),
            sent: passed.sent,
            received: passed.received,
            took: shared.wire.now().since(began),
        });
    }
}

/// What a client is shown for a server with these names that speaks this version, or why there is nothing to show; `None`
/// where TLS is not looked into.
fn show<D: Wire, U: Wire>(
    shared: &Shared<D, U>,
    names: &[String],
    spoken: Version,
) -> Option<Result<std::sync::Arc<rustls::ServerConfig>, String>> {
    let certificates: &Certificates = shared.certificates.as_ref()?;
    let protocols = if spoken >= Version::HTTP_2 { Protocols::TwoAndOne } else { Protocols::One };
    let names = names.iter().map(|name| name.trim_start_matches('[').trim_end_matches(']'));
    Some(certificates.server(names.map(str::to_owned).collect(), protocols, shared.wire.wall()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (host, spelt) in [
            ("Shop.Test", "shop.test"),
            ("[2001:DB8:0::1]", "[2001:db8::1]"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(usual(host).as_deref(), Some(spelt));
        }
    }
}
