//! TCP options: those that TCP acts on as fields, and any options as a list.

use std::fmt;

use crate::error::{EmitError, Layer};
use crate::seq::SeqNumber;

/// The greatest length of the options, bytes.
pub const MAX_OPTIONS: usize = 40;
/// The most blocks that fit into a SACK option if it is the only option.
pub const MAX_SACK_BLOCKS: usize = 4;
/// The length of the longest Fast Open cookie, bytes.
pub const MAX_COOKIE: usize = 16;
/// What an experiment's option begins with if the experiment is Fast Open (IANA "TCP Experimental
/// Option Experiment Identifiers").
pub const FAST_OPEN_EXPERIMENT: [u8; 2] = [0xf9, 0x89];

/// Option kinds (IANA "TCP Option Kind Numbers").
pub mod kind {
    /// End of Option List.
    pub const END_OF_LIST: u8 = 0;
    /// No-Operation.
    pub const NO_OPERATION: u8 = 1;
    /// Maximum Segment Size.
    pub const MAXIMUM_SEGMENT_SIZE: u8 = 2;
    /// Window Scale (RFC 7323 §2.2).
    pub const WINDOW_SCALE: u8 = 3;
    /// SACK Permitted (RFC 2018 §2).
    pub const SACK_PERMITTED: u8 = 4;
    /// SACK (RFC 2018 §3).
    pub const SACK: u8 = 5;
    /// Timestamps (RFC 7323 §3.2).
    pub const TIMESTAMPS: u8 = 8;
    /// MD5 signature (RFC 2385).
    pub const MD5: u8 = 19;
    /// Fast Open cookie (RFC 7413 §4.1.1).
    pub const FAST_OPEN: u8 = 34;
    /// Experiment with an identifier (RFC 6994).
    pub const EXPERIMENT: u8 = 254;
}

/// Two bytes of padding and the kind and length of the timestamps option, as Linux aligns it.
pub(crate) const TIMESTAMPS_HEAD: u32 =
    u32::from_be_bytes([kind::NO_OPERATION, kind::NO_OPERATION, kind::TIMESTAMPS, 10]);

/// The two values of the Timestamps option (RFC 7323 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Timestamps {
    /// `TSval`: the sender's clock.
    pub value: u32,
    /// `TSecr`: the peer's clock, echoed; meaningless unless ACK is set.
    pub echo: u32,
}

/// A run of bytes that arrived: from `left` up to, not including, `right` (RFC 2018 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct SackBlock {
    /// First sequence number of the run.
    pub left: SeqNumber,
    /// The sequence number after the last of the run.
    pub right: SeqNumber,
}

/// Up to four SACK blocks, in the order of the option.
#[derive(Clone, Copy, Default)]
pub struct SackBlocks {
    count: u8,
    blocks: [SackBlock; MAX_SACK_BLOCKS],
}

impl SackBlocks {
    /// No blocks.
    pub const NONE: SackBlocks = SackBlocks {
        count: 0,
        blocks: [SackBlock { left: SeqNumber(0), right: SeqNumber(0) }; MAX_SACK_BLOCKS],
    };

    /// Adds a block at the end; false, and nothing changed, if there are four already.
    pub fn push(&mut self, block: SackBlock) -> bool {
        let Some(place) = self.blocks.get_mut(usize::from(self.count)) else { return false };
        *place = block;
        self.count += 1;
        true
    }

    /// The blocks, in the order of the option.
    #[inline]
    pub fn as_slice(&self) -> &[SackBlock] {
        &self.blocks[..usize::from(self.count).min(MAX_SACK_BLOCKS)]
    }

