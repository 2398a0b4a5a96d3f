//! Opens connections: several addresses, staggered (RFC 8305).

use core::pin::pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use roundtrip_record::{
    Attempt, AttemptEnd, ConnectAttempt, ConnectResult, EventId, ExchangeId, FaultKind, Time,
    Trace as _, What,
};
use roundtrip_wire::{ConnectFault, Nodelay, Transport as _, Wire};

use super::options::Options;

/// A connection, and the event of its coming about.
pub(crate) struct Connected<S> {
    pub(crate) stream: S,
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
    exchange: ExchangeId,
    /// Those that failed.
    failed: Vec<Attempt>,
    /// Those under way.
    trying: Vec<Trying>,
}

/// Connects to one of the addresses: each is tried when the one before it has failed, or has not
/// answered for a while; the first that answers is taken.
/// All give up after `limit`.
pub(crate) async fn connect<W: Wire>(
    wire: &W,
    options: &Options,
    limit: Option<Duration>,
    addresses: &[IpAddr],
    port: u16,
    exchange: ExchangeId,
    cause: Option<EventId>,
) -> Result<Connected<W::Stream>, FaultKind> {
    let mut tries = Tries { wire, exchange, failed: Vec::new(), trying: Vec::new() };
    let until = limit.map(|limit| wire.now() + limit);
    let result = race(&mut tries, options, until, interleave(addresses), port, cause).await;
    match result {
        Some((mut stream, to)) => {
            let info = stream.info();
            // Both or none: alone, neither tells own time from the network's.
            let handshake = info.syn.map(|(sent, _)| sent).zip(info.syn_ack);
            let won = tries.ended(to, AttemptEnd::Connected, Some(stream.id()), handshake);
            tries.cancel();
            stream.set_nodelay(Nodelay::On);
            Ok(Connected { stream, event: won, received: 0 })
        }
        None => Err(FaultKind::ConnectFailed { attempts: tries.failed }),
    }
}

/// `None` when all addresses failed.
async fn race<W: Wire>(
    tries: &mut Tries<'_, W>,
    options: &Options,
    until: Option<Time>,
    addresses: Vec<IpAddr>,
    port: u16,
    cause: Option<EventId>,
) -> Option<(W::Stream, SocketAddr)> {
    let wire = tries.wire;
    let mut left = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    loop {
        let next = left.next();
        if let Some(address) = next {
            let to = SocketAddr::new(address, port);
            let event = tries.began(to, cause);
            running.push(async move { (wire.connect(to, until, event).await, to) });
        } else if running.is_empty() {
            return None;
        }
        // Until one has failed, or it is time for the next.
        let ended = if left.len() == 0 {
            running.next().await
        } else {
            match select(running.next(), pin!(wire.sleep(options.attempt_delay))).await {
                Either::Left((ended, _)) => ended,
                Either::Right(_) => None,
            }
        };
        match ended {
            Some((Ok(stream), to)) => return Some((stream, to)),
            Some((Err(fault), to)) => tries.failed(to, fault),
            None => {}
        }
    }
}

impl<W: Wire> Tries<'_, W> {
    fn began(&mut self, to: SocketAddr, cause: Option<EventId>) -> Option<EventId> {
        let exchange = Some(self.exchange);
        let event = self.wire.log().emit(self.wire.now(), cause, || {
            What::ConnectAttempt(ConnectAttempt {
                exchange,
                to,
                transport: roundtrip_record::Transport::Tcp,
            })
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
        connection: Option<roundtrip_record::ConnectionId>,
        handshake: Option<(Time, Time)>,
    ) -> Option<EventId> {
        let at = self.trying.iter().position(|trying| trying.to == to)?;
        let trying = self.trying.remove(at);
        let exchange = Some(self.exchange);
        self.wire.log().emit(self.wire.now(), trying.event, || {
            What::ConnectResult(ConnectResult {
                exchange,
                to,
                connection,
                end,
                transport: roundtrip_record::Transport::Tcp,
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
