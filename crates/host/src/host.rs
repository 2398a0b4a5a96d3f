//! The [`Host`]: its parts, its timers, and how it is drained.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use roundtrip_packet::EtherAddr;
use roundtrip_record::{Time, Trace};
use roundtrip_tcp::{self as tcp, SynCookies};

use crate::detection::Detections;
use crate::fast_open::FastOpenState;
use crate::isn::Secret;
use crate::neighbour::NeighbourTable;
use crate::network::Network;
use crate::output::Output;
use crate::pmtu::PathMtus;
use crate::port::Ports;
use crate::ratelimit::{ErrorLimiter, RateLimiter};
use crate::reassembly::Reassembly;
use crate::socket::TcpSockets;
use crate::udp::UdpSockets;
use crate::{
    Address, AddressState, Config, Counters, Event, Held, IfIndex, Interface, Kind, Neighbour, Rng,
    Route, SplitFrame, Transmit,
};

/// The network stack of one host. The [crate] documentation gives its contract.
#[derive(Debug)]
pub struct Host {
    pub(crate) config: Config,
    pub(crate) rng: Rng,
    pub(crate) secret: Secret,
    pub(crate) cookies: SynCookies,
    pub(crate) fast_open: FastOpenState,
    pub(crate) network: Network,
    pub(crate) neighbours: NeighbourTable,
    pub(crate) detections: Detections,
    pub(crate) reassembly: Reassembly,
    pub(crate) path_mtus: PathMtus,
    pub(crate) limiter: ErrorLimiter,
    pub(crate) resets: RateLimiter,
    pub(crate) ports: Ports,
    pub(crate) tcp: TcpSockets,
    pub(crate) udp: UdpSockets,
    pub(crate) output: Output,
    pub(crate) events: VecDeque<Event>,
    pub(crate) counters: Counters,
}

impl Host {
    /// A host without interfaces.
    pub fn new(config: Config) -> Self {
        let mut rng = Rng::from_seed(config.seed);
        let limits = config.limits;
        let mut secret = [0; 48];
        rng.fill(&mut secret);
        // A seed from the same bytes: whatever else is drawn stays as it is.
        let mut seed = [0; 32];
        seed.copy_from_slice(&secret[16..]);
        Self {
            secret: Secret::new(&mut rng),
            cookies: SynCookies::new(secret),
            fast_open: FastOpenState::new(seed, limits.path_mtus),
            network: Network::default(),
            neighbours: NeighbourTable::new(config.neighbours, limits.neighbours),
            detections: Detections::default(),
            reassembly: Reassembly::new(limits),
            path_mtus: PathMtus::new(limits.path_mtus),
            limiter: ErrorLimiter::new(limits),
            resets: RateLimiter::new(limits.resets_per_second),
            ports: Ports::new(config.ports.clone(), &mut rng),
            tcp: TcpSockets::new(u64::from(config.host.0), limits.tcp_memory, &mut rng),
            udp: UdpSockets::default(),
            output: Output::new(limits.output, rng.next_u32()),
            events: VecDeque::new(),
            counters: Counters::default(),
            rng,
            config,
        }
    }

    /// The host's random generator, also for the programs that run on the host.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// The counters of the host.
    pub fn counters(&self) -> Counters {
        Counters { reassemblies_dropped: self.reassembly.dropped, ..self.counters }
    }

    /// How much the host holds now.
    pub fn held(&self) -> Held {
        Held {
            sockets: self.tcp.len(),
            half_open: self.tcp.listeners.half_open(),
            orphans: self.tcp.orphans(),
            time_wait: self.tcp.time_wait(),
            tcp_memory: self.tcp.memory().held(),
            udp_sockets: self.udp.len(),
            neighbours: self.neighbours.iter().count(),
            reassembly_bytes: self.reassembly.held(),
            output_bytes: self.output.bytes(),
        }
    }

    /// Gives the host another TCP profile, for connections that are opened from now on.
    pub fn set_tcp_profile(&mut self, profile: Arc<tcp::Profile>) {
        self.config.profile = profile;
    }

    /// Adds an interface, which has no addresses yet.
    pub fn add_interface(&mut self, interface: Interface) -> IfIndex {
        let chance = self.rng.next_u32();
        self.neighbours.add_interface(chance);
        self.network.add_interface(interface)
    }

    /// Adds an address and the route to its prefix. The address is used at once, without probing
    /// the link for duplicates (`ip address add … nodad`). Nothing happens if there is no such
    /// interface.
    pub fn add_address(&mut self, interface: IfIndex, address: IpAddr, prefix_len: u8) {
        let state = AddressState::Preferred;
        self.network.add_address(Address { address, prefix_len, interface, state });
    }