    /// Whether there are no blocks.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn parse(data: &[u8]) -> Option<SackBlocks> {
        let (blocks, rest) = data.as_chunks::<8>();
        if !rest.is_empty() || blocks.is_empty() || blocks.len() > MAX_SACK_BLOCKS {
            return None;
        }
        let mut all = SackBlocks::NONE;
        for &[l0, l1, l2, l3, r0, r1, r2, r3] in blocks {
            let left = SeqNumber(u32::from_be_bytes([l0, l1, l2, l3]));
            let right = SeqNumber(u32::from_be_bytes([r0, r1, r2, r3]));
            all.push(SackBlock { left, right });
        }
        Some(all)
    }
}

impl FromIterator<SackBlock> for SackBlocks {
    /// Collects the first four blocks.
    fn from_iter<I: IntoIterator<Item = SackBlock>>(blocks: I) -> Self {
        let mut all = SackBlocks::NONE;
        for block in blocks.into_iter().take(MAX_SACK_BLOCKS) {
            all.push(block);
        }
        all
    }
}

impl PartialEq for SackBlocks {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SackBlocks {}

impl fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// A Fast Open cookie; an empty one is a request for one (RFC 7413 §4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FastOpenCookie {
    length: u8,
    is_experimental: bool,
    bytes: [u8; MAX_COOKIE],
}

impl FastOpenCookie {
    /// The empty cookie, which asks the server for one.
    pub const REQUEST: FastOpenCookie =
        FastOpenCookie { length: 0, is_experimental: false, bytes: [0; MAX_COOKIE] };

    /// A cookie of 4 to 16 bytes, an even number of them, or the empty request; `None` for others.
    pub fn new(cookie: &[u8]) -> Option<FastOpenCookie> {
        let valid = matches!(cookie.len(), 0 | 4..=MAX_COOKIE) && cookie.len().is_multiple_of(2);
        let mut new = FastOpenCookie { length: cookie.len() as u8, ..FastOpenCookie::REQUEST };
        new.bytes.get_mut(..cookie.len())?.copy_from_slice(cookie);
        valid.then_some(new)
    }

    /// The same cookie, in the experimental option that was used before kind 34 was assigned
    /// (RFC 7413 §9), or in the assigned one.
    #[must_use]
    pub const fn in_experimental(self, is_experimental: bool) -> FastOpenCookie {
        FastOpenCookie { is_experimental, ..self }
    }

    /// Whether the cookie is in the experimental option.
    pub const fn is_experimental(&self) -> bool {
        self.is_experimental
    }

    /// Whether this asks for a cookie and is none.
    pub const fn is_request(&self) -> bool {
        self.length == 0
    }

    /// The bytes of the cookie.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length).min(MAX_COOKIE)]
    }

    /// The kind of its option, and what stands there before the cookie.
    fn lead(&self) -> (u8, &'static [u8]) {
        if self.is_experimental {
            (kind::EXPERIMENT, &FAST_OPEN_EXPERIMENT)
        } else {
            (kind::FAST_OPEN, &[])
        }
    }
}

impl fmt::Debug for FastOpenCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}", self.as_bytes())
    }
}

/// The options that TCP acts on. They are written in the order in which Linux writes them
/// (`net/ipv4/tcp_output.c`, `tcp_options_write`), each aligned to four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// The largest segment that the sender of this SYN accepts, bytes (RFC 9293 §3.7.1).
    pub mss: Option<u16>,
    /// The shift of the sender's windows, as received: RFC 7323 §2.3 limits its use to 14.
    pub window_scale: Option<u8>,
    /// Whether the sender of this SYN supports SACK.
    pub sack_permitted: bool,
    /// The timestamps of both ends.
    pub timestamps: Option<Timestamps>,
    /// The blocks that arrived out of order.
    pub sack: SackBlocks,
    /// A cookie, or the request for one.
    pub fast_open: Option<FastOpenCookie>,
}

impl Options {
    /// No options.
    pub const NONE: Options = Options {
        mss: None,
        window_scale: None,
        sack_permitted: false,
        timestamps: None,
        sack: SackBlocks::NONE,
        fast_open: None,
    };

