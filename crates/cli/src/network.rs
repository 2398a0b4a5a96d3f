//! Reads the arguments that describe the wire and the network.

use std::net::{IpAddr, SocketAddr};

use anyhow::{anyhow, bail};
use roundtrip_dns::{Families, LookupMode, Options as NameOptions};
use roundtrip_lab::{Caches, DEFAULT_DATE, Net};
use roundtrip_visit::ground::{Ground, Virtual};
use roundtrip_visit::run::ThisMachine;
use roundtrip_visit::trust::{Shown, Trust};
use roundtrip_visit::{Detour, Pin};

use crate::args::Network;
use crate::{calendar, keep};

/// The wire that was asked for; the network of a lab is read later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Live,
    Tap(roundtrip_tap::Settings),
    Lab,
}

impl Network {
    /// The wire; `None` if none was named.
    pub(crate) fn wire(&self) -> anyhow::Result<Option<Wire>> {
        self.wire.as_deref().map(wire).transpose()
    }

    /// The ground of a command that uses one wire: the wire that was named, or else the lab if a
    /// network is described, and the live wire if not.
    pub(crate) fn ground(&self) -> anyhow::Result<Ground> {
        match self.wire()? {
            Some(Wire::Lab) => Ok(Ground::Lab(Box::new(self.lab()?))),
            None if self.net.is_some() => Ok(Ground::Lab(Box::new(self.lab()?))),
            real => self.real(real),
        }
    }

    /// The ground on a real wire. Arguments that describe a lab are refused.
    pub(crate) fn real(&self, wire: Option<Wire>) -> anyhow::Result<Ground> {
        for (given, option) in [
            (self.net.is_some(), "--net"),
            (self.seed.is_some(), "--seed"),
            (self.date.is_some(), "--date"),
            (!self.site.is_empty(), "--site"),
        ] {
            if given {
                bail!(
                    "{option} describes the lab, and a real wire is what it is; leave out {option} or --wire"
                )
            }
        }
        Ok(match wire {
            Some(Wire::Tap(settings)) => Ground::Tap(settings),
            _ => Ground::Live,
        })
    }

    /// The lab; its network is `cable` if none was described.
    pub(crate) fn lab(&self) -> anyhow::Result<Virtual> {
        let net: Net = self.net.as_deref().unwrap_or("cable").parse()?;
        let date = self.date.as_deref().map(date).transpose()?.unwrap_or(DEFAULT_DATE);
        Ok(Virtual { net, seed: self.seed.unwrap_or(1), date, caches: Caches::default() })
    }

    /// The options for looking up names.
    pub(crate) fn names(&self, families: Families) -> anyhow::Result<NameOptions> {
        let options = match &self.dns {
            Some(_) if self.walk => {
                bail!("--dns and --walk exclude each other: one server, or all from the root down")
            }
            None if self.walk => NameOptions::walk(),
            server => name_options(server.as_deref())?,
        };
        let options = if self.fresh { options.fresh() } else { options };
        Ok(options.of(families))
    }
}

/// How names are looked up, by the server that `--dns` names or by the system's ladder.
pub(crate) fn name_options(server: Option<&str>) -> anyhow::Result<NameOptions> {
    Ok(match server {
        Some(server) => NameOptions::server(name_server(server)?),
        None => NameOptions { mode: LookupMode::Ladder, ..NameOptions::default() },
    })
}

/// Parses the notation of a wire.
pub(crate) fn wire(text: &str) -> anyhow::Result<Wire> {
    match text {
        "lab" => Ok(Wire::Lab),
        "live" => Ok(Wire::Live),
        tap if tap.starts_with("tap:") => Ok(Wire::Tap(tap.parse()?)),
        other => Err(anyhow!(
            "--wire {other}: there are live, lab and tap:NAME,addr=10.9.0.1/24,gw=10.9.0.2"
        )),
    }
}

/// Parses an address with or without a port; the default is 53, DNS.
fn name_server(text: &str) -> anyhow::Result<SocketAddr> {
    let bare = text.trim_matches(['[', ']']);
    text.parse()
        .or_else(|_| bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, roundtrip_dns::PORT)))
        .map_err(|_| anyhow!("--dns {text}: wanted an address, as 127.0.0.1:53 or [::1]:53"))
}

/// The families of addresses that `-4` and `-6` choose.
pub(crate) fn families(ipv4: bool, ipv6: bool) -> Families {
    match (ipv4, ipv6) {
        (true, _) => Families::V4,
        (_, true) => Families::V6,
        _ => Families::default(),
    }
}

/// Whom `--cacert` and `--insecure`, or the like of them for proxies, have one trust.
pub(crate) fn trust(cacert: Option<&std::path::Path>, insecure: bool) -> Trust {
    match (insecure, cacert) {
        (true, _) => Trust::Everybody,
        (false, Some(path)) => Trust::File(path.to_owned()),
        (false, None) => Trust::Platform,
    }
}

/// The machine's own means, for a real wire.
pub(crate) fn this_machine(cacert: Option<&std::path::Path>, insecure: bool) -> ThisMachine {
    let key_log = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty());
    if let Some(path) = &key_log {
        eprintln!("roundtrip: keys of TLS sessions go to {}", path.to_string_lossy());
    }
    let shown = Shown::default();
    ThisMachine {
        cache: keep::cache(),
        trust: trust(cacert, insecure),
        shown,
        key_log: key_log.map(Into::into),
        ..ThisMachine::default()
    }
}

