//! Writing whole frames in one pass, with all their layers.

use crate::checksum::{self, Sum};
use crate::emit::{ChecksumMode, Emitted, Link, write_payload};
use crate::error::{EmitError, Layer};
use crate::ethernet;
use crate::fragment::Fragment;
use crate::ip::IpHeader;
use crate::options::OptionBytes;
use crate::protocol::Protocol;
use crate::{icmpv4, icmpv6, ipv4, ipv6, plain, tcp, udp};

/// The headers around a transport: link and IP. One envelope serves a whole connection; the
/// transport fills in protocol, lengths and checksums.
///
/// All `emit` functions append to `out`, allocate only if it is too small, and leave it unchanged
/// if they fail: with [`EmitError::TooLong`] if a length field cannot hold the length, or
/// [`EmitError::WrongFamily`] if an ICMP message is of the other version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The stations of the frame; `None` for a bare IP packet.
    pub link: Option<Link>,
    /// The IP header; its protocol is ignored.
    pub ip: IpHeader,
    /// Who computes the checksums of TCP and UDP.
    pub checksum: ChecksumMode,
}

impl Envelope {
    /// An envelope for a frame, with all checksums computed.
    pub fn new(link: Link, ip: impl Into<IpHeader>) -> Envelope {
        Envelope { link: Some(link), ip: ip.into(), checksum: ChecksumMode::Full }
    }

    /// An envelope for a bare IP packet, with all checksums computed.
    pub fn bare(ip: impl Into<IpHeader>) -> Envelope {
        Envelope { link: None, ip: ip.into(), checksum: ChecksumMode::Full }
    }

    /// Appends a TCP segment whose payload is in two pieces, as a ring buffer has it. A segment
    /// longer than the link's MTU is for a device that cuts it up (TSO).
    #[inline]
    pub fn emit_tcp(
        &self,
        header: &tcp::Header,
        payload: [&[u8]; 2],
        out: &mut Vec<u8>,
    ) -> Result<Emitted, EmitError> {
        // Nearly every segment has timestamps as its only option.
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

    /// Appends a TCP segment like [`Envelope::emit_tcp`], with an explicit list of options instead
    /// of the header's.
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
        // A field of zero would mean no checksum; all ones is the other zero (RFC 768).
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

    /// Appends a packet of any protocol, with its payload unchanged.
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

    /// Writes link and IP headers for `length` bytes, of which `header` are the transport's.
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

    /// Writes the payload; answers the value of the checksum field.
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

/// Writes a checksum field at an offset of the buffer.
#[inline]
fn place(at: usize, field: u16, out: &mut [u8]) {
    if let Some(place) = out.get_mut(at..at + 2) {
        place.copy_from_slice(&field.to_be_bytes());
    }
}

/// A frame whose IP header has been written, with offsets in the buffer.
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