    /// Parses the options that are known and well formed; others are ignored, and nothing is read
    /// after an option whose length is impossible (RFC 9293 §3.1, MUST-7). Of an option that occurs
    /// twice the last counts, as in the kernel's `tcp_parse_options`.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Options {
        // Nearly every segment of an established connection has this form.
        if let [1, 1, kind::TIMESTAMPS, 10, v0, v1, v2, v3, e0, e1, e2, e3] = *bytes {
            let value = u32::from_be_bytes([v0, v1, v2, v3]);
            let echo = u32::from_be_bytes([e0, e1, e2, e3]);
            return Options { timestamps: Some(Timestamps { value, echo }), ..Options::NONE };
        }
        let mut all = Options::NONE;
        for option in iter(bytes) {
            match option {
                TcpOption::MaximumSegmentSize(mss) => all.mss = Some(mss),
                TcpOption::WindowScale(shift) => all.window_scale = Some(shift),
                TcpOption::SackPermitted => all.sack_permitted = true,
                TcpOption::Sack(blocks) => all.sack = blocks,
                TcpOption::Timestamps(timestamps) => all.timestamps = Some(timestamps),
                TcpOption::FastOpen(cookie) => all.fast_open = Some(cookie),
                TcpOption::EndOfList
                | TcpOption::NoOperation
                | TcpOption::Unknown { .. }
                | TcpOption::Malformed(_) => {}
            }
        }
        all
    }

    /// The timestamps, if there is no other option.
    #[inline(always)]
    pub(crate) const fn only_timestamps(&self) -> Option<Timestamps> {
        match self {
            Options {
                mss: None,
                window_scale: None,
                sack_permitted: false,
                timestamps,
                sack,
                fast_open: None,
            } if sack.is_empty() => *timestamps,
            _ => None,
        }
    }

    /// The option bytes, in Linux's order and alignment, with as many SACK blocks as fit; a cookie
    /// that no longer fits is left out.
    #[inline]
    pub fn to_bytes(&self) -> OptionBytes {
        let mut out = OptionBytes::EMPTY;
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            out.append(&[kind::MAXIMUM_SEGMENT_SIZE, 4, high, low]);
        }
        if let Some(Timestamps { value, echo }) = self.timestamps {
            // SACK Permitted takes the place of the padding where there is a timestamp.
            let lead = if self.sack_permitted {
                [kind::SACK_PERMITTED, 2]
            } else {
                [kind::NO_OPERATION; 2]
            };
            out.append(&lead);
            out.append(&[kind::TIMESTAMPS, 10]);
            out.append(&value.to_be_bytes());
            out.append(&echo.to_be_bytes());
        } else if self.sack_permitted {
            out.append(&[kind::NO_OPERATION, kind::NO_OPERATION, kind::SACK_PERMITTED, 2]);
        }
        if let Some(shift) = self.window_scale {
            out.append(&[kind::NO_OPERATION, kind::WINDOW_SCALE, 3, shift]);
        }
        let fitting = out.room().saturating_sub(4) / 8;
        let blocks = self.sack.as_slice();
        let blocks = &blocks[..blocks.len().min(fitting)];
        if !blocks.is_empty() {
            let length = 2 + 8 * blocks.len() as u8;
            out.append(&[kind::NO_OPERATION, kind::NO_OPERATION, kind::SACK, length]);
            for block in blocks {
                out.append(&block.left.0.to_be_bytes());
                out.append(&block.right.0.to_be_bytes());
            }
        }
        if let Some(cookie) = &self.fast_open {
            let ((kind, lead), cookie) = (cookie.lead(), cookie.as_bytes());
            let length = 2 + lead.len() + cookie.len();
            if length <= out.room() {
                out.append(&[kind, length as u8]);
                out.append(lead);
                out.append(cookie);
                while !usize::from(out.length).is_multiple_of(4) {
                    out.append(&[kind::NO_OPERATION]);
                }
            }
        }
        out
    }
}

