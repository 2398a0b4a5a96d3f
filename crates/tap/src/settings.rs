//! `tap:NAME,addr=10.9.0.1/24,gw=10.9.0.2`: how the wire is written on the command line.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address.
    pub address: IpAddr,
    /// Bits of its prefix.
    pub prefix_len: u8,
}

/// A TAP device and the host that stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The device's name, at most 15 bytes.
    pub device: String,
    /// Our host's addresses.
    pub addresses: Vec<Cidr>,
    /// Its gateways, one for each family at most; without one only the link is reached.
    pub gateways: Vec<IpAddr>,
    /// Largest IP packet, bytes; `None`: as the device has it, 1500 for one made here.
    pub mtu: Option<u16>,
    /// Whether the kernel may cut, merge and sum for us.
    pub offload: Offloading,
}

/// Whether the kernel may take work off us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offloading {
    /// Where it can: `IFF_VNET_HDR`, checksums, TSO.
    #[default]
    Allowed,
    /// Every frame goes over the device as it would go over a cable.
    Off,
}

/// What is wrong with the description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "--wire {given}: {why}\n  write it as tap:NAME,addr=10.9.0.1/24,gw=10.9.0.2[,addr6=fd00::1/64][,gw6=fd00::2][,mtu=1500][,offload=off]"
)]
pub struct SettingsError {
    given: String,
    why: String,
}

impl FromStr for Settings {
    type Err = SettingsError;

    /// Reads the form that `Display` writes.
    fn from_str(given: &str) -> Result<Self, SettingsError> {
        let bad = |why: String| SettingsError { given: given.to_owned(), why };
        let rest =
            given.strip_prefix("tap:").ok_or_else(|| bad("it must begin with tap:".into()))?;
        let mut parts = rest.split(',');
        let device = parts.next().unwrap_or_default().to_owned();
        // IFNAMSIZ with its NUL is 16, and the kernel takes no slash and no white space.
        let fits = (1..16).contains(&device.len());
        if !fits || device.contains(|c: char| c == '/' || c.is_whitespace()) {
            return Err(bad(format!("{device:?} cannot be a device's name (1 to 15 bytes)")));
        }
        let mut settings = Self {
            device,
            addresses: Vec::new(),
            gateways: Vec::new(),
            mtu: None,
            offload: Offloading::Allowed,
        };
        for part in parts {
            settings.take(part).map_err(bad)?;
        }
        settings.check().map_err(bad)?;
        Ok(settings)
    }
}

impl Settings {
    fn take(&mut self, part: &str) -> Result<(), String> {
        let (key, value) = part.split_once('=').ok_or(format!("{part:?} is not NAME=VALUE"))?;
        let why = |what: &str| format!("{key}={value}: {what}");
        match key {
            "addr" | "addr6" => {
                let form = "wanted an address and its prefix length, as 10.9.0.1/24";
                self.addresses.push(cidr(value, key == "addr6").ok_or_else(|| why(form))?);
            }
            "gw" | "gw6" => {
                let gateway = address(value, key == "gw6");
                self.gateways.push(gateway.ok_or_else(|| why("wanted an address"))?);
            }
            "mtu" => {
                let mtu = value.parse().ok().filter(|mtu| (576..=65_520).contains(mtu));
                self.mtu = Some(mtu.ok_or_else(|| why("wanted 576 to 65520"))?);
            }
            "offload" => {
                self.offload = match value {
                    "on" => Offloading::Allowed,
                    "off" => Offloading::Off,
                    _ => return Err(why("wanted on or off")),
                }
            }
            _ => {
                return Err(format!(
                    "{key} is not known; there are addr, gw, addr6, gw6, mtu, offload"
                ));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.addresses.is_empty() {
            return Err("our host needs an address (addr=…)".into());
        }
        for gateway in &self.gateways {
            if !self.addresses.iter().any(|cidr| cidr.contains(*gateway)) {
                return Err(format!("gateway {gateway} is in the prefix of no address of ours"));
            }
            if self.addresses.iter().any(|cidr| cidr.address == *gateway) {
                return Err(format!("{gateway} cannot be both our address and the gateway"));
            }
        }
        Ok(())
    }
}

impl Cidr {
    /// Whether an address has this prefix.
    pub fn contains(&self, other: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix_len)).unwrap_or(0);
        self.address.is_ipv4() == other.is_ipv4() && (bits(self.address) ^ bits(other)) & mask == 0
    }
}

fn address(value: &str, v6: bool) -> Option<IpAddr> {
    value.parse().ok().filter(|address: &IpAddr| address.is_ipv6() == v6)
}

fn cidr(value: &str, v6: bool) -> Option<Cidr> {
    let (address_text, length) = value.split_once('/')?;
    let prefix_len = length.parse().ok().filter(|len| *len <= if v6 { 128 } else { 32 })?;
    Some(Cidr { address: address(address_text, v6)?, prefix_len })
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let six = |address: IpAddr| if address.is_ipv6() { "6" } else { "" };
        write!(f, "tap:{}", self.device)?;
        for Cidr { address, prefix_len } in &self.addresses {
            write!(f, ",addr{}={address}/{prefix_len}", six(*address))?;
        }
        for gateway in &self.gateways {
            write!(f, ",gw{}={gateway}", six(*gateway))?;
        }
        if let Some(mtu) = self.mtu {
            write!(f, ",mtu={mtu}")?;
        }
        if self.offload == Offloading::Off {
            write!(f, ",offload=off")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in [
            "tap:rt0,addr=10.9.0.1/24,gw=10.9.0.2",
            "tap:rt0,addr=10.9.0.1/24,addr6=fd00::1/64,gw=10.9.0.2,gw6=fd00::2,mtu=9000,offload=off",
        ] {
            assert_eq!(text.parse::<Settings>().map(|s| s.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn errors_say_which_part() {
        let why = |text: &str| text.parse::<Settings>().expect_err(text).why;
        assert!(why("veth0").contains("must begin with tap:"));
        assert!(why("tap:0123456789abcdef,addr=10.9.0.1/24").contains("1 to 15 bytes"));
        assert!(why("tap:rt0").contains("needs an address"));
        assert!(why("tap:rt0,addr=10.9.0.1").contains("prefix length"));
        assert!(why("tap:rt0,addr=10.9.0.1/33").contains("prefix length"));
        assert!(
            why("tap:rt0,addr=10.9.0.1/24,gw=10.8.0.1").contains("in the prefix of no address")
        );
        assert!(why("tap:rt0,addr=10.9.0.1/24,gw=10.9.0.1").contains("both"));
        assert!(why("tap:rt0,speed=9").contains("speed is not known"));
    }

    #[test]
    fn prefixes_hold_what_they_should() {
        let cidr = |text: &str| cidr(text, text.contains(':')).expect(text);
        assert!(cidr("10.9.0.1/24").contains("10.9.0.255".parse().unwrap()));
        assert!(!cidr("10.9.0.1/24").contains("10.9.1.0".parse().unwrap()));
        assert!(cidr("10.9.0.1/0").contains("192.0.2.1".parse().unwrap()));
        assert!(cidr("fd00::1/128").contains("fd00::1".parse().unwrap()));
        assert!(!cidr("fd00::1/64").contains("10.9.0.1".parse().unwrap()));
    }
}
