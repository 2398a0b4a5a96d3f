//! TCP segments (RFC 9293 §3.1).

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

use crate::checksum;
use crate::error::{Layer, ParseError, Problem};
use crate::ip::IpHeader;
use crate::options::Options;
use crate::protocol::Protocol;
use crate::seq::SeqNumber;
use crate::verify::Verify;

/// The length of a header without options, bytes.
pub const HEADER_LEN: usize = 20;
/// The offset of the checksum in the header, bytes.
pub const CHECKSUM_OFFSET: usize = 16;

/// The control bits: the twelve bits after the data offset, reserved ones included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u16);

impl Flags {
    /// No bit is set.
    pub const NONE: Flags = Flags(0);
    /// The sender has no more data.
    pub const FIN: Flags = Flags(0x001);
    /// Synchronize sequence numbers.
    pub const SYN: Flags = Flags(0x002);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x004);
    /// Push the data to the application.
    pub const PSH: Flags = Flags(0x008);
    /// The acknowledgement field is valid.
    pub const ACK: Flags = Flags(0x010);
    /// The urgent pointer is valid.
    pub const URG: Flags = Flags(0x020);
    /// ECN-Echo (RFC 3168 §6.1).
    pub const ECE: Flags = Flags(0x040);
    /// Congestion Window Reduced (RFC 3168 §6.1).
    pub const CWR: Flags = Flags(0x080);
    /// Accurate ECN (RFC 9768); formerly the nonce sum (RFC 3540).
    pub const AE: Flags = Flags(0x100);

    /// SYN and ACK: the second segment of a handshake.
    pub const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
    /// FIN and ACK: the sender finishes.
    pub const FIN_ACK: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);
    /// RST and ACK: a reset that acknowledges.
    pub const RST_ACK: Flags = Flags(Flags::RST.0 | Flags::ACK.0);
    /// PSH and ACK: data for the application.
    pub const PSH_ACK: Flags = Flags(Flags::PSH.0 | Flags::ACK.0);

    /// The flags in the low twelve bits.
    #[inline]
    pub const fn from_bits(bits: u16) -> Flags {
        Flags(bits & 0x0fff)
    }

    /// The twelve bits, as they are beside the data offset.
    #[inline]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether all of `flags` are set.
    #[inline]
    pub const fn contains(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether any of `flags` is set.
    #[inline]
    pub const fn intersects(self, flags: Flags) -> bool {
        self.0 & flags.0 != 0
    }
}

impl BitOr for Flags {
    type Output = Flags;
    #[inline]
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    #[inline]
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

impl BitAnd for Flags {
    type Output = Flags;
    #[inline]
    fn bitand(self, other: Flags) -> Flags {
        Flags(self.0 & other.0)
    }
}

impl Not for Flags {
    type Output = Flags;
    #[inline]
    fn not(self) -> Flags {
        Flags::from_bits(!self.0)
    }
}

impl fmt::Display for Flags {
    /// Formats flags as tcpdump does: `S.` is SYN and ACK, `none` no bit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(Flags, &str); 9] = [
            (Flags::FIN, "F"),
            (Flags::SYN, "S"),
            (Flags::RST, "R"),
            (Flags::PSH, "P"),
            (Flags::ACK, "."),
            (Flags::URG, "U"),
            (Flags::ECE, "E"),
            (Flags::CWR, "W"),
            (Flags::AE, "e"),
        ];
        if !self.intersects(Flags(0x1ff)) {
            return f.write_str("none");
        }
        LETTERS
            .iter()
            .filter(|(flag, _)| self.contains(*flag))
            .try_for_each(|(_, letter)| f.write_str(letter))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

/// A TCP header. Data offset and checksum follow from the segment when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub destination_port: u16,
    /// SEG.SEQ: the sequence number of the first payload byte, or of the SYN.
    pub sequence: SeqNumber,
    /// The acknowledgement field, which is valid only with the ACK bit; [`Header::ack`] checks
    /// that.
    pub acknowledgement: SeqNumber,
    /// The control bits, such as SYN and ACK.
    pub flags: Flags,
    /// SEG.WND, not scaled: to be shifted by the sender's window scale, except in a SYN.
    pub window: u16,
    /// The urgent pointer, an offset from the sequence number; valid only with URG.
    pub urgent: u16,
    /// The options that TCP acts on.
    pub options: Options,
}

