//! Neighbour discovery for IPv6 (RFC 4861): messages within `ICMPv6`, and their options.

use std::net::Ipv6Addr;

use crate::error::{Layer, ParseError, Problem};
use crate::ethernet::EtherAddr;
use crate::ipv6;

/// The `ICMPv6` types of the messages.
pub(crate) const ROUTER_SOLICITATION: u8 = 133;
pub(crate) const ROUTER_ADVERTISEMENT: u8 = 134;
pub(crate) const NEIGHBOUR_SOLICITATION: u8 = 135;
pub(crate) const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
pub(crate) const REDIRECT: u8 = 137;

/// The kinds of options (RFC 4861 §4.6, RFC 3971 §5.3).
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;
const PREFIX_INFORMATION: u8 = 3;
const REDIRECTED_HEADER: u8 = 4;
const MTU: u8 = 5;
const NONCE: u8 = 14;

/// A message of neighbour discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Type 133: a request for router advertisements (§4.1).
    RouterSolicitation {
        /// The source link-layer address.
        options: Options<'a>,
    },
    /// Type 134: an advertisement by a router (§4.2).
    RouterAdvertisement {
        /// The fields of the advertisement.
        router: Router,
        /// The source link-layer address, MTU, and prefixes.
        options: Options<'a>,
    },
    /// Type 135: a request for the link-layer address of a neighbour, or for a sign that it is
    /// still there (§4.3).
    NeighbourSolicitation {
        /// The address asked for.
        target: Ipv6Addr,
        /// The source link-layer address; in duplicate address detection none, or a nonce.
        options: Options<'a>,
    },
    /// Type 136: an advertisement of a link-layer address by its owner (§4.4).
    NeighbourAdvertisement {
        /// R: whether the sender is a router.
        router: bool,
        /// S: whether this answers a solicitation.
        solicited: bool,
        /// O: whether the address replaces a known one.
        override_entry: bool,
        /// The IPv6 address that is advertised.
        target: Ipv6Addr,
        /// The target link-layer address.
        options: Options<'a>,
    },
    /// Type 137: a redirect to a better first hop (§4.5).
    Redirect {
        /// The better hop, or the destination itself if it is on the link.
        target: Ipv6Addr,
        /// The destination of the packets to redirect.
        destination: Ipv6Addr,
        /// The target link-layer address, and the redirected header.
        options: Options<'a>,
    },
}

/// The fields of a router advertisement (§4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Router {
    /// The hop limit for packets that hosts send; 0 if unspecified.
    pub hop_limit: u8,
    /// M: whether addresses are available by `DHCPv6`.
    pub managed: bool,
    /// O: whether other configuration is available by `DHCPv6`.
    pub other_config: bool,
    /// How long the sender is a default router, s; 0 if it is none.
    pub lifetime: u16,
    /// How long a neighbour counts as reachable, ms; 0 if unspecified.
    pub reachable_time: u32,
    /// The time between solicitations, ms; 0 if unspecified.
    pub retransmit_timer: u32,
}

/// A prefix of the link (§4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The length of the prefix, bits, 0..=128.
    pub length: u8,
    /// L: whether addresses with this prefix are on the link.
    pub on_link: bool,
    /// A: whether hosts may form an address from it (RFC 4862).
    pub autonomous: bool,
    /// How long the prefix is valid, s; all ones for ever.
    pub valid_lifetime: u32,
    /// How long addresses formed from it are preferred, s; all ones for ever.
    pub preferred_lifetime: u32,
    /// The prefix; the bits after `length` are ignored.
    pub prefix: Ipv6Addr,
}

