//! Hosts on perfect cables in virtual time. What crosses a cable is written down as tcpdump would.

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;

use roundtrip_host::{Config, Event, Host, IfIndex, Interface, Received, Route};
use roundtrip_packet::summary::Line;
use roundtrip_packet::{EtherAddr, Verify};
use roundtrip_record::{
    Direction, EventId, HostId, InterfaceId, NeighbourChanged, Time, Trace, What,
};

/// Keeps the events of one host.
#[derive(Default)]
pub(crate) struct Spy {
    next: u64,
    pub(crate) events: Vec<(Time, Option<EventId>, What)>,
    /// Cause and kind of each event, frames included: `kinds[id - 1]`.
    pub(crate) kinds: Vec<(Option<EventId>, &'static str)>,
}

impl Trace for Spy {
    fn emit(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        what: impl FnOnce() -> What,
    ) -> Option<EventId> {
        self.next += 1;
        let what = what();
        let kind = What::KINDS.iter().find(|kind| **kind == what.kind());
        self.kinds.push((cause, kind.copied().unwrap_or_default()));
        self.events.push((at, cause, what));
        EventId::new(self.next)
    }

    fn frame(
        &mut self,
        _: Time,
        cause: Option<EventId>,
        _: InterfaceId,
        direction: Direction,
        _: &[u8],
    ) -> Option<EventId> {
        let kind = if direction == Direction::Sent { "frame out" } else { "frame in" };
        self.kinds.push((cause, kind));
        self.next += 1;
        EventId::new(self.next)
    }
}

struct Flight {
    to: usize,
    interface: IfIndex,
    bytes: Vec<u8>,
}

struct Cable {
    delay: Duration,
    ends: Vec<(usize, IfIndex)>,
}

pub(crate) const MILLI: Duration = Duration::from_millis(1);

/// Says of a frame whether it is lost.
pub(crate) type Fate = Box<dyn FnMut(&[u8]) -> bool>;

#[derive(Default)]
pub(crate) struct Net {
    pub(crate) now: Time,
    pub(crate) hosts: Vec<Host>,
    pub(crate) spies: Vec<Spy>,
    cables: Vec<Cable>,
    flying: BTreeMap<(Time, u64), Flight>,
    sent: u64,
    log: Vec<String>,
    /// Frames that do not arrive.
    pub(crate) lose: Option<Fate>,
}

/// `10.0.0.1/24`.
fn prefix(text: &str) -> (IpAddr, u8) {
    let (address, length) = text.split_once('/').unwrap();
    (address.parse().unwrap(), length.parse().unwrap())
}

impl Net {
    pub(crate) fn host(&mut self, config: Config) -> usize {
        let number = self.hosts.len();
        let config = Config { host: HostId(number as u16), seed: [number as u8 + 1; 32], ..config };
        let mut host = Host::new(config);
        let lo = host.add_interface(Interface::loopback(InterfaceId(number as u32 * 10)));
        host.add_address(lo, "127.0.0.1".parse().unwrap(), 8);
        host.add_address(lo, "::1".parse().unwrap(), 128);
        self.hosts.push(host);
        self.spies.push(Spy::default());
        number
    }

    /// Connects hosts, giving each an interface with the addresses named after it.
    pub(crate) fn cable(
        &mut self,
        delay: Duration,
        mtu: u16,
        ends: &[(usize, &[&str])],
    ) -> Vec<IfIndex> {
        let number = self.cables.len() as u8;
        let mut interfaces = Vec::new();
        for (end, (host, addresses)) in ends.iter().enumerate() {
            let mac = EtherAddr([2, 0, 0, 0, number, end as u8 + 1]);
            let id = InterfaceId(*host as u32 * 10 + u32::from(number) + 1);
            // Only the first end knows of a narrow cable; the cable itself carries everything.
            let mtu = if end == 0 { mtu } else { 1500 };
            let interface = Interface { mtu, ..Interface::ethernet(id, "eth", mac) };
            let interface = self.hosts[*host].add_interface(interface);
            for address in *addresses {
                let (address, length) = prefix(address);
                self.hosts[*host].add_address(interface, address, length);
            }
            interfaces.push(interface);
        }
        let ends = ends.iter().map(|(host, _)| *host).zip(interfaces.iter().copied()).collect();
        self.cables.push(Cable { delay, ends });
        interfaces
    }

    /// Two hosts on one cable, 10.0.0.1 and 10.0.0.2, `fd00::1` and `fd00::2`, 1 ms apart.
    pub(crate) fn pair() -> Self {
        Self::pair_of(Config::default(), Config::default())
    }

    pub(crate) fn pair_of(a: Config, b: Config) -> Self {
        let mut net = Self::default();
        let (a, b) = (net.host(a), net.host(b));
        net.cable(
            MILLI,
            1500,
            &[(a, &["10.0.0.1/24", "fd00::1/64"]), (b, &["10.0.0.2/24", "fd00::2/64"])],
        );
        net
    }

    /// a — router — b: 10.0.1.1, 10.0.1.254 and 10.0.2.254, 10.0.2.1; the second cable carries
    /// `mtu` bytes towards b.
    pub(crate) fn routed(mtu: u16) -> Self {
        let mut net = Self::default();
        let a = net.host(Config::default());
        let router = net.host(Config { forwarding: true, ..Config::default() });
        let b = net.host(Config::default());
        let near = net.cable(
            MILLI,
            1500,
            &[(a, &["10.0.1.1/24", "fd01::1/64"]), (router, &["10.0.1.254/24", "fd01::254/64"])],
        );
        let far = net.cable(
            MILLI,
            mtu,
            &[(router, &["10.0.2.254/24", "fd02::254/64"]), (b, &["10.0.2.1/24", "fd02::1/64"])],
        );
        net.default_route(a, near[0], &["10.0.1.254", "fd01::254"]);
        net.default_route(b, far[1], &["10.0.2.254", "fd02::254"]);
        net
    }

