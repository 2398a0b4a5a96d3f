//! `Network`: addresses that begin alike (RFC 4632, RFC 4291 §2.3).

use core::str::FromStr;
use std::net::IpAddr;

/// Addresses whose first bits are these: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    length: u32,
    of_four: bool,
}

/// An address as bits, those of IPv4 at the top.
fn bits(address: IpAddr) -> (u128, u32) {
    match address.to_canonical() {
        IpAddr::V4(four) => (u128::from(u32::from(four)) << 96, 32),
        IpAddr::V6(six) => (u128::from(six), 128),
    }
}

fn mask(length: u32) -> u128 {
    u128::MAX.checked_shl(128 - length).unwrap_or(0)
}

impl Network {
    /// Whether an address is among them.
    pub fn has(&self, address: IpAddr) -> bool {
        let (own, most) = bits(address);
        self.of_four == (most == 32) && own & mask(self.length) == self.bits
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "wanted an address or a network, as 192.0.2.0/24 or 2001:db8::/32";
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let (bits, most) = bits(address.parse().map_err(|_| WANTED)?);
        let length = match length {
            None => most,
            Some(digits) => digits.parse().ok().filter(|length| *length <= most).ok_or(WANTED)?,
        };
        if bits & !mask(length) != 0 {
            return Err("the address has more bits than its length says");
        }
        Ok(Self { bits, length, of_four: most == 32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_addresses() {
        for (network, address, has) in [
            ("192.0.2.0/24", "192.0.2.200", true),
            ("192.0.2.0/24", "192.0.3.1", false),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "127.0.0.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert_eq!(parsed.has(address.parse().unwrap()), has, "{network} {address}");
        }
        for text in
            ["", "localhost", "192.0.2.1/24", "192.0.2.0/33", "::/129", "1.2.3.4/", "::1/-1"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