/// An option of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NdpOption<'a> {
    /// The sender's hardware address.
    SourceLinkLayer(EtherAddr),
    /// The target's hardware address.
    TargetLinkLayer(EtherAddr),
    /// A prefix of the link.
    PrefixInformation(Prefix),
    /// The packet that was redirected, or its beginning. It is written as a multiple of eight
    /// bytes, cut as in the kernel (`net/ipv6/ndisc.c`), since padding would be taken for part of
    /// it.
    RedirectedHeader(&'a [u8]),
    /// The MTU of the link, bytes.
    Mtu(u32),
    /// A nonce, which distinguishes one's own looped-back solicitation from another host's (RFC
    /// 7527 §4.1).
    Nonce([u8; 6]),
    /// Any other option, or a known one of unexpected length.
    Unknown {
        /// The kind.
        kind: u8,
        /// The bytes after the length: a multiple of eight, less two. They are padded when written.
        data: &'a [u8],
    },
}

/// The options of a message: as they came, or a list to be written.
#[derive(Clone, Copy, Debug)]
pub enum Options<'a> {
    /// Parsed bytes whose lengths have been checked by [`Options::parse`].
    Bytes(OptionBytes<'a>),
    /// A list to be written.
    List(&'a [NdpOption<'a>]),
}

/// Option bytes whose lengths have been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionBytes<'a>(&'a [u8]);

impl<'a> Options<'a> {
    /// No options.
    pub const NONE: Options<'a> = Options::List(&[]);

    /// Checks the lengths of all options: a message in which one is zero, or goes beyond the end,
    /// must be discarded (§4.6). `at` is the offset of the options in the message.
    ///
    /// # Errors
    /// A length is impossible.
    pub fn parse(bytes: &'a [u8], at: usize) -> Result<Options<'a>, ParseError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let units = rest.get(1).copied().unwrap_or(0);
            let after = match units {
                0 => None,
                units => rest.get(usize::from(units) * 8..),
            };
            rest = after.ok_or_else(|| {
                let offset = at + bytes.len() - rest.len();
                ParseError::new(Layer::Ndp, Problem::OptionLength(units), offset)
            })?;
        }
        Ok(Options::Bytes(OptionBytes(bytes)))
    }

    /// The options, in order.
    pub fn iter(&self) -> Iter<'a> {
        match *self {
            Options::Bytes(OptionBytes(bytes)) => Iter { bytes, list: &[] },
            Options::List(list) => Iter { bytes: &[], list },
        }
    }

    /// The first source link-layer address.
    pub fn source_link_layer(&self) -> Option<EtherAddr> {
        self.iter().find_map(|option| match option {
            NdpOption::SourceLinkLayer(address) => Some(address),
            _ => None,
        })
    }

    /// The first target link-layer address.
    pub fn target_link_layer(&self) -> Option<EtherAddr> {
        self.iter().find_map(|option| match option {
            NdpOption::TargetLinkLayer(address) => Some(address),
            _ => None,
        })
    }

    /// The length of the options, bytes.
    pub fn length(&self) -> usize {
        match self {
            Options::Bytes(OptionBytes(bytes)) => bytes.len(),
            Options::List(list) => list.iter().map(NdpOption::length).sum(),
        }
    }

    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Options::Bytes(OptionBytes(bytes)) => out.extend_from_slice(bytes),
            Options::List(list) => list.iter().for_each(|option| option.emit(out)),
        }
    }
}

impl PartialEq for Options<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Options<'_> {}

impl<'a> IntoIterator for &Options<'a> {
    type Item = NdpOption<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// An iterator over options, from [`Options::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    list: &'a [NdpOption<'a>],
}

impl<'a> Iterator for Iter<'a> {
    type Item = NdpOption<'a>;

    fn next(&mut self) -> Option<NdpOption<'a>> {
        if let Some((first, rest)) = self.list.split_first() {
            self.list = rest;
            return Some(*first);
        }
        let length = usize::from(*self.bytes.get(1)?) * 8;
        let (option, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        match option {
            [kind, _, data @ ..] => Some(NdpOption::parse(*kind, data)),
            _ => None,
        }
    }
}

