//! `Resolv`: the contents of resolv.conf(5), and the policy for asking name servers that follows.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use hickory_proto::rr::Name;

use crate::host::absolute;
use crate::via::Via;

/// The port of name servers (RFC 1035 §4.2).
pub const PORT: u16 = 53;

/// The largest UDP answer we accept, in bytes, as EDNS tells the server. Messages of this size pass
/// any path unfragmented (DNS flag day 2020).
pub const UDP_PAYLOAD: u16 = 1232;

/// The most name servers that are read, as in libc (`MAXNS`, resolv.h).
const MOST_SERVERS: usize = 3;
/// The largest timeout, in seconds, and number of tries that libc accepts (`RES_MAXRETRANS`,
/// `RES_MAXRETRY`, resolv.h).
const MOST_TIMEOUT: u32 = 30;
const MOST_ATTEMPTS: u32 = 5;
/// The largest `ndots` that libc accepts (`RES_MAXNDOTS`).
const MOST_NDOTS: u32 = 15;
/// The shortest time a server has over TCP, enough for three lost SYNs and a fourth.
const LEAST_TCP: Duration = Duration::from_secs(10);

/// How servers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long the first server of the list has to answer.
    pub timeout: Duration,
    /// How many times the list of servers is gone through.
    pub attempts: u32,
    /// UDP first, or TCP only (`use-vc`).
    pub transport: FirstTransport,
    /// Whether the server is to do the whole lookup.
    pub recursion: Recursion,
    /// Whether the AD flag is set in queries (`trust-ad`).
    pub authentic_data: bool,
}

/// The transport over which a question is first sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstTransport {
    /// UDP, then TCP when the answer was truncated.
    Udp,
    /// TCP only.
    Tcp,
}

/// The RD flag of a query (RFC 1035 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recursion {
    /// Set: the server is to find the answer.
    Desired,
    /// Not set: the server is to say what it knows.
    No,
}

/// Whether A and AAAA records are asked for at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// At the same time.
    Parallel,
    /// One after the other (`single-request`).
    Sequential,
}

/// Whether AAAA records are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aaaa {
    /// AAAA records are asked for.
    Asked,
    /// AAAA records are not asked for (`no-aaaa`).
    NotAsked,
}

/// The contents of resolv.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolv {
    /// The name servers, in the order of the file.
    pub servers: Vec<SocketAddr>,
    /// The search list: domains that are appended to names.
    pub search: Vec<Name>,
    /// The number of dots from which on a name is tried as it is before the search list.
    pub ndots: u32,
    /// Whether each question starts with another server of the list.
    pub rotate: bool,
    /// Whether A and AAAA records are asked for at the same time.
    pub pairing: Pairing,
    /// Whether AAAA records are asked for.
    pub aaaa: Aaaa,
    /// How the servers are asked.
    pub policy: Policy,
}

impl Default for Resolv {
    /// libc's defaults without a file: a name server on this host, 5 s, two attempts.
    fn default() -> Self {
        Self::parse("")
    }
}

impl Policy {
    /// How long the server at place `index` of `count` has to answer. The timeout doubles with each
    /// further server and is divided by their number, but is never less than a second (glibc,
    /// `send_dg` in `resolv/res_send.c`). Over TCP, which retransmits by itself, it is never less
    /// than ten seconds.
    pub fn patience(&self, index: usize, count: usize, via: Via) -> Duration {
        let least = match via {
            Via::Udp => Duration::ZERO,
            Via::Tcp => LEAST_TCP,
        };
        if index == 0 {
            return self.timeout.max(least);
        }
        let doubled = self.timeout.saturating_mul(1 << index.min(16));
        let shared = doubled / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        Duration::from_secs(shared.as_secs()).max(Duration::from_secs(1)).max(least)
    }

    /// The policy by which a walk asks the servers of the tree. A walk asks many servers, so each
    /// has less time than a recursive server.
    pub fn walk() -> Self {
        Self {
            timeout: Duration::from_millis(1_500),
            attempts: 1,
            transport: FirstTransport::Udp,
            recursion: Recursion::No,
            authentic_data: false,
        }
    }
}

impl Resolv {
    /// Parses a resolv.conf. As in libc, lines that cannot be read are ignored.
    pub fn parse(text: &str) -> Self {
        Self::parse_with(text, |_| None)
    }

    /// Parses a resolv.conf; `interface` gives the index of a network interface by its name, for
    /// servers that can be reached only through one (`fe80::1%eth0`). A numeric zone is an index
    /// already (RFC 4007 §11.2).
    pub fn parse_with(text: &str, interface: impl Fn(&str) -> Option<u32>) -> Self {
        let lines: Vec<&str> = text.split('\n').filter(|line| is_read(line)).collect();
        let (file, _) = resolv_conf::Config::parse_with_errors(lines.join("\n").as_bytes());
        let mut servers: Vec<SocketAddr> = file
            .nameservers
            .iter()
            .map(|server| address(server, &interface))
            .take(MOST_SERVERS)
            .collect();
        if servers.is_empty() {
            servers.push(SocketAddr::from(([127, 0, 0, 1], PORT)));
        }
        Self {
            servers,
            search: file
                .get_last_search_or_domain()
                .filter(|suffix| *suffix != ".")
                .filter_map(|suffix| absolute(suffix).ok())
                .collect(),
            ndots: file.ndots.min(MOST_NDOTS),
            rotate: file.rotate,
            pairing: if file.single_request || file.single_request_reopen {
                Pairing::Sequential
            } else {
                Pairing::Parallel
            },
            aaaa: if file.no_aaaa { Aaaa::NotAsked } else { Aaaa::Asked },
            policy: Policy {
                timeout: Duration::from_secs(file.timeout.clamp(1, MOST_TIMEOUT).into()),
                attempts: file.attempts.clamp(1, MOST_ATTEMPTS),
                transport: if file.use_vc { FirstTransport::Tcp } else { FirstTransport::Udp },
                recursion: Recursion::Desired,
                authentic_data: file.trust_ad,
            },
        }
    }