/// Refuses `--cacert` in the lab.
///
/// # Errors
/// Always, where a file is named.
pub(crate) fn no_authority_in_lab(cacert: Option<&std::path::Path>) -> anyhow::Result<()> {
    match cacert {
        Some(path) => bail!(
            "--cacert {}: in the lab its own authority signs every certificate, and no other is trusted; leave it out",
            path.display()
        ),
        None => Ok(()),
    }
}

/// Parses curl's `--resolve`: `HOST:PORT:ADDR[,ADDR]`, where `*` is every host and `-HOST:PORT`
/// removes an earlier entry. curl's plus sign, which lets the entry time out, has no effect here.
pub(crate) fn pins(given: &[String]) -> anyhow::Result<Vec<Pin>> {
    let pin = |text: &String| {
        let bad =
            || anyhow!("--resolve {text}: wanted HOST:PORT:ADDRESS, as example.com:443:192.0.2.1");
        if let Some(back) = text.strip_prefix('-') {
            let (host, port) = host_port(back).ok_or_else(bad)?;
            return Ok(Pin { host, port: Some(port), addresses: Vec::new() });
        }
        let text = text.strip_prefix('+').unwrap_or(text);
        let (host, rest) = split_host(text).ok_or_else(bad)?;
        let (port, addresses) = rest.split_once(':').ok_or_else(bad)?;
        let port = port.parse().map_err(|_| bad())?;
        let parse = |address: &str| address.trim_matches(['[', ']']).parse().map_err(|_| bad());
        let addresses: Result<Vec<IpAddr>, _> = addresses.split(',').map(parse).collect();
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Pin { host, port: Some(port), addresses: addresses? })
    };
    given.iter().map(pin).collect()
}

/// Parses curl's `--connect-to`: `HOST1:PORT1:HOST2:PORT2`. An empty first part matches every host
/// or port, an empty second part keeps the URL's.
pub(crate) fn detours(given: &[String]) -> anyhow::Result<Vec<Detour>> {
    let detour = |text: &String| {
        let bad = || {
            anyhow!(
                "--connect-to {text}: wanted HOST1:PORT1:HOST2:PORT2, as example.com:443:192.0.2.1:8443"
            )
        };
        let port = |text: &str| match text {
            "" => Ok(None),
            port => port.parse().map(Some).map_err(|_| bad()),
        };
        let name = |host: &str| {
            let host = host.trim_matches(['[', ']']);
            (!host.is_empty()).then(|| host.to_owned())
        };
        let (host, rest) = split_host(text).ok_or_else(bad)?;
        let (from, rest) = rest.split_once(':').ok_or_else(bad)?;
        let (to, to_port) = split_host(rest).ok_or_else(bad)?;
        Ok(Detour {
            host: name(host),
            port: port(from)?,
            to_host: name(to),
            to_port: port(to_port)?,
        })
    };
    given.iter().map(detour).collect()
}

/// Splits at the first colon outside the brackets of an IPv6 address.
fn split_host(text: &str) -> Option<(&str, &str)> {
    let end = if text.starts_with('[') { text.find(']')? } else { 0 };
    let colon = end + text[end..].find(':')?;
    Some((&text[..colon], &text[colon + 1..]))
}

fn host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = split_host(text)?;
    Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
}

/// The last year whose days fit into nanoseconds since 1970, as the record counts them.
const LAST_YEAR: i32 = 2500;

/// Parses a day; returns the seconds since 1970 at its beginning, UTC.
fn date(text: &str) -> anyhow::Result<u64> {
    let bad = |why: &str| {
        anyhow!("--date {text}: {why}; wanted a day from 1970-01-01 to {LAST_YEAR}-12-31")
    };
    let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else {
        return Err(bad("not a date"));
    };
    let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse()) else {
        return Err(bad("not a date"));
    };
    if !(1970..=LAST_YEAR).contains(&year) {
        return Err(bad("a year the record cannot tell"));
    }
    calendar::seconds(year, month, day).ok_or_else(|| bad("no such day"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_since_1970() {
        for (text, days) in [("1970-01-01", 0), ("2000-03-01", 11_017), ("2026-01-01", 20_454)] {
            assert_eq!(date(text).ok(), Some(days * 86_400), "{text}");
        }
        assert!(
            date("1969-12-31").is_err() && date("2026-13-01").is_err() && date("today").is_err()
        );
        assert!(date("2020-02-30").is_err() && date("9999-12-31").is_err());
        assert!(date("2024-02-29").is_ok() && date("2023-02-29").is_err());
    }

    #[test]
    fn addresses_are_pinned() {
        let pins =
            pins(&["example.com:443:192.0.2.1,[2001:db8::1]".into()]).expect("two addresses");
        assert_eq!(pins[0].addresses.len(), 2);
        assert_eq!(pins[0].port, Some(443));
        assert!(super::pins(&["example.com".into()]).is_err());
        assert!(super::pins(&["example.com:x:192.0.2.1".into()]).is_err());
        let back = super::pins(&["-example.com:443".into()]).expect("one taken back");
        assert!(back[0].addresses.is_empty());
    }

    #[test]
    fn connections_go_elsewhere() {
        let read = |text: &str| {
            let detour = detours(&[text.to_owned()]).ok()?.pop()?;
            Some((detour.host, detour.port, detour.to_host, detour.to_port))
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            read("a.test:80:b.test:81"),
            Some((text("a.test"), Some(80), text("b.test"), Some(81)))
        );
        assert_eq!(read("::b.test:"), Some((None, None, text("b.test"), None)));
        assert_eq!(read("[::1]:80:[::2]:81"), Some((text("::1"), Some(80), text("::2"), Some(81))));
        assert_eq!(read(":::81"), Some((None, None, None, Some(81))));
        assert!(read("a.test:80").is_none() && read("a:b:c:d").is_none());
    }
}
