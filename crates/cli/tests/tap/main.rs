//! Our own TCP/IP on a TAP device against Linux, in network namespaces of the tests' own: our
//! client to nginx, curl to our server, IPv4 and IPv6, over clean and lossy links. Needs root,
//! iproute2, nginx, curl and unbound; where one is missing it says so and tests nothing.

#[path = "../common/mod.rs"]
mod common;
mod fast_open;
mod faults;
mod network;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use common::{Roundtrip, events, has, skip};
use network::Namespace;
use roundtrip_record::{NeighbourState, What, WireKind};

const TAP: &str = "tap:rt0,addr=10.9.0.1/24,gw=10.9.0.2,addr6=fd09::1/64,gw6=fd09::2";
/// The kernel's end of it.
const KERNEL: [&str; 2] = ["10.9.0.2/24", "fd09::2/64"];
/// A small body, and one that no buffer holds.
const SIZES: [u64; 2] = [1_000, 1_000_000_000];
/// What our side may take of memory while it carries them, KiB.
const MEMORY: u64 = 64 * 1024;

/// Files of those sizes, no two blocks of which are alike.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for size in SIZES {
        let file = fs::File::create(folder.path().join(size.to_string())).expect("a file");
        let mut file = std::io::BufWriter::with_capacity(1 << 20, file);
        for number in 0..size / 8 {
            let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            file.write_all(&word.to_le_bytes()).expect("room on disk");
        }
        file.flush().expect("room on disk");
    }
    folder
}

/// The two ends of the wire in one family, as they are written in a URL.
#[derive(Clone, Copy)]
struct Ends {
    ours: &'static str,
    kernel: &'static str,
}

const IPV4: Ends = Ends { ours: "10.9.0.1", kernel: "10.9.0.2" };
const IPV6: Ends = Ends { ours: "[fd09::1]", kernel: "[fd09::2]" };

/// Runs a line of shell that fetches `$1` and compares it with the file `$2`.
fn fetch(namespace: &Namespace, line: &str, url: &str, site: &Path, size: u64, rest: [&str; 2]) {
    let file = site.join(size.to_string());
    let file = file.to_str().expect("a plain path");
    let run = namespace.shell(line, &[url, file, rest[0], rest[1]]);
    let said = String::from_utf8_lossy(&run.stderr);
    let fine = run.status.success() && said.is_empty();
    assert!(fine, "{url}: {said}\n{}", namespace.what_the_kernel_knows());
}

/// curl fetches both files from our server, byte for byte.
fn curl_from_us(namespace: &Namespace, site: &Path, ends: Ends, wire: &str) {
    let listen = &format!("{}:8080", ends.ours);
    let server = namespace.serve(site, listen, wire);
    for size in SIZES {
        let url = format!("http://{listen}/{size}");
        let line = "curl -sSgf -m 300 \"$1\" | cmp - \"$2\"";
        fetch(namespace, line, &url, site, size, ["", ""]);
    }
    assert!(server.peak() < MEMORY, "{} KiB", server.peak());
}

/// We fetch both files from nginx, byte for byte, with less memory than the larger has.
fn we_from_nginx(namespace: &Namespace, site: &Path, ends: Ends, wire: &str) {
    let work = tempfile::tempdir().expect("a folder");
    let _nginx = namespace.nginx(site, work.path());
    for size in SIZES {
        let url = format!("http://{}/{size}", ends.kernel);
        let line = "ulimit -v 700000; \"$3\" get -sSf -m 300 --wire \"$4\" \"$1\" | cmp - \"$2\"";
        fetch(namespace, line, &url, site, size, [env!("CARGO_BIN_EXE_roundtrip"), wire]);
    }
}

/// The device is made for each command, and is gone with it.
#[test]
fn bodies_cross_a_clean_link_whole() {
    if !has("curl") || !has("nginx") {
        return;
    }
    let Some(namespace) = Namespace::new("clean") else { return };
    let site = site();
    for ends in [IPV4, IPV6] {
        curl_from_us(&namespace, site.path(), ends, TAP);
        we_from_nginx(&namespace, site.path(), ends, TAP);
    }
    assert!(!namespace.has_device("rt0"), "what we made is gone with us");
}

/// A way that a body goes over a lossy link.
struct Lossy {
    name: &'static str,
    ends: Ends,
    offload: &'static str,
    carry: fn(&Namespace, &Path, Ends, &str),
    /// What has been lost of the sender's, at least.
    lost: u64,
}

