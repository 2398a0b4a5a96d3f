//! What all sockets of one live wire share: its clock, its log, its capture, and the connections that
//! the kernel has not let go of yet.

use core::cell::RefCell;
use core::future::Future;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::rc::Rc;

use roundtrip_os::Clock;
use roundtrip_os::syscall::switch_option;
use roundtrip_record::{
    CloseReason, ConnectionId, Evidence, InterfaceId, Log, Step, Time, Trace as _, Unseen, What,
};
use socket2::{Domain, Socket, Type};

use crate::capture::Capture;
use crate::flow::Flow;
use crate::route::Route;
use crate::way::Way;

/// See the module.
pub(crate) struct Network {
    pub(crate) clock: Clock,
    pub(crate) log: Log,
    /// How connections leave.
    pub(crate) way: Way,
    capture: Option<Capture>,
    /// As long as one socket wants its packets stamped, the kernel stamps those of all; from the first
    /// one on it takes a moment to begin.
    _stamping: Option<OwnedFd>,
    flows: RefCell<BTreeMap<ConnectionId, Rc<Flow>>>,
}

impl Network {
    /// Opens it, with a capture if one is wanted and permitted; inside the runtime.
    pub(crate) fn open(clock: Clock, log: Log, captures: bool, way: Way) -> Rc<Self> {
        let capture = (captures && log.is_on())
            .then(|| Capture::open(&log, clock))
            .and_then(|opened| opened.inspect_err(|why| unseen_packets(&log, clock, why)).ok());
        if let Some(capture) = &capture {
            tokio::task::spawn_local(capture.clone().run());
        }
        let stamping = log.is_on().then(stamping).and_then(io::Result::ok);
        let flows = RefCell::default();
        Rc::new(Self { clock, log, way, capture, _stamping: stamping, flows })
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Whether a record is kept, and so whether it pays to look at connections more closely.
    pub(crate) fn records(&self) -> bool {
        self.log.is_on()
    }

    /// Takes what has been captured and not been looked at yet.
    pub(crate) fn poll_capture(&self) {
        if let Some(capture) = &self.capture {
            capture.drain();
        }
    }

    /// From now on packets of this connection are kept, and its end can be waited for.
    pub(crate) fn register(&self, flow: &Rc<Flow>) {
        self.flows.borrow_mut().insert(flow.id, Rc::clone(flow));
        if let Some(capture) = &self.capture {
            capture.add(flow);
        }
    }

    /// The kernel has this connection no more. What was captured of it is looked at, and then nothing
    /// is kept of it here.
    pub(crate) fn end(&self, flow: &Rc<Flow>, reason: CloseReason, how: Evidence) {
        self.poll_capture();
        flow.end(reason, how);
        self.forget(flow);
    }

    /// Nobody watches this connection any more. Without a record that is so as soon as its stream is
    /// dropped: the kernel closes it on its own.
    pub(crate) fn forget(&self, flow: &Rc<Flow>) {
        self.flows.borrow_mut().remove(&flow.id);
        if let Some(capture) = &self.capture {
            capture.remove(flow);
        }
        flow.let_go();
    }

    /// Completes when a connection is not watched any more, at once if it is not.
    pub(crate) fn ended(&self, id: ConnectionId) -> impl Future<Output = ()> + 'static + use<> {
        let flow = self.flows.borrow().get(&id).cloned();
        async move {
            if let Some(flow) = flow {
                flow.ended().await;
            }
        }
    }

    /// The connections that the kernel has not let go of, as far as it was seen.
    pub(crate) fn connections(&self) -> Vec<ConnectionId> {
        self.flows.borrow().keys().copied().collect()
    }

    pub(crate) fn register_udp(&self, local: SocketAddr) {
        if let Some(capture) = &self.capture {
            capture.add_udp(local);
        }
    }

    pub(crate) fn forget_udp(&self, local: SocketAddr) {
        if let Some(capture) = &self.capture {
            capture.drain();
            capture.remove_udp(local);
        }
    }

    /// The record's id for a kernel's interface.
    pub(crate) fn interface(&self, route: &Route) -> InterfaceId {
        if let Some(capture) = &self.capture {
            return capture.interface(route.interface);
        }
        self.log.interface(self.log.host_id(), &route.name, "", route.source.as_slice())
    }
}

/// A socket that does nothing but want stamps.
fn stamping() -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.cloexec(), None)?;
    switch_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, true)?;
    Ok(socket.into())
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
