//! Opening a connection, and watching the kernel do so.

use core::future::Future;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::rc::Rc;

use roundtrip_os::syscall::switch_option;
use roundtrip_record::{Attempt, AttemptEnd, CloseReason, EventId, Evidence, Side, TcpState, Time};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use crate::flow::Flow;
use crate::neighbour::Watch;
use crate::network::Network;
use crate::stream::Handshake;
use crate::tcp_info::Sample;
use crate::{LiveStream, icmp};

/// How the reason begins for which a connection could not be bound to where it was to come from.
pub const UNBOUND: &str = "bind: ";

/// Connects to `to`; at `until`, if given, gives up.
pub(crate) async fn connect(
    network: &Rc<Network>,
    to: SocketAddr,
    until: Option<Time>,
    cause: Option<EventId>,
) -> Result<LiveStream, Attempt> {
    let began = network.now();
    let mut attempt = Try { network, to, began, watch: None, syns: Vec::new() };
    let interface = |route: &_| network.interface(route);
    attempt.watch = Watch::start(&network.log, began, to.ip(), cause, interface);
    let (socket, result) = attempt.start().map_err(|error| attempt.failed(&error, None))?;
    let local = socket.local_addr().ok().and_then(|local| local.as_socket());
    let local = local.unwrap_or_else(|| SocketAddr::new(to.ip(), 0));
    let (log, clock) = (&network.log, network.clock);
    let flow = Flow::open(log, clock, Side::Client, (local, to), began, cause);
    network.register(&flow);
    // Where the SYN waits for the first data, nothing has begun (`TCP_FASTOPEN_CONNECT`).
    let is_deferred = network.way.fast_open
        && Sample::take(socket.as_fd())
            .is_ok_and(|sample| sample.state() == Some(TcpState::Closed));
    if !is_deferred {
        flow.seen(TcpState::SynSent, "connect");
    }
    if let Err(error) = result {
        return Err(attempt.end(&flow, &error, Some(&socket)));
    }
    let tcp = match TcpStream::from_std(socket.into()) {
        Ok(tcp) => tcp,
        Err(error) => return Err(attempt.end(&flow, &error, None)),
    };
    if is_deferred {
        return Ok(LiveStream::new(tcp, flow, Rc::clone(network), None));
    }
    match attempt.wait(&tcp, until, cause).await {
        Ok(()) => {
            let handshake = attempt.done(&tcp);
            flow.seen(TcpState::Established, "connect");
            Ok(LiveStream::new(tcp, flow, Rc::clone(network), handshake))
        }
        Err(error) => Err(attempt.end_of_stream(&flow, &error, tcp)),
    }
}

/// One try to connect while it is under way.
struct Try<'a> {
    network: &'a Rc<Network>,
    to: SocketAddr,
    began: Time,
    watch: Option<Watch>,
    /// When SYNs went out, as far as `TCP_INFO` lets us tell.
    syns: Vec<Time>,
}

