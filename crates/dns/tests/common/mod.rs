//! A simulated internet with a root, top-level domains and two sites.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of it")]

use std::net::{IpAddr, SocketAddr};

use roundtrip_dns::{
    Authority, Lookup, LookupFault, NameServer, Options, Recursive, Resolver, Zone, serve,
};
use roundtrip_lab::{Internet, LabHost, NameServers, Net, Seed, Settings};
use roundtrip_record::{
    DnsMessage, Event, HostId, Log, NameAnswered, NameAsked, Outcome, Source, What,
};

pub const ROOT: &str = "
$TTL 86400
@                   IN SOA a.root-servers.lab. root.lab. 1 1800 900 604800 600
@                   IN NS  a.root-servers.lab.
a.root-servers.lab. IN A   198.51.100.4
com.                IN NS  ns.nic.com.
ns.nic.com.         IN A   198.51.100.30
net.                IN NS  ns.nic.net.
ns.nic.net.         IN A   198.51.100.30
org.                IN NS  ns.nic.net.
";
pub const COM: &str = "
$TTL 3600
@           IN SOA ns.nic root 1 1800 900 604800 600
@           IN NS  ns.nic
ns.nic      IN A   198.51.100.30
example     IN NS  ns1.example
ns1.example IN A   198.51.100.53
lame        IN NS  ns.lame
lame        IN NS  ns1.example
ns.lame     IN A   198.51.100.30
dead        IN NS  ns.dead
ns.dead     IN A   198.51.100.99
";
pub const NET: &str = "
$TTL 3600
@           IN SOA ns.nic root 1 1800 900 604800 600
@           IN NS  ns.nic
ns.nic      IN A   198.51.100.30
example     IN NS  ns1.example
ns1.example IN A   198.51.100.53
";
pub const ORG: &str = "
$TTL 3600
@           IN SOA ns.nic.net. root.nic.net. 1 1800 900 604800 600
example     IN NS  ns1.example.net.
attack      IN NS  a.victim.org.
attack      IN NS  b.victim.org.
attack      IN NS  c.victim.org.
attack      IN NS  d.victim.org.
attack      IN NS  e.victim.org.
attack      IN NS  f.victim.org.
attack      IN NS  g.victim.org.
attack      IN NS  h.victim.org.
attack      IN NS  i.victim.org.
victim      IN NS  ns1.example.net.
noglue      IN NS  ns.noglue
unnamed     IN NS  ns.nowhere.org.
aliased     IN NS  cdn.example.com.
refused     IN NS  ns1.example.net.
half        IN NS  ns1.example.net.
half        IN NS  ns.half
ns.half     IN A   198.51.100.99
circle-one  IN NS  ns.circle-two.org.
circle-two  IN NS  ns.circle-one.org.
";
pub const EXAMPLE_COM: &str = "
$TTL 300
@      IN SOA ns1 root 1 7200 900 86400 60
@      IN NS  ns1
ns1    IN A   198.51.100.53
www    IN A   203.0.113.10
www    IN AAAA 2001:db8::10
four   IN A   203.0.113.14
cdn    IN CNAME edge.example.net.
near   120 IN CNAME www
one    IN CNAME two
two    IN CNAME one
short  IN A   203.0.113.15
a.b.c.d.e.f.g IN A 203.0.113.16
";
pub const EXAMPLE_NET: &str = "
$TTL 300
@      IN SOA ns1 root 1 7200 900 86400 60
@      IN NS  ns1
ns1    IN A   198.51.100.53
edge   20 IN A 203.0.113.20
";
pub const EXAMPLE_ORG: &str = "
$TTL 300
@      IN SOA ns1.example.net. root 1 7200 900 86400 60
www    IN A   203.0.113.30
";
pub const LAME_COM: &str = "
$TTL 300
@      IN SOA ns1.example.com. root 1 7200 900 86400 60
www    IN A   203.0.113.40
";

/// With a hundred addresses for one name, which no datagram of ours holds.
fn example_com() -> String {
    let many: Vec<String> = (0..100).map(|n| format!("many IN A 203.0.113.{n}\n")).collect();
    EXAMPLE_COM.to_owned() + &many.concat()
}

/// The simulated internet, its name servers at work.
pub struct World {
    pub internet: Internet,
    pub hosts: NameServers,
    pub log: Log,
    servers: Vec<NameServer>,
}

pub fn zone(origin: &str, text: &str) -> Zone {
    Zone::parse(origin, text).unwrap()
}

