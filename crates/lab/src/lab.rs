//! The [`Lab`]: hosts and links, and the loop that runs them.

use core::cell::RefCell;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use roundtrip_host::{Config, Host, IfIndex, Interface, Received, Rng, Route};
use roundtrip_packet::EtherAddr;
use roundtrip_record::{
    HostId, InterfaceId, LinkCounts, LinkDeclared, LinkId, Log, Role, Time, Trace as _, What,
};
use roundtrip_tcp::Profile as TcpProfile;
use roundtrip_wire::{Stack, Wire as _};

use crate::agenda::Source;
use crate::chance::{self, Draw};
use crate::environment::HostEnvironment;
use crate::executor::Ran;
use crate::link::Link;
use crate::port::LabPort;
use crate::seed::Seed;
use crate::shape::{Discipline, Queue, Shape};
use crate::world::World;

/// A simulated host, as its tasks use it.
pub type LabHost = Stack<LabPort>;

/// The number of events at one instant beyond which time is taken to stand still for ever.
const EVENTS_AT_ONE_INSTANT: u64 = 50_000_000;

/// Why a run cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// Deadlock: nothing will happen any more, and the work is not done. No frame is in flight, no
    /// timer runs, no task sleeps.
    #[error("nothing will ever happen after {at} s, and the work is not done")]
    Deadlock {
        /// The time of the last event.
        at: Time,
    },
    /// Livelock: events follow each other without end at one instant.
    #[error("time stands still at {at} s: one event makes the next without end")]
    Livelock {
        /// The instant at which time stands still.
        at: Time,
    },
}

/// Whether a host forwards packets of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// Nothing is forwarded: a host.
    Off,
    /// Everything is forwarded: a router.
    On,
}

/// One end of a link: a host, its addresses, and the direction away from it.
#[derive(Clone, Debug)]
pub struct End<'a> {
    /// The host, which gets one more interface.
    pub host: &'a LabHost,
    /// The addresses of that interface, with their prefix lengths in bits.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The shape of the direction from here to the other end.
    pub shape: Shape,
}

/// The result of [`Lab::link`] at one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The direction of the link that begins here.
    pub link: LinkId,
    /// The interface on its host.
    pub interface: IfIndex,
    /// The id of the interface in the record.
    pub id: InterfaceId,
    /// The hardware address of the interface.
    pub mac: EtherAddr,
}

/// Many hosts and links in one process and in virtual time.
///
/// [`Lab::run_until`] runs all tasks that were woken, in the order in which they were woken, until
/// every task waits; then time jumps to the next event. Events at one instant are ordered: first
/// arriving frames, by the order in which their links were added (and on one link as they come);
/// then timers of hosts, by the order in which the hosts were added; then sleeping tasks, by the
/// order in which they went to sleep. After each event the woken tasks run again.
///
/// Dropping the lab cancels its tasks.
pub struct Lab {
    world: Rc<World>,
    hosts: Vec<LabHost>,
    log: Log,
    seed: Seed,
    profile: Arc<TcpProfile>,
}

