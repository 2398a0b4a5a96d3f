//! The wire itself.

use core::cell::RefCell;
use core::future::Future;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::SystemTime;

use roundtrip_os::{Clock, Machine, random};
use roundtrip_record::{
    Attempt, AttemptEnd, CloseReason, ConnectionId, EventId, How, Log, Side, Step, TcpState, Time,
    Trace as _, Unseen, What, WireKind,
};
use roundtrip_wire::{ConnectFault, Environment, Task, Wire};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use crate::capture::Capture;
use crate::flow::Flow;
use crate::neighbour::Watch;
use crate::tcp_info::Sample;
use crate::{LiveDatagram, LiveListener, LiveStream, icmp};

/// Whether packets are captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureWish {
    /// No.
    #[default]
    No,
    /// Where `CAP_NET_RAW` is there; otherwise an `unseen` event says what it would take.
    IfPermitted,
}

/// How a live wire is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where [`Environment::store`] keeps things; nowhere if `None`.
    pub cache: Option<PathBuf>,
    /// Whether packets are captured.
    pub capture: CaptureWish,
}

/// This machine's network.
#[derive(Clone)]
pub struct Live {
    shared: Rc<Shared>,
}

struct Shared {
    clock: Clock,
    log: Log,
    machine: Machine,
    capture: Option<Capture>,
    flows: RefCell<BTreeMap<ConnectionId, Rc<Flow>>>,
}

/// Runs `body` on a live wire, on this thread, to its end. What was spawned ends with it.
///
/// # Errors
/// When the runtime cannot be had: the process is out of descriptors.
pub fn run<T, F: Future<Output = T>>(
    clock: Clock,
    log: Log,
    settings: Settings,
    body: impl FnOnce(Live) -> F,
) -> io::Result<T> {
    roundtrip_os::run(async {
        let live = Live::new(clock, log, settings);
        let result = body(live.clone()).await;
        live.poll_capture();
        result
    })
}

impl Live {
    fn new(clock: Clock, log: Log, settings: Settings) -> Self {
        let capture = (settings.capture == CaptureWish::IfPermitted && log.is_on())
            .then(|| Capture::open(&log, clock))
            .and_then(|opened| opened.inspect_err(|error| unseen_packets(&log, clock, error)).ok());
        let machine = Machine::new(settings.cache);
        let shared = Shared { clock, log, machine, capture, flows: RefCell::default() };
        let live = Self { shared: Rc::new(shared) };
        if let Some(capture) = &live.shared.capture {
            tokio::task::spawn_local(capture.clone().run());
        }
        live
    }

    /// Whether a record is kept, and so whether it pays to look at connections more closely.
    pub(crate) fn records(&self) -> bool {
        self.shared.log.is_on()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.shared.clock
    }

    pub(crate) fn log_handle(&self) -> Log {
        self.shared.log.clone()
    }

    /// Takes what has been captured and not been looked at yet.
    pub(crate) fn poll_capture(&self) {
        if let Some(capture) = &self.shared.capture {
            capture.drain();
        }
    }

    /// From now on packets of this connection are kept, and its end can be waited for.
    pub(crate) fn register(&self, flow: &Rc<Flow>) {
        self.shared.flows.borrow_mut().insert(flow.id, Rc::clone(flow));
        if let Some(capture) = &self.shared.capture {
            capture.add(flow);
        }
    }

    pub(crate) fn register_udp(&self, local: SocketAddr) {
        if let Some(capture) = &self.shared.capture {
            capture.add_udp(local);
        }
    }

    pub(crate) fn forget_udp(&self, local: SocketAddr) {
        if let Some(capture) = &self.shared.capture {
            capture.remove_udp(local);
        }
    }

    async fn handshake(
        &self,
        to: SocketAddr,
        until: Option<Time>,
        cause: Option<EventId>,
    ) -> Result<LiveStream, Attempt> {
        let began = self.now();
        let mut attempt = Handshake { live: self, to, began, watch: None, syns: vec![began] };
        attempt.watch =
            Watch::start(&self.shared.log, began, to.ip(), cause, |route| self.interface(route));
        let (socket, result) = attempt.start().map_err(|error| attempt.failed(&error, None))?;
        let local = socket.local_addr().ok().and_then(|local| local.as_socket());
        let local = local.unwrap_or_else(|| SocketAddr::new(to.ip(), 0));
        let (log, clock) = (&self.shared.log, self.shared.clock);
        let flow = Flow::open(log, clock, Side::Client, (local, to), began, cause);
        self.register(&flow);
        flow.seen(TcpState::SynSent, "connect");
        if let Err(error) = result {
            return Err(attempt.end(&flow, &error, Some(&socket)));
        }
        let tcp =
            TcpStream::from_std(socket.into()).map_err(|error| attempt.failed(&error, None))?;
        match attempt.wait(&tcp, until, cause).await {
            Ok(()) => {
                flow.seen(TcpState::Established, "connect");
                let syn = Some((began, attempt.syns.len() as u32));
                Ok(LiveStream::new(tcp, flow, self.clone(), syn))
            }
            Err(error) => Err(attempt.end_of_stream(&flow, &error, tcp)),
        }
    }