    pub(crate) fn default_route(&mut self, host: usize, interface: IfIndex, routers: &[&str]) {
        for router in routers {
            let via: IpAddr = router.parse().unwrap();
            let to = if via.is_ipv4() { "0.0.0.0" } else { "::" };
            let route = Route { to: to.parse().unwrap(), prefix_len: 0, via: Some(via), interface };
            self.hosts[host].add_route(route);
        }
    }

    /// Lets `act` work on a host.
    pub(crate) fn on<T>(
        &mut self,
        host: usize,
        act: impl FnOnce(&mut Host, Time, &mut Spy) -> T,
    ) -> T {
        let answer = act(&mut self.hosts[host], self.now, &mut self.spies[host]);
        self.drain(host);
        answer
    }

    /// Takes what a host sends and puts it on its cables.
    fn drain(&mut self, host: usize) {
        let mut bytes = Vec::new();
        loop {
            let sent = self.hosts[host].poll_transmit(self.now, &mut bytes, &mut self.spies[host]);
            let Some(sent) = sent else { break };
            self.put(host, sent.interface, &bytes);
        }
    }

    /// A frame as if a host had sent it.
    pub(crate) fn put(&mut self, host: usize, interface: IfIndex, bytes: &[u8]) {
        let from = (host, interface);
        let cable = self.cables.iter().find(|cable| cable.ends.contains(&from)).unwrap();
        let name = ["a", "b", "c", "d"][host];
        let millis = self.now.micros() as f64 / 1000.0;
        let lost = self.lose.as_mut().is_some_and(|lose| lose(bytes));
        let fate = if lost { " (lost)" } else { "" };
        self.log.push(format!("{millis} {name}: {}{fate}", Line(bytes)));
        if lost {
            return;
        }
        let at = self.now + cable.delay;
        for (to, interface) in cable.ends.iter().filter(|end| **end != from) {
            self.sent += 1;
            let flight = Flight { to: *to, interface: *interface, bytes: bytes.to_vec() };
            self.flying.insert((at, self.sent), flight);
        }
    }

    /// The next thing that happens, no later than `until`; false if nothing does.
    fn step(&mut self, until: Time) -> bool {
        let arrival = self.flying.keys().next().map(|(at, _)| *at);
        let timers = self.hosts.iter().filter_map(Host::next_timeout).min();
        let Some(at) = arrival.into_iter().chain(timers).min().filter(|at| *at <= until) else {
            return false;
        };
        self.now = self.now.max(at);
        if arrival == Some(at) {
            let (_, flight) = self.flying.pop_first().unwrap();
            let received = Received { verify: Verify::Full, segment_size: None, cause: None };
            let Flight { to, interface, bytes } = flight;
            self.on(to, |host, now, spy| host.handle_frame(now, interface, &bytes, received, spy));
            return true;
        }
        for host in 0..self.hosts.len() {
            if self.hosts[host].next_timeout().is_some_and(|due| due <= at) {
                self.on(host, Host::handle_timeout);
            }
        }
        true
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// What led to each event of a kind, back to the first cause: `frame out < tcp.segment`.
    pub(crate) fn causes(&self, host: usize, kind: &str) -> Vec<String> {
        let kinds = &self.spies[host].kinds;
        let chain = |start: usize| {
            let mut names = vec![kinds[start].1];
            let mut at = kinds[start].0;
            while let Some(id) = at {
                let (cause, name) = kinds[id.get() as usize - 1];
                names.push(name);
                at = cause;
            }
            names.join(" < ")
        };
        let of_kind = kinds.iter().enumerate().filter(|(_, (_, name))| *name == kind);
        of_kind.map(|(number, _)| chain(number)).collect()
    }

    pub(crate) fn events(&mut self, host: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.hosts[host].poll_event() {
            events.push(event);
        }
        self.drain(host);
        events
    }

    /// What crossed the cables since the last call.
    pub(crate) fn log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// What crossed the cables since the last call, segments in short: `0 a: [S] 0`, flags and
    /// bytes of payload.
    pub(crate) fn segments(&mut self) -> Vec<String> {
        let short = |line: String| {
            let (head, rest) = line.split_once(": ")?;
            let flags = rest.split_once("Flags ")?.1.split_once(',')?.0;
            let length = line.rsplit_once("length ")?.1;
            Some(format!("{head}: {flags} {length}"))
        };
        self.log().into_iter().filter_map(short).collect()
    }

    /// The changes of a host's neighbour table: `10.0.0.2 - INCOMPLETE`.
    pub(crate) fn neighbour_changes(&self, host: usize) -> Vec<String> {
        let changes = self.spies[host].events.iter().filter_map(|(at, _, what)| match what {
            What::NeighbourChanged(change) => Some((at, change)),
            _ => None,
        });
        changes
            .map(|(at, NeighbourChanged { address, to, .. })| {
                format!("{} {address} {}", at.millis(), format!("{to:?}").to_uppercase())
            })
            .collect()
    }
}

/// The index of a host's first Ethernet interface: loopback is the first of all.
pub(crate) const ETH: IfIndex = IfIndex(1);

/// Compares what crossed the cables with what should have.
#[macro_export]
macro_rules! crossed {
    ($net:expr, $($line:expr),* $(,)?) => {
        let log = $net.log();
        let expected: Vec<&str> = vec![$($line),*];
        assert_eq!(log, expected, "\nwhat crossed:\n{}\n", log.join("\n"));
    };
}