impl Header {
    /// A header with everything else zero, to be filled with `..Header::new(from, to)`.
    pub const fn new(source_port: u16, destination_port: u16) -> Header {
        Header {
            source_port,
            destination_port,
            sequence: SeqNumber(0),
            acknowledgement: SeqNumber(0),
            flags: Flags::NONE,
            window: 0,
            urgent: 0,
            options: Options::NONE,
        }
    }

    /// SEG.ACK: the acknowledgement number, if the ACK bit is set.
    #[inline]
    pub const fn ack(&self) -> Option<SeqNumber> {
        if self.flags.contains(Flags::ACK) { Some(self.acknowledgement) } else { None }
    }

    /// SEG.LEN: the number of sequence numbers the segment takes, SYN and FIN included (RFC 9293
    /// §3.3.1).
    #[inline]
    pub const fn sequence_length(&self, payload_length: usize) -> u32 {
        payload_length as u32
            + self.flags.contains(Flags::SYN) as u32
            + self.flags.contains(Flags::FIN) as u32
    }

    /// The header as words, followed by `options` bytes of options, with a checksum of zero.
    #[inline(always)]
    pub(crate) const fn words(&self, options: usize) -> [u32; HEADER_LEN / 4] {
        let length = ((HEADER_LEN + options) / 4) as u16;
        let control = length << 12 | self.flags.bits();
        [
            (self.source_port as u32) << 16 | self.destination_port as u32,
            self.sequence.0,
            self.acknowledgement.0,
            (control as u32) << 16 | self.window as u32,
            self.urgent as u32,
        ]
    }
}

/// A parsed TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The header.
    pub header: Header,
    /// The option bytes as they came, for [`options::iter`](crate::options::iter).
    pub options: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Parses the payload of a packet that came under the header `ip`.
    ///
    /// # Errors
    /// The bytes are too few, or the data offset or the checksum is wrong.
    #[inline(always)]
    pub fn parse(
        bytes: &'a [u8],
        ip: &IpHeader,
        verify: Verify,
    ) -> Result<Segment<'a>, ParseError> {
        let Some(fixed) = bytes.first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::truncated(Layer::Tcp, HEADER_LEN, bytes.len()));
        };
        let header_length = usize::from(fixed[12] >> 4) * 4;
        if header_length < HEADER_LEN {
            return Err(ParseError::new(Layer::Tcp, Problem::HeaderLength(header_length), 12));
        }
        let end = verify.extent(Layer::Tcp, header_length, bytes.len())?;
        let (header_bytes, payload) = bytes.split_at(end);
        let word = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let long = |at: usize| {
            u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
        };
        if verify == Verify::Full {
            let sum = ip.pseudo_header(Protocol::TCP, bytes.len()) + checksum::sum(bytes);
            if !sum.verifies() {
                let problem = Problem::Checksum(word(CHECKSUM_OFFSET));
                return Err(ParseError::new(Layer::Tcp, problem, CHECKSUM_OFFSET));
            }
        }
        let options = &header_bytes[HEADER_LEN..];
        let header = Header {
            source_port: word(0),
            destination_port: word(2),
            sequence: SeqNumber(long(4)),
            acknowledgement: SeqNumber(long(8)),
            flags: Flags::from_bits(word(12)),
            window: word(14),
            urgent: word(18),
            options: Options::parse(options),
        };
        Ok(Segment { header, options, payload })
    }

    /// The source and destination ports.
    pub const fn ports(&self) -> (u16, u16) {
        (self.header.source_port, self.header.destination_port)
    }

    /// SEG.LEN: the number of sequence numbers the segment takes, SYN and FIN included.
    #[inline]
    pub const fn sequence_length(&self) -> u32 {
        self.header.sequence_length(self.payload.len())
    }
}
