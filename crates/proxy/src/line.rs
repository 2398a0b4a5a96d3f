//! `Line`: one direction of a described network, as bytes feel it.

use core::cell::Cell;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use bytes::{Buf as _, BytesMut};
use roundtrip_lab::{Conditions, Direction, Discipline, Net, Ppm, Rate};
use roundtrip_record::Time;
use roundtrip_wire::{LocalFuture, Wire};

/// Bytes of a full packet.
const PACKET: u64 = 1448;
/// How long the transmitter may be promised ahead: what has to wait longer stays where it comes from.
const AHEAD: Duration = Duration::from_millis(100);
/// The least time after which TCP sends again what nobody acknowledged (Linux, `TCP_RTO_MIN`).
const LEAST_RTO: Duration = Duration::from_millis(200);
/// How much one connection may have under way.
const MOST: usize = 4 << 20;

/// One direction of an access link, which all connections share.
pub(crate) struct Link {
    /// Bits a second; `None` for no limit.
    rate: Option<u64>,
    delay: Duration,
    spread: Duration,
    /// Probability that a packet is lost, in millionths.
    loss: u32,
    rtt: Duration,
    /// When the transmitter is done with what it was given.
    free: Cell<Time>,
}

impl Link {
    pub(crate) fn new(net: &Net, direction: Direction) -> Self {
        let conditions = net.conditions(direction);
        Self {
            rate: conditions.rate.mean(),
            delay: net.rtt / 2,
            spread: conditions.jitter.spread,
            loss: conditions.loss.get(),
            rtt: net.rtt,
            free: Cell::new(Time::ZERO),
        }
    }

    /// How much goes at once: what takes ten milliseconds, so that connections take turns.
    fn piece(&self) -> usize {
        let piece = self.rate.map_or(u64::MAX, |rate| rate / 800);
        piece.clamp(PACKET, 64 * 1024) as usize
    }

    /// How long so many bytes take to transmit.
    fn takes(&self, bytes: usize) -> Duration {
        match self.rate {
            Some(rate) => {
                let bits = bytes as u128 * 8 * 1_000_000_000;
                Duration::from_nanos(
                    u64::try_from(bits / u128::from(rate.max(1))).unwrap_or(u64::MAX),
                )
            }
            None => Duration::ZERO,
        }
    }
}