/// One option of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// Kind 0: the end of the options; the rest is padding.
    EndOfList,
    /// Kind 1: no operation.
    NoOperation,
    /// Kind 2: the maximum segment size, bytes.
    MaximumSegmentSize(u16),
    /// Kind 3: the window scale.
    WindowScale(u8),
    /// Kind 4: SACK is permitted.
    SackPermitted,
    /// Kind 5: SACK blocks.
    Sack(SackBlocks),
    /// Kind 8: timestamps.
    Timestamps(Timestamps),
    /// Kind 34, or 254 with Fast Open's identifier: a Fast Open cookie.
    FastOpen(FastOpenCookie),
    /// Any other kind, or a known kind of unexpected length.
    Unknown {
        /// The kind.
        kind: u8,
        /// The bytes after the length.
        data: &'a [u8],
    },
    /// An option whose length is missing, below 2 or beyond the end, with all bytes after it.
    Malformed(&'a [u8]),
}

/// The options of a header, in order. [`TcpOption::EndOfList`] and [`TcpOption::Malformed`] are
/// always the last.
pub fn iter(bytes: &[u8]) -> Iter<'_> {
    Iter { rest: bytes }
}

/// An iterator over options, from [`iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<TcpOption<'a>> {
        let all = self.rest;
        match *all.first()? {
            kind::END_OF_LIST => {
                self.rest = &[];
                return Some(TcpOption::EndOfList);
            }
            kind::NO_OPERATION => {
                self.rest = &all[1..];
                return Some(TcpOption::NoOperation);
            }
            _ => {}
        }
        let length = all.get(1).copied().map_or(0, usize::from);
        let split = if length < 2 { None } else { all.split_at_checked(length) };
        let Some(([kind, _, data @ ..], rest)) = split else {
            self.rest = &[];
            return Some(TcpOption::Malformed(all));
        };
        self.rest = rest;
        Some(known(*kind, data).unwrap_or(TcpOption::Unknown { kind: *kind, data }))
    }
}

fn known(kind: u8, data: &[u8]) -> Option<TcpOption<'_>> {
    match (kind, data) {
        (kind::MAXIMUM_SEGMENT_SIZE, &[high, low]) => {
            Some(TcpOption::MaximumSegmentSize(u16::from_be_bytes([high, low])))
        }
        (kind::WINDOW_SCALE, &[shift]) => Some(TcpOption::WindowScale(shift)),
        (kind::SACK_PERMITTED, []) => Some(TcpOption::SackPermitted),
        (kind::SACK, data) => SackBlocks::parse(data).map(TcpOption::Sack),
        (kind::TIMESTAMPS, &[v0, v1, v2, v3, e0, e1, e2, e3]) => {
            Some(TcpOption::Timestamps(Timestamps {
                value: u32::from_be_bytes([v0, v1, v2, v3]),
                echo: u32::from_be_bytes([e0, e1, e2, e3]),
            }))
        }
        (kind::FAST_OPEN, data) => FastOpenCookie::new(data).map(TcpOption::FastOpen),
        (kind::EXPERIMENT, data) => {
            let cookie = FastOpenCookie::new(data.strip_prefix(&FAST_OPEN_EXPERIMENT)?)?;
            Some(TcpOption::FastOpen(cookie.in_experimental(true)))
        }
        _ => None,
    }
}

/// The bytes of a header's options, at most 40: from [`Options::to_bytes`], or from an explicit
/// list, which may be in any order and malformed.
///
/// ```
/// use roundtrip_packet::options::{OptionBytes, TcpOption, iter};
/// let mut list = OptionBytes::EMPTY;
/// list.push(&TcpOption::NoOperation)?;
/// list.push(&TcpOption::Unknown { kind: 253, data: &[0xf9, 0x89] })?;
/// assert_eq!(list.padded().as_bytes(), [1, 253, 4, 0xf9, 0x89, 0, 0, 0]);
/// assert_eq!(iter(list.as_bytes()).count(), 2);
/// # Ok::<(), roundtrip_packet::EmitError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OptionBytes {
    length: u8,
    bytes: [u8; MAX_OPTIONS],
}

