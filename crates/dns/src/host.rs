//! `Host`: a host as a person writes it, an address or a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::Name;

/// A host: an address already, or a name to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// An IPv6 address with its zone: the name or number of the network interface that leads to it,
    /// as `fe80::1%eth0` (RFC 4007 §11).
    Scoped(Ipv6Addr, String),
    /// A name.
    Name(Hostname),
}

/// A host name in ASCII form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hostname {
    name: Name,
    rooted: bool,
}

/// The error of a text that is neither an address nor a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadName(pub(crate) String);

/// A name that must not be looked up in the DNS (RFC 6761).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialUse {
    /// `localhost` and names below it: stand for the loopback addresses (§6.3).
    Localhost,
    /// `invalid` and names below it: do not exist (§6.4).
    Invalid,
    /// `onion` and names below it: do not exist in the DNS (RFC 7686 §2).
    Onion,
}

impl Host {
    /// Parses a host as browsers do (the host parser of the URL standard: IDN to ASCII, the number
    /// forms of IPv4). An IPv6 address is also accepted without brackets and with a zone, whose
    /// percent sign may be written `%25` as in URLs (RFC 6874 §2).
    ///
    /// # Errors
    /// When the text is neither an address nor a name that fits into a DNS message (RFC 1035
    /// §2.3.4).
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self::Address(address.into()));
        }
        if let Some((address, zone)) = scoped(text) {
            return Ok(Self::Scoped(address, zone));
        }
        match url::Host::parse(text).map_err(|why| BadName(why.to_string()))? {
            url::Host::Ipv4(address) => Ok(Self::Address(address.into())),
            url::Host::Ipv6(address) => Ok(Self::Address(address.into())),
            url::Host::Domain(name) => Hostname::new(&name).map(Self::Name),
        }
    }
}

impl Hostname {
    fn new(ascii: &str) -> Result<Self, BadName> {
        let name = absolute(ascii).map_err(|why| BadName(why.to_string()))?;
        if name.is_root() {
            return Err(BadName("the root has no address".into()));
        }
        Ok(Self { name, rooted: ascii.ends_with('.') })
    }

    /// The root of all names, which has records but no address.
    pub(crate) fn root() -> Self {
        Self { name: Name::root(), rooted: true }
    }

    /// The name, fully qualified: `example.com.`.
    pub fn to_ascii(&self) -> String {
        self.name.to_ascii()
    }

    /// The name, with a dot at its end only if it was given with one: libc looks it up in that form
    /// in a hosts file.
    pub(crate) fn as_given(&self) -> String {
        if self.rooted { self.name.to_ascii() } else { self.bare() }
    }

    /// The name without the dot at its end.
    pub(crate) fn bare(&self) -> String {
        let text = self.name.to_ascii();
        text.strip_suffix('.').unwrap_or(&text).to_owned()
    }

    /// The name as hickory-proto has it.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// The special use that RFC 6761 gives this name, if any.
    pub fn special_use(&self) -> Option<SpecialUse> {
        match self.name.iter().next_back()? {
            b"localhost" => Some(SpecialUse::Localhost),
            b"invalid" => Some(SpecialUse::Invalid),
            b"onion" => Some(SpecialUse::Onion),
            _ => None,
        }
    }

    /// The names to ask name servers for, in order (resolv.conf(5), `search` and `ndots`). A name
    /// that ends with a dot is tried only as it is; a name with at least `ndots` dots is tried as
    /// it is before the search list, any other name after it.
    pub(crate) fn candidates(&self, search: &[Name], ndots: u32) -> Vec<Name> {
        let itself = self.name.clone();
        if self.rooted || search.is_empty() {
            return vec![itself];
        }
        let dots = u32::from(self.name.num_labels()).saturating_sub(1);
        let mut names: Vec<Name> = search
            .iter()
            .filter_map(|suffix| self.name.clone().append_domain(suffix).ok())
            .map(|mut name| {
                name.set_fqdn(true);
                name
            })
            .collect();
        let place = if dots >= ndots { 0 } else { names.len() };
        names.insert(place, itself);
        names
    }
}

