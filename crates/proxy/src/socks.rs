//! SOCKS 5 (RFC 1928): tunnels for programs that speak no HTTP.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use bytes::Buf as _;
use roundtrip_http::Accepted;
use roundtrip_http::client::Failure;
use roundtrip_record::{AttemptEnd, ExchangeEnded, ExchangeStarted, FaultKind, Trace as _, What};
use roundtrip_wire::{Transport as _, Wire};
use tokio::io::AsyncWriteExt as _;

use crate::greeting::read_until;
use crate::shared::Shared;
use crate::tunnel::{Wanted, failed, reach};

const VERSION: u8 = 5;
/// The version of the negotiation of name and password (RFC 1929 §2).
const LOGIN: u8 = 1;

/// What is answered to a request (RFC 1928 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Succeeded = 0,
    Failed = 1,
    HostUnreachable = 4,
    Refused = 5,
    CommandUnknown = 7,
    AddressUnknown = 8,
}

/// A place that a client wants a tunnel to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct To {
    /// As in a URL: an IPv6 address in its brackets.
    host: String,
    port: u16,
}

/// Serves a client to its end.
pub(crate) async fn converse<D: Wire, U: Wire>(
    shared: Rc<Shared<D, U>>,
    mut accepted: Accepted<D::Stream>,
) {
    if !greet(&shared, &mut accepted).await {
        return;
    }
    let to = match request(&shared, &mut accepted).await {
        Some(Ok(to)) => to,
        Some(Err(reply)) => return answer(&mut accepted, reply).await,
        None => return,
    };
    let (peer, asked) = (accepted.stream.peer(), shared.wire.now());
    let log = shared.servers.wire.log();
    let exchange = log.exchange_id();
    let target = format!("{}:{}", to.host, to.port);
    let now = || shared.servers.wire.now();
    // It is what CONNECT would be, and so it is called that.
    let event = log.clone().emit(now(), None, || {
        What::ExchangeStarted(ExchangeStarted::at_server(exchange, "CONNECT", &target))
    });
    let reached = reach(&shared, &to.host, to.port, Wanted { peer, exchange, event }).await;
    let (status, complete) = (None, reached.is_ok());
    log.clone().emit(now(), event, || {
        What::ExchangeEnded(ExchangeEnded { exchange, status, complete, from_cache: false })
    });
    match reached {
        Ok(tunnel) => {
            answer(&mut accepted, Reply::Succeeded).await;
            tunnel.converse(accepted).await;
        }
        Err(failure) => {
            failed(&shared, &failure, &to.host, to.port, peer, asked);
            answer(&mut accepted, reply(&failure)).await;
        }
    }
}

async fn more<D: Wire, U: Wire>(
    shared: &Shared<D, U>,
    accepted: &mut Accepted<D::Stream>,
    least: usize,
) -> bool {
    let late = shared.wire.sleep(shared.options.server.head_timeout);
    read_until(accepted, least, late).await
}

/// Agrees on how the client says who it is (RFC 1928 §3): not at all, or by a name and a password that
/// nobody looks at; says whether it goes on.
async fn greet<D: Wire, U: Wire>(
    shared: &Shared<D, U>,
    accepted: &mut Accepted<D::Stream>,
) -> bool {
    const NOTHING: u8 = 0;
    const PASSWORD: u8 = 2;
    const NONE_OF_THEM: u8 = 0xff;
    if !more(shared, accepted, 2).await {
        return false;
    }
    let count = usize::from(accepted.early[1]);
    if !more(shared, accepted, 2 + count).await {
        return false;
    }
    let methods = accepted.early[2..2 + count].to_vec();
    accepted.early.advance(2 + count);
    let known = [NOTHING, PASSWORD].into_iter().find(|known| methods.contains(known));
    let chosen = known.unwrap_or(NONE_OF_THEM);
    if accepted.stream.write_all(&[VERSION, chosen]).await.is_err() {
        return false;
    }
    match known {
        Some(PASSWORD) => login(shared, accepted).await,
        other => other.is_some(),
    }
}

/// Reads a name and a password (RFC 1929 §2).
async fn login<D: Wire, U: Wire>(
    shared: &Shared<D, U>,
    accepted: &mut Accepted<D::Stream>,
) -> bool {
    if !more(shared, accepted, 2).await || accepted.early[0] != LOGIN {
        return false;
    }
    let name = usize::from(accepted.early[1]);
    if !more(shared, accepted, 3 + name).await {
        return false;
    }
    let password = usize::from(accepted.early[2 + name]);
    if !more(shared, accepted, 3 + name + password).await {
        return false;
    }
    accepted.early.advance(3 + name + password);
    accepted.stream.write_all(&[LOGIN, 0]).await.is_ok()
}

/// What the client wants (RFC 1928 §4); `None` where it is gone.
async fn request<D: Wire, U: Wire>(
    shared: &Shared<D, U>,
    accepted: &mut Accepted<D::Stream>,
) -> Option<Result<To, Reply>> {
    const CONNECT: u8 = 1;
    const IPV4: u8 = 1;
    const NAME: u8 = 3;
    const IPV6: u8 = 4;
    if !more(shared, accepted, 5).await {
        return None;
    }
    let &[version, command, _, kind, first] = accepted.early.get(..5)? else { return None };
    if version != VERSION {
        return None;
    }
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => 1 + usize::from(first),
        _ => return Some(Err(Reply::AddressUnknown)),
    };
    if !more(shared, accepted, 4 + length + 2).await {
        return None;
    }
    let whole = accepted.early.split_to(4 + length + 2);
    let (address, port) = whole[4..].split_at(length);
    let port = u16::from_be_bytes(port.try_into().ok()?);
    if command != CONNECT {
        return Some(Err(Reply::CommandUnknown));
    }
    let host = match kind {
        IPV4 => Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).to_string(),
        IPV6 => format!("[{}]", Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?)),
        _ => match core::str::from_utf8(&address[1..]) {
            Ok(name) if !name.is_empty() => name.to_owned(),
            _ => return Some(Err(Reply::AddressUnknown)),
        },
    };
    Some(Ok(To { host, port }))
}

/// Answers a request. The address that would be told of is nobody's concern.
async fn answer<S: tokio::io::AsyncWrite + Unpin>(accepted: &mut Accepted<S>, reply: Reply) {
    let answer = [VERSION, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0];
    // A client that is gone shows when something is to be read from it.
    let _ = accepted.stream.write_all(&answer).await;
}

fn reply(failure: &Failure) -> Reply {
    match &failure.kind {
        FaultKind::ConnectFailed { attempts } => match attempts.last().map(|last| &last.end) {
            Some(AttemptEnd::Refused) => Reply::Refused,
            Some(AttemptEnd::TimedOut | AttemptEnd::Unreachable { .. }) => Reply::HostUnreachable,
            _ => Reply::Failed,
        },
        FaultKind::NxDomain { .. } | FaultKind::NoAddress { .. } => Reply::HostUnreachable,
        _ => Reply::Failed,
    }
}