/// The device was there before, loses one packet in a hundred both ways, and stays. With offloads
/// (IPv4) what is lost of ours is a burst, without them (IPv6) a segment; of the kernel's it is always
/// a segment. Most of the time nothing happens, so that all go at once.
#[test]
fn bodies_cross_a_lossy_link_whole() {
    if !has("curl") || !has("nginx") {
        return;
    }
    let ways = [
        Lossy { name: "out4", ends: IPV4, offload: "on", carry: curl_from_us, lost: 100 },
        Lossy { name: "out6", ends: IPV6, offload: "off", carry: curl_from_us, lost: 5000 },
        Lossy { name: "in4", ends: IPV4, offload: "on", carry: we_from_nginx, lost: 5000 },
        Lossy { name: "in6", ends: IPV6, offload: "off", carry: we_from_nginx, lost: 5000 },
    ];
    let made: Option<Vec<_>> = ways.iter().map(|way| Namespace::new(way.name)).collect();
    let Some(namespaces) = made else { return };
    let site = site();
    std::thread::scope(|scope| {
        for (way, namespace) in ways.iter().zip(&namespaces) {
            scope.spawn(|| cross(way, namespace, site.path()));
        }
    });
}

fn cross(way: &Lossy, namespace: &Namespace, site: &Path) {
    namespace.make_device("rt0", &KERNEL);
    namespace.lose("rt0", 100);
    let wire = format!("{TAP},offload={}", way.offload);
    (way.carry)(namespace, site, way.ends, &wire);
    let lost = namespace.lost("rt0").max(namespace.retransmitted());
    assert!(lost >= way.lost, "{}: {lost} packets were lost", way.name);
    assert!(namespace.has_device("rt0"), "what was there stays");
}

/// While it is ours; one that was there before is left as it was.
#[test]
fn what_we_write_is_received_in_a_thread_of_the_device() {
    if !has("curl") {
        return;
    }
    let Some(namespace) = Namespace::new("thread") else { return };
    if !namespace.shell("test -w /sys/class/net/lo/threaded", &[]).status.success() {
        return skip(
            "the kernel has no threads for devices (5.12), or does not let us ask for one",
        );
    }
    let site = tempfile::tempdir().expect("a folder");
    fs::write(site.path().join("small"), "0123456789").expect("room on disk");
    let said =
        |line: &str| String::from_utf8_lossy(&namespace.shell(line, &[]).stdout).trim().to_owned();
    let threads_while_it_serves = || {
        let wire = TAP.replace("rt0", "rtthread");
        let mut server = namespace.serve(site.path(), "10.9.0.1:8080", &wire);
        assert_eq!(said("curl -sSf -m 10 http://10.9.0.1:8080/small"), "0123456789");
        let threads = said("cat /proc/[0-9]*/comm | grep -c ^napi/rtthread-");
        server.signal("INT");
        assert_eq!(server.end(), Some(0));
        threads
    };
    assert_eq!(threads_while_it_serves(), "1");
    assert!(!namespace.has_device("rtthread"));
    namespace.make_device("rtthread", &KERNEL);
    assert_eq!(threads_while_it_serves(), "1");
    assert_eq!(said("cat /sys/class/net/rtthread/threaded"), "0");
}

/// Many short connections at once, each closed by our end, so that `TIME_WAIT` is ours.
#[test]
fn many_short_connections_are_served() {
    const REQUESTS: usize = 2000;
    if !has("curl") {
        return;
    }
    let Some(namespace) = Namespace::new("many") else { return };
    let site = tempfile::tempdir().expect("a folder");
    fs::write(site.path().join("small"), "0123456789").expect("room on disk");
    let server = namespace.serve(site.path(), "10.9.0.1:8080", TAP);
    let line = format!(
        "curl -sS --no-progress-meter -m 50 -Z --parallel-max 50 -H 'Connection: close' -w '%{{stderr}}%{{http_code}}\n' \
         'http://10.9.0.1:8080/small?[1-{REQUESTS}]' 2>&1 >/dev/null | sort | uniq -c"
    );
    let run = namespace.shell(&line, &[]);
    assert_eq!(String::from_utf8_lossy(&run.stdout).trim(), format!("{REQUESTS} 200"));
    assert!(server.peak() < MEMORY, "{} KiB", server.peak());
}

