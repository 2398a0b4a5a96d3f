//! Tunnels: packets within packets. What can be entered is; what cannot is said by its name.

/// What a tunnel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner<'a> {
    /// An IP packet of either version.
    Ip(&'a [u8]),
    /// A frame of Ethernet.
    Frame(&'a [u8]),
    /// Something that is not read.
    Nothing,
}

/// A tunnel's name and what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tunnel<'a> {
    pub(crate) name: &'static str,
    pub(crate) inner: Inner<'a>,
}

impl<'a> Tunnel<'a> {
    fn closed(name: &'static str) -> Self {
        Self { name, inner: Inner::Nothing }
    }

    fn opened(name: &'static str, inner: Option<Inner<'a>>) -> Self {
        Self { name, inner: inner.unwrap_or(Inner::Nothing) }
    }
}

/// The tunnel that a protocol of IP is (IANA "Protocol Numbers"); `None` for what is none.
pub(crate) fn of_protocol(protocol: u8, payload: &[u8]) -> Option<Tunnel<'_>> {
    Some(match protocol {
        4 => Tunnel::opened("IP in IP (RFC 2003)", Some(Inner::Ip(payload))),
        41 => Tunnel::opened("IPv6 in IP (RFC 4213)", Some(Inner::Ip(payload))),
        47 => gre(payload),
        50 => Tunnel::closed("ESP (IPsec, encrypted)"),
        51 => Tunnel::opened("AH (IPsec)", authenticated(payload)),
        97 => Tunnel::opened("EtherIP (RFC 3378)", payload.get(2..).map(Inner::Frame)),
        115 => Tunnel::closed("L2TPv3"),
        _ => return None,
    })
}

/// The tunnel that a datagram of UDP belongs to by the port it goes to (IANA's registry); `None`
/// for what is none.
pub(crate) fn of_port(port: u16, payload: &[u8]) -> Option<Tunnel<'_>> {
    match port {
        // 8472 is Linux's own from before the port was assigned.
        4789 | 8472 => vxlan(payload),
        4790 => vxlan_gpe(payload),
        6081 => geneve(payload),
        2152 => gtp(payload),
        3544 => teredo(payload),
        4500 => Some(Tunnel::closed("IPsec over UDP (encrypted)")),
        1701 => Some(Tunnel::closed("L2TP")),
        _ => None,
    }
}

/// What follows by an `EtherType`.
fn by_type(kind: u16, rest: &[u8]) -> Option<Inner<'_>> {
    match kind {
        0x0800 | 0x86dd => Some(Inner::Ip(rest)),
        // Transparent Ethernet bridging (RFC 7637 §3.2).
        0x6558 => Some(Inner::Frame(rest)),
        _ => None,
    }
}

/// Generic routing encapsulation (RFC 2784, 2890), PPTP's (RFC 2637), ERSPAN.
fn gre(payload: &[u8]) -> Tunnel<'_> {
    const NAME: &str = "GRE (RFC 2784)";
    let Some(&[f0, f1, k0, k1]) = payload.first_chunk::<4>() else { return Tunnel::closed(NAME) };
    let (flags, kind) = (u16::from_be_bytes([f0, f1]), u16::from_be_bytes([k0, k1]));
    let [checksum, routed, keyed, numbered] =
        [0x8000, 0x4000, 0x2000, 0x1000].map(|bit| flags & bit != 0);
    if flags & 7 == 1 {
        // Its key is the payload's length and the call; the acknowledgement is an option.
        let acknowledged = flags & 0x80 != 0;
        let at = 8 + 4 * (usize::from(numbered) + usize::from(acknowledged));
        return Tunnel::opened("PPTP (RFC 2637)", payload.get(at..).and_then(ppp));
    }
    if routed || flags & 7 != 0 {
        return Tunnel::closed(NAME);
    }
    let at = 4 + 4 * (usize::from(checksum) + usize::from(keyed) + usize::from(numbered));
    let rest = payload.get(at..).unwrap_or_default();
    match kind {
        // Type I has no header of its own, type II has one of 8 bytes and a sequence number.
        0x88be => {
            let own = if numbered { 8 } else { 0 };
            Tunnel::opened("ERSPAN", rest.get(own..).map(Inner::Frame))
        }
        0x22eb => Tunnel::opened("ERSPAN III", rest.get(12..).map(Inner::Frame)),
        0x880b => Tunnel::opened(NAME, ppp(rest)),
        _ => Tunnel::opened(NAME, by_type(kind, rest)),
    }
}

/// A frame of PPP (RFC 1661), with or without its address and control bytes.
fn ppp(frame: &[u8]) -> Option<Inner<'_>> {
    let frame = frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame);
    match frame {
        [0x00, 0x21 | 0x57, rest @ ..] | [0x21 | 0x57, rest @ ..] => Some(Inner::Ip(rest)),
        _ => None,
    }
}

/// What an authentication header (RFC 4302 §2) protects without hiding it, where it is a packet.
fn authenticated(payload: &[u8]) -> Option<Inner<'_>> {
    let &[next, words] = payload.first_chunk::<2>()?;
    let rest = payload.get((usize::from(words) + 2) * 4..)?;
    matches!(next, 4 | 41).then_some(Inner::Ip(rest))
}