impl World {
    /// With the zones above, and a recursive server.
    pub fn new(net: &str, seed: u64) -> Self {
        let net: Net = net.parse().unwrap();
        let log = Log::memory();
        let mut internet = Internet::new(Settings::new(net, Seed::new(seed), log.clone()));
        let hosts = internet.add_name_servers();
        let servers = vec![
            at(&hosts.root, Internet::ROOT, vec![zone(".", ROOT)]),
            at(
                &hosts.tld,
                Internet::TLD,
                vec![zone("com.", COM), zone("net.", NET), zone("org.", ORG)],
            ),
            at(
                &hosts.authoritative,
                Internet::AUTHORITATIVE,
                vec![
                    zone("example.com.", &example_com()),
                    zone("example.net.", EXAMPLE_NET),
                    zone("example.org.", EXAMPLE_ORG),
                    zone("lame.com.", LAME_COM),
                ],
            ),
            serve(
                &hosts.resolver,
                (Internet::RESOLVER, 53).into(),
                Recursive::new(hosts.resolver.clone()),
            )
            .unwrap(),
        ];
        Self { internet, hosts, log, servers }
    }

    pub fn client(&self) -> &LabHost {
        self.internet.client()
    }

    pub fn resolver(&self) -> Resolver<LabHost> {
        Resolver::new(self.client().clone())
    }

    pub fn resolv_conf(&self, text: &str) {
        self.client().port().host_environment().set_resolv_conf(text);
    }

    /// Runs something on the client to its end.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.internet.lab().run_until(work).unwrap()
    }

    /// One lookup by a new resolver.
    pub fn lookup(&self, name: &str, options: Options) -> Result<Lookup, LookupFault> {
        let resolver = self.resolver();
        self.run(resolver.lookup(name, options, None))
    }

    pub fn events(&self) -> Vec<Event> {
        self.log.events()
    }

    fn of_client(&self) -> Vec<Event> {
        let client = self.client_id();
        self.events().into_iter().filter(|event| event.host == client).collect()
    }

    pub fn client_id(&self) -> HostId {
        use roundtrip_wire::Wire as _;
        self.client().log().host_id()
    }

    pub fn asked(&self) -> Vec<NameAsked> {
        let asked = |event: Event| match event.what {
            What::NameAsked(asked) => Some(asked),
            _ => None,
        };
        self.of_client().into_iter().filter_map(asked).collect()
    }

    pub fn answered(&self) -> Vec<NameAnswered> {
        let answered = |event: Event| match event.what {
            What::NameAnswered(answered) => Some(answered),
            _ => None,
        };
        self.of_client().into_iter().filter_map(answered).collect()
    }

    pub fn messages(&self) -> Vec<DnsMessage> {
        let message = |event: Event| match event.what {
            What::DnsMessage(message) => Some(message),
            _ => None,
        };
        self.of_client().into_iter().filter_map(message).collect()
    }

    /// Each rung as a word or two: who answered, and what.
    pub fn rungs(&self) -> Vec<String> {
        self.answered().iter().map(|rung| format!("{} {}", who(&rung.source), what(rung))).collect()
    }
}

fn at(host: &LabHost, address: std::net::Ipv4Addr, zones: Vec<Zone>) -> NameServer {
    serve(host, SocketAddr::from((address, 53)), Authority::new(zones)).unwrap()
}

fn who(source: &Source) -> String {
    match source {
        Source::Literal => "literal".into(),
        Source::SpecialUse => "special".into(),
        Source::OwnCache => "own".into(),
        Source::OsCache { service } => service.clone(),
        Source::HostsFile { .. } => "hosts".into(),
        Source::Resolved { .. } => "resolved".into(),
        Source::NameServer { server } => server.ip().to_string(),
        Source::Zone { zone, .. } => zone.clone(),
        Source::Skipped { service } => format!("skipped {service}"),
    }
}

fn what(rung: &NameAnswered) -> String {
    let list = |addresses: &[IpAddr]| {
        addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",")
    };
    match &rung.outcome {
        Outcome::Miss => "miss".into(),
        Outcome::Found { addresses, .. } => list(addresses),
        Outcome::Alias { target } => format!("alias {target}"),
        Outcome::Referral { zone, .. } => format!("→ {zone}"),
        Outcome::NxDomain { soa, ttl } => format!("nxdomain {soa:?} {ttl:?}"),
        Outcome::NoData { .. } => format!("nodata {}", rung.record_type),
        Outcome::Refused { code } => code.clone(),
        Outcome::TimedOut { tries } => format!("silent ×{tries}"),
        Outcome::Failed { why } => why.clone(),
    }
}

pub fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}