    /// The same configuration, with `server` as the only name server.
    #[must_use]
    pub fn of_server(mut self, server: SocketAddr) -> Self {
        self.servers = vec![server];
        self
    }
}

/// A name server's socket address, with the index of the interface that leads to it.
fn address(server: &resolv_conf::ScopedIp, interface: impl Fn(&str) -> Option<u32>) -> SocketAddr {
    match server {
        resolv_conf::ScopedIp::V6(ip, Some(zone)) => {
            let index = zone.parse().ok().or_else(|| interface(zone)).unwrap_or(0);
            SocketAddrV6::new(*ip, PORT, 0, index).into()
        }
        other => SocketAddr::new(IpAddr::from(other), PORT),
    }
}

/// Whether libc reads this line. A keyword must begin it, and an address followed by a carriage
/// return is not one.
fn is_read(line: &str) -> bool {
    let indented = line.starts_with([' ', '\t']);
    let returned = line.starts_with("nameserver") && line.ends_with('\r');
    !indented && !returned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_libc_does_not_read_are_not_read() {
        let servers = |text: &str| -> Vec<String> {
            let of = |server: &SocketAddr| server.ip().to_string();
            Resolv::parse(text).servers.iter().map(of).collect()
        };
        assert_eq!(servers("  nameserver 192.0.2.1\nnameserver\t192.0.2.2 # x"), ["192.0.2.2"]);
        assert_eq!(servers("nameserver 192.0.2.1\r\n"), ["127.0.0.1"]);
        assert_eq!(servers(";nameserver 192.0.2.1\n#nameserver 192.0.2.1"), ["127.0.0.1"]);
    }

    #[test]
    fn all_that_matters_is_read() {
        let text = "\
# made by hand
domain ignored.example
search corp.example example.
nameserver 192.0.2.53
nameserver 2001:db8::53
nameserver fe80::1%eth0
nameserver 192.0.2.56
options timeout:2 attempts:9 rotate ndots:3 use-vc single-request trust-ad edns0 no-aaaa
";
        let resolv = Resolv::parse(text);
        assert_eq!(
            resolv.servers,
            ["192.0.2.53:53", "[2001:db8::53]:53", "[fe80::1]:53"]
                .map(|s| s.parse::<SocketAddr>().unwrap())
        );
        let search: Vec<String> = resolv.search.iter().map(Name::to_ascii).collect();
        assert_eq!(search, ["corp.example.", "example."]);
        assert_eq!((resolv.ndots, resolv.rotate), (3, true));
        assert_eq!(resolv.pairing, Pairing::Sequential);
        assert_eq!(resolv.policy.timeout, Duration::from_secs(2));
        assert_eq!(resolv.policy.attempts, 5);
        assert_eq!(resolv.policy.transport, FirstTransport::Tcp);
        assert!(resolv.policy.authentic_data);
        assert_eq!(resolv.aaaa, Aaaa::NotAsked);
    }

    #[test]
    fn a_zone_is_an_interface_or_its_number() {
        let text = "nameserver fe80::1%eth0\nnameserver fe80::2%7\nnameserver fe80::3%gone";
        let index = |name: &str| (name == "eth0").then_some(3);
        let scopes: Vec<u32> = Resolv::parse_with(text, index)
            .servers
            .iter()
            .map(|server| match server {
                SocketAddr::V6(v6) => v6.scope_id(),
                SocketAddr::V4(_) => panic!("{server}"),
            })
            .collect();
        assert_eq!(scopes, [3, 7, 0]);
    }

    #[test]
    fn without_a_file_this_host_is_asked() {
        let resolv = Resolv::default();
        assert_eq!(resolv.servers, ["127.0.0.1:53".parse().unwrap()]);
        assert_eq!((resolv.policy.timeout.as_secs(), resolv.policy.attempts), (5, 2));
        assert_eq!((resolv.ndots, resolv.search.len()), (1, 0));
    }

    #[test]
    fn each_server_has_the_time_libc_gives_it() {
        let policy = Resolv::default().policy;
        let seconds: Vec<u64> = (0..3).map(|n| policy.patience(n, 3, Via::Udp).as_secs()).collect();
        assert_eq!(seconds, [5, 3, 6]);
        let short = Policy { timeout: Duration::from_secs(1), ..policy };
        assert_eq!(short.patience(1, 3, Via::Udp), Duration::from_secs(1));
        assert_eq!(short.patience(0, 3, Via::Tcp), Duration::from_secs(10));
    }
}
