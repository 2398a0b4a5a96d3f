//! The link layers of captures: what stands before an IP packet.

/// A frame without its link layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network<'a> {
    /// An IP packet of either version.
    Ip(&'a [u8]),
    /// An ARP packet.
    Arp(&'a [u8]),
    /// Something else, by name.
    Other(&'static str),
}

/// Takes the link layer off a frame; `link` is its number (`LINKTYPE_`, tcpdump.org/linktypes.html).
pub(crate) fn network(link: u16, bytes: &[u8]) -> Network<'_> {
    const SHORT: Network<'_> = Network::Other("frames too short for their link layer");
    let rest = |at: usize| bytes.get(at..).unwrap_or_default();
    match link {
        // Ethernet.
        1 => match bytes.get(12..14) {
            Some(kind) => by_type(u16::from_be_bytes([kind[0], kind[1]]), rest(14)),
            None => SHORT,
        },
        // BSD's null and OpenBSD's loop: the family's number, in either byte order.
        0 | 108 => match bytes.first_chunk::<4>() {
            Some(family) => {
                let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
                match family {
                    2 | 10 | 24 | 28 | 30 => version(rest(4)),
                    _ => Network::Other("loopback frames that are no IP"),
                }
            }
            None => SHORT,
        },
        // Raw IP, as various systems number it.
        12 | 14 | 101 | 228 | 229 => version(bytes),
        // Linux "cooked", version 1 and 2.
        113 => match bytes.get(14..16) {
            Some(kind) => by_type(u16::from_be_bytes([kind[0], kind[1]]), rest(16)),
            None => SHORT,
        },
        276 => match bytes.get(..2) {
            Some(kind) if bytes.len() >= 20 => {
                by_type(u16::from_be_bytes([kind[0], kind[1]]), rest(20))
            }
            _ => SHORT,
        },
        105 | 119 | 127 | 163 | 192 => {
            Network::Other("802.11 frames (they are encrypted or need their own reader)")
        }
        _ => Network::Other("frames of a link layer that is not read"),
    }
}

/// The payload of an `EtherType`, behind any VLAN tags (802.1Q, 802.1ad).
fn by_type(mut kind: u16, mut rest: &[u8]) -> Network<'_> {
    for _ in 0..4 {
        match kind {
            0x0800 | 0x86dd => return version(rest),
            0x0806 => return Network::Arp(rest),
            0x8100 | 0x88a8 | 0x9100 => match rest {
                [_, _, high, low, behind @ ..] => {
                    kind = u16::from_be_bytes([*high, *low]);
                    rest = behind;
                }
                _ => break,
            },
            // PPP in a session over Ethernet (RFC 2516).
            0x8864 => match rest {
                [_, _, _, _, _, _, 0x00, 0x21 | 0x57, packet @ ..] => return version(packet),
                _ => break,
            },
            // Labels of MPLS (RFC 3032 §2.1), the last of which says so.
            0x8847 => {
                let labels = rest.chunks_exact(4).position(|label| label[2] & 1 == 1);
                match labels.and_then(|last| rest.get((last + 1) * 4..)) {
                    Some(packet) => return version(packet),
                    None => break,
                }
            }
            _ => break,
        }
    }
    Network::Other("frames that are neither IP nor ARP")
}

fn version(packet: &[u8]) -> Network<'_> {
    match packet.first().map(|byte| byte >> 4) {
        Some(4 | 6) => Network::Ip(packet),
        _ => Network::Other("packets that are no IP"),
    }
}
