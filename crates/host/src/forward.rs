//! Forwarding of packets for other hosts (RFC 1812 §5, RFC 8200 §3).

use std::net::IpAddr;

use roundtrip_packet::{EtherType, IpHeader, Verify, ethernet, ipv4, ipv6};
use roundtrip_record::Trace;
use roundtrip_tcp::Step;

use crate::address::Cast;
use crate::icmp::Report;
use crate::output::Outgoing;
use crate::receive::Arrival;
use crate::{Host, IfIndex};

impl Host {
    /// Forwards the packet in a frame if it is for another host; false if it is for this host or
    /// cannot be parsed. The transport header is not looked at, so a packet with a faulty one is
    /// forwarded too.
    pub(crate) fn forward(
        &mut self,
        step: Step,
        interface: IfIndex,
        frame: &[u8],
        trace: &mut impl Trace,
    ) -> bool {
        let Ok((header, packet)) = ethernet::Header::parse(frame) else { return false };
        if !matches!(header.ether_type, EtherType::IPV4 | EtherType::IPV6) {
            return false;
        }
        let Ok((ip, payload)) = IpHeader::parse(packet, Verify::Full) else { return false };
        let (source, destination) = (ip.source(), ip.destination());
        if self.network.links().cast(destination, interface) != Cast::Other
            || stays_on_link(destination)
        {
            return false;
        }
        let Some(packet) = packet.get(..ip.length() + payload.len()) else { return false };
        self.counters.forwarded += 1;
        let arrival = Arrival::of(step, interface, Cast::Unicast);
        if stays_on_link(source) || source.is_unspecified() || source.is_loopback() {
            return true;
        }
        if ip.hop_limit() <= 1 {
            self.report(arrival, &ip, Report::TimeExceeded, packet, trace);
            return true;
        }
        let Some(hop) = self.network.routes().find(destination) else {
            self.report(arrival, &ip, Report::NoRoute, packet, trace);
            return true;
        };
        let mtu = self.network.links().get(hop.interface).map_or(0, |link| link.mtu(destination));
        let mut bytes = self.output.buffer();
        let Some(envelope) = self.envelope(hop, ip) else { return true };
        if let Some(link) = envelope.link {
            let (source, destination) = (link.source, link.destination);
            let ether_type = ip.ether_type();
            let header = ethernet::Header { destination, source, ether_type };
            bytes.extend_from_slice(&header.to_bytes());
        }
        bytes.extend_from_slice(packet);
        let passed_on = bytes.get_mut(ethernet::HEADER_LEN..).unwrap_or_default();
        let left = match &ip {
            IpHeader::V4(_) => ipv4::decrement_ttl(passed_on),
            IpHeader::V6(_) => ipv6::decrement_hop_limit(passed_on),
        };
        if left.is_none() {
            return true;
        }
        if packet.len() > usize::from(mtu) {
            let may_cut = matches!(&ip, IpHeader::V4(header) if !header.dont_fragment);
            if may_cut {
                let cut = bytes.get(ethernet::HEADER_LEN..).unwrap_or(&[]).to_vec();
                self.refragment(step, hop, &cut, mtu, trace);
            } else {
                self.report(arrival, &ip, Report::TooBig(mtu), packet, trace);
            }
            self.output.recycle(bytes);
            return true;
        }
        let frame = Outgoing { interface: hop.interface, bytes, gso: None, cause: step.cause };
        // A frame that the full output queue refused has been counted.
        let _ = self.dispatch(step.now, hop, frame, trace);
        true
    }
}

/// Whether routers must not forward packets to or from this address (RFC 1812 §5.3.7, RFC 4291
/// §2.5.6).
fn stays_on_link(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.is_loopback() || v4.is_multicast() || v4.is_broadcast()
        }
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_loopback() || v6.is_multicast(),
    }
}
