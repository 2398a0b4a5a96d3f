//! The host under test, its clock, and the wire that captures everything it sends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use roundtrip_host::{
    Config, Event, Host, IfIndex, Interface, Limits, ListenerId, Offload, Received, Route, SocketId,
};
use roundtrip_packet::{EtherAddr, EtherType, ethernet};
use roundtrip_record::{HostId, InterfaceId, Off, Time};

use crate::settings::Settings;

const OURS: EtherAddr = EtherAddr([2, 0, 0, 0, 0, 1]);
const THEIRS: EtherAddr = EtherAddr([2, 0, 0, 0, 0, 2]);

/// When a script begins, on the host's clock: well after its start, and a quarter of a
/// millisecond into a tick, where packetdrill begins its scripts.
pub(crate) const START: Time = Time::from_micros(10_000_250);

/// The delay of a packet from the script to the host.
const INJECTION: Duration = Duration::from_micros(1);

/// The number of timers at one instant beyond which one is taken to fire for ever.
const MAX_TIMERS_AT_ONCE: u32 = 100_000;

/// A packet that the host sent.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) at: Time,
    /// The bytes of the packet, from the IP header on.
    pub(crate) bytes: Vec<u8>,
}

/// The host under test, its clock, and its wire.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) host: Host,
    pub(crate) now: Time,
    /// The packets that were sent and no event has looked at yet.
    pub(crate) captured: VecDeque<Captured>,
    /// The number of connections that wait to be accepted, for each listener.
    pub(crate) acceptable: BTreeMap<ListenerId, usize>,
    /// The sockets that had events since this was last read.
    pub(crate) woken: BTreeSet<SocketId>,
    nic: IfIndex,
    frame: Vec<u8>,
    timers_at_once: u32,
}

impl Net {
    pub(crate) fn new(settings: &Settings) -> Net {
        let config = Config {
            host: HostId(1),
            profile: Arc::new(settings.profile.clone()),
            // Any seed will do: what it decides (ports, first sequence numbers) is never visible to
            // the script.
            seed: [7; 32],
            fast_open: settings.fast_open,
            limits: Limits { syn_backlog: settings.syn_backlog, ..Limits::default() },
            ..Config::default()
        };
        let mut host = Host::new(config);
        if let Some(keys) = settings.fast_open_keys {
            host.set_fast_open_keys(keys);
        }
        let offload = Offload { tso: settings.segmentation, checksum: false };
        let interface = Interface {
            mtu: settings.mtu,
            offload,
            ..Interface::ethernet(InterfaceId(0), "tun0", OURS)
        };
        let nic = host.add_interface(interface);
        let (everything, prefix_len) = match settings.local {
            IpAddr::V4(_) => (IpAddr::from([0, 0, 0, 0]), 16),
            IpAddr::V6(_) => (IpAddr::from([0_u16; 8]), 48),
        };
        host.add_address(nic, settings.local, prefix_len);
        host.add_route(Route { to: everything, prefix_len: 0, via: None, interface: nic });
        host.add_neighbour(nic, settings.remote, THEIRS);
        Net {
            host,
            now: START,
            captured: VecDeque::new(),
            acceptable: BTreeMap::new(),
            woken: BTreeSet::new(),
            nic,
            frame: Vec::new(),
            timers_at_once: 0,
        }
    }

    /// Delivers a packet, from the IP header on, to the host. That takes a moment, as it does
    /// through a tun device: what the kernel does within a millisecond of a write is not what it
    /// does after one.
    pub(crate) fn inject(&mut self, packet: &[u8], segment_size: Option<u16>) {
        self.now += INJECTION;
        let is_v6 = packet.first().is_some_and(|first| first >> 4 == 6);
        let ether_type = if is_v6 { EtherType::IPV6 } else { EtherType::IPV4 };
        let mut frame = Vec::with_capacity(packet.len() + ethernet::HEADER_LEN);
        ethernet::Header { destination: OURS, source: THEIRS, ether_type }.emit(&mut frame);
        frame.extend_from_slice(packet);
        let received = Received { segment_size, ..Received::default() };
        self.host.handle_frame(self.now, self.nic, &frame, received, &mut Off);
        self.drain();
    }

    /// Takes the packets and the events of the host.
    pub(crate) fn drain(&mut self) {
        let mut frame = std::mem::take(&mut self.frame);
        while self.host.poll_transmit(self.now, &mut frame, &mut Off).is_some() {
            let packet = frame.get(ethernet::HEADER_LEN..).unwrap_or_default();
            let is_ip = packet.first().is_some_and(|first| matches!(first >> 4, 4 | 6));
            if is_ip && !is_neighbour_discovery(packet) {
                self.captured.push_back(Captured { at: self.now, bytes: packet.to_vec() });
            }
        }
        self.frame = frame;
        while let Some(event) = self.host.poll_event() {
            match event {
                Event::Acceptable(listener) => *self.acceptable.entry(listener).or_default() += 1,
                Event::Tcp(socket, _) => {
                    self.woken.insert(socket);
                }
                _ => {}
            }
        }
    }

    /// The time of the next timer.
    pub(crate) fn next_timer(&self) -> Option<Time> {
        self.host.next_timeout().map(|at| at.max(self.now))
    }

    /// Advances time to the next timer, or to `to` if none comes before; answers whether there was
    /// a timer.
    pub(crate) fn step(&mut self, to: Time) -> bool {
        match self.next_timer() {
            Some(at) if at <= to => {
                self.timers_at_once = if at == self.now { self.timers_at_once + 1 } else { 0 };
                if self.timers_at_once > MAX_TIMERS_AT_ONCE {
                    // Time must advance, whatever the host does.
                    self.now = to.max(self.now + Duration::from_millis(1));
                    self.timers_at_once = 0;
                    return false;
                }
                self.now = at;
                self.host.handle_timeout(at, &mut Off);
                self.drain();
                true
            }
            _ => {
                self.now = self.now.max(to);
                false
            }
        }
    }
}

/// Whether a packet is neighbour discovery, which belongs to the link and not to the script.
fn is_neighbour_discovery(packet: &[u8]) -> bool {
    const ICMPV6: u8 = 58;
    packet[0] >> 4 == 6
        && packet.get(6) == Some(&ICMPV6)
        && packet.get(40).is_some_and(|kind| (133..=137).contains(kind))
}