impl Try<'_> {
    fn start(&mut self) -> io::Result<(Socket, io::Result<()>)> {
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::for_address(self.to), kind, Some(Protocol::TCP))?;
        let bound = self.network.way.bind(&socket, self.to);
        bound.map_err(|error| io::Error::new(error.kind(), format!("{UNBOUND}{error}")))?;
        self.network.way.open_fast(&socket)?;
        if self.network.records() {
            icmp::ask(socket.as_fd(), self.to.is_ipv6());
            // Without it less is known of when bytes arrive.
            let (level, option) = (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS);
            let _ = switch_option(socket.as_fd(), level, option, true);
        }
        // What was done until now was our own doing.
        self.syns.push(self.network.now());
        let result = match socket.connect(&self.to.into()) {
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
            other => other,
        };
        Ok((socket, result))
    }

    /// Waits for the handshake's end; looks now and then how many SYNs have gone out.
    async fn wait(
        &mut self,
        tcp: &TcpStream,
        until: Option<Time>,
        cause: Option<EventId>,
    ) -> io::Result<()> {
        /// Fine enough to tell the kernel's schedule of SYNs, in seconds.
        const LOOK: Duration = Duration::from_millis(20);
        let mut writable = core::pin::pin!(tcp.writable());
        loop {
            let now = self.network.now();
            if until.is_some_and(|until| now >= until) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let next = until.map_or(now + LOOK, |until| until.min(now + LOOK));
            let mut pause = core::pin::pin!(self.network.clock.sleep_until(next));
            let ready = core::future::poll_fn(|context: &mut Context<'_>| {
                if let Poll::Ready(result) = writable.as_mut().poll(context) {
                    return Poll::Ready(Some(result));
                }
                pause.as_mut().poll(context).map(|()| None)
            })
            .await;
            if let Some(watch) = &mut self.watch {
                watch.poll(&self.network.log, self.network.now(), cause);
            }
            if let Some(result) = ready {
                result?;
                return tcp.take_error()?.map_or(Ok(()), Err);
            }
            let resent = Sample::take(tcp.as_fd()).map_or(0, |s| s.syn_retransmits()) as usize;
            if resent >= self.syns.len() {
                self.syns.push(self.network.now());
            }
        }
    }

    /// The connection is open.
    fn done(&mut self, tcp: &TcpStream) -> Option<Handshake> {
        let sample = Sample::take(tcp.as_fd()).ok();
        let resent = sample.map_or(0, |sample| sample.retransmissions());
        let began = *self.syns.first()?;
        // Until data is sent, what the kernel has measured is the handshake; of a SYN that was sent
        // again it cannot tell which one was answered (RFC 6298 §3).
        let round_trip = sample.map(|sample| sample.round_trip()).filter(|_| resent == 0);
        let answered = round_trip.filter(|time| !time.is_zero()).map(|time| began + time);
        let syns = (self.syns.len() as u32).max(resent + 1);
        Some(Handshake { began, syns, answered: answered.map(|at| at.min(self.network.now())) })
    }

    fn end_of_stream(&self, flow: &Rc<Flow>, error: &io::Error, tcp: TcpStream) -> Attempt {
        match tcp.into_std() {
            Ok(std) => self.end(flow, error, Some(&Socket::from(std))),
            Err(_) => self.end(flow, error, None),
        }
    }

    /// The try has failed: its connection is gone, and this is why.
    fn end(&self, flow: &Rc<Flow>, error: &io::Error, socket: Option<&Socket>) -> Attempt {
        if let (true, Some(socket)) = (self.network.records(), socket)
            && let Ok(sample) = Sample::take(socket.as_fd())
        {
            flow.sampled(&sample);
        }
        let attempt = self.failed(error, socket);
        let reason = match attempt.end {
            AttemptEnd::Refused => CloseReason::Refused,
            AttemptEnd::TimedOut => CloseReason::TimedOut,
            _ => CloseReason::Unreachable,
        };
        self.network.end(flow, reason, Evidence::Observed("connect".into()));
        attempt
    }

    fn failed(&self, error: &io::Error, socket: Option<&Socket>) -> Attempt {
        let message = socket.and_then(|socket| icmp::take(socket.as_fd()));
        let next_hop = self.watch.as_ref().and_then(Watch::failed);
        let end = match (message, next_hop) {
            // The table's word is nearer the cause than the error that follows from it: our own
            // host's ICMP, or silence where that cannot be delivered.
            (_, Some(next_hop)) => AttemptEnd::NoNeighbour { next_hop },
            (Some((why, from)), None) => AttemptEnd::Unreachable { why, from },
            (None, None) => match error.kind() {
                io::ErrorKind::ConnectionRefused => AttemptEnd::Refused,
                io::ErrorKind::TimedOut => AttemptEnd::TimedOut,
                io::ErrorKind::NetworkUnreachable => {
                    AttemptEnd::Unreachable { why: "network unreachable".into(), from: None }
                }
                io::ErrorKind::HostUnreachable => {
                    AttemptEnd::Unreachable { why: "host unreachable".into(), from: None }
                }
                _ => AttemptEnd::Failed { why: error.to_string() },
            },
        };
        let sent = self.syns.len() as u32;
        let syns = if socket.is_some() { self.syns.clone() } else { Vec::new() };
        Attempt {
            to: self.to,
            began: self.began,
            ended: self.network.now(),
            syns,
            syn_count: Some(sent),
            end,
        }
    }
}