    /// The record's id for a kernel's interface.
    fn interface(&self, route: &crate::route::Route) -> roundtrip_record::InterfaceId {
        match &self.shared.capture {
            Some(capture) => capture.interface(route.interface),
            None => self.shared.log.interface(
                self.shared.log.host_id(),
                &route.name,
                "",
                route.source.as_slice(),
            ),
        }
    }
}

/// One try to connect while it is under way.
struct Handshake<'a> {
    live: &'a Live,
    to: SocketAddr,
    began: Time,
    watch: Option<Watch>,
    /// When SYNs went out, as far as `TCP_INFO` lets us tell.
    syns: Vec<Time>,
}

impl Handshake<'_> {
    fn start(&self) -> io::Result<(Socket, io::Result<()>)> {
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::for_address(self.to), kind, Some(Protocol::TCP))?;
        if self.live.records() {
            icmp::ask(socket.as_fd(), self.to);
        }
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
            let now = self.live.now();
            if until.is_some_and(|until| now >= until) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let next = until.map_or(now + LOOK, |until| until.min(now + LOOK));
            let mut pause = core::pin::pin!(self.live.sleep_until(next));
            let ready = core::future::poll_fn(|context: &mut Context<'_>| {
                if let Poll::Ready(result) = writable.as_mut().poll(context) {
                    return Poll::Ready(Some(result));
                }
                pause.as_mut().poll(context).map(|()| None)
            })
            .await;
            if let Some(watch) = &mut self.watch {
                watch.poll(&self.live.shared.log, self.live.now(), cause);
            }
            if let Some(result) = ready {
                result?;
                return tcp.take_error()?.map_or(Ok(()), Err);
            }
            let resent = Sample::take(tcp.as_fd()).map_or(0, |s| s.syn_retransmits()) as usize;
            if resent >= self.syns.len() {
                self.syns.push(self.live.now());
            }
        }
    }

    fn end_of_stream(&self, flow: &Flow, error: &io::Error, tcp: TcpStream) -> Attempt {
        match tcp.into_std() {
            Ok(std) => self.end(flow, error, Some(&Socket::from(std))),
            Err(_) => self.end(flow, error, None),
        }
    }

    /// The try has failed: its connection is gone, and this is why.
    fn end(&self, flow: &Flow, error: &io::Error, socket: Option<&Socket>) -> Attempt {
        self.live.poll_capture();
        let attempt = self.failed(error, socket);
        let reason = match attempt.end {
            AttemptEnd::Refused => CloseReason::Refused,
            AttemptEnd::TimedOut => CloseReason::TimedOut,
            _ => CloseReason::Unreachable,
        };
        flow.end(reason, How::Observed("connect".into()));
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
            ended: self.live.now(),
            syns,
            syn_count: Some(sent),
            end,
        }
    }
}

fn unseen_packets(log: &Log, clock: Clock, error: &io::Error) {
    let why = error.to_string();
    log.clone().emit(clock.now(), None, || {
        What::Unseen(Unseen {
            step: Step::Connect,
            what: format!("packets and sequence numbers ({why})"),
            needs: "CAP_NET_RAW, --wire tap or --wire lab".into(),
        })
    });
}

impl Wire for Live {
    type Stream = LiveStream;
    type Listener = LiveListener;
    type Datagram = LiveDatagram;

    fn kind(&self) -> WireKind {
        WireKind::Live
    }

    fn now(&self) -> Time {
        self.shared.clock.now()
    }

    fn wall(&self) -> SystemTime {
        self.shared.clock.wall()
    }

    fn log(&self) -> Log {
        self.shared.log.clone()
    }

    fn random(&self, bytes: &mut [u8]) {
        random::fill(bytes);
    }

    fn environment(&self) -> &dyn Environment {
        &self.shared.machine
    }

    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static {
        self.shared.clock.sleep_until(at)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task {
        roundtrip_os::spawn(task)
    }

    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> {
        roundtrip_os::work(work)
    }

    async fn connect(
        &self,
        to: SocketAddr,
        until: Option<Time>,
        cause: Option<EventId>,
    ) -> Result<LiveStream, ConnectFault> {
        let result = self.handshake(to, until, cause).await;
        result.map_err(|attempt| ConnectFault(Box::new(attempt)))
    }

    fn closed(&self, id: ConnectionId) -> impl Future<Output = ()> + 'static {
        let flow = self.shared.flows.borrow().get(&id).cloned();
        async move {
            if let Some(flow) = flow {
                flow.ended().await;
            }
        }
    }

    fn connections(&self) -> Vec<ConnectionId> {
        let flows = self.shared.flows.borrow();
        flows.values().filter(|flow| !flow.is_gone()).map(|flow| flow.id).collect()
    }

    fn listen(&self, at: SocketAddr) -> io::Result<LiveListener> {
        LiveListener::open(self.clone(), at)
    }

    fn datagram(&self, at: SocketAddr) -> io::Result<LiveDatagram> {
        LiveDatagram::open(self.clone(), at)
    }
}
