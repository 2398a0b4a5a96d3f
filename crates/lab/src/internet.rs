//! The default topology: a client, an access link, a router, and servers behind it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime};

use roundtrip_host::Route;
use roundtrip_record::{LinkId, Log, Role};

use crate::environment::Caches;
use crate::lab::{Attached, End, Forwarding, Lab, LabHost};
use crate::net::{Direction, Net};
use crate::seed::Seed;
use crate::shape::{Queue, Rate, Shape};

/// The calendar time at which a lab begins by default, in seconds since 1970: 2026-01-01T00:00:00Z.
/// It is fixed, so that a run is the same on every day.
pub const DEFAULT_DATE: u64 = 1_767_225_600;

/// The settings of an [`Internet`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// The access network.
    pub net: Net,
    /// The seed of all randomness.
    pub seed: Seed,
    /// The calendar time at which the lab begins.
    pub date: SystemTime,
    /// The log that records everything.
    pub log: Log,
    /// The caches that the client kept from an earlier visit; empty in a fresh lab.
    pub caches: Caches,
    /// Whether data travels with the SYN (RFC 7413): the client asks servers for cookies and uses
    /// them, and servers give them and take the data.
    pub fast_open: bool,
}

impl Settings {
    /// The settings of a fresh lab on this network, at the default date.
    pub fn new(net: Net, seed: Seed, log: Log) -> Self {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(DEFAULT_DATE);
        Self { net, seed, date, log, caches: Caches::default(), fast_open: false }
    }
}

/// A client at the end of an access link, a router, and servers around it.
///
/// ```text
/// client 10.0.0.2 ── access link ── 10.0.0.1 router ── inner link ── server
///                                                   ├─ inner link ── server …
/// ```
///
/// The router is at the client's end of the access link: ARP and neighbour discovery between client
/// and router stay on the Ethernet segment between them ([`Internet::SEGMENT`] each way), and all
/// other frames cross the access link as the [`Net`] describes it, that segment included. Each
/// server has a link of its own to the router: 10 Gbit/s and 20 µs each way ([`Internet::inner`]),
/// so that the described network decides. Every link is an Ethernet segment of its own: hosts and
/// router find each other by ARP.
pub struct Internet {
    lab: Lab,
    client: LabHost,
    router: LabHost,
    access: [Attached; 2],
    servers: u16,
    fast_open: bool,
}

/// The name servers of [`Internet::add_name_servers`].
#[derive(Clone, Debug)]
pub struct NameServers {
    /// The name server for the root.
    pub root: LabHost,
    /// The name server for top-level domains.
    pub tld: LabHost,
    /// The name server for the zones of sites.
    pub authoritative: LabHost,
    /// The recursive resolver of the client.
    pub resolver: LabHost,
}

