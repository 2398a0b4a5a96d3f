//! `AddressPolicy`: the policy table of gai.conf(5), by which destination addresses are sorted (RFC
//! 6724 §2.1).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most entries of one kind that are read.
const MOST: usize = 256;
/// The scope value of global addresses (RFC 4291 §2.7).
pub(crate) const GLOBAL: u8 = 14;
const SITE_LOCAL: u8 = 5;
const LINK_LOCAL: u8 = 2;

/// The policy by which destination addresses are sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPolicy {
    labels: Vec<Entry>,
    precedences: Vec<Entry>,
    scopes: Vec<Entry>,
}

/// A prefix and the value it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    prefix: Ipv6Addr,
    bits: u8,
    value: u32,
}

impl Default for AddressPolicy {
    /// glibc's tables without a file: those of RFC 3484 with two later prefixes.
    fn default() -> Self {
        let table = |entries: &[(&str, u32)]| {
            let entry = |(prefix, value): &(&str, u32)| read_prefix(prefix, *value);
            sorted(entries.iter().filter_map(entry).collect())
        };
        Self {
            labels: table(&[
                ("::1/128", 0),
                ("::/0", 1),
                ("2002::/16", 2),
                ("::/96", 3),
                ("::ffff:0:0/96", 4),
                ("fec0::/10", 5),
                ("fc00::/7", 6),
                ("2001::/32", 7),
            ]),
            precedences: table(&[
                ("::1/128", 50),
                ("::/0", 40),
                ("2002::/16", 30),
                ("::/96", 20),
                ("::ffff:0:0/96", 10),
            ]),
            scopes: table(&[
                ("::ffff:169.254.0.0/112", LINK_LOCAL.into()),
                ("::ffff:127.0.0.0/104", LINK_LOCAL.into()),
                ("::/0", GLOBAL.into()),
            ]),
        }
    }
}

impl AddressPolicy {
    /// Parses a gai.conf. If it has any line of a kind, its lines replace glibc's table of that
    /// kind. As in libc, lines that cannot be read are ignored.
    pub fn parse(text: &str) -> Self {
        let (mut labels, mut precedences, mut scopes) = (Vec::new(), Vec::new(), Vec::new());
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
            let (Some(kind), Some(prefix), Some(value)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Ok(value) = value.parse() else { continue };
            let (table, entry) = match kind {
                "label" => (&mut labels, read_prefix(prefix, value)),
                "precedence" => (&mut precedences, read_prefix(prefix, value)),
                "scopev4" => (&mut scopes, read_scope(prefix, value)),
                _ => continue,
            };
            if table.len() < MOST {
                table.extend(entry);
            }
        }
        let default = Self::default();
        let or_default = |table: Vec<Entry>, default: Vec<Entry>, rest: u32| {
            if table.is_empty() { default } else { with_rest(table, rest) }
        };
        Self {
            labels: or_default(labels, default.labels, i32::MAX as u32),
            precedences: or_default(precedences, default.precedences, 40),
            scopes: or_default(scopes, default.scopes, GLOBAL.into()),
        }
    }

    /// The label of an address; source and destination should have the same (rule 5).
    pub(crate) fn label(&self, address: IpAddr) -> u32 {
        find(&self.labels, address)
    }

    /// The precedence of an address; higher is better (rule 6).
    pub(crate) fn precedence(&self, address: IpAddr) -> u32 {
        find(&self.precedences, address)
    }

    /// The scope of an address (RFC 6724 §3.1); smaller is nearer.
    pub(crate) fn scope(&self, address: IpAddr) -> u8 {
        match address {
            IpAddr::V4(_) => u8::try_from(find(&self.scopes, address)).unwrap_or(GLOBAL),
            IpAddr::V6(v6) if v6.is_multicast() => v6.octets()[1] & 0xf,
            IpAddr::V6(v6) if v6.is_loopback() || v6.is_unicast_link_local() => LINK_LOCAL,
            IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfec0 => SITE_LOCAL,
            IpAddr::V6(_) => GLOBAL,
        }
    }
}