/// A router with a narrower link behind it says so (RFC 1191, RFC 8201), and what we send becomes
/// smaller.
#[test]
fn a_narrow_link_behind_the_gateway_is_no_black_hole() {
    if !has("curl") {
        return;
    }
    let Some(router) = Namespace::new("router") else { return };
    let Some(far) = Namespace::new("far") else { return };
    router.cable("narrow", &far, 1280);
    router.ip("address add 10.8.0.1/24 dev narrow");
    router.ip("address add fd08::1/64 dev narrow");
    far.ip("address add 10.8.0.2/24 dev narrow");
    far.ip("address add fd08::2/64 dev narrow");
    far.ip("route add default via 10.8.0.1");
    far.ip("-6 route add default via fd08::1");
    // Its MSS option would tell us at once: the far end claims more than its link carries.
    far.ip("route add 10.9.0.0/24 via 10.8.0.1 advmss 1460");
    far.ip("-6 route add fd09::/64 via fd08::1 advmss 1440");
    let forward = "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1";
    assert!(router.shell(forward, &[]).status.success());
    let site = tempfile::tempdir().expect("a folder");
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n * 7 + n / 251) as u8).collect();
    fs::write(site.path().join("body"), body).expect("room on disk");
    let file = site.path().join("body");
    for (listen, host) in [("10.9.0.1:8080", "10.9.0.1"), ("[fd09::1]:8080", "[fd09::1]")] {
        let _server = router.serve(site.path(), listen, TAP);
        let url = format!("http://{host}:8080/body");
        let fetch = "curl -sSgf -m 20 \"$1\" | cmp - \"$2\"";
        let run = far.shell(fetch, &[&url, file.to_str().expect("a plain path")]);
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success() && said.is_empty(), "{url}: {said}");
    }
}

/// A page with what belongs to it, and the record of how it came.
#[test]
fn visit_and_resolve_take_this_wire() {
    if !has("nginx") || !has("unbound") {
        return;
    }
    let Some(namespace) = Namespace::new("visit") else { return };
    let (site, work) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let page = "<!doctype html><title>t</title><link rel=stylesheet href=a.css><img src=a.png>";
    fs::write(site.path().join("index.html"), page).expect("room on disk");
    fs::write(site.path().join("a.css"), "body { color: black }").expect("room on disk");
    fs::write(site.path().join("a.png"), [0; 100]).expect("room on disk");
    namespace.make_device("rt0", &KERNEL);
    let _nginx = namespace.nginx(site.path(), work.path());
    let configuration = work.path().join("unbound.conf");
    let text = "server:\n do-daemonize: no\n use-syslog: no\n username: \"\"\n chroot: \"\"\n \
                pidfile: \"\"\n interface: 10.9.0.2\n interface: fd09::2\n \
                access-control: 0.0.0.0/0 allow\n access-control: ::/0 allow\n \
                local-data: \"www.example. A 10.9.0.2\"\n local-data: \"www.example. AAAA fd09::2\"\n";
    fs::write(&configuration, text).expect("room on disk");
    let mut unbound = namespace.command("unbound");
    unbound.arg("-c").arg(&configuration);
    let _unbound = network::Running::start(&mut unbound);
    assert!(network::eventually(|| !namespace.shell("ss -Huln sport = 53", &[]).stdout.is_empty()));
    let roundtrip = Roundtrip::new();
    for server in ["10.9.0.2", "fd09::2"] {
        let arguments = ["resolve", "www.example", "--dns", server, "--wire", TAP];
        let run =
            roundtrip.run_with(namespace.command(env!("CARGO_BIN_EXE_roundtrip")), &arguments);
        let said = run.expect(0).out();
        assert!(said.contains("10.9.0.2") && said.contains("fd09::2"), "{said}");
    }
    let folder = roundtrip.folder("run");
    let arguments =
        ["visit", "http://www.example/", "--dns", "10.9.0.2", "--wire", TAP, "--out", &folder];
    let command = namespace.command(env!("CARGO_BIN_EXE_roundtrip"));
    roundtrip.run_with(command, &arguments).expect(0);
    let events = events(&folder);
    let count = |holds: fn(&What) -> bool| events.iter().filter(|e| holds(&e.what)).count();
    assert_eq!(count(|what| matches!(what, What::RunStarted(r) if r.wire == WireKind::Tap)), 1);
    let resolved = |what: &What| matches!(what, What::NeighbourChanged(n) if n.to == NeighbourState::Reachable);
    assert!(count(resolved) > 0, "we resolved the neighbour ourselves");
    assert!(count(|what| matches!(what, What::Frame(_))) > 20, "every packet is ours");
    // The page; its style and its picture where there is an engine that wants them.
    let entries = if cfg!(feature = "page") { 3 } else { 1 };
    assert_eq!(common::check_har(&folder), entries);
}
