//! Opens connections: several addresses, staggered (RFC 8305).

use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use roundtrip_record::{
    Attempt, AttemptEnd, ConnectAttempt, ConnectResult, ConnectionId, EventId, ExchangeId,
    FaultKind, Time, Trace as _, Transport as Carries, What,
};
use roundtrip_wire::{ConnectFault, Nodelay, Transport as _, Wire};

use super::addresses::Addresses;
use super::options::Options;

/// A connection, and the event of its coming about.
pub(crate) struct Connected<S> {
    pub(crate) stream: S,
    /// Where it leads.
    pub(crate) to: SocketAddr,
    pub(crate) event: Option<EventId>,
    /// Bytes that were read from it already: a proxy's word that the tunnel is there.
    pub(crate) received: u64,
}

/// One family after the other, beginning with that of the first (RFC 8305 §4).
pub(crate) fn interleave(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (mut one, mut other): (VecDeque<IpAddr>, VecDeque<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut order: Vec<IpAddr> = Vec::with_capacity(addresses.len());
    while !one.is_empty() || !other.is_empty() {
        order.extend(one.pop_front());
        order.extend(other.pop_front());
    }
    order
}

/// A try that is under way.
struct Trying {
    to: SocketAddr,
    event: Option<EventId>,
}

/// Reports tries and their ends.
struct Tries<'a, W> {
    wire: &'a W,
    transport: Carries,
    exchange: ExchangeId,
    /// Those that failed.
    failed: Vec<Attempt>,
    /// Those under way.
    trying: Vec<Trying>,
}

/// Connects to one of the addresses: each is tried when the one before it has failed, or has not
/// answered for a while; the first that answers is taken.
/// All give up after `limit`. Addresses that arrive meanwhile are tried as well.
pub(crate) async fn connect<W: Wire>(
    wire: &W,
    options: &Options,
    limit: Option<Duration>,
    addresses: &Addresses,
    port: u16,
    exchange: ExchangeId,
    cause: Option<EventId>,
) -> Result<Connected<W::Stream>, FaultKind> {
    let mut tries = Tries::new(wire, wire.transport(), exchange);
    let until = limit.map(|limit| wire.now() + limit);
    let attempt = async |to, event| wire.connect(to, until, event).await;
    let result = race(&mut tries, options, until, (addresses, port), cause, attempt).await;
    match result {
        Some((mut stream, to)) => {
            let info = stream.info();
            // Both or none: alone, neither tells own time from the network's.
            let handshake = info.syn.map(|(sent, _)| sent).zip(info.syn_ack);
            let won = tries.ended(to, AttemptEnd::Connected, Some(stream.id()), handshake);
            tries.cancel();
            stream.set_nodelay(Nodelay::On);
            Ok(Connected { stream, to, event: won, received: 0 })
        }
        None => Err(FaultKind::ConnectFailed { attempts: tries.failed }),
    }
}

/// Has QUIC connect to one of the addresses, in the same way. `attempt` opens a connection and carries its
/// handshake out; what is no fault of connecting is its own result, and ends the race as well.
pub(crate) async fn connect_quic<W: Wire, T>(
    wire: &W,
    options: &Options,
    limit: Option<Duration>,
    (addresses, port): (&Addresses, u16),
    exchange: ExchangeId,
    cause: Option<EventId>,
    attempt: impl AsyncFn(
        SocketAddr,
        Option<EventId>,
    ) -> Result<(T, Option<ConnectionId>), ConnectFault>,
) -> Result<(T, Option<EventId>), FaultKind> {
    let mut tries = Tries::new(wire, Carries::Quic, exchange);
    let until = limit.map(|limit| wire.now() + limit);
    let attempt = &attempt;
    let bounded = async |to: SocketAddr, event| {
        let began = wire.now();
        let Some(until) = until else { return attempt(to, event).await };
        match select(pin!(attempt(to, event)), pin!(wire.sleep_until(until))).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(quic_fault(to, began, until, AttemptEnd::TimedOut)),
        }
    };
    match race(&mut tries, options, until, (addresses, port), cause, bounded).await {
        Some(((won, connection), to)) => {
            let event = tries.ended(to, AttemptEnd::Connected, connection, None);
            tries.cancel();
            Ok((won, event))
        }
        None => Err(FaultKind::ConnectFailed { attempts: tries.failed }),
    }
}

/// A try over QUIC that failed.
pub(crate) fn quic_fault(
    to: SocketAddr,
    began: Time,
    ended: Time,
    end: AttemptEnd,
) -> ConnectFault {
    ConnectFault(Box::new(Attempt { to, began, ended, syns: Vec::new(), syn_count: None, end }))
}

/// What ends a wait.
enum Wake<E> {
    /// A try has ended.
    Ended(E),
    /// More addresses have come; `None`: there will be no more.
    Late(Option<Vec<IpAddr>>),
    /// It is time for the next try, or to give up what is late.
    Due,
}

