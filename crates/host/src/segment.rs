//! Receiving and sending TCP segments.

use std::net::{IpAddr, SocketAddr};

use roundtrip_packet::tcp::{Header, Segment as Parsed};
use roundtrip_packet::{
    ChecksumMode, Ecn, Envelope, EtherAddr, Flags, IpHeader, Link, Protocol, SeqNumber, ipv4, ipv6,
};
use roundtrip_record::{EventId, TcpState, Time, Trace};
use roundtrip_tcp::{Disposition, Endpoints, Segment, Step, reset_for};

use crate::demux::Tuple;
use crate::output::Outgoing;
use crate::socket::{CachedRoute, IpFields, Owner};
use crate::{Gso, Host, IfIndex, Kind, SplitFrame, Transmit};

/// Payloads shorter than this many bytes are copied: that costs less than one more buffer in a
/// system call.
const APART_LEAST: usize = 1024;

/// How a segment was written.
enum Written {
    /// The whole frame is in the buffer.
    Frame {
        /// Whether the frame has its destination's hardware address.
        is_addressed: bool,
        gso: Option<Gso>,
        cause: Option<EventId>,
    },
    /// The frame was handed out in pieces.
    Split,
}

impl Host {
    /// The slot of the connection that a segment belongs to.
    #[inline]
    pub(crate) fn find_connection(
        &self,
        local: IpAddr,
        remote: IpAddr,
        (source_port, destination_port): (u16, u16),
    ) -> Option<u32> {
        self.tcp.find(&Tuple::of(local, destination_port, remote, source_port))
    }

    /// Handles a segment for this host that the fast path did not assign to a connection.
    pub(crate) fn handle_stray(
        &mut self,
        step: Step,
        ip: &IpHeader,
        parsed: &Parsed<'_>,
        trace: &mut impl Trace,
    ) {
        // A connection's segment can also come this way, when it was reassembled from fragments.
        let (local, remote) = (ip.destination(), ip.source());
        let segment = segment_of(ip.ecn(), parsed, None, step.cause);
        if let Some(slot) = self.find_connection(local, remote, parsed.ports()) {
            self.handle_bound(step.now, slot, &segment, trace);
            return;
        }
        let local = SocketAddr::new(local, segment.header.destination_port);
        let remote = SocketAddr::new(remote, segment.header.source_port);
        self.handle_unbound(step.now, Endpoints { local, remote }, &segment, None, trace);
    }

    /// Handles a segment of a connection.
    #[inline]
    pub(crate) fn handle_bound(
        &mut self,
        now: Time,
        slot: u32,
        segment: &Segment<'_>,
        trace: &mut impl Trace,
    ) {
        let Some(socket) = self.tcp.sockets.at_mut(slot) else { return };
        let owner = socket.owner;
        if matches!(owner, Owner::HalfOpen(_)) && self.must_wait(owner, segment.header.flags) {
            self.counters.accepts_deferred += 1;
            return;
        }
        let Some(socket) = self.tcp.supplied(slot) else { return };
        let is_syn_ack = segment.header.flags.contains(Flags::SYN_ACK);
        let sent_syn = if is_syn_ack { socket.connection.sent_syn() } else { None };
        let was_opening = socket.connection.state() == TcpState::SynReceived;
        let disposition = socket.connection.handle_segment(now, segment, trace);
        let server = socket.connection.remote().ip();
        match disposition {
            Disposition::Accepted => {
                if let Some(neighbour) = socket.note_progress(&segment.header) {
                    self.neighbours.confirm(now, neighbour);
                }
                self.learn_fast_open(server, sent_syn, segment);
            }
            Disposition::Reset if was_opening && !matches!(owner, Owner::HalfOpen(_)) => {
                if let Some(key) = self.tcp.sockets.key(slot) {
                    self.tcp.listeners.note_early_reset(key, now);
                }
            }
            Disposition::Reopen | Disposition::Closed => {
                let ends = socket.connection.ends();
                let isn = socket.connection.next_isn();
                self.release(now, slot, trace);
                self.handle_unbound(now, ends, segment, isn, trace);
                return;
            }
            _ => {}
        }
        if let Owner::HalfOpen(listener) = owner {
            self.promote(slot, listener);
        }
        self.tcp.touch(slot);
    }

    /// Ends a connection that is replaced by a new one with the same addresses (RFC 6191), or that
    /// is closed, so that segments no longer find it.
    pub(crate) fn release(&mut self, now: Time, slot: u32, trace: &mut impl Trace) {
        let Some(socket) = self.tcp.sockets.at_mut(slot) else { return };
        socket.connection.replace(now, trace);
        let (id, owner) = (socket.connection.id(), socket.owner);
        self.tcp.unbind(slot);
        self.events.push_back(crate::Event::Gone(id));
        if matches!(owner, Owner::Orphan | Owner::TimeWait) {
            self.tcp.remove(slot);
        } else {
            self.tcp.touch(slot);
        }
    }

