//! Sending packets: route, fragments, neighbour.

use std::net::IpAddr;

use roundtrip_packet::{
    ChecksumMode, EmitError, Emitted, Envelope, EtherAddr, Fragment, IpHeader, Link, ethernet, ipv6,
};
use roundtrip_record::{EventId, Evidence, NeighbourChanged, Time, Trace, What};
use roundtrip_tcp::Step;

use crate::neighbour::Effect;
use crate::output::Outgoing;
use crate::route::Hop;
use crate::socket::CachedRoute;
use crate::{Host, IfIndex, Kind, SendError};

/// The placeholder for the destination address until the neighbour is known.
const UNKNOWN: EtherAddr = EtherAddr::UNSPECIFIED;

impl Host {
    /// The source address for packets to `to` (RFC 6724 §5); `None` if there is no route.
    pub fn source(&self, to: IpAddr) -> Option<IpAddr> {
        let hop = self.network.route(None, to)?;
        self.network.links().source_for(hop.interface, hop.next_hop, to)
    }

    /// The route of a connection's segments, with the neighbour's entry.
    pub(crate) fn path(&mut self, now: Time, from: IpAddr, to: IpAddr) -> Option<CachedRoute> {
        let hop = self.network.route(Some(from), to)?;
        let link = self.network.links().get(hop.interface)?;
        let neighbour = match link.interface.kind {
            Kind::Ethernet => self.neighbours.entry(now, hop.interface, hop.next_hop),
            Kind::Loopback => None,
        };
        Some(CachedRoute { hop, neighbour, version: self.network.version() })
    }

    /// The hardware address of a next hop that is a multicast or broadcast address; `None` for
    /// others.
    fn group_mac(&self, hop: Hop) -> Option<EtherAddr> {
        match hop.next_hop {
            IpAddr::V4(v4) if v4.is_multicast() => Some(EtherAddr::of_ipv4_group(v4)),
            IpAddr::V4(v4) if v4.is_broadcast() => Some(EtherAddr::BROADCAST),
            IpAddr::V4(v4) if self.network.links().is_subnet_broadcast(v4, hop.interface) => {
                Some(EtherAddr::BROADCAST)
            }
            IpAddr::V6(v6) if v6.is_multicast() => Some(EtherAddr::of_ipv6_group(v6)),
            _ => None,
        }
    }

    /// Sends a frame whose hardware destination is still missing, at once or when the neighbour is
    /// known.
    pub(crate) fn dispatch(
        &mut self,
        now: Time,
        hop: Hop,
        frame: Outgoing,
        trace: &mut impl Trace,
    ) -> Result<(), SendError> {
        let Some(link) = self.network.links().get(hop.interface) else {
            return Err(SendError::NoRoute);
        };
        if link.interface.kind == Kind::Loopback {
            return self.enqueue(UNKNOWN, frame);
        }
        if let Some(mac) = self.group_mac(hop) {
            return self.enqueue(mac, frame);
        }
        let key = self.neighbours.entry(now, hop.interface, hop.next_hop);
        let key = key.ok_or(SendError::QueueFull)?;
        let ready = self.neighbours.output(now, key, frame);
        let sent = ready.map_or(Ok(()), |(mac, frame)| self.enqueue(mac, frame));
        self.run_effects(now, trace);
        sent
    }

    /// Queues a frame after filling in its hardware destination.
    fn enqueue(&mut self, mac: EtherAddr, mut frame: Outgoing) -> Result<(), SendError> {
        if let Some(place) = frame.bytes.get_mut(..6) {
            place.copy_from_slice(&mac.0);
        }
        if self.output.push(frame) {
            return Ok(());
        }
        self.counters.output_dropped += 1;
        Err(SendError::QueueFull)
    }

    /// Queues a complete frame; one that does not fit is counted and dropped.
    pub(crate) fn enqueue_complete(
        &mut self,
        interface: IfIndex,
        bytes: Vec<u8>,
        cause: Option<EventId>,
    ) {
        if !self.output.push(Outgoing { interface, bytes, gso: None, cause }) {
            self.counters.output_dropped += 1;
        }
    }

    /// Carries out what the neighbour table has asked for.
    pub(crate) fn run_effects(&mut self, now: Time, trace: &mut impl Trace) {
        while let Some(effect) = self.neighbours.next_effect() {
            match effect {
                Effect::Changed { now: entry, before, cause } => {
                    let Some(link) = self.network.links().get(entry.interface) else { continue };
                    let interface = link.interface.id;
                    trace.emit(now, cause, || {
                        What::NeighbourChanged(NeighbourChanged {
                            interface,
                            address: entry.address,
                            mac: entry.mac.map(|mac| mac.to_string()),
                            from: before,
                            to: entry.state,
                            how: Evidence::Performed,
                        })
                    });
                }
                Effect::Solicit { interface, address: IpAddr::V4(target), to, cause } => {
                    self.send_arp_request(interface, target, to, cause);
                }
                Effect::Solicit { interface, address: IpAddr::V6(target), to, cause } => {
                    self.send_solicitation(interface, target, to, cause);
                }
                Effect::Release { to, queue } => {
                    for frame in queue {
                        // A frame that the full output queue refused has been counted.
                        let _ = self.enqueue(to, frame);
                    }
                }
                Effect::Failed { address, queue } => {
                    for frame in queue {
                        self.report_no_neighbour(now, address, &frame, trace);
                    }
                }
            }
        }
    }