impl SpecialUse {
    /// The addresses the name stands for; none where the name does not exist.
    pub(crate) fn addresses(self) -> Vec<IpAddr> {
        match self {
            Self::Localhost => vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
            Self::Invalid | Self::Onion => Vec::new(),
        }
    }
}

/// Parses an IPv6 address with a zone. As in libc, the name of an interface is accepted only with a
/// link-local address, a number with any.
fn scoped(text: &str) -> Option<(Ipv6Addr, String)> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let (address, zone) = bare.split_once('%')?;
    let address: Ipv6Addr = address.parse().ok()?;
    let zone = zone.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(zone);
    let local = address.is_unicast_link_local()
        || address.is_multicast() && matches!(address.octets()[1] & 0xf, 1 | 2);
    let number = zone.parse::<u32>().is_ok();
    let name = !zone.is_empty() && !zone.contains(|c: char| c == '/' || c.is_whitespace());
    (number || local && name).then(|| (address, zone.to_owned()))
}

/// Parses an absolute name, with or without a dot at its end.
pub(crate) fn absolute(text: &str) -> Result<Name, hickory_proto::ProtoError> {
    let mut name = Name::from_ascii(text)?.to_lowercase();
    name.set_fqdn(true);
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostname(text: &str) -> Hostname {
        match Host::parse(text) {
            Ok(Host::Name(name)) => name,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn candidates(text: &str, search: &[&str], ndots: u32) -> Vec<String> {
        let search: Vec<Name> = search.iter().map(|s| absolute(s).unwrap()).collect();
        hostname(text).candidates(&search, ndots).iter().map(Name::to_ascii).collect()
    }

    #[test]
    fn addresses_in_the_forms_browsers_take() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("127.1", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("3221225985", "192.0.2.1"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
        ] {
            assert_eq!(Host::parse(text), Ok(Host::Address(address.parse().unwrap())), "{text}");
        }
    }

    #[test]
    fn an_address_may_name_its_interface() {
        let scoped = |zone: &str| Ok(Host::Scoped("fe80::1".parse().unwrap(), zone.to_owned()));
        assert_eq!(Host::parse("fe80::1%eth0"), scoped("eth0"));
        assert_eq!(Host::parse("[fe80::1%25eth0]"), scoped("eth0"));
        assert_eq!(Host::parse("[fe80::1%eth0]"), scoped("eth0"));
        assert_eq!(Host::parse("fe80::1%3"), scoped("3"));
        assert_eq!(Host::parse("fe80::1%25"), scoped("25"));
        for text in ["fe80::1%", "2001:db8::1%eth0", "192.0.2.1%eth0", "fe80::1%a/b", "a%eth0"] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_become_ascii_and_lower_case() {
        assert_eq!(hostname("Bücher.Example").to_ascii(), "xn--bcher-kva.example.");
        assert_eq!(hostname("WWW.example.com.").to_ascii(), "www.example.com.");
        assert_eq!(hostname("under_score.example").bare(), "under_score.example");
    }

    #[test]
    fn what_fits_into_no_message_is_refused() {
        let long = "a".repeat(64);
        let many = "a.".repeat(130);
        for text in ["", ".", "a..b", "a b", &long, &many, "[::1", "exa<mple"] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_search_list_comes_before_or_after_as_the_dots_say() {
        let search = ["corp.example", "example"];
        assert_eq!(candidates("www", &search, 1), ["www.corp.example.", "www.example.", "www."]);
        assert_eq!(
            candidates("www.dev", &search, 1),
            ["www.dev.", "www.dev.corp.example.", "www.dev.example."]
        );
        assert_eq!(candidates("www.dev", &search, 2)[2], "www.dev.");
        assert_eq!(candidates("www.", &search, 1), ["www."]);
        assert_eq!(candidates("www", &[], 1), ["www."]);
    }

    #[test]
    fn special_names_ask_nobody() {
        assert_eq!(hostname("localhost").special_use(), Some(SpecialUse::Localhost));
        assert_eq!(hostname("www.LOCALHOST.").special_use(), Some(SpecialUse::Localhost));
        assert_eq!(hostname("a.invalid").special_use(), Some(SpecialUse::Invalid));
        assert_eq!(hostname("localhost.example").special_use(), None);
    }
}
