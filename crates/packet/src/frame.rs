//! Whole frames: all layers read in one call, or written in one pass.

use crate::checksum::{self, Sum};
use crate::error::{EmitError, Layer, ParseError};
use crate::ethernet::{self, EtherAddr, EtherType};
use crate::ip::{Fragment, IpHeader, Protocol};
use crate::ipv6::Upper;
use crate::options::OptionBytes;
use crate::{arp, icmpv4, icmpv6, ipv4, ipv6, plain, tcp, udp};

/// How much of a packet's claims is checked when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Verify {
    /// Every checksum: IPv4, ICMP, UDP, TCP.
    #[default]
    Full,
    /// No checksum: the device has verified them, or the frame never left this machine and has
    /// none yet (`VIRTIO_NET_HDR_F_DATA_VALID`, `_NEEDS_CSUM`). Lengths are still checked.
    Trusted,
    /// No checksum, and the end may be missing: a capture with a snapshot length, or the packet
    /// quoted in an ICMP error.
    Snapped,
}

impl Verify {
    /// Where something that states `length` bytes ends, if `available` are there.
    #[inline]
    pub(crate) fn extent(
        self,
        layer: Layer,
        length: usize,
        available: usize,
    ) -> Result<usize, ParseError> {
        if length <= available {
            Ok(length)
        } else if self == Verify::Snapped {
            Ok(available)
        } else {
            Err(ParseError::truncated(layer, length, available))
        }
    }
}

