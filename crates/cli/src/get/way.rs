//! How connections leave this machine, from the options.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use roundtrip_live::Way;
use roundtrip_visit::ground::Ground;

use super::args::Connection;
use super::early::Early;

/// curl's exit code for a device or an address that cannot be used (`CURLE_INTERFACE_FAILED`).
const INTERFACE_FAILED: u8 = 45;

/// Whether all connections lead to a Unix domain socket.
pub(super) fn is_unix(options: &Connection) -> bool {
    options.unix_socket.is_some() || options.abstract_unix_socket.is_some()
}

/// How connections leave.
///
/// # Errors
/// When an option names what is not there, or where there are no connections of the kernel.
pub(super) fn way(options: &Connection, ground: &Ground) -> anyhow::Result<Way> {
    if !matches!(ground, Ground::Live) {
        for (given, option, why) in [
            (options.interface.is_some(), "--interface", "its host has one device"),
            (options.local_port.is_some(), "--local-port", "its host chooses the ports"),
            (is_unix(options), "--unix-socket", "it connects over TCP"),
        ] {
            if given {
                bail!("{option}: {why}, on this wire; leave it out, or --wire and --net")
            }
        }
        return Ok(Way { fast_open: options.tcp_fastopen, ..Way::default() });
    }
    let mut way = Way {
        fast_open: options.tcp_fastopen,
        ports: options.local_port.as_deref().map(ports).transpose()?,
        unix: unix(options),
        ..Way::default()
    };
    if let Some(text) = &options.interface {
        let refused = |why: String| Early {
            code: INTERFACE_FAILED,
            text: format!("--interface {text}: {why}; `ip addr` lists devices and addresses"),
        };
        let address = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>();
        match (text.strip_prefix("if!"), text.strip_prefix("host!").unwrap_or(text)) {
            (Some(device), _) => way.device = Some(device.to_owned()),
            (None, place) => match address(place) {
                Ok(address) => way.address = Some(address),
                Err(_) if text.starts_with("host!") => {
                    return Err(refused("wanted an address".into()).into());
                }
                Err(_) => way.device = Some(place.to_owned()),
            },
        }
        way.check().map_err(|error| match &way.device {
            Some(device) => refused(format!("{device} is no address, and as a device: {error}")),
            None => refused(error.to_string()),
        })?;
    }
    Ok(way)
}

fn unix(options: &Connection) -> Option<PathBuf> {
    // The NUL is the mark of the abstract namespace (unix(7)).
    let named = options.abstract_unix_socket.as_ref().map(|name| format!("\0{name}").into());
    options.unix_socket.clone().or(named)
}

/// A port, or the first and the last of several.
fn ports(text: &str) -> anyhow::Result<RangeInclusive<u16>> {
    let bad = || anyhow!("--local-port {text}: wanted a port or two with - between, as 4000-4200");
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first).ok_or_else(bad)?, number(last).ok_or_else(bad)?);
    if first > last { Err(bad()) } else { Ok(first..=last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_one_or_several() {
        assert_eq!(ports("4000").ok(), Some(4000..=4000));
        assert_eq!(ports("4000-4200").ok(), Some(4000..=4200));
        for text in ["", "0", "4200-4000", "x", "1-70000", "-1"] {
            assert!(ports(text).is_err(), "{text}");
        }
    }
}