impl<'a> NdpOption<'a> {
    fn parse(kind: u8, data: &'a [u8]) -> NdpOption<'a> {
        if let Ok(six) = <[u8; 6]>::try_from(data) {
            match kind {
                SOURCE_LINK_LAYER => return NdpOption::SourceLinkLayer(EtherAddr(six)),
                TARGET_LINK_LAYER => return NdpOption::TargetLinkLayer(EtherAddr(six)),
                NONCE => return NdpOption::Nonce(six),
                _ => {}
            }
        }
        match (kind, data) {
            (MTU, &[_, _, a, b, c, d]) => NdpOption::Mtu(u32::from_be_bytes([a, b, c, d])),
            (REDIRECTED_HEADER, [_, _, _, _, _, _, packet @ ..]) => {
                NdpOption::RedirectedHeader(packet)
            }
            (PREFIX_INFORMATION, data) => Prefix::parse(data)
                .map_or(NdpOption::Unknown { kind, data }, NdpOption::PrefixInformation),
            _ => NdpOption::Unknown { kind, data },
        }
    }

    fn length(&self) -> usize {
        match self {
            NdpOption::SourceLinkLayer(_)
            | NdpOption::TargetLinkLayer(_)
            | NdpOption::Mtu(_)
            | NdpOption::Nonce(_) => 8,
            NdpOption::PrefixInformation(_) => 32,
            NdpOption::RedirectedHeader(packet) => 8 + whole_units(packet).len(),
            NdpOption::Unknown { data, .. } => units(data.len()) * 8,
        }
    }

    fn emit(&self, out: &mut Vec<u8>) {
        let mut write = |kind: u8, parts: [&[u8]; 2]| {
            let length = (parts[0].len() + parts[1].len()).min(MAX_OPTION_DATA);
            let units = units(length);
            let start = out.len();
            out.extend_from_slice(&[kind, units as u8]);
            out.extend_from_slice(parts[0]);
            out.extend_from_slice(&parts[1][..length - parts[0].len()]);
            out.resize(start + units * 8, 0);
        };
        match self {
            NdpOption::SourceLinkLayer(address) => write(SOURCE_LINK_LAYER, [&address.0, &[]]),
            NdpOption::TargetLinkLayer(address) => write(TARGET_LINK_LAYER, [&address.0, &[]]),
            NdpOption::Nonce(nonce) => write(NONCE, [nonce, &[]]),
            NdpOption::Mtu(mtu) => write(MTU, [&[0; 2], &mtu.to_be_bytes()]),
            NdpOption::RedirectedHeader(packet) => {
                write(REDIRECTED_HEADER, [&[0; 6], whole_units(packet)]);
            }
            NdpOption::PrefixInformation(prefix) => {
                write(PREFIX_INFORMATION, [&prefix.to_bytes(), &[]]);
            }
            NdpOption::Unknown { kind, data } => write(*kind, [&[], data]),
        }
    }
}

/// The greatest length of an option's data, bytes.
const MAX_OPTION_DATA: usize = 255 * 8 - 2;

/// The units of eight bytes that an option with this much data takes.
fn units(data: usize) -> usize {
    (data.min(MAX_OPTION_DATA) + 2).div_ceil(8)
}

/// The part of a redirected packet that an option carries.
fn whole_units(packet: &[u8]) -> &[u8] {
    let length = packet.len().min(MAX_OPTION_DATA - 6);
    &packet[..length - length % 8]
}

impl Prefix {
    fn parse(data: &[u8]) -> Option<Prefix> {
        let data: &[u8; 30] = data.try_into().ok()?;
        let long =
            |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
        Some(Prefix {
            length: data[0],
            on_link: data[1] & 0x80 != 0,
            autonomous: data[1] & 0x40 != 0,
            valid_lifetime: long(2),
            preferred_lifetime: long(6),
            prefix: address(&data[14..]),
        })
    }