    /// The headers around a packet that leaves by `hop`; the hardware destination is still missing.
    pub(crate) fn envelope(&self, hop: Hop, ip: IpHeader) -> Option<Envelope> {
        let link = self.network.links().get(hop.interface)?;
        let source = link.interface.mac;
        Some(Envelope {
            link: Some(Link { source, destination: UNKNOWN }),
            ip,
            checksum: ChecksumMode::Full,
        })
    }

    /// Builds a packet with `write` and sends it, in fragments if it is longer than the path MTU.
    /// An IPv4 packet that fits has DF set, so that routers report the path MTU (Linux's
    /// `IP_PMTUDISC_WANT`).
    pub(crate) fn send_packet(
        &mut self,
        step: Step,
        hop: Hop,
        ip: IpHeader,
        write: impl FnOnce(&Envelope, &mut Vec<u8>) -> Result<Emitted, EmitError>,
        trace: &mut impl Trace,
    ) -> Result<(), SendError> {
        let envelope = self.envelope(hop, ip).ok_or(SendError::NoRoute)?;
        let mut bytes = self.output.buffer();
        let emitted = match write(&envelope, &mut bytes) {
            Ok(emitted) => emitted,
            Err(EmitError::TooLong { length, limit, .. }) => {
                return Err(SendError::TooLong { length, limit });
            }
            Err(EmitError::WrongFamily(_)) => return Err(SendError::BadDestination),
        };
        let link_mtu =
            self.network.links().get(hop.interface).map_or(0, |link| link.mtu(ip.destination()));
        let mtu = self.path_mtus.get(step.now, ip.destination(), link_mtu);
        if emitted.length - emitted.network <= usize::from(mtu) {
            let frame = Outgoing { interface: hop.interface, bytes, gso: None, cause: step.cause };
            return self.dispatch(step.now, hop, frame, trace);
        }
        let payload = bytes.get(emitted.transport..).unwrap_or(&[]);
        let sent = self.send_fragments(step, hop, &envelope, payload, mtu, trace);
        self.output.recycle(bytes);
        sent
    }

    /// Sends `payload` in fragments of at most `mtu` bytes (RFC 791 §3.2, RFC 8200 §4.5).
    fn send_fragments(
        &mut self,
        step: Step,
        hop: Hop,
        envelope: &Envelope,
        payload: &[u8],
        mtu: u16,
        trace: &mut impl Trace,
    ) -> Result<(), SendError> {
        let extension = match envelope.ip {
            IpHeader::V4(_) => 0,
            IpHeader::V6(_) => ipv6::FRAGMENT_HEADER_LEN,
        };
        let room = usize::from(mtu).saturating_sub(envelope.ip.length() + extension) & !7;
        if room == 0 || !self.output.has_room(payload.len()) {
            return Err(SendError::QueueFull);
        }
        let identification = self.output.next_identification(&envelope.ip);
        let last = payload.len().saturating_sub(1) / room;
        for (number, part) in payload.chunks(room).enumerate() {
            let fragment = Fragment {
                identification,
                offset: number * room,
                more: number < last,
                protocol: envelope.ip.protocol(),
                payload: part,
            };
            let mut bytes = self.output.buffer();
            if envelope.emit_fragment(&fragment, &mut bytes).is_err() {
                return Err(SendError::NoRoute);
            }
            let frame = Outgoing { interface: hop.interface, bytes, gso: None, cause: step.cause };
            self.dispatch(step.now, hop, frame, trace)?;
        }
        Ok(())
    }

    /// Forwards an IPv4 packet that is too long for the next link in fragments (RFC 791 §3.2); a
    /// fragment of a fragment keeps its offset in the datagram.
    pub(crate) fn refragment(
        &mut self,
        step: Step,
        hop: Hop,
        packet: &[u8],
        mtu: u16,
        trace: &mut impl Trace,
    ) {
        let trusted = roundtrip_packet::Verify::Trusted;
        let Ok((IpHeader::V4(header), payload)) = IpHeader::parse(packet, trusted) else { return };
        let Some(envelope) = self.envelope(hop, IpHeader::V4(header)) else { return };
        let room = usize::from(mtu).saturating_sub(header.length()) & !7;
        if room == 0 {
            return;
        }
        let last = payload.len().saturating_sub(1) / room;
        for (number, part) in payload.chunks(room).enumerate() {
            let fragment = Fragment {
                identification: u32::from(header.identification),
                offset: usize::from(header.fragment_offset) + number * room,
                more: number < last || header.more_fragments,
                protocol: header.protocol,
                payload: part,
            };
            let mut bytes = self.output.buffer();
            if envelope.emit_fragment(&fragment, &mut bytes).is_ok() {
                let cause = step.cause;
                let frame = Outgoing { interface: hop.interface, bytes, gso: None, cause };
                // A frame that cannot be sent has been counted.
                let _ = self.dispatch(step.now, hop, frame, trace);
            }
        }
    }

    /// Reports a frame whose next hop could not be resolved to whoever sent it.
    fn report_no_neighbour(
        &mut self,
        now: Time,
        next_hop: IpAddr,
        frame: &Outgoing,
        trace: &mut impl Trace,
    ) {
        let packet = frame.bytes.get(ethernet::HEADER_LEN..).unwrap_or(&[]);
        self.report_unreachable(Step::new(now, frame.cause), next_hop, packet, trace);
    }
}
