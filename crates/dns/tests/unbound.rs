//! Against Debian's unbound on loopback, over kernel sockets. Skipped, and said so, where unbound is
//! not installed.

#[path = "../../../tests/skip.rs"]
mod skip;

use core::fmt::Write as _;
use core::sync::atomic::{AtomicU8, Ordering};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use roundtrip_dns::{
    Authority, Families, Lookup, LookupFault, Options, Policy, Resolv, Resolver, Tree, Zone, serve,
};
use roundtrip_live::{Live, Settings, run};
use roundtrip_os::Clock;
use roundtrip_record::{DnsMessage, FaultKind, Log, Outcome, What};
use roundtrip_wire::Wire as _;

const UNBOUND: &str = "/usr/sbin/unbound";
/// Where servers of these tests listen: below the ports that the kernel gives to clients.
const PORT: u16 = 5_300;

/// An unbound at work; it ends with this.
struct Unbound {
    child: Child,
    at: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Unbound {
    /// One that listens at `address`, with these files and this configuration beside what any needs.
    /// `None` where it is not installed.
    fn start(at: SocketAddr, config: &str, files: &[(&str, &str)]) -> Option<Self> {
        if !skip::has(UNBOUND) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let config = format!(
            "server:
  interface: {ip}
  port: {port}
  directory: \"{folder}\"
  chroot: \"\"
  username: \"\"
  pidfile: \"\"
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  module-config: \"iterator\"
  num-threads: 1
  unknown-server-time-limit: 100
{config}
remote-control:
  control-enable: no
",
            ip = at.ip(),
            port = at.port(),
            folder = folder.path().display(),
        );
        let path = folder.path().join("unbound.conf");
        fs::write(&path, config).unwrap();
        let child = Command::new(UNBOUND)
            .args(["-d", "-c"])
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, at, _folder: folder })
    }

    /// Waits until it answers at all.
    async fn ready(&self, live: &Live) {
        let policy = Policy { timeout: Duration::from_millis(100), attempts: 1, ..policy() };
        for _ in 0..100 {
            let options = Options { policy: Some(policy), ..Options::server(self.at) };
            let asked =
                Resolver::new(live.clone()).lookup("ready.example.com", options, None).await;
            match asked.map_err(|fault| *fault.kind) {
                Err(FaultKind::NameTimedOut { .. } | FaultKind::NameFailed { .. }) => {
                    live.sleep(Duration::from_millis(50)).await;
                }
                _ => return,
            }
        }
        panic!("unbound does not answer at {}", self.at);
    }
}

fn policy() -> Policy {
    Policy { timeout: Duration::from_secs(3), attempts: 1, ..Resolv::default().policy }
}

/// An address of this machine that no other test and no other process uses (RFC 1122 §3.2.1.3: all of
/// 127/8 is loopback), so that its ports are all free.
fn own_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = NEXT.fetch_add(1, Ordering::Relaxed);
    // 127.0.x.y is left to others.
    SocketAddr::from(([127, high | 0x80, low, host], PORT))
}

/// Runs `body` on a live wire and gives what was recorded beside its result.
fn live<T, F: Future<Output = T>>(body: impl FnOnce(Live) -> F) -> (T, Vec<What>) {
    let log = Log::memory();
    let result = run(Clock::start(), log.clone(), Settings::default(), body).unwrap();
    (result, log.events().into_iter().map(|event| event.what).collect())
}

/// Asserts that `nope.example.com.` does not exist. unbound counts the 60 s of the zone's negative TTL
/// down by its own clock's seconds, and one of them may end between its question and its answer.
fn assert_no_such_name(kind: &FaultKind) {
    let FaultKind::NxDomain { name, soa: Some(soa), ttl: Some(ttl) } = kind else {
        panic!("another fault: {kind:?}")
    };
    assert_eq!((name.as_str(), soa.as_str()), ("nope.example.com.", "example.com."));
    assert!((50..=60).contains(ttl), "{ttl} s");
}

