//! The ECN field of an IP header (RFC 3168 §5).

/// The ECN codepoint of a packet: two bits of the IP header (RFC 3168 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Ecn {
    /// The sender does not use ECN for this packet.
    #[default]
    NotEct = 0b00,
    /// ECN-capable, codepoint 01 (L4S, RFC 9331).
    Ect1 = 0b01,
    /// ECN-capable, codepoint 10, which RFC 3168 senders use.
    Ect0 = 0b10,
    /// Congestion experienced: a router has marked the packet instead of dropping it.
    Ce = 0b11,
}

impl Ecn {
    /// The codepoint in the low two bits of the TOS or traffic class byte.
    #[inline]
    pub const fn from_bits(bits: u8) -> Ecn {
        match bits & 0b11 {
            0b00 => Ecn::NotEct,
            0b01 => Ecn::Ect1,
            0b10 => Ecn::Ect0,
            _ => Ecn::Ce,
        }
    }

    /// Whether a router may mark the packet instead of dropping it.
    pub const fn is_capable(self) -> bool {
        !matches!(self, Ecn::NotEct)
    }
}