    fn to_bytes(self) -> [u8; 30] {
        let mut bytes = [0; 30];
        bytes[0] = self.length;
        bytes[1] = u8::from(self.on_link) << 7 | u8::from(self.autonomous) << 6;
        bytes[2..6].copy_from_slice(&self.valid_lifetime.to_be_bytes());
        bytes[6..10].copy_from_slice(&self.preferred_lifetime.to_be_bytes());
        bytes[14..30].copy_from_slice(&self.prefix.octets());
        bytes
    }
}

/// The address at the front of `bytes`; the caller has checked that there are 16.
fn address(bytes: &[u8]) -> Ipv6Addr {
    bytes.first_chunk::<16>().map_or(Ipv6Addr::UNSPECIFIED, |bytes| Ipv6Addr::from(*bytes))
}

impl<'a> Message<'a> {
    /// Parses the bytes after type, code and checksum; `None` if the type is not one of these.
    pub(crate) fn parse(kind: u8, body: &'a [u8]) -> Option<Result<Message<'a>, ParseError>> {
        // The length of the fixed part, without type, code and checksum.
        let length = match kind {
            ROUTER_SOLICITATION => 4,
            ROUTER_ADVERTISEMENT => 12,
            NEIGHBOUR_SOLICITATION | NEIGHBOUR_ADVERTISEMENT => 20,
            REDIRECT => 36,
            _ => return None,
        };
        let Some((fixed, options)) = body.split_at_checked(length) else {
            return Some(Err(ParseError::truncated(Layer::Ndp, 4 + length, 4 + body.len())));
        };
        let options = match Options::parse(options, 4 + length) {
            Ok(options) => options,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(match kind {
            ROUTER_SOLICITATION => Message::RouterSolicitation { options },
            ROUTER_ADVERTISEMENT => {
                Message::RouterAdvertisement { router: Router::parse(fixed), options }
            }
            NEIGHBOUR_SOLICITATION => {
                Message::NeighbourSolicitation { target: address(&fixed[4..]), options }
            }
            NEIGHBOUR_ADVERTISEMENT => Message::NeighbourAdvertisement {
                router: fixed[0] & 0x80 != 0,
                solicited: fixed[0] & 0x40 != 0,
                override_entry: fixed[0] & 0x20 != 0,
                target: address(&fixed[4..]),
                options,
            },
            _ => Message::Redirect {
                target: address(&fixed[4..]),
                destination: address(&fixed[20..]),
                options,
            },
        }))
    }

    /// Checks the rules that need the IPv6 header: a receiver must silently discard a message that
    /// breaks one (§6.1.1, §6.1.2, §7.1.1, §7.1.2, §8.1).
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn validate(&self, ip: &ipv6::Header) -> Result<(), ParseError> {
        let rule = |broken: bool, text| {
            if broken { Err(ParseError::new(Layer::Ndp, Problem::Rule(text), 0)) } else { Ok(()) }
        };
        if ip.hop_limit != 255 {
            return Err(ParseError::new(Layer::Ndp, Problem::HopLimit(ip.hop_limit), 0));
        }
        let unspecified = ip.source.is_unspecified();
        let link_local = ip.source.is_unicast_link_local();
        match self {
            Message::RouterSolicitation { options } => rule(
                unspecified && options.source_link_layer().is_some(),
                "a solicitation without a source address gives a link-layer address",
            ),
            Message::RouterAdvertisement { .. } => {
                rule(!link_local, "a router advertisement not from a link-local address")
            }
            Message::NeighbourSolicitation { target, options } => {
                rule(target.is_multicast(), "the target is a group")?;
                rule(
                    unspecified && ip.destination != ipv6::solicited_node(*target),
                    "a solicitation without a source address not to the solicited-node group",
                )?;
                rule(
                    unspecified && options.source_link_layer().is_some(),
                    "a solicitation without a source address gives a link-layer address",
                )
            }
            Message::NeighbourAdvertisement { solicited, target, .. } => {
                rule(target.is_multicast(), "the target is a group")?;
                rule(
                    *solicited && ip.destination.is_multicast(),
                    "a solicited advertisement to a group",
                )
            }
            Message::Redirect { target, destination, .. } => {
                rule(!link_local, "a redirect not from a link-local address")?;
                rule(destination.is_multicast(), "a redirect for a group")?;
                rule(
                    target != destination && !target.is_unicast_link_local(),
                    "a redirect to what is neither link-local nor the destination",
                )
            }
        }
    }

    /// The `ICMPv6` type of the message.
    pub const fn kind(&self) -> u8 {
        match self {
            Message::RouterSolicitation { .. } => ROUTER_SOLICITATION,
            Message::RouterAdvertisement { .. } => ROUTER_ADVERTISEMENT,
            Message::NeighbourSolicitation { .. } => NEIGHBOUR_SOLICITATION,
            Message::NeighbourAdvertisement { .. } => NEIGHBOUR_ADVERTISEMENT,
            Message::Redirect { .. } => REDIRECT,
        }
    }

    /// Appends the bytes after type, code and checksum.
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        let options = match self {
            Message::RouterSolicitation { options } => {
                out.extend_from_slice(&[0; 4]);
                options
            }
            Message::RouterAdvertisement { router, options } => {
                out.extend_from_slice(&router.to_bytes());
                options
            }
            Message::NeighbourSolicitation { target, options } => {
                out.extend_from_slice(&[0; 4]);
                out.extend_from_slice(&target.octets());
                options
            }
            Message::NeighbourAdvertisement {
                router,
                solicited,
                override_entry,
                target,
                options,
            } => {
                let flags = u8::from(*router) << 7
                    | u8::from(*solicited) << 6
                    | u8::from(*override_entry) << 5;
                out.extend_from_slice(&[flags, 0, 0, 0]);
                out.extend_from_slice(&target.octets());
                options
            }
            Message::Redirect { target, destination, options } => {
                out.extend_from_slice(&[0; 4]);
                out.extend_from_slice(&target.octets());
                out.extend_from_slice(&destination.octets());
                options
            }
        };
        options.emit(out);
    }