fn messages(events: &[What]) -> Vec<&DnsMessage> {
    let mut messages = Vec::new();
    for what in events {
        if let What::DnsMessage(message) = what {
            messages.push(message);
        }
    }
    messages
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// With 120 addresses for one name, which no datagram of ours holds.
fn example_com() -> String {
    let mut zone = String::from(
        "$ORIGIN example.com.
$TTL 300
@      IN SOA ns1 root 1 7200 900 86400 60
@      IN NS  ns1
ns1    IN A   127.0.0.1
www    IN A   203.0.113.10
www    IN AAAA 2001:db8::10
a      IN CNAME b
b      IN CNAME c
c      90 IN CNAME www
out    IN CNAME edge.example.net.
empty  IN TXT \"no address\"
",
    );
    for n in 1..=120 {
        writeln!(zone, "many IN A 203.0.113.{n}").unwrap();
    }
    zone
}

const EXAMPLE_NET: &str = "$ORIGIN example.net.
$TTL 20
@      IN SOA ns1 root 1 7200 900 86400 60
@      IN NS  ns1
ns1    IN A   127.0.0.1
edge   IN A   203.0.113.20
";

/// An unbound with two zones of its own, a zone whose server at `broken` is no good, one it refuses,
/// and one it is silent about.
fn with_zones(at: SocketAddr, broken: SocketAddr) -> Option<Unbound> {
    let zone = |name: &str| {
        format!(
            "auth-zone:\n  name: {name}\n  zonefile: {name}zone\n  for-downstream: no\n  for-upstream: yes\n  fallback-enabled: no\n"
        )
    };
    let config = format!(
        "  local-zone: silent.example. always_deny
  local-zone: refused.example. always_refuse
  infra-host-ttl: 1
{}{}stub-zone:\n  name: broken.example.\n  stub-addr: {}@{}\n",
        zone("example.com."),
        zone("example.net."),
        broken.ip(),
        broken.port(),
    );
    let example_com = example_com();
    let files = [("example.com.zone", &*example_com), ("example.net.zone", EXAMPLE_NET)];
    Unbound::start(at, &config, &files)
}

#[test]
fn a_real_server_answers_fails_and_is_silent() {
    let at = own_address();
    let broken = own_address();
    let Some(unbound) = with_zones(at, broken) else { return };
    let ((), events) = live(|live| async move {
        // It has no zone and refuses; whoever asks unbound for it gets SERVFAIL.
        let _server = serve(&live, broken, Authority::default()).unwrap();
        unbound.ready(&live).await;
        let resolver = Resolver::new(live.clone());
        let ask = async |name: &str, families: Families| -> Result<Lookup, LookupFault> {
            let options = Options { policy: Some(policy()), ..Options::server(at) };
            resolver.lookup(name, options.of(families), None).await
        };
        let kind = async |name: &str| *ask(name, Families::V4).await.unwrap_err().kind;

        let both = ask("www.example.com", Families::Both).await.unwrap();
        // Which comes first depends on whether this machine has a way to IPv6 addresses.
        let mut addresses = both.addresses();
        addresses.sort_by_key(IpAddr::is_ipv4);
        assert_eq!(addresses, ips(&["2001:db8::10", "203.0.113.10"]));
        assert!(both.ttl.is_some_and(|ttl| (1..=300).contains(&ttl)));

        let chain = ask("a.example.com", Families::V4).await.unwrap();
        assert_eq!(chain.aliases, ["b.example.com.", "c.example.com.", "www.example.com."]);
        assert!(chain.ttl.is_some_and(|ttl| (1..=90).contains(&ttl)));
        let out = ask("out.example.com", Families::V4).await.unwrap();
        assert_eq!(
            (out.addresses(), out.aliases),
            (ips(&["203.0.113.20"]), vec!["edge.example.net.".to_owned()])
        );

        let many = ask("many.example.com", Families::V4).await.unwrap();
        assert_eq!(many.addresses().len(), 120);

        assert_no_such_name(&kind("nope.example.com").await);
        assert_eq!(
            kind("empty.example.com").await,
            FaultKind::NoAddress { name: "empty.example.com.".into() }
        );
        assert_eq!(
            kind("www.broken.example").await,
            FaultKind::NameServerFailed {
                name: "www.broken.example.".into(),
                code: "SERVFAIL".into(),
            }
        );
        assert_eq!(
            kind("www.refused.example").await,
            FaultKind::NameServerFailed {
                name: "www.refused.example.".into(),
                code: "REFUSED".into(),
            }
        );
        let quick = Policy { timeout: Duration::from_millis(200), attempts: 2, ..policy() };
        let options = Options { policy: Some(quick), ..Options::server(at) }.of(Families::V4);
        let silent = resolver.lookup("www.silent.example", options, None).await.unwrap_err();
        assert_eq!(
            *silent.kind,
            FaultKind::NameTimedOut { name: "www.silent.example.".into(), servers: vec![at] }
        );
        let waited = live.now().since(silent.since);
        // Two tries of 200 ms; a busy machine may take longer.
        assert!((400..3_000).contains(&waited.as_millis()), "{waited:?}");
    });
    // The long answer was cut over UDP and whole over TCP.
    let many: Vec<(&str, bool, u16)> = messages(&events)
        .into_iter()
        .filter(|message| message.question.starts_with("many") && message.code.is_some())
        .map(|m| (m.transport.as_str(), m.flags.contains(&"TC".to_owned()), m.counts[0]))
        .collect();
    assert_eq!(many.len(), 2);
    assert!(many[0].0 == "udp" && many[0].1, "{many:?}");
    assert_eq!(many[1], ("tcp", false, 120));
    assert!(messages(&events).iter().all(|message| message.dropped.is_none()));
    let silences = |what: &&What| {
        matches!(what, What::NameAnswered(a) if matches!(a.outcome, Outcome::TimedOut { .. })
            && a.name.starts_with("www.silent"))
    };
    assert_eq!(events.iter().filter(silences).count(), 1);
}

#[test]
fn a_real_server_takes_what_our_authority_says() {
    let at = own_address();
    let ours = own_address();
    let stub = |name: &str| {
        format!("stub-zone:\n  name: {name}\n  stub-addr: {}@{}\n", ours.ip(), ours.port())
    };
    let config = stub("example.com.") + &stub("example.net.");
    let Some(unbound) = Unbound::start(at, &config, &[]) else { return };
    let ((), events) = live(|live| async move {
        let zones = vec![
            Zone::parse("example.com.", &example_com()).unwrap(),
            Zone::parse("example.net.", EXAMPLE_NET).unwrap(),
        ];
        let _server = serve(&live, ours, Authority::new(zones)).unwrap();
        unbound.ready(&live).await;
        let resolver = Resolver::new(live.clone());
        let ask = async |name: &str| {
            let options = Options { policy: Some(policy()), ..Options::server(at) };
            resolver.lookup(name, options.of(Families::V4), None).await
        };
        let found = async |name: &str| ask(name).await.unwrap().addresses();
        assert_eq!(found("www.example.com").await, ips(&["203.0.113.10"]));
        assert_eq!(found("a.example.com").await, ips(&["203.0.113.10"]));
        assert_eq!(found("out.example.com").await, ips(&["203.0.113.20"]));
        assert_eq!(found("many.example.com").await.len(), 120);
        let fault = ask("nope.example.com").await.unwrap_err();
        assert_no_such_name(&fault.kind);
    });
    // unbound came back to us over TCP for what did not fit.
    assert!(
        messages(&events)
            .iter()
            .any(|m| m.lookup.is_none() && m.transport == "tcp" && m.counts[0] == 120)
    );
}

#[test]
fn a_walk_goes_down_through_real_servers() {
    let [root, com, site] = [own_address(), own_address(), own_address()].map(|at| at.ip());
    let soa = "IN SOA ns.nic. root.nic. 1 7200 900 86400 60";
    let zones = [
        (
            root,
            ".",
            format!(
                "$TTL 300\n. {soa}\n. IN NS ns.nic.\nns.nic. IN A {root}\ncom. IN NS ns.nic.com.\nns.nic.com. IN A {com}\n"
            ),
        ),
        (
            com,
            "com.",
            format!(
                "$TTL 300\ncom. {soa}\ncom. IN NS ns.nic.com.\nns.nic.com. IN A {com}\nexample.com. IN NS ns1.example.com.\nns1.example.com. IN A {site}\n"
            ),
        ),
        (
            site,
            "example.com.",
            format!(
                "$TTL 300\nexample.com. {soa}\nexample.com. IN NS ns1.example.com.\nns1.example.com. IN A {site}\nwww.example.com. IN A 203.0.113.10\n"
            ),
        ),
    ];
    let start = |(ip, name, text): &(IpAddr, &str, String)| {
        let config = format!(
            "auth-zone:\n  name: {name}\n  zonefile: zone\n  for-downstream: yes\n  for-upstream: no\n  fallback-enabled: no\n"
        );
        Unbound::start((*ip, PORT).into(), &config, &[("zone", text)])
    };
    let Some(servers) = zones.iter().map(start).collect::<Option<Vec<_>>>() else { return };
    let ((), events) = live(|live| async move {
        for server in &servers {
            server.ready(&live).await;
        }
        let tree = Tree::new(&[("ns.nic.".into(), root)]).with_port(PORT);
        let resolver = Resolver::with_tree(live.clone(), tree);
        let walk = Options::walk().of(Families::V4);
        let lookup = resolver.lookup("www.example.com", walk, None).await.unwrap();
        assert_eq!(lookup.addresses(), ips(&["203.0.113.10"]));
        let fault = resolver.lookup("nope.example.com", walk, None).await.unwrap_err();
        assert!(matches!(*fault.kind, FaultKind::NxDomain { ttl: Some(60), .. }), "{fault:?}");
    });
    let referrals: Vec<&str> = events
        .iter()
        .filter_map(|what| match what {
            What::NameAnswered(answered) => match &answered.outcome {
                Outcome::Referral { zone, .. } => Some(zone.as_str()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(referrals, ["com.", "example.com."]);
}
