//! What can be wrong with bytes, and with fields that are to become bytes.

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
    /// RFC 792.
    Icmpv4,
    /// RFC 4443.
    Icmpv6,
    /// Neighbour discovery, RFC 4861.
    Ndp,
    /// RFC 768.
    Udp,
    /// RFC 9293.
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

/// What is wrong. Lengths are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Problem {
    /// Fewer bytes than the fields, or than a length field promises.
    #[error("needs {needed} bytes, has {available}")]
    Truncated {
        /// Bytes the header, or its length field, calls for.
        needed: usize,
        /// Bytes there are.
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
    /// The one's complement sum over what it covers is not all ones.
    #[error("checksum {0:#06x} does not verify")]
    Checksum(u16),
    /// UDP over IPv6 must carry a checksum.
    #[error("no checksum")]
    ChecksumMissing,
    /// ARP for something other than IPv4 over Ethernet.
    #[error("not IPv4 over Ethernet")]
    AddressFamily,
    /// An option's length field cannot be true.
    #[error("option of length {0}")]
    OptionLength(u8),
    /// An IPv6 option that its own type says must not be skipped.
    #[error("option type {0:#04x} is not known and must not be skipped")]
    UnrecognizedOption(u8),
    /// A routing header with segments left, of a type this node does not process.
    #[error("routing header of type {0} with segments left")]
    RoutingType(u8),
    /// The hop-by-hop header stands elsewhere than first.
    #[error("hop-by-hop options not directly after the IPv6 header")]
    HopByHopPlace,
    /// More extension headers than a reasonable sender uses.
    #[error("more than {0} extension headers")]
    TooManyExtensions(usize),
    /// A fragment reaches beyond the largest datagram, or is not a multiple of 8 bytes long though more follow.
    #[error("fragment of {length} bytes at {offset} cannot be part of a datagram")]
    FragmentExtent {
        /// Where the fragment's bytes belong in the datagram's payload.
        offset: usize,
        /// How many they are.
        length: usize,
    },
    /// Neighbour discovery arrives with hop limit 255 or came through a router.
    #[error("hop limit {0}, not 255: it crossed a router")]
    HopLimit(u8),
    /// A rule of RFC 4861 about the message as a whole is broken; the text says which.
    #[error("{0}")]
    Rule(&'static str),
}

/// Bytes that are not what they claim to be.
///
/// The offset counts from the first byte of the header of `layer` (for extension headers and
/// their options: from the IPv6 header), which is what an ICMP Parameter Problem's pointer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{layer}: {problem}, at byte {offset} ({})", self.reference())]
pub struct ParseError {
    /// Whose rule was broken.
    pub layer: Layer,
    /// What is wrong.
    pub problem: Problem,
    /// Where, in bytes from the start of that layer's header.
    pub offset: usize,
}

impl ParseError {
    pub(crate) const fn new(layer: Layer, problem: Problem, offset: usize) -> Self {
        ParseError { layer, problem, offset }
    }

    pub(crate) const fn truncated(layer: Layer, needed: usize, available: usize) -> Self {
        ParseError::new(layer, Problem::Truncated { needed, available }, available)
    }

    /// Where the rule is written.
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

/// Fields that have no representation in bytes. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EmitError {
    /// Longer than the length field of `layer` can say (a socket would answer `EMSGSIZE`).
    #[error("{layer}: {length} bytes, {limit} at most")]
    TooLong {
        /// Whose length field is too small.
        layer: Layer,
        /// Bytes it would have to count.
        length: usize,
        /// Bytes it can count.
        limit: usize,
    },
    /// An ICMP message for the other version of IP than the header beneath it.
    #[error("{0} does not travel in this version of IP")]
    WrongFamily(Layer),
}