impl Lab {
    /// An empty lab, whose clock shows 0 and whose calendar time is `epoch`.
    pub fn new(seed: Seed, epoch: SystemTime, log: Log) -> Self {
        Self {
            world: Rc::new(World::new(epoch)),
            hosts: Vec::new(),
            log,
            seed,
            profile: Arc::new(TcpProfile::linux()),
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// The log of the lab, in the name of the first host.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Adds a host without interfaces. [`Lab::run_until`] runs its work in the name of the first
    /// host.
    pub fn add_host(&mut self, name: &str, role: Role, forwarding: Forwarding) -> LabHost {
        let id = self.log.host(name, role, &[]);
        let log = self.log.of(id);
        let seed = self.seed.of("host").of(name);
        let config = Config {
            host: id,
            profile: Arc::clone(&self.profile),
            seed: seed.bytes(),
            forwarding: forwarding == Forwarding::On,
            ..Config::default()
        };
        let index = self.world.add_host();
        let port = LabPort::new(&self.world, index, HostEnvironment::default());
        // Keys of TLS come from a separate generator, so that they change no port and no sequence
        // number.
        let keys = RefCell::new(Rng::from_seed(seed.of("keys").bytes()));
        let draw: Draw = Rc::new(move |bytes: &mut [u8]| keys.borrow_mut().fill(bytes));
        port.set_draw(draw);
        let stack = Stack::new(Host::new(config), port, log);
        self.hosts.push(stack.clone());
        stack
    }

    /// Joins two hosts by a link. The shape of each end is that of the direction away from it.
    pub fn link(&mut self, one: &End<'_>, other: &End<'_>) -> [Attached; 2] {
        let ends = [one, other].map(|end| self.attach(end));
        let [(one_at, one_id), (other_at, other_id)] =
            [ends[0], ends[1]].map(|(interface, id, _)| (interface, id));
        let there = self.add_direction(one, one_id, other, (other_at, other_id));
        let back = self.add_direction(other, other_id, one, (one_at, one_id));
        [
            Attached { link: there, interface: one_at, id: one_id, mac: ends[0].2 },
            Attached { link: back, interface: other_at, id: other_id, mac: ends[1].2 },
        ]
    }

    /// Adds an interface to a host.
    fn attach(&self, end: &End<'_>) -> (IfIndex, InterfaceId, EtherAddr) {
        let host = end.host.log().host_id();
        let name = format!("eth{}", end.host.port().interfaces());
        // Hardware addresses are numbered from 1 and locally administered: 02:00:00:00:00:01 is the
        // first of the lab.
        let [a, b, c, d] = self.world.next_mac().to_be_bytes();
        let mac = EtherAddr([0x02, 0x00, a, b, c, d]);
        let addresses: Vec<IpAddr> = end.addresses.iter().map(|(address, _)| *address).collect();
        let id = self.log.interface(host, &name, &mac.to_string(), &addresses);
        let interface = end.host.host(|host| {
            let interface = host.add_interface(Interface::ethernet(id, name, mac));
            for &(address, prefix_len) in &end.addresses {
                host.add_address(interface, address, prefix_len);
            }
            interface
        });
        (interface, id, mac)
    }

    fn add_direction(
        &mut self,
        from: &End<'_>,
        from_id: InterfaceId,
        to: &End<'_>,
        (interface, to_id): (IfIndex, InterfaceId),
    ) -> LinkId {
        let shape = &from.shape;
        let id = self.log.link_id();
        let mut log = from.host.log();
        log.emit(self.now(), None, || {
            What::LinkDeclared(LinkDeclared {
                id,
                from: from_id,
                to: to_id,
                rate: shape.rate.mean(),
                delay: shape.delay,
                queue: queue_in_words(shape),
                loss_ppm: shape.loss.get(),
            })
        });
        let seed = self.seed.of("link").of(&format!("{from_id} to {to_id}"));
        let link = Link::new(id, shape, seed);
        let index = self.world.add_link(id, link, (to.host.port().index(), interface), log);
        from.host.port().attach(index);
        id
    }

    /// Adds a route to a host.
    pub fn add_route(&self, host: &LabHost, route: Route) {
        host.host(|host| host.add_route(route));
    }

    /// The counts of a link so far; zero for a link that is not of this lab.
    pub fn counts(&self, link: LinkId) -> LinkCounts {
        self.world.links(|links| {
            let found = links.iter().find(|directed| directed.id == link);
            found.map_or(LinkCounts { link, ..LinkCounts::default() }, |directed| {
                directed.link.counts()
            })
        })
    }

    /// The counts of all links so far, in the order in which the links were added.
    pub fn all_counts(&self) -> Vec<LinkCounts> {
        self.world.links(|links| links.iter().map(|directed| directed.link.counts()).collect())
    }

    /// Runs the lab until `work` is done. The work draws randomness (see [`draw`](crate::draw))
    /// from the first host.
    ///
    /// # Errors
    /// [`Stuck`] if the work can never be done.
    pub fn run_until<T>(&self, work: impl Future<Output = T>) -> Result<T, Stuck> {
        let mut work = pin!(work);
        let executor = self.world.executor();
        let waker = executor.main_waker();
        waker.wake_by_ref();
        let mut draw = self.hosts.first().and_then(|host| host.port().draw());
        let mut instant = Instant::new(self.now());
        loop {
            loop {
                match executor.run() {
                    Ran::Nothing => break,
                    Ran::Task => {}
                    Ran::Main => {
                        let context = &mut Context::from_waker(&waker);
                        let poll = chance::with(&mut draw, || work.as_mut().poll(context));
                        if let Poll::Ready(value) = poll {
                            return Ok(value);
                        }
                    }
                }
            }
            let Some((at, source)) = self.world.next() else {
                return Err(Stuck::Deadlock { at: self.now() });
            };
            instant.count(at)?;
            self.happen(at, source);
        }
    }

    /// Runs the lab until nothing is left to happen (connections have left `TIME_WAIT`), or until
    /// `limit`. Answers whether nothing is left.
    ///
    /// # Errors
    /// [`Stuck::Livelock`] if time stands still.
    pub fn settle(&self, limit: Time) -> Result<bool, Stuck> {
        let executor = self.world.executor();
        let mut instant = Instant::new(self.now());
        loop {
            while executor.run() != Ran::Nothing {}
            match self.world.next() {
                None => return Ok(true),
                Some((at, _)) if at > limit => return Ok(false),
                Some((at, source)) => {
                    instant.count(at)?;
                    self.happen(at, source);
                }
            }
        }
    }

    #[inline]
    fn happen(&self, at: Time, source: Source) {
        self.world.advance(at);
        match source {
            Source::Link(link) => {
                let Some(arrival) = self.world.arrive(link) else { return };
                let host = &self.hosts[arrival.host as usize];
                let received = Received { cause: arrival.event, ..Received::default() };
                host.handle_frame(arrival.interface, &arrival.frame, received);
                host.flush();
                self.world.recycle(arrival.frame);
            }
            Source::Host(host) => self.hosts[host as usize].handle_timeout(),
            Source::Sleep(slot) => self.world.wake(slot),
        }
    }

    /// Records the final counts of each link.
    pub fn finish(&self) {
        let mut log = self.log.of(HostId(0));
        for counts in self.all_counts() {
            log.emit(self.now(), None, || What::LinkCounts(counts));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.world.executor().clear();
    }
}

/// The queue as the record describes it: its limit, and its discipline if that is not drop-tail.
fn queue_in_words(shape: &Shape) -> String {
    let limit = match shape.queue {
        Queue::Unlimited => String::new(),
        Queue::Packets(packets) => format!("{packets}p"),
        Queue::Bytes(bytes) => format!("{bytes}B"),
    };
    match shape.discipline {
        Discipline::DropTail => limit,
        managed => format!("{limit} {}", managed.name()).trim_start().to_owned(),
    }
}

/// A counter of events at one instant, which detects a livelock.
struct Instant {
    at: Time,
    events: u64,
}

impl Instant {
    fn new(at: Time) -> Self {
        Self { at, events: 0 }
    }

    #[inline]
    fn count(&mut self, at: Time) -> Result<(), Stuck> {
        if at > self.at {
            *self = Self::new(at);
        }
        self.events += 1;
        if self.events > EVENTS_AT_ONE_INSTANT { Err(Stuck::Livelock { at }) } else { Ok(()) }
    }
}