    /// Handles a segment without a connection: by a listener, or with a reset. `isn` is a first
    /// sequence number beyond those of an earlier connection with the same addresses and ports.
    pub(crate) fn handle_unbound(
        &mut self,
        now: Time,
        ends: Endpoints,
        segment: &Segment<'_>,
        isn: Option<SeqNumber>,
        trace: &mut impl Trace,
    ) {
        // Segments from addresses that no connection can have are not answered (RFC 9293 §3.9.2.3,
        // MUST-57).
        let ip = ends.remote.ip();
        if ip.is_multicast() || ip.is_unspecified() {
            return;
        }
        match self.tcp.listeners.find(ends.local) {
            Some(listener) => {
                self.handle_listen(now, listener, ends, segment, isn, trace);
            }
            None => self.send_reset(now, ends, segment, trace),
        }
    }

    /// Answers a segment with a reset, if one is due (RFC 9293 §3.10.7.1).
    pub(crate) fn send_reset(
        &mut self,
        now: Time,
        ends: Endpoints,
        segment: &Segment<'_>,
        trace: &mut impl Trace,
    ) {
        if let Some(reset) = reset_for(segment) {
            if !self.resets.allow(now) {
                self.counters.resets_suppressed += 1;
                return;
            }
            self.counters.resets_sent += 1;
            self.send_stray(Step::new(now, segment.id), ends, &reset, trace);
        }
    }

    /// Sends a segment that belongs to no connection.
    pub(crate) fn send_stray(
        &mut self,
        step: Step,
        ends: Endpoints,
        header: &Header,
        trace: &mut impl Trace,
    ) {
        let Endpoints { local, remote } = ends;
        let Some(ip) = IpHeader::new(local.ip(), remote.ip(), Protocol::TCP) else { return };
        let Some(hop) = self.network.route(Some(local.ip()), remote.ip()) else { return };
        let Some(envelope) = self.envelope(hop, ip) else { return };
        let mut bytes = self.output.buffer();
        if envelope.emit_tcp(header, [&[], &[]], &mut bytes).is_ok() {
            let frame = Outgoing { interface: hop.interface, bytes, gso: None, cause: step.cause };
            // A frame that does not fit counts as lost on the way, and has been counted.
            let _ = self.dispatch(step.now, hop, frame, trace);
        }
    }

    pub(crate) fn handle_socket_timeout(&mut self, now: Time, slot: u32, trace: &mut impl Trace) {
        let is_short = self.is_short_for(slot);
        let Some(socket) = self.tcp.sockets.at_mut(slot) else { return };
        match socket.connection.next_timeout() {
            // An orphan is aborted when memory is short (`tcp_out_of_resources`).
            Some(at) if at <= now && socket.owner == Owner::Orphan && is_short => {
                socket.connection.abort(now, trace);
                self.tcp.touch(slot);
            }
            Some(at) if at <= now => {
                socket.connection.handle_timeout(now, trace);
                self.tcp.touch(slot);
            }
            Some(at) => self.tcp.arm(slot, at),
            None => {}
        }
    }