/// What of a network is not felt by bytes that are slowed down.
pub fn unfelt(net: &Net) -> Vec<&'static str> {
    let all = Direction::BOTH.map(|way| net.conditions(way));
    let any = |has: &dyn Fn(&Conditions) -> bool| all.iter().any(|conditions| has(conditions));
    let named: [(&'static str, bool); 5] = [
        ("reordering", any(&|conditions| conditions.reorder != Ppm::NEVER)),
        ("duplication", any(&|conditions| conditions.duplicate != Ppm::NEVER)),
        ("corruption", any(&|conditions| conditions.corrupt != Ppm::NEVER)),
        ("queue management", any(&|conditions| conditions.discipline != Discipline::DropTail)),
        ("a varying rate", any(&|conditions| matches!(conditions.rate, Rate::Trace(_)))),
    ];
    named.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

/// One direction of one connection.
pub(crate) struct Line<W: Wire> {
    wire: W,
    link: Rc<Link>,
    /// What is under way, and when it arrives.
    under_way: VecDeque<(Time, BytesMut)>,
    bytes: usize,
    /// What arrived last arrived then: nothing overtakes.
    arrived: Time,
    /// Nothing has been sent yet, and the handshake is still to be felt.
    opening: bool,
    ended: bool,
    shut: bool,
    waking: Option<(Time, LocalFuture<'static, ()>)>,
}

impl<W: Wire> Line<W> {
    /// `opening` says that this is the direction in which the client speaks first: what it says comes a
    /// round trip later, which the handshake would have taken.
    pub(crate) fn new(wire: W, link: Rc<Link>, opening: bool) -> Self {
        Self {
            wire,
            link,
            under_way: VecDeque::new(),
            bytes: 0,
            arrived: Time::ZERO,
            opening,
            ended: false,
            shut: false,
            waking: None,
        }
    }

    /// Goes on; ready when the end has been passed on.
    pub(crate) fn poll(
        &mut self,
        mut read: impl FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
        mut write: impl FnMut(&mut Context<'_>, Option<&[u8]>) -> Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let delivered = self.deliver(&mut write, context)?;
            let taken = self.take(&mut read, context)?;
            if self.ended && self.under_way.is_empty() {
                if !self.shut {
                    ready!(write(context, None))?;
                    self.shut = true;
                }
                return Poll::Ready(Ok(()));
            }
            if !delivered && !taken && self.poll_waking(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Writes what has arrived; says whether there was anything.
    fn deliver(
        &mut self,
        write: &mut impl FnMut(&mut Context<'_>, Option<&[u8]>) -> Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> io::Result<bool> {
        let mut any = false;
        while let Some((at, bytes)) = self.under_way.front_mut() {
            if *at > self.wire.now() {
                break;
            }
            let Poll::Ready(wrote) = write(context, Some(bytes)) else { break };
            let wrote = wrote?;
            if wrote == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            any = true;
            bytes.advance(wrote);
            self.bytes -= wrote;
            if bytes.is_empty() {
                self.under_way.pop_front();
            }
        }
        Ok(any)
    }

    /// Takes what is to be sent; says whether there was anything.
    fn take(
        &mut self,
        read: &mut impl FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> io::Result<bool> {
        let now = self.wire.now();
        if self.ended || self.bytes >= MOST || self.link.free.get() > now + AHEAD {
            return Ok(false);
        }
        let mut piece = BytesMut::zeroed(self.link.piece());
        let Poll::Ready(got) = read(context, &mut piece) else { return Ok(false) };
        let got = got?;
        if got == 0 {
            self.ended = true;
            return Ok(true);
        }
        piece.truncate(got);
        let at = self.arrival(now, &piece);
        self.arrived = at;
        self.bytes += got;
        self.under_way.push_back((at, piece));
        Ok(true)
    }

    /// When what is sent now arrives.
    fn arrival(&mut self, now: Time, piece: &[u8]) -> Time {
        let sent = now.max(self.link.free.get()) + self.link.takes(piece.len());
        self.link.free.set(sent);
        let mut at = sent + self.link.delay + self.jitter();
        // Asking for a tunnel takes the round trip that the handshake with the server would take.
        if core::mem::take(&mut self.opening) && !piece.starts_with(b"CONNECT ") {
            at += self.link.rtt;
        }
        let packets = (piece.len() as u64).div_ceil(PACKET);
        if (0..packets).any(|_| self.draws(self.link.loss)) {
            at += self.stall();
        }
        at.max(self.arrived)
    }

    /// How long a lost packet holds up all behind it: where others follow, until they have been
    /// acknowledged; alone, until the timer is up.
    fn stall(&self) -> Duration {
        let follows = !self.under_way.is_empty();
        if follows { self.link.rtt } else { self.link.rtt.max(LEAST_RTO) }
    }

    fn jitter(&self) -> Duration {
        let spread = self.link.spread.as_nanos() as u64;
        if spread == 0 {
            return Duration::ZERO;
        }
        // Around the delay, and never before it was sent.
        let around = Duration::from_nanos(self.drawn() % (2 * spread + 1));
        around.saturating_sub(self.link.spread.min(self.link.delay))
    }

    fn draws(&self, millionths: u32) -> bool {
        millionths > 0 && self.drawn() % 1_000_000 < u64::from(millionths)
    }

    fn drawn(&self) -> u64 {
        let mut bytes = [0; 8];
        self.wire.random(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Ready when something is due: what is under way, or that more may be taken.
    fn poll_waking(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = self.wire.now();
        let due = self.under_way.front().map(|(at, _)| *at).filter(|at| *at > now);
        let free = self.link.free.get();
        let more = (free > now + AHEAD && !self.ended).then(|| free - AHEAD);
        let Some(at) = [due, more].into_iter().flatten().min() else { return Poll::Pending };
        if self.waking.as_ref().is_none_or(|(set, _)| *set != at) {
            self.waking = Some((at, Box::pin(self.wire.sleep_until(at))));
        }
        let Some((_, sleep)) = &mut self.waking else { return Poll::Pending };
        ready!(sleep.as_mut().poll(context));
        self.waking = None;
        Poll::Ready(())
    }
}