/// Who computes the checksum of a TCP segment or UDP datagram that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ChecksumMode {
    /// We do.
    #[default]
    Full,
    /// The device does. It finds the sum of the pseudo-header in the checksum field, as
    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM` wants it; for TSO, too.
    PseudoHeaderOnly,
}

/// A frame that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its header; `None` if the bytes began with IP.
    pub ethernet: Option<ethernet::Header>,
    /// What it carries.
    pub network: Network<'a>,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // it lives on the stack, once for each frame
pub enum Network<'a> {
    /// Address resolution.
    Arp(arp::Packet),
    /// A packet of either version of IP.
    Ip(Packet<'a>),
    /// Something else.
    Other {
        /// What.
        ether_type: EtherType,
        /// Its bytes, and padding.
        payload: &'a [u8],
    },
}

/// An IP packet that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The (fixed) header.
    pub ip: IpHeader,
    /// What it carries, after any extension headers.
    pub transport: Transport<'a>,
    /// The whole packet from the IP header on, without padding: what an ICMP error quotes, and
    /// what a router sends on.
    pub bytes: &'a [u8],
    /// Bytes that the length field counts and a snapped capture does not have.
    pub missing: usize,
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // it lives on the stack, once for each frame
pub enum Transport<'a> {
    /// A TCP segment.
    Tcp(tcp::Segment<'a>),
    /// A UDP datagram.
    Udp {
        /// Its header.
        header: udp::Header,
        /// Its data.
        payload: &'a [u8],
    },
    /// ICMP, over IPv4.
    Icmpv4(icmpv4::Message<'a>),
    /// ICMP, over IPv6.
    Icmpv6(icmpv6::Message<'a>),
    /// A part of a datagram.
    Fragment(Fragment<'a>),
    /// Any other protocol.
    Other {
        /// Which.
        protocol: Protocol,
        /// Its bytes.
        payload: &'a [u8],
    },
}

/// Reads an Ethernet frame.
#[inline]
pub fn parse_frame(bytes: &[u8], verify: Verify) -> Result<Frame<'_>, ParseError> {
    let (header, payload) = ethernet::Header::parse(bytes)?;
    let network = match header.ether_type {
        EtherType::IPV4 => {
            let (ip, rest) = ipv4::Header::parse(payload, verify)?;
            Network::Ip(packet(IpHeader::V4(ip), payload, rest, verify)?)
        }
        EtherType::IPV6 => {
            let (ip, rest) = ipv6::Header::parse(payload, verify)?;
            Network::Ip(packet(IpHeader::V6(ip), payload, rest, verify)?)
        }
        EtherType::ARP => Network::Arp(arp::Packet::parse(payload)?),
        ether_type => Network::Other { ether_type, payload },
    };
    Ok(Frame { ethernet: Some(header), network })
}

/// Reads an IP packet of either version, without a frame around it.
#[inline]
pub fn parse_packet(bytes: &[u8], verify: Verify) -> Result<Packet<'_>, ParseError> {
    let (ip, payload) = IpHeader::parse(bytes, verify)?;
    packet(ip, bytes, payload, verify)
}

#[inline(always)]
fn packet<'a>(
    ip: IpHeader,
    bytes: &'a [u8],
    payload: &'a [u8],
    verify: Verify,
) -> Result<Packet<'a>, ParseError> {
    let transport = match &ip {
        IpHeader::V4(header) if header.is_fragment() => {
            Transport::Fragment(header.fragment(payload)?)
        }
        IpHeader::V4(header) => parse_transport(&ip, header.protocol, payload, verify)?,
        IpHeader::V6(header) => match ipv6::walk(header.next_header, payload)? {
            Upper::Whole { protocol, payload, .. } => {
                parse_transport(&ip, protocol, payload, verify)?
            }
            Upper::Fragment(fragment) => Transport::Fragment(fragment),
        },
    };
    let length = ip.length() + payload.len();
    let missing = if verify == Verify::Snapped { stated_length(bytes) - length } else { 0 };
    Ok(Packet { ip, transport, bytes: &bytes[..length], missing })
}

/// Bytes a packet, whose header has been read, says it has.
fn stated_length(packet: &[u8]) -> usize {
    match *packet {
        [version, _, high, low, ..] if version >> 4 == 4 => u16::from_be_bytes([high, low]).into(),
        [_, _, _, _, high, low, ..] => {
            ipv6::HEADER_LEN + usize::from(u16::from_be_bytes([high, low]))
        }
        _ => packet.len(),
    }
}

/// Reads what a packet carries: its payload after extension headers, or a reassembled datagram,
/// whose checksums count the addresses in `ip`.
#[inline(always)]
pub fn parse_transport<'a>(
    ip: &IpHeader,
    protocol: Protocol,
    payload: &'a [u8],
    verify: Verify,
) -> Result<Transport<'a>, ParseError> {
    match (protocol, ip) {
        (Protocol::TCP, _) => tcp::Segment::parse(payload, ip, verify).map(Transport::Tcp),
        (Protocol::UDP, _) => udp::Header::parse(payload, ip, verify)
            .map(|(header, payload)| Transport::Udp { header, payload }),
        (Protocol::ICMPV4, IpHeader::V4(_)) => {
            icmpv4::Message::parse(payload, verify).map(Transport::Icmpv4)
        }
        (Protocol::ICMPV6, IpHeader::V6(_)) => {
            icmpv6::Message::parse(payload, ip, verify).map(Transport::Icmpv6)
        }
        _ => Ok(Transport::Other { protocol, payload }),
    }
}

/// From which station to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// From.
    pub source: EtherAddr,
    /// To.
    pub destination: EtherAddr,
}

impl Link {
    #[inline(always)]
    fn emit(self, ether_type: EtherType, out: &mut Vec<u8>) {
        let Link { source, destination } = self;
        ethernet::Header { destination, source, ether_type }.emit(out);
    }

    /// Appends a frame with an ARP packet, not padded.
    pub fn emit_arp(self, packet: &arp::Packet, out: &mut Vec<u8>) {
        self.emit(EtherType::ARP, out);
        packet.emit(out);
    }
}

/// Where the parts of a frame stand, in bytes from its beginning (`VIRTIO_NET_HDR` wants them, and
/// so does a capture of headers only).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Emitted {
    /// The IP header.
    pub network: usize,
    /// The transport's header.
    pub transport: usize,
    /// The data.
    pub payload: usize,
    /// The end.
    pub length: usize,
}

/// Everything around a transport: the frame and the IP header. One envelope serves a whole
/// connection; the transport fills in protocol, lengths and checksums.
///
/// All `emit` functions append to `out`, allocate only if it is too small, and leave it as it was
/// if they fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Between which stations; `None` for a bare IP packet.
    pub link: Option<Link>,
    /// The IP header; its protocol does not matter.
    pub ip: IpHeader,
    /// Who computes TCP's and UDP's checksums.
    pub checksum: ChecksumMode,
}

impl Envelope {
    /// A frame with all checksums.
    pub fn new(link: Link, ip: impl Into<IpHeader>) -> Envelope {
        Envelope { link: Some(link), ip: ip.into(), checksum: ChecksumMode::Full }
    }

    /// A bare IP packet with all checksums.
    pub fn bare(ip: impl Into<IpHeader>) -> Envelope {
        Envelope { link: None, ip: ip.into(), checksum: ChecksumMode::Full }
    }

    /// Appends a TCP segment whose data stands in two pieces, as a ring buffer has them. More than
    /// the link's MTU is for a device that cuts it up (TSO).
    #[inline]
    pub fn emit_tcp(
        &self,
        header: &tcp::Header,
        payload: [&[u8]; 2],
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        // What nearly every segment has.
        if let Some(timestamps) = header.options.only_timestamps()
            && let Envelope { link: Some(link), ip: IpHeader::V4(ip), checksum } = self
            && let Some(emitted) =
                plain::emit_v4(*link, ip, *checksum, (header, timestamps), payload, out)
        {
            return Ok(emitted);
        }
        self.emit_segment(header, header.options.to_bytes().as_bytes(), payload, out)
    }

    /// Appends the headers of a TCP segment whose `payload` bytes the device takes from elsewhere,
    /// and sums: the checksum field holds the pseudo-header's sum
    /// ([`ChecksumMode::PseudoHeaderOnly`]) whatever [`Envelope::checksum`] says.
    pub fn emit_tcp_headers(
        &self,
        header: &tcp::Header,
        payload: usize,
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        let options = header.options.to_bytes();
        let options = options.as_bytes();
        let header_length = tcp::HEADER_LEN + options.len();
        let length = header_length + payload;
        let at = self.begin(Protocol::TCP, header_length, length, out)?;
        let words = header.words(options.len());
        out.extend_from_slice(words.map(u32::to_be_bytes).as_flattened());
        out.extend_from_slice(options);
        let field = self.ip.pseudo_header(Protocol::TCP, length).folded();
        place(at.transport + tcp::CHECKSUM_OFFSET, field, out);
        Ok(at.done())
    }

    /// The same with an explicit list of options instead of the header's.
    pub fn emit_tcp_with_options(
        &self,
        header: &tcp::Header,
        options: &OptionBytes,
        payload: [&[u8]; 2],
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        self.emit_segment(header, options.padded().as_bytes(), payload, out)
    }

    fn emit_segment(
        &self,
        header: &tcp::Header,
        options: &[u8],
        payload: [&[u8]; 2],
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        let header_length = tcp::HEADER_LEN + options.len();
        let length = header_length + payload[0].len() + payload[1].len();
        let at = self.begin(Protocol::TCP, header_length, length, out)?;
        let words = header.words(options.len());
        out.extend_from_slice(words.map(u32::to_be_bytes).as_flattened());
        out.extend_from_slice(options);
        let headers = Sum::words(&words) + checksum::sum(options);
        let field = self.finish(Protocol::TCP, length, headers, payload, out);
        place(at.transport + tcp::CHECKSUM_OFFSET, field, out);
        Ok(at.done())
    }

    /// Appends a UDP datagram.
    pub fn emit_udp(
        &self,
        header: &udp::Header,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        let length = udp::HEADER_LEN + payload.len();
        let Ok(stated) = u16::try_from(length) else {
            let limit = usize::from(u16::MAX);
            return Err(EmitError::TooLong { layer: Layer::Udp, length, limit });
        };
        let at = self.begin(Protocol::UDP, udp::HEADER_LEN, length, out)?;
        let fixed = header.to_bytes(stated);
        out.extend_from_slice(&fixed);
        let field = self.finish(Protocol::UDP, length, checksum::sum(&fixed), [payload, &[]], out);
        // Zero would mean none: all ones is the other zero (RFC 768).
        let field = if field == 0 { 0xffff } else { field };
        place(at.transport + 6, field, out);
        Ok(at.done())
    }

    /// Appends an ICMP message; the header must be IPv4's.
    pub fn emit_icmpv4(
        &self,
        message: &icmpv4::Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        if !matches!(self.ip, IpHeader::V4(_)) {
            return Err(EmitError::WrongFamily(Layer::Icmpv4));
        }
        let at = self.begin(Protocol::ICMPV4, icmpv4::HEADER_LEN, message.length(), out)?;
        message.emit(out);
        Ok(at.done())
    }

    /// Appends an `ICMPv6` message; the header must be IPv6's.
    pub fn emit_icmpv6(
        &self,
        message: &icmpv6::Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        if !matches!(self.ip, IpHeader::V6(_)) {
            return Err(EmitError::WrongFamily(Layer::Icmpv6));
        }
        let at = self.begin(Protocol::ICMPV6, icmpv6::HEADER_LEN, message.length(), out)?;
        message.emit(&self.ip, out);
        Ok(at.done())
    }

    /// Appends a fragment of a datagram: over IPv4 in the header's own fields, over IPv6 behind a
    /// fragment header.
    pub fn emit_fragment(
        &self,
        fragment: &Fragment<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        let length = fragment.payload.len();
        let at = match self.ip {
            IpHeader::V4(header) => {
                let header = ipv4::Header {
                    identification: fragment.identification as u16,
                    dont_fragment: false,
                    more_fragments: fragment.more,
                    fragment_offset: fragment.offset as u16,
                    ..header
                };
                let around = Envelope { ip: IpHeader::V4(header), ..*self };
                around.begin(fragment.protocol, 0, length, out)?
            }
            IpHeader::V6(_) => {
                let extension = ipv6::FRAGMENT_HEADER_LEN;
                let at = self.begin(Protocol::FRAGMENT, extension, extension + length, out)?;
                ipv6::emit_fragment_header(fragment, out);
                at
            }
        };
        out.extend_from_slice(fragment.payload);
        Ok(at.done())
    }

    /// Appends a packet of any protocol with its bytes as they are.
    pub fn emit_payload(
        &self,
        protocol: Protocol,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        let at = self.begin(protocol, 0, payload.len(), out)?;
        out.extend_from_slice(payload);
        Ok(at.done())
    }

    /// Writes frame and IP header for `length` bytes, of which `header` are the transport's.
    #[inline(always)]
    fn begin(
        &self,
        protocol: Protocol,
        header: usize,
        length: usize,
        out: &mut Vec<u8>,
    ) -> Result<Begun, EmitError> {
        let start = out.len();
        let network = if self.link.is_some() { ethernet::HEADER_LEN } else { 0 };
        out.reserve(network + self.ip.length() + length);
        if let Some(link) = self.link {
            link.emit(self.ip.ether_type(), out);
        }
        if let Err(error) = self.ip.emit_for(protocol, length, out) {
            out.truncate(start);
            return Err(error);
        }
        Ok(Begun { start, transport: out.len(), network, header, length })
    }

    /// Writes the data and gives the checksum field's value.
    #[inline(always)]
    fn finish(
        &self,
        protocol: Protocol,
        length: usize,
        headers: Sum,
        payload: [&[u8]; 2],
        out: &mut Vec<u8>,
    ) -> u16 {
        write_payload(self.checksum, self.ip.pseudo_header(protocol, length), headers, payload, out)
    }
}

/// Writes the data and gives the checksum field's value, which covers `headers` and the data.
#[inline(always)]
pub(crate) fn write_payload(
    mode: ChecksumMode,
    pseudo: Sum,
    headers: Sum,
    [first, second]: [&[u8]; 2],
    out: &mut Vec<u8>,
) -> u16 {
    match mode {
        ChecksumMode::PseudoHeaderOnly => {
            out.extend_from_slice(first);
            out.extend_from_slice(second);
            pseudo.folded()
        }
        ChecksumMode::Full => {
            let mut data = checksum::append(out, first);
            // Seldom does data stand in two places.
            if !second.is_empty() {
                data = checksum::combine(data, first.len(), checksum::append(out, second));
            }
            (pseudo + headers + data).checksum()
        }
    }
}

/// Writes a checksum field.
#[inline]
fn place(at: usize, field: u16, out: &mut [u8]) {
    if let Some(place) = out.get_mut(at..at + 2) {
        place.copy_from_slice(&field.to_be_bytes());
    }
}

/// A frame whose IP header has been written; offsets in the buffer.
struct Begun {
    start: usize,
    transport: usize,
    network: usize,
    header: usize,
    length: usize,
}

impl Begun {
    #[inline]
    fn done(self) -> Emitted {
        let transport = self.transport - self.start;
        Emitted {
            network: self.network,
            transport,
            payload: transport + self.header,
            length: transport + self.length,
        }
    }
}