impl Internet {
    /// The client's address.
    pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    /// The router's address towards the client.
    pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    /// The address of the root name server (from TEST-NET-2, RFC 5737).
    pub const ROOT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 4);
    /// The address of the name server for top-level domains.
    pub const TLD: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 30);
    /// The address of the name server for sites.
    pub const AUTHORITATIVE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 53);
    /// The address of the recursive resolver.
    pub const RESOLVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 8);

    const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);
    const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);

    /// The one-way delay of ARP and neighbour discovery between the client and its router: that of
    /// a gigabit Ethernet with a switch, as on the inner links. (A Wi-Fi hop takes 1 to 3 ms.)
    pub const SEGMENT: Duration = Duration::from_micros(20);

    /// The shape of every link behind the router, in both directions.
    pub fn inner() -> Shape {
        Shape {
            rate: Rate::Constant(10_000_000_000),
            queue: Queue::Packets(1_000),
            ..Shape::ideal(Duration::from_micros(20))
        }
    }

    /// The address of the web server with this number: 203.0.113.10 and on (TEST-NET-3, RFC 5737),
    /// then through 198.18.0.0/15 (RFC 2544).
    pub fn web_address(number: u16) -> Ipv4Addr {
        match u8::try_from(number) {
            Ok(low) if low < 240 => Ipv4Addr::new(203, 0, 113, 10 + low),
            _ => {
                let [high, low] = number.to_be_bytes();
                Ipv4Addr::new(198, 18, high, low)
            }
        }
    }

    /// An Internet with a client and a router.
    pub fn new(settings: Settings) -> Self {
        let Settings { net, seed, date, log, caches, fast_open } = settings;
        let mut lab = Lab::new(seed, date, log);
        let client = lab.add_host("client", Role::Client, Forwarding::Off);
        let router = lab.add_host("router", Role::Router, Forwarding::On);
        client.host(|host| {
            host.set_fast_open(fast_open);
            host.set_known_servers(caches.fast_open.clone());
        });
        client.port().host_environment().set_caches(caches);
        let access = lab.link(
            &End {
                host: &client,
                addresses: vec![(Self::CLIENT.into(), 24), (Self::CLIENT_V6.into(), 64)],
                shape: Shape { segment: Some(Self::SEGMENT), ..net.shape(Direction::Up) },
            },
            &End {
                host: &router,
                addresses: vec![(Self::ROUTER.into(), 24), (Self::ROUTER_V6.into(), 64)],
                shape: Shape { segment: Some(Self::SEGMENT), ..net.shape(Direction::Down) },
            },
        );
        for gateway in [IpAddr::from(Self::ROUTER), Self::ROUTER_V6.into()] {
            lab.add_route(&client, default_route(gateway, access[0]));
        }
        Self { lab, client, router, access, servers: 0, fast_open }
    }

    /// The client's caches, as a later visit finds them.
    pub fn caches(&self) -> Caches {
        let fast_open = self.client.host(|host| host.known_servers());
        Caches { fast_open, ..self.client.port().host_environment().caches() }
    }

    /// The lab that runs the hosts.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The client.
    pub fn client(&self) -> &LabHost {
        &self.client
    }

    /// The router.
    pub fn router(&self) -> &LabHost {
        &self.router
    }

    /// The two directions of the access link: from the client, and towards it.
    pub fn access(&self) -> [LinkId; 2] {
        self.access.map(|end| end.link)
    }

    /// Adds a server with this address, behind a link of its own.
    pub fn add_server(&mut self, name: &str, role: Role, address: IpAddr) -> LabHost {
        let server = self.lab.add_host(name, role, Forwarding::Off);
        self.servers += 1;
        if self.fast_open {
            server.host(|host| host.set_fast_open(true));
        }
        let (near, whole) = match address {
            // The address is from the range for carriers (RFC 6598).
            IpAddr::V4(_) => {
                let [high, low] = self.servers.to_be_bytes();
                (IpAddr::from([100, 64, high, low]), 32)
            }
            IpAddr::V6(_) => (IpAddr::from([0xfd64, 0, 0, 0, 0, 0, 0, self.servers]), 128),
        };
        let shape = Self::inner();
        let [at_server, at_router] = self.lab.link(
            &End { host: &server, addresses: vec![(address, whole)], shape: shape.clone() },
            &End { host: &self.router, addresses: vec![(near, whole)], shape },
        );
        let on_link = |to, interface| Route { to, prefix_len: whole, via: None, interface };
        self.lab.add_route(&self.router, on_link(address, at_router.interface));
        self.lab.add_route(&server, on_link(near, at_server.interface));
        self.lab.add_route(&server, default_route(near, at_server));
        server
    }

    /// Adds the hosts of the name servers and configures the client for them: its `resolv.conf`
    /// names the resolver, its root hints the root. The caller has to run the servers.
    pub fn add_name_servers(&mut self) -> NameServers {
        let root = self.add_server("root", Role::RootServer, Self::ROOT.into());
        let tld = self.add_server("tld", Role::TldServer, Self::TLD.into());
        let authoritative =
            self.add_server("authoritative", Role::AuthoritativeServer, Self::AUTHORITATIVE.into());
        let resolver = self.add_server("resolver", Role::Resolver, Self::RESOLVER.into());
        let hints = vec![("a.root-servers.lab.".to_owned(), Self::ROOT.into())];
        for host in [&self.client, &resolver] {
            host.port().host_environment().set_root_hints(hints.clone());
        }
        let client = self.client.port().host_environment();
        // Libc's default is two tries. More are configured so that a link that loses frames costs
        // time and not the visit: five rounds, and the one resolver asked twice in each.
        let server = format!("nameserver {}\n", Self::RESOLVER);
        client.set_resolv_conf(format!("{server}{server}options timeout:1 attempts:5\n"));
        client.set_nsswitch("hosts: files dns\n");
        client.set_hosts("127.0.0.1 localhost\n::1 localhost\n");
        NameServers { root, tld, authoritative, resolver }
    }
}

fn default_route(gateway: IpAddr, end: Attached) -> Route {
    let to = match gateway {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    Route { to, prefix_len: 0, via: Some(gateway), interface: end.interface }
}