/// The address as the tables have it: IPv4 mapped into IPv6.
fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// The value of the longest prefix that contains the address.
fn find(table: &[Entry], address: IpAddr) -> u32 {
    let address = mapped(address).to_bits();
    let holds = |entry: &&Entry| {
        let mask = u128::MAX.checked_shl(128 - u32::from(entry.bits)).unwrap_or(0);
        address & mask == entry.prefix.to_bits() & mask
    };
    table.iter().find(holds).map_or(0, |entry| entry.value)
}

/// Sorts by prefix length, the longest first; equal ones keep the order of the file.
fn sorted(mut table: Vec<Entry>) -> Vec<Entry> {
    table.sort_by_key(|entry| core::cmp::Reverse(entry.bits));
    table
}

/// Completes a table of the file with an entry for all other addresses.
fn with_rest(mut table: Vec<Entry>, value: u32) -> Vec<Entry> {
    if table.iter().all(|entry| entry.bits != 0) {
        table.push(Entry { prefix: Ipv6Addr::UNSPECIFIED, bits: 0, value });
    }
    sorted(table)
}

fn read_prefix(text: &str, value: u32) -> Option<Entry> {
    let (prefix, bits) = split(text, 128)?;
    Some(Entry { prefix: prefix.parse().ok()?, bits, value })
}

/// Parses a prefix with a scope. An IPv4 prefix may also be written as the IPv6 prefix it is mapped
/// to.
fn read_scope(text: &str, value: u32) -> Option<Entry> {
    if text.contains(':') {
        let entry = read_prefix(text, value)?;
        return (entry.bits >= 96).then_some(entry);
    }
    let (prefix, bits) = split(text, 32)?;
    let prefix: Ipv4Addr = prefix.parse().ok()?;
    Some(Entry { prefix: prefix.to_ipv6_mapped(), bits: bits + 96, value })
}

fn split(text: &str, whole: u8) -> Option<(&str, u8)> {
    let Some((prefix, bits)) = text.split_once('/') else { return Some((text, whole)) };
    let bits = bits.parse().ok().filter(|bits| *bits <= whole)?;
    Some((prefix, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_file_the_tables_are_those_of_libc() {
        let policy = AddressPolicy::parse("# nothing\n");
        for (address, label, precedence, scope) in [
            ("::1", 0, 50, 2),
            ("2001:db8::1", 1, 40, 14),
            ("192.0.2.1", 4, 10, 14),
            ("127.0.0.1", 4, 10, 2),
            ("169.254.7.7", 4, 10, 2),
            ("fe80::1", 1, 40, 2),
            ("fd00::1", 6, 40, 14),
            ("2002:c000:201::1", 2, 30, 14),
            ("2001::1", 7, 40, 14),
            ("fec0::1", 5, 40, 5),
            ("ff05::1", 1, 40, 5),
        ] {
            let ip = ip(address);
            let all = (policy.label(ip), policy.precedence(ip), policy.scope(ip));
            assert_eq!(all, (label, precedence, scope), "{address}");
        }
    }

    #[test]
    fn one_line_of_a_table_stands_for_the_whole_table() {
        let policy = AddressPolicy::parse(
            "precedence ::ffff:0:0/96 100 # IPv4 first\nscopev4 10.0.0.0/8 5\nlabel ::1/129 3\nlabel x 3",
        );
        assert_eq!(policy.precedence(ip("192.0.2.1")), 100);
        assert_eq!(policy.precedence(ip("::1")), 40);
        assert_eq!(policy.label(ip("192.0.2.1")), 4);
        assert_eq!((policy.scope(ip("10.1.1.1")), policy.scope(ip("127.0.0.1"))), (5, 14));
    }
}
