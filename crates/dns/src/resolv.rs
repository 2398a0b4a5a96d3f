//! What resolv.conf(5) says, and how often and how long that makes us ask.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use hickory_proto::rr::Name;

use crate::host::absolute;
use crate::via::Via;

/// The port of name servers (RFC 1035 §4.2).
pub const PORT: u16 = 53;

/// Bytes of a UDP answer that we take, told to the server by EDNS: what passes any path unfragmented
/// (DNS flag day 2020).
pub const UDP_PAYLOAD: u16 = 1232;

/// libc reads no more name servers than this (`MAXNS`, resolv.h).
const MOST_SERVERS: usize = 3;
/// Seconds and tries above which libc cuts (`RES_MAXRETRANS`, `RES_MAXRETRY`, resolv.h).
const MOST_TIMEOUT: u32 = 30;
const MOST_ATTEMPTS: u32 = 5;
/// The same for `ndots` (`RES_MAXNDOTS`).
const MOST_NDOTS: u32 = 15;
/// How long a server has over TCP: three SYNs lost and the fourth not.
const LEAST_TCP: Duration = Duration::from_secs(10);

/// How servers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long the first server has to answer.
    pub timeout: Duration,
    /// How often the list of servers is gone through.
    pub attempts: u32,
    /// UDP first, or TCP only (`use-vc`).
    pub transport: FirstTransport,
    /// Whether the server shall do the whole work.
    pub recursion: Recursion,
    /// Whether the AD flag is set in queries (`trust-ad`).
    pub authentic_data: bool,
}

/// Which transport a question is first put over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstTransport {
    /// UDP, and TCP when the answer was cut.
    Udp,
    /// TCP.
    Tcp,
}

/// The RD flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recursion {
    /// Set: the server shall find the answer.
    Desired,
    /// Not set: the server shall say what it knows.
    No,
}

/// Whether A and AAAA are asked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// At once.
    Parallel,
    /// One after the other (`single-request`).
    Sequential,
}

/// Whether AAAA is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aaaa {
    /// It is.
    Asked,
    /// It is not (`no-aaaa`).
    NotAsked,
}

/// What resolv.conf says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolv {
    /// The name servers, in order.
    pub servers: Vec<SocketAddr>,
    /// The search list.
    pub search: Vec<Name>,
    /// Dots from which a name is first tried as it is.
    pub ndots: u32,
    /// Whether each question begins with another server.
    pub rotate: bool,
    /// Whether A and AAAA are asked at once.
    pub pairing: Pairing,
    /// Whether AAAA is asked for.
    pub aaaa: Aaaa,
    /// How they are asked.
    pub policy: Policy,
}

impl Default for Resolv {
    /// As libc has it without a file: a name server on this host, 5 s, two tries.
    fn default() -> Self {
        Self::parse("")
    }
}

impl Policy {
    /// How long the server at place `index` of `count` has (glibc, `send_dg` in `resolv/res_send.c`:
    /// the timeout doubles along the list and is shared by it, never less than a second).
    /// Over TCP, which repeats for itself what is lost, nobody has less than ten seconds.
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

    /// How a walk asks the servers of the tree. They are many, so each gets less time than a
    /// recursive server does.
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
    /// Reads a resolv.conf. Lines that cannot be read are passed over, as libc does.
    pub fn parse(text: &str) -> Self {
        Self::parse_with(text, |_| None)
    }

    /// The same; `interface` gives the index of a network interface, for servers that are reached by
    /// one only (`fe80::1%eth0`). A zone that is a number is one already (RFC 4007 §11.2).
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

    /// The same, asking one server that was named.
    #[must_use]
    pub fn of_server(mut self, server: SocketAddr) -> Self {
        self.servers = vec![server];
        self
    }
}

/// A name server's address, with the interface it lies behind.
fn address(server: &resolv_conf::ScopedIp, interface: impl Fn(&str) -> Option<u32>) -> SocketAddr {
    match server {
        resolv_conf::ScopedIp::V6(ip, Some(zone)) => {
            let index = zone.parse().ok().or_else(|| interface(zone)).unwrap_or(0);
            SocketAddrV6::new(*ip, PORT, 0, index).into()
        }
        other => SocketAddr::new(IpAddr::from(other), PORT),
    }
}

/// Whether libc reads this line: a keyword begins it, and to libc an address with a carriage return
/// behind it is none.
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