/// `None` when all addresses failed.
async fn race<W: Wire, T>(
    tries: &mut Tries<'_, W>,
    options: &Options,
    until: Option<Time>,
    (addresses, port): (&Addresses, u16),
    cause: Option<EventId>,
    attempt: impl AsyncFn(SocketAddr, Option<EventId>) -> Result<T, ConnectFault>,
) -> Option<(T, SocketAddr)> {
    let attempt = &attempt;
    let wire = tries.wire;
    let mut left: VecDeque<IpAddr> = interleave(addresses).into();
    let mut late = addresses.late();
    let mut running = FuturesUnordered::new();
    let mut next_at = wire.now();
    loop {
        if next_at <= wire.now() || running.is_empty() {
            if let Some(address) = left.pop_front() {
                let to = addresses.socket(address, port);
                let event = tries.began(to, cause);
                running.push(async move { (attempt(to, event).await, to) });
                next_at = wire.now() + options.attempt_delay;
            } else if running.is_empty() && late.is_none() {
                return None;
            }
        }
        let due = match (left.is_empty(), running.is_empty()) {
            (false, _) => Some(next_at),
            // Only what is late is waited for.
            (true, true) => until,
            (true, false) => None,
        };
        let wake = {
            let ended = pin!(or_never(running.next()));
            let more = pin!(async {
                match &mut late {
                    Some(late) => late.next().await,
                    None => core::future::pending().await,
                }
            });
            let time = pin!(async {
                match due {
                    Some(due) => wire.sleep_until(due).await,
                    None => core::future::pending().await,
                }
            });
            match select(ended, select(more, time)).await {
                Either::Left((ended, _)) => Wake::Ended(ended),
                Either::Right((Either::Left((more, _)), _)) => Wake::Late(more),
                Either::Right((Either::Right(((), _)), _)) => Wake::Due,
            }
        };
        match wake {
            Wake::Ended((Ok(stream), to)) => return Some((stream, to)),
            Wake::Ended((Err(fault), to)) => {
                tries.failed(to, fault);
                next_at = wire.now();
            }
            Wake::Late(Some(new)) => {
                let known = |address: &IpAddr| addresses.contains(address);
                let mut all: Vec<IpAddr> = new.into_iter().filter(|new| !known(new)).collect();
                all.extend(left);
                left = interleave(&all).into();
            }
            Wake::Late(None) => late = None,
            Wake::Due if running.is_empty() => late = None,
            Wake::Due => {}
        }
    }
}

/// The next result, or no end where there is none to wait for.
async fn or_never<T>(next: impl Future<Output = Option<T>>) -> T {
    match next.await {
        Some(ended) => ended,
        None => core::future::pending().await,
    }
}

impl<'a, W: Wire> Tries<'a, W> {
    fn new(wire: &'a W, transport: Carries, exchange: ExchangeId) -> Self {
        Self { wire, transport, exchange, failed: Vec::new(), trying: Vec::new() }
    }

    fn began(&mut self, to: SocketAddr, cause: Option<EventId>) -> Option<EventId> {
        let (exchange, transport) = (Some(self.exchange), self.transport);
        let event = self.wire.log().emit(self.wire.now(), cause, || {
            What::ConnectAttempt(ConnectAttempt { exchange, to, transport })
        });
        self.trying.push(Trying { to, event });
        event
    }

    fn failed(&mut self, to: SocketAddr, ConnectFault(attempt): ConnectFault) {
        self.ended(to, attempt.end.clone(), None, None);
        self.failed.push(*attempt);
    }

    fn ended(
        &mut self,
        to: SocketAddr,
        end: AttemptEnd,
        connection: Option<ConnectionId>,
        handshake: Option<(Time, Time)>,
    ) -> Option<EventId> {
        let at = self.trying.iter().position(|trying| trying.to == to)?;
        let trying = self.trying.remove(at);
        let (exchange, transport) = (Some(self.exchange), self.transport);
        self.wire.log().emit(self.wire.now(), trying.event, || {
            What::ConnectResult(ConnectResult {
                exchange,
                to,
                connection,
                end,
                transport,
                syn_sent: handshake.map(|(sent, _)| sent),
                syn_ack: handshake.map(|(_, answered)| answered),
            })
        })
    }

    /// Those still under way are given up.
    fn cancel(&mut self) {
        while let Some(to) = self.trying.first().map(|trying| trying.to) {
            self.ended(to, AttemptEnd::Cancelled, None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let addresses: Vec<IpAddr> = ["::1", "::2", "::3", "10.0.0.1", "10.0.0.2"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let order: Vec<String> = interleave(&addresses).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]);
        assert!(interleave(&[]).is_empty());
    }
}