impl OptionBytes {
    /// No options.
    pub const EMPTY: OptionBytes = OptionBytes { length: 0, bytes: [0; MAX_OPTIONS] };

    /// Adds an option as it is, without padding.
    ///
    /// # Errors
    /// The options would be longer than [`MAX_OPTIONS`].
    pub fn push(&mut self, option: &TcpOption<'_>) -> Result<(), EmitError> {
        let mut sack = [0; 8 * MAX_SACK_BLOCKS];
        let mut clock = [0; 8];
        let (kind, data): (u8, &[u8]) = match option {
            TcpOption::FastOpen(cookie) => {
                let ((kind, lead), cookie) = (cookie.lead(), cookie.as_bytes());
                let length = lead.len() + cookie.len();
                self.check(2 + length)?;
                self.append(&[kind, 2 + length as u8]);
                self.append(lead);
                self.append(cookie);
                return Ok(());
            }
            TcpOption::EndOfList => return self.push_bytes(&[kind::END_OF_LIST]),
            TcpOption::NoOperation => return self.push_bytes(&[kind::NO_OPERATION]),
            TcpOption::Malformed(bytes) => return self.push_bytes(bytes),
            TcpOption::MaximumSegmentSize(mss) => (kind::MAXIMUM_SEGMENT_SIZE, &mss.to_be_bytes()),
            TcpOption::WindowScale(shift) => (kind::WINDOW_SCALE, &[*shift]),
            TcpOption::SackPermitted => (kind::SACK_PERMITTED, &[]),
            TcpOption::Sack(blocks) => {
                for (place, block) in sack.as_chunks_mut::<8>().0.iter_mut().zip(blocks.as_slice())
                {
                    place[..4].copy_from_slice(&block.left.0.to_be_bytes());
                    place[4..].copy_from_slice(&block.right.0.to_be_bytes());
                }
                (kind::SACK, &sack[..8 * blocks.as_slice().len()])
            }
            TcpOption::Timestamps(Timestamps { value, echo }) => {
                clock[..4].copy_from_slice(&value.to_be_bytes());
                clock[4..].copy_from_slice(&echo.to_be_bytes());
                (kind::TIMESTAMPS, &clock)
            }
            TcpOption::Unknown { kind, data } => (*kind, data),
        };
        self.check(2 + data.len())?;
        self.append(&[kind, 2 + data.len() as u8]);
        self.append(data);
        Ok(())
    }

    /// Adds bytes, whatever they mean.
    ///
    /// # Errors
    /// The options would be longer than [`MAX_OPTIONS`].
    pub fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), EmitError> {
        self.check(bytes.len())?;
        self.append(bytes);
        Ok(())
    }

    /// The bytes added so far.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length).min(MAX_OPTIONS)]
    }

    /// The same options, padded with End of Option List to a multiple of four bytes, as the data
    /// offset counts them.
    #[inline]
    #[must_use]
    pub fn padded(mut self) -> OptionBytes {
        self.length = self.length.next_multiple_of(4);
        self
    }

    /// The number of bytes that still fit.
    #[inline]
    pub fn room(&self) -> usize {
        MAX_OPTIONS - self.as_bytes().len()
    }

    fn check(&self, more: usize) -> Result<(), EmitError> {
        let length = self.as_bytes().len() + more;
        if length > MAX_OPTIONS {
            return Err(EmitError::TooLong { layer: Layer::Tcp, length, limit: MAX_OPTIONS });
        }
        Ok(())
    }

    /// Appends bytes that are known to fit.
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        let at = usize::from(self.length);
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
            self.length += bytes.len() as u8;
        }
    }
}

impl fmt::Debug for OptionBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}", self.as_bytes())
    }
}
