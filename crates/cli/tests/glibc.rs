//! `roundtrip resolve` against glibc's `getaddrinfo`: the same files, the same questions to the name
//! servers, the same addresses. Files of the test's own are mounted over those of /etc, which only root
//! can do.
//!
//! Three things differ on purpose and have no row: `localhost` and what is below it are the loopback
//! addresses whatever the files say (RFC 6761 §6.3); a broken nsswitch.conf is reported and passed over,
//! where glibc finds nothing any more; `[SUCCESS=merge]` merges, where `getaddrinfo` gives up.

#[path = "../../../tests/skip.rs"]
mod skip;

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

const ROUNDTRIP: &str = env!("CARGO_BIN_EXE_roundtrip");
/// Where the name servers of the test listen.
const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 53, 0, 1), Ipv4Addr::new(127, 53, 0, 2)];

/// What they know: names, and addresses or a response code. All else does not exist.
const ZONE: [(&str, &str); 15] = [
    ("www.example.test", "192.0.2.10 2001:db8::10"),
    ("four.example.test", "192.0.2.14"),
    ("six.example.test", "2001:db8::6"),
    ("empty.example.test", ""),
    ("fail.example.test", "SERVFAIL"),
    ("refused.example.test", "REFUSED"),
    ("single", "192.0.2.40"),
    ("single.lab.test", "192.0.2.41"),
    ("host.corp.test", "192.0.2.20"),
    ("a.b", "192.0.2.30"),
    ("a.b.corp.test", "192.0.2.31"),
    ("x.y.corp.test", "192.0.2.50"),
    ("fail.corp.test", "SERVFAIL"),
    ("fail.lab.test", "192.0.2.60"),
    ("under_score.test", "192.0.2.70"),
];

type Asked = BTreeSet<(Ipv4Addr, String, u16)>;

/// Answers from the zone, and notes what it was asked.
fn serve(at: Ipv4Addr, asked: Arc<Mutex<Asked>>) -> std::io::Result<()> {
    let socket = UdpSocket::bind((at, 53))?;
    std::thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let Some((name, kind, end)) = question(&query[..length]) else { continue };
            let reply = reply(&query[..end], &name, kind);
            asked.lock().expect("no panic").insert((at, name, kind));
            let _ = socket.send_to(&reply, from);
        }
    });
    Ok(())
}

/// Name and type of the question, and where it ends.
fn question(query: &[u8]) -> Option<(String, u16, usize)> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        match usize::from(*query.get(at)?) {
            0 => break,
            length => {
                let label = query.get(at + 1..at + 1 + length)?;
                labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
                at += 1 + length;
            }
        }
    }
    let kind = u16::from_be_bytes([*query.get(at + 1)?, *query.get(at + 2)?]);
    Some((labels.join("."), kind, at + 5))
}

fn reply(query: &[u8], name: &str, kind: u16) -> Vec<u8> {
    const A: u16 = 1;
    const AAAA: u16 = 28;
    let known = ZONE.iter().find(|(own, _)| *own == name).map(|(_, what)| *what);
    let (code, addresses) = match known {
        None => (3, ""),
        Some("SERVFAIL") => (2, ""),
        Some("REFUSED") => (5, ""),
        Some(addresses) => (0, addresses),
    };
    let mut out = query.to_vec();
    out[2] |= 0x80;
    out[3] = 0x80 | code;
    out[6..12].fill(0);
    for address in addresses.split(' ').filter_map(|text| text.parse::<IpAddr>().ok()) {
        let (own, bytes) = match address {
            IpAddr::V4(address) => (A, address.octets().to_vec()),
            IpAddr::V6(address) => (AAAA, address.octets().to_vec()),
        };
        if own == kind {
            out[7] += 1;
            // The name of the question, class IN, a minute.
            out.extend([0xc0, 12, 0, own as u8, 0, 1, 0, 0, 0, 60, 0, bytes.len() as u8]);
            out.extend(bytes);
        }
    }
    out
}

/// The files that a lookup depends on, and its environment.
#[derive(Clone, Copy)]
struct Files<'a> {
    nsswitch: &'a str,
    hosts: &'a str,
    resolv: &'a str,
    variable: Option<(&'a str, &'a str)>,
}