    /// Builds the next TCP frame. The connections take turns.
    #[inline]
    pub(crate) fn transmit_segment(
        &mut self,
        now: Time,
        into: &mut Vec<u8>,
        trace: &mut impl Trace,
        split: &mut Option<impl FnMut(SplitFrame<'_>)>,
    ) -> Option<(IfIndex, Option<Gso>, Option<EventId>)> {
        while let Some(slot) = self.tcp.first_ready() {
            if !self.tcp.sockets.at(slot).is_some_and(|socket| socket.connection.may_transmit()) {
                self.settle(now, slot, trace);
                continue;
            }
            self.renew_path(now, slot);
            let Some(written) = self.write_segment(now, slot, into, trace, split) else {
                self.settle(now, slot, trace);
                continue;
            };
            self.tcp.rotate();
            let Written::Frame { is_addressed, gso, cause } = written else {
                self.counters.frames_sent += 1;
                continue;
            };
            // Without a route the segment is dropped, as if lost on the way (`ip_queue_xmit`).
            let path = self.tcp.sockets.at(slot).and_then(|socket| socket.path.as_ref());
            let Some(&CachedRoute { hop, .. }) = path else {
                self.counters.unroutable += 1;
                continue;
            };
            if is_addressed {
                return Some((hop.interface, gso, cause));
            }
            let bytes = into.clone();
            let frame = Outgoing { interface: hop.interface, bytes, gso, cause };
            // A frame whose neighbour cannot be solicited counts as lost on the way.
            let _ = self.dispatch(now, hop, frame, trace);
            // The neighbour's entry may have been replaced meanwhile.
            if let Some(socket) = self.tcp.sockets.at_mut(slot) {
                socket.path = None;
            }
            // The neighbour may be known after all, in which case the frame was queued.
            if let Some(frame) = self.output.pop() {
                self.output.recycle(std::mem::replace(into, frame.bytes));
                return Some((frame.interface, frame.gso, frame.cause));
            }
        }
        None
    }

    /// Looks up the route of a socket's segments again if routes have changed.
    #[inline]
    fn renew_path(&mut self, now: Time, slot: u32) {
        let Some(socket) = self.tcp.sockets.at(slot) else { return };
        if socket.path.as_ref().is_some_and(|path| path.version == self.network.version()) {
            return;
        }
        let (local, remote) = (socket.connection.local(), socket.connection.remote());
        let path = self.path(now, local.ip(), remote.ip());
        if let Some(socket) = self.tcp.sockets.at_mut(slot) {
            socket.path = path;
        }
    }

    /// Writes a socket's next segment, or several in one frame; `None` if it has none to send now.
    #[inline]
    fn write_segment(
        &mut self,
        now: Time,
        slot: u32,
        into: &mut Vec<u8>,
        trace: &mut impl Trace,
        split: &mut Option<impl FnMut(SplitFrame<'_>)>,
    ) -> Option<Written> {
        let socket = self.tcp.sockets.at_mut(slot)?;
        let link =
            socket.path.as_ref().and_then(|path| self.network.links().get(path.hop.interface));
        let offload = link.map(|link| link.interface.offload).unwrap_or_default();
        let most = if offload.tso { usize::from(socket.max_segments) } else { 1 };
        let (local, remote) = (socket.connection.local(), socket.connection.remote());
        let transmit = socket.connection.poll_transmit(now, most, trace);
        // Borrowed, not moved: the value is large.
        let transmit = transmit.as_ref()?;
        // The hardware address, if the neighbour is known and need not be solicited.
        let destination = match (link, socket.path.as_ref().and_then(|path| path.neighbour)) {
            (_, Some(neighbour)) => self.neighbours.reachable(now, neighbour),
            (Some(link), None) if link.interface.kind == Kind::Loopback => {
                Some(EtherAddr::UNSPECIFIED)
            }
            _ => None,
        };
        let source = link.map_or(EtherAddr::UNSPECIFIED, |link| link.interface.mac);
        let (identification, ip_fields) = (socket.identification, socket.ip_fields);
        let envelope = Envelope {
            link: Some(Link { source, destination: destination.unwrap_or_default() }),
            ip: ip_header(local, remote, transmit.ecn, identification, ip_fields)?,
            checksum: if offload.checksum {
                ChecksumMode::PseudoHeaderOnly
            } else {
                ChecksumMode::Full
            },
        };
        into.clear();
        let length = transmit.payload_length();
        let may_be_split =
            offload.checksum && destination.is_some() && length >= APART_LEAST && !trace.is_on();
        let taker = split.as_mut().filter(|_| may_be_split);
        let emitted = match taker {
            Some(_) => envelope.emit_tcp_headers(&transmit.header, length, into).ok()?,
            None => envelope.emit_tcp(&transmit.header, transmit.payload, into).ok()?,
        };
        let gso = transmit
            .segment_size
            .map(|segment_size| Gso { segment_size, header_len: emitted.payload as u16 });
        let count = transmit.segment_size.map_or(1, |size| {
            (emitted.length - emitted.payload).div_ceil(usize::from(size.max(1)))
        });
        let (cause, is_syn) = (transmit.cause, transmit.header.flags.contains(Flags::SYN));
        let written = match (taker, socket.path.as_ref()) {
            (Some(take), Some(CachedRoute { hop, .. })) => {
                let transmit_of = Transmit { interface: hop.interface, gso, event: None };
                take(SplitFrame {
                    headers: into,
                    payload: transmit.payload,
                    transmit: transmit_of,
                });
                Written::Split
            }
            _ => Written::Frame { is_addressed: destination.is_some(), gso, cause },
        };
        socket.identification = identification.wrapping_add(count as u16);
        if is_syn {
            socket.note_syn(now);
        }
        Some(written)
    }
}

pub(crate) fn segment_of<'a>(
    ecn: Ecn,
    parsed: &Parsed<'a>,
    segment_size: Option<u16>,
    id: Option<EventId>,
) -> Segment<'a> {
    Segment { header: parsed.header, payload: parsed.payload, ecn, segment_size, id }
}

/// The IP header of a connection's packet: DF is set for path MTU discovery, and IPv4 packets are
/// numbered, as in Linux (`ip_select_ident_segs`).
#[inline]
fn ip_header(
    local: SocketAddr,
    remote: SocketAddr,
    ecn: Ecn,
    identification: u16,
    ip_fields: IpFields,
) -> Option<IpHeader> {
    let header = IpHeader::new(local.ip(), remote.ip(), Protocol::TCP)?.with_ecn(ecn);
    let dscp = ip_fields.dscp;
    Some(match header {
        IpHeader::V4(header) => {
            let ttl = ip_fields.hop_limit.unwrap_or(header.ttl);
            let dont_fragment = ip_fields.path_mtu.forbids_fragments();
            IpHeader::V4(ipv4::Header { identification, dscp, ttl, dont_fragment, ..header })
        }
        IpHeader::V6(header) => {
            let hop_limit = ip_fields.hop_limit.unwrap_or(header.hop_limit);
            IpHeader::V6(ipv6::Header { dscp, hop_limit, ..header })
        }
    })
}