/// RFC 7348 §5: eight bytes, of which the flag of the network's number is always set.
fn vxlan(payload: &[u8]) -> Option<Tunnel<'_>> {
    let (header, rest) = payload.split_at_checked(8)?;
    (header[0] & 0x08 != 0).then(|| Tunnel::opened("VXLAN (RFC 7348)", Some(Inner::Frame(rest))))
}

/// The same with the type of what follows in its header (draft-ietf-nvo3-vxlan-gpe §3): without that, Ethernet.
fn vxlan_gpe(payload: &[u8]) -> Option<Tunnel<'_>> {
    let (header, rest) = payload.split_at_checked(8)?;
    let typed = header[0] & 0x04 != 0;
    let inner = match header[3] {
        1 | 2 if typed => Inner::Ip(rest),
        3 if typed => Inner::Frame(rest),
        _ if typed => Inner::Nothing,
        _ => Inner::Frame(rest),
    };
    (header[0] & 0x08 != 0).then_some(Tunnel { name: "VXLAN-GPE", inner })
}

/// RFC 8926 §3.4: options in units of four bytes.
fn geneve(payload: &[u8]) -> Option<Tunnel<'_>> {
    let header = payload.first_chunk::<8>().filter(|header| header[0] >> 6 == 0)?;
    let rest = payload.get(8 + usize::from(header[0] & 0x3f) * 4..)?;
    let kind = u16::from_be_bytes([header[2], header[3]]);
    Some(Tunnel::opened("Geneve (RFC 8926)", by_type(kind, rest)))
}

/// User data of mobile networks (3GPP TS 29.281 §5.1): version 1, message type 255.
fn gtp(payload: &[u8]) -> Option<Tunnel<'_>> {
    let header = payload.first_chunk::<8>().filter(|header| header[0] >> 4 == 3)?;
    if header[1] != 255 {
        return None;
    }
    let mut rest = &payload[8..];
    if header[0] & 7 != 0 {
        let (options, behind) = rest.split_at_checked(4)?;
        let mut next = options[3];
        rest = behind;
        while next != 0 {
            let length = usize::from(*rest.first()?).max(1) * 4;
            let (extension, behind) = rest.split_at_checked(length)?;
            next = extension[length - 1];
            rest = behind;
        }
    }
    Some(Tunnel::opened("GTP-U", Some(Inner::Ip(rest))))
}

/// RFC 4380 §5.1.1: an IPv6 packet, perhaps behind an indication of the origin.
fn teredo(payload: &[u8]) -> Option<Tunnel<'_>> {
    let rest = match payload {
        [0, 0, ..] => payload.get(8..)?,
        _ => payload,
    };
    let is_it = rest.first().is_some_and(|byte| byte >> 4 == 6);
    is_it.then(|| Tunnel::opened("Teredo (RFC 4380)", Some(Inner::Ip(rest))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_are_entered_or_named() {
        let ip = [0x45, 0, 0, 20];
        let inside =
            |tunnel: Option<Tunnel<'_>>| tunnel.map(|tunnel| tunnel.inner == Inner::Ip(&ip));
        let framed =
            |tunnel: Option<Tunnel<'_>>| tunnel.map(|tunnel| tunnel.inner == Inner::Frame(&ip));
        let with = |header: &[u8]| [header, &ip].concat();
        assert_eq!(inside(of_protocol(4, &ip)), Some(true));
        for header in [
            &[0, 0, 8, 0][..],
            &[0xb0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1],
            &[0x20, 0, 0x88, 0x0b, 0, 0, 0, 9, 0xff, 3, 0, 0x21],
            &[0x30, 0x81, 0x88, 0x0b, 0, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x21],
        ] {
            assert_eq!(inside(of_protocol(47, &with(header))), Some(true), "{header:?}");
        }
        assert_eq!(framed(of_protocol(47, &with(&[0, 0, 0x65, 0x58]))), Some(true));
        let erspan = [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0; 8]].concat();
        assert_eq!(framed(of_protocol(47, &with(&erspan))), Some(true));
        assert_eq!(
            inside(of_protocol(51, &with(&[4, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]))),
            Some(true)
        );
        assert_eq!(inside(of_port(2152, &with(&[0x30, 255, 0, 4, 0, 0, 0, 1]))), Some(true));
        let extended = [0x34, 255, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0];
        assert_eq!(inside(of_port(2152, &with(&extended))), Some(true));
        assert_eq!(framed(of_port(4789, &with(&[8, 0, 0, 0, 0, 0, 1, 0]))), Some(true));
        assert_eq!(framed(of_port(4790, &with(&[0x0c, 0, 0, 3, 0, 0, 0, 0]))), Some(true));
        assert_eq!(inside(of_port(4790, &with(&[0x0c, 0, 0, 1, 0, 0, 0, 0]))), Some(true));
        assert_eq!(inside(of_port(6081, &with(&[1, 0, 8, 0, 0, 0, 1, 0, 7, 7, 7, 7]))), Some(true));
        for (protocol, part) in [(50, "ESP"), (115, "L2TP"), (47, "GRE")] {
            let tunnel = of_protocol(protocol, &[0x40, 0, 8, 0]).unwrap();
            assert_eq!(tunnel.inner, Inner::Nothing);
            assert!(tunnel.name.contains(part));
        }
        assert_eq!(
            (of_protocol(132, &ip), of_port(443, &ip), of_port(4789, &[0; 9])),
            (None, None, None)
        );
    }
}