const PLAIN: Files<'static> = Files {
    nsswitch: "hosts: files dns\n",
    hosts: "127.0.0.1 localhost\n192.0.2.99 www.hosts.test\n",
    resolv: "nameserver 127.53.0.1\n",
    variable: None,
};

const SEARCH: &str = "nameserver 127.53.0.1\nsearch corp.test lab.test\n";

fn run(files: &Files<'_>, command: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("written");
    };
    put("nsswitch.conf", files.nsswitch);
    put("hosts", files.hosts);
    put("resolv.conf", files.resolv);
    let mount = "for file in nsswitch.conf hosts resolv.conf; do \
        mount --bind \"$HOME/$file\" \"/etc/$file\" || exit 99; done; exec \"$@\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["-m", "sh", "-c", mount, "sh"]).args(command).env("HOME", folder.path());
    for variable in ["LOCALDOMAIN", "RES_OPTIONS", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
        unshare.env_remove(variable);
    }
    unshare.envs(files.variable);
    let output = unshare.output().expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(output.status.code(), Some(99), "the files cannot be mounted: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn of_glibc(files: &Files<'_>, name: &str) -> BTreeSet<IpAddr> {
    let out = run(files, &["getent", "--no-addrconfig", "ahosts", name]);
    out.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
}

fn of_ours(files: &Files<'_>, name: &str) -> BTreeSet<IpAddr> {
    let out = run(files, &[ROUNDTRIP, "resolve", name, "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let addresses = value["lookups"][0]["addresses"].as_array().expect("addresses").clone();
    addresses.iter().filter_map(|address| address.as_str()?.parse().ok()).collect()
}

/// Fails unless both ask the same and find the same.
#[test]
fn names_are_found_as_glibc_finds_them() {
    if !["unshare", "getent"].iter().all(|tool| skip::has(tool)) {
        return;
    }
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let asked = Arc::new(Mutex::new(Asked::new()));
    let ready = root && SERVERS.iter().all(|at| serve(*at, Arc::clone(&asked)).is_ok());
    if !ready || !Path::new("/etc/resolv.conf").exists() {
        return skip::skip("root is needed to mount files and to listen on port 53");
    }
    let mut differ = Vec::new();
    let cases = cases();
    for (files, name) in &cases {
        let both = [of_glibc, of_ours].map(|find| {
            asked.lock().expect("no panic").clear();
            let found = find(files, name);
            (found, asked.lock().expect("no panic").clone())
        });
        if both[0] != both[1] {
            differ.push(format!(
                "{name} with {:?}, {:?}, {:?}\n  glibc: {:?}\n  ours:  {:?}",
                files.nsswitch, files.resolv, files.variable, both[0], both[1]
            ));
        }
    }
    let all = cases.len();
    assert!(differ.is_empty(), "{} of {all} differ:\n{}", differ.len(), differ.join("\n"));
}

fn cases() -> Vec<(Files<'static>, &'static str)> {
    let mut cases = Vec::new();
    let mut add = |files: Files<'static>, names: &'static str| {
        cases.extend(names.split(' ').map(|name| (files, name)));
    };
    add(
        PLAIN,
        "www.example.test www.example.test. WWW.Example.TEST four.example.test six.example.test \
         empty.example.test nope.example.test fail.example.test refused.example.test single \
         under_score.test www.hosts.test 192.0.2.1 ::1 127.1 0x7f.1 1.2.3",
    );
    let search = Files { resolv: SEARCH, ..PLAIN };
    add(search, "host host. single single. a.b x.y nope fail www.example.test fail.example.test");
    for resolv in [
        "nameserver 127.53.0.1\nsearch corp.test lab.test\noptions ndots:2\n",
        "nameserver 127.53.0.1\nsearch corp.test lab.test\noptions ndots:0\n",
        "nameserver 127.53.0.1\nsearch corp.test lab.test\noptions ndots:99\n",
        "nameserver 127.53.0.1\ndomain corp.test\n",
        "nameserver 127.53.0.1\ndomain lab.test\nsearch corp.test\n",
        "nameserver 127.53.0.1\nsearch corp.test\ndomain lab.test\n",
        "nameserver 127.53.0.1\nsearch corp.test\nsearch lab.test\n",
        "nameserver 127.53.0.1\nsearch .\n",
    ] {
        add(Files { resolv, ..PLAIN }, "host single a.b x.y");
    }
    for resolv in [
        "nameserver 127.53.0.1\noptions attempts:1 timeout:1\n",
        "nameserver 127.53.0.1\noptions no-aaaa\n",
        "nameserver 127.53.0.1\noptions edns0 trust-ad single-request nonsense:4\n",
        "nameserver 127.53.0.1\nnameserver 127.53.0.2\n",
        "; comment\n# other\n  nameserver 127.53.0.2\nnameserver\t127.53.0.1 # trailing\n",
        "nameserver nonsense\nnameserver 127.53.0.2\nbogus line\n",
    ] {
        add(Files { resolv, ..PLAIN }, "www.example.test fail.example.test");
    }
    add(Files { resolv: "nameserver 127.53.0.1\r\n", ..PLAIN }, "www.example.test");
    let variable = |name, value| Files { variable: Some((name, value)), ..search };
    add(variable("LOCALDOMAIN", "lab.test"), "host single");
    add(variable("RES_OPTIONS", "ndots:3"), "x.y a.b");
    for nsswitch in [
        "hosts: files\n",
        "hosts: dns\n",
        "hosts: dns files\n",
        "hosts: files [NOTFOUND=return] dns\n",
        "hosts: files [SUCCESS=continue] dns\n",
        "hosts: files [!SUCCESS=return] dns\n",
        "hosts: files [UNAVAIL=return] dns\n",
        "hosts: files [success=return NotFound=continue] dns\n",
        "hosts: dns [NOTFOUND=return] files\n",
        "hosts: dns [UNAVAIL=return] files\n",
        "hosts: dns [TRYAGAIN=return] files\n",
        "hosts: dns [!UNAVAIL=return] files\n",
        "hosts: nosuch dns\n",
        "hosts: nosuch [UNAVAIL=return] dns\n",
        "hosts: files mymachines resolve [!UNAVAIL=return] myhostname dns\n",
        "hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
        "hosts: files dns # [NOTFOUND=return]\n",
        "hosts: files\tdns#x\n",
        " hosts : files dns\n",
        "hosts:files dns\nhosts: files\n",
        "HOSTS: files\n",
        "hosts: Files dns\n",
        "passwd: files\n",
        "hosts:\n",
        "",
    ] {
        let hosts = "192.0.2.99 www.example.test\n192.0.2.98 onlyhosts.test fail.example.test\n";
        let files = Files { nsswitch, hosts, ..PLAIN };
        add(files, "www.example.test onlyhosts.test four.example.test fail.example.test");
    }
    let hosts = "# c\n\n192.0.2.1\tone One.test one.alias#tail\n192.0.2.2 one\n2001:db8::1 one\n  \
        192.0.2.3   two\r\n::1 six\nfe80::1%lo scoped\nnot-an-ip bad\n192.0.2.4\n192.0.2.5 dup dup\n\
        192.0.2.5 dup\n010.0.0.1 octal\n192.0.2 short\n::ffff:192.0.2.7 mapped\n192.0.2.6 tra.iling.\n\
        192.0.2.9 last";
    add(
        Files { nsswitch: "hosts: files\n", hosts, ..PLAIN },
        "one ONE one. one.test one.alias tail two six scoped bad dup octal short mapped tra.iling \
         tra.iling. last",
    );
    cases
}

/// A slip of the pen in the zone, or in reading questions, would hide a difference.
#[test]
fn the_zone_is_well_written() {
    for (name, what) in ZONE {
        for word in what.split(' ').filter(|word| !word.is_empty()) {
            let address = word.parse::<IpAddr>().is_ok() || ["SERVFAIL", "REFUSED"].contains(&word);
            assert!(address, "{name}: {word}");
        }
    }
    let local = question(b"\0\0\0\0\0\0\0\0\0\0\0\0\x03WWW\x01x\0\0\x1c\0\x01");
    assert_eq!(local, Some(("www.x".into(), 28, 23)));
    assert_eq!(question(&[0; 5]), None);
}
