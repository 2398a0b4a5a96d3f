//! Errors of parsing bytes, and of writing fields as bytes.

use std::fmt;

/// The protocol whose rules were broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Ethernet II, IEEE 802.3.
    Ethernet,
    /// Address resolution, RFC 826.
    Arp,
    /// Internet Protocol version 4, RFC 791.
    Ipv4,
    /// Internet Protocol version 6 with its extension headers, RFC 8200.
    Ipv6,
    /// ICMP for IPv4, RFC 792.
    Icmpv4,
    /// ICMP for IPv6, RFC 4443.
    Icmpv6,
    /// Neighbour discovery, RFC 4861.
    Ndp,
    /// User Datagram Protocol, RFC 768.
    Udp,
    /// Transmission Control Protocol, RFC 9293.
    Tcp,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layer::Ethernet => "Ethernet",
            Layer::Arp => "ARP",
            Layer::Ipv4 => "IPv4",
            Layer::Ipv6 => "IPv6",
            Layer::Icmpv4 => "ICMP",
            Layer::Icmpv6 => "ICMPv6",
            Layer::Ndp => "NDP",
            Layer::Udp => "UDP",
            Layer::Tcp => "TCP",
        })
    }
}

/// What is wrong with the bytes. Lengths are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Problem {
    /// There are fewer bytes than the fields need, or than a length field states.
    #[error("needs {needed} bytes, has {available}")]
    Truncated {
        /// The number of bytes that the header or its length field calls for.
        needed: usize,
        /// The number of bytes available.
        available: usize,
    },
    /// The version field names another protocol.
    #[error("version {0}")]
    Version(u8),
    /// The header length field (IHL, data offset) is below the minimum.
    #[error("header length {0}, below the minimum")]
    HeaderLength(usize),
    /// The length field is smaller than the header it counts.
    #[error("length {0} is shorter than the header itself")]
    LengthField(usize),
    /// The one's complement sum over the bytes that the checksum covers is not all ones.
    #[error("checksum {0:#06x} does not verify")]
    Checksum(u16),
    /// A UDP datagram over IPv6 has no checksum, though it must.
    #[error("no checksum")]
    ChecksumMissing,
    /// The packet is ARP for something other than IPv4 over Ethernet.
    #[error("not IPv4 over Ethernet")]
    AddressFamily,
    /// An option's length field is impossible.
    #[error("option of length {0}")]
    OptionLength(u8),
    /// An IPv6 option is unknown, and its type says that it must not be skipped.
    #[error("option type {0:#04x} is not known and must not be skipped")]
    UnrecognizedOption(u8),
    /// A routing header has segments left, and is of a type this node does not process.
    #[error("routing header of type {0} with segments left")]
    RoutingType(u8),
    /// The hop-by-hop header is not the first extension header.
    #[error("hop-by-hop options not directly after the IPv6 header")]
    HopByHopPlace,
    /// There are more extension headers than a reasonable sender uses.
    #[error("more than {0} extension headers")]
    TooManyExtensions(usize),
    /// A fragment reaches beyond the largest datagram, or its length is not a multiple of 8 bytes
    /// though more fragments follow.
    #[error("fragment of {length} bytes at {offset} cannot be part of a datagram")]
    FragmentExtent {
        /// The offset of the fragment in the datagram's payload.
        offset: usize,
        /// The length of the fragment.
        length: usize,
    },
    /// A message of neighbour discovery has a hop limit below 255, so it came through a router.
    #[error("hop limit {0}, not 255: it crossed a router")]
    HopLimit(u8),
    /// A rule of RFC 4861 about the message as a whole is broken; the text says which.
    #[error("{0}")]
    Rule(&'static str),
}

/// An error in parsing bytes.
///
/// The offset counts from the first byte of the header of `layer` (for extension headers and their
/// options: from the IPv6 header), as the pointer of an ICMP Parameter Problem does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{layer}: {problem}, at byte {offset} ({})", self.reference())]
pub struct ParseError {
    /// The protocol whose rule was broken.
    pub layer: Layer,
    /// The kind of error.
    pub problem: Problem,
    /// The offset of the error from the start of that layer's header, bytes.
    pub offset: usize,
}

impl ParseError {
    pub(crate) const fn new(layer: Layer, problem: Problem, offset: usize) -> Self {
        ParseError { layer, problem, offset }
    }

    pub(crate) const fn truncated(layer: Layer, needed: usize, available: usize) -> Self {
        ParseError::new(layer, Problem::Truncated { needed, available }, available)
    }

    /// The document that states the rule.
    pub const fn reference(&self) -> &'static str {
        match (self.layer, self.problem) {
            (Layer::Ethernet, _) => "IEEE 802.3 §3.2",
            (Layer::Arp, _) => "RFC 826",
            (Layer::Ipv4, Problem::Checksum(_)) => "RFC 1122 §3.2.1.2",
            (Layer::Ipv4, Problem::FragmentExtent { .. }) => "RFC 791 §3.2",
            (Layer::Ipv4, _) => "RFC 791 §3.1",
            (Layer::Ipv6, Problem::UnrecognizedOption(_) | Problem::OptionLength(_)) => {
                "RFC 8200 §4.2"
            }
            (Layer::Ipv6, Problem::RoutingType(_)) => "RFC 8200 §4.4",
            (Layer::Ipv6, Problem::FragmentExtent { .. }) => "RFC 8200 §4.5",
            (Layer::Ipv6, Problem::HopByHopPlace | Problem::TooManyExtensions(_)) => {
                "RFC 8200 §4.1"
            }
            (Layer::Ipv6, _) => "RFC 8200 §3",
            (Layer::Icmpv4, Problem::Checksum(_)) => "RFC 1122 §3.2.2",
            (Layer::Icmpv4, _) => "RFC 792",
            (Layer::Icmpv6, Problem::Checksum(_)) => "RFC 4443 §2.3",
            (Layer::Icmpv6, _) => "RFC 4443 §2.1",
            (Layer::Ndp, Problem::OptionLength(_)) => "RFC 4861 §4.6",
            (Layer::Ndp, _) => "RFC 4861 §6.1, §7.1, §8.1",
            (Layer::Udp, Problem::ChecksumMissing) => "RFC 8200 §8.1",
            (Layer::Udp, Problem::Checksum(_)) => "RFC 1122 §4.1.3.4",
            (Layer::Udp, _) => "RFC 768",
            (Layer::Tcp, _) => "RFC 9293 §3.1",
        }
    }
}

/// An error in writing fields as bytes; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EmitError {
    /// The packet is longer than the length field of `layer` can say (a socket would answer
    /// `EMSGSIZE`).
    #[error("{layer}: {length} bytes, {limit} at most")]
    TooLong {
        /// The protocol whose length field is too small.
        layer: Layer,
        /// The number of bytes that the field would have to count.
        length: usize,
        /// The greatest number that the field can hold.
        limit: usize,
    },
    /// The message is ICMP of the other version of IP than the header beneath it.
    #[error("{0} does not travel in this version of IP")]
    WrongFamily(Layer),
}