    /// The length of the whole `ICMPv6` message, bytes.
    pub fn length(&self) -> usize {
        let (fixed, options) = match self {
            Message::RouterSolicitation { options } => (8, options),
            Message::RouterAdvertisement { options, .. } => (16, options),
            Message::NeighbourSolicitation { options, .. }
            | Message::NeighbourAdvertisement { options, .. } => (24, options),
            Message::Redirect { options, .. } => (40, options),
        };
        fixed + options.length()
    }
}

impl Router {
    /// Parses the fixed part, of which the caller has checked that there are 12 bytes.
    fn parse(fixed: &[u8]) -> Router {
        let Some(&[hop_limit, flags, l0, l1, r0, r1, r2, r3, t0, t1, t2, t3]) = fixed.first_chunk()
        else {
            return Router::default();
        };
        Router {
            hop_limit,
            managed: flags & 0x80 != 0,
            other_config: flags & 0x40 != 0,
            lifetime: u16::from_be_bytes([l0, l1]),
            reachable_time: u32::from_be_bytes([r0, r1, r2, r3]),
            retransmit_timer: u32::from_be_bytes([t0, t1, t2, t3]),
        }
    }

    fn to_bytes(self) -> [u8; 12] {
        let flags = u8::from(self.managed) << 7 | u8::from(self.other_config) << 6;
        let [l0, l1] = self.lifetime.to_be_bytes();
        let [r0, r1, r2, r3] = self.reachable_time.to_be_bytes();
        let [t0, t1, t2, t3] = self.retransmit_timer.to_be_bytes();
        [self.hop_limit, flags, l0, l1, r0, r1, r2, r3, t0, t1, t2, t3]
    }
}