    /// Removes an address and the route to its prefix. Connections that use the address are not
    /// closed.
    pub fn remove_address(&mut self, address: IpAddr) {
        self.network.remove_address(address);
    }

    /// Adds a route.
    pub fn add_route(&mut self, route: Route) {
        self.network.add_route(route);
    }

    /// Removes a route; nothing happens if there is none like it.
    pub fn remove_route(&mut self, route: &Route) {
        self.network.remove_route(route);
    }

    /// Adds a permanent entry to the neighbour table, which no packet changes
    /// (`ip neighbour add … nud permanent`).
    pub fn add_neighbour(&mut self, interface: IfIndex, address: IpAddr, mac: EtherAddr) {
        self.neighbours.set_permanent(interface, address, mac);
    }

    /// The addresses of the host, by interface, in the order in which they were added.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        self.network.links().addresses()
    }

    /// The routes of the host: IPv4 first, then IPv6, the longest prefix first.
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        self.network.routes().iter()
    }

    /// The entries of the neighbour table, by interface and address.
    pub fn neighbours(&self) -> impl Iterator<Item = Neighbour> {
        self.neighbours.iter()
    }

    /// When to call [`Host::handle_timeout`] if nothing happens before; the call may find that
    /// nothing is due.
    pub fn next_timeout(&self) -> Option<Time> {
        // Called after every frame, so it must be cheap.
        let mut earliest = Time::MAX;
        for at in [
            self.tcp.next_timeout(),
            self.neighbours.next_timeout(),
            self.reassembly.next_timeout(),
            self.detections.next_timeout(),
        ] {
            earliest = earliest.min(at.unwrap_or(Time::MAX));
        }
        (earliest < Time::MAX).then_some(earliest)
    }

    /// Does what is due: call it when the time of [`Host::next_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Time, trace: &mut impl Trace) {
        while let Some(slot) = self.tcp.pop_due(now) {
            self.handle_socket_timeout(now, slot, trace);
        }
        self.neighbours.handle_timeout(now);
        self.run_effects(now, trace);
        while let Some(expired) = self.reassembly.expire(now) {
            self.report_expired(now, &expired, trace);
        }
        self.detections.expire(now);
    }

    /// Writes the next frame to send into `into`, whose contents it replaces. Frames of the
    /// loopback interface are not given out but delivered at once, and the frames that answer them
    /// follow.
    ///
    /// Call it after each `handle_…` and each call for a socket until it answers `None`: only then
    /// are all timers set.
    #[inline]
    pub fn poll_transmit(
        &mut self,
        now: Time,
        into: &mut Vec<u8>,
        trace: &mut impl Trace,
    ) -> Option<Transmit> {
        self.poll_transmit_split(now, into, trace, &mut None::<fn(SplitFrame<'_>)>)
    }

    /// Like [`Host::poll_transmit`], but without copying large TCP payloads where the interface
    /// computes the checksums and nothing is recorded: such a frame is handed to `split` at once,
    /// and the next one is made.
    #[inline]
    pub fn poll_transmit_split(
        &mut self,
        now: Time,
        into: &mut Vec<u8>,
        trace: &mut impl Trace,
        split: &mut Option<impl FnMut(SplitFrame<'_>)>,
    ) -> Option<Transmit> {
        if self.output.is_empty() && !self.tcp.may_transmit() {
            into.clear();
            return None;
        }
        self.next_frame(now, into, trace, split)
    }

    fn next_frame(
        &mut self,
        now: Time,
        into: &mut Vec<u8>,
        trace: &mut impl Trace,
        split: &mut Option<impl FnMut(SplitFrame<'_>)>,
    ) -> Option<Transmit> {
        loop {
            into.clear();
            let (interface, gso, cause) = if let Some(frame) = self.output.pop() {
                self.output.recycle(std::mem::replace(into, frame.bytes));
                (frame.interface, frame.gso, frame.cause)
            } else {
                self.transmit_segment(now, into, trace, split)?
            };
            let Some(link) = self.network.links().get(interface) else { continue };
            let (id, kind) = (link.interface.id, link.interface.kind);
            self.counters.frames_sent += 1;
            let event = trace.frame(now, cause, id, roundtrip_record::Direction::Sent, into);
            if kind == Kind::Ethernet {
                return Some(Transmit { interface, gso, event });
            }
            // A loopback frame cannot have been damaged, so its checksums are not verified.
            let received = crate::Received {
                verify: roundtrip_packet::Verify::Trusted,
                segment_size: gso.map(|gso| gso.segment_size),
                cause: event,
            };
            self.handle_frame(now, interface, into, received, trace);
        }
    }

    /// Takes the next event for the application.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.events.is_empty() && !self.tcp.may_have_events() { None } else { self.next_event() }
    }

    fn next_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        self.tcp.next_event().map(|(socket, event)| Event::Tcp(socket, event))
    }
}
