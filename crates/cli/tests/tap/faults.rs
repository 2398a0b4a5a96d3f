//! What goes wrong with the device or on its link is said plainly.

use std::fs;
use std::process::Output;

use crate::common::has;
use crate::network::{Namespace, Running, eventually};
use crate::{KERNEL, TAP};

const OURS: &str = env!("CARGO_BIN_EXE_roundtrip");

/// `get` over a wire; what it said, and its exit code.
fn get(namespace: &Namespace, wire: &str, url: &str) -> (String, Option<i32>) {
    said(&namespace.shell("\"$1\" get -sS -m 10 --wire \"$2\" \"$3\"", &[OURS, wire, url]))
}

fn said(run: &Output) -> (String, Option<i32>) {
    (String::from_utf8_lossy(&run.stderr).into_owned(), run.status.code())
}

#[test]
fn the_missing_privilege_is_named() {
    if !has("setpriv") {
        return;
    }
    let Some(namespace) = Namespace::new("cap") else { return };
    let line = "setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
                \"$1\" get --wire \"$2\" http://10.9.0.2/";
    let (said, code) = said(&namespace.shell(line, &[OURS, TAP]));
    assert!(said.contains("rt0: not permitted. It takes CAP_NET_ADMIN"), "{said}");
    assert!(said.contains("ip tuntap add rt0 mode tap user"), "{said}");
    assert_eq!(code, Some(2));
    // With a device made for us no privilege is needed.
    namespace.make_device("rt0", &KERNEL);
    let (said, code) = self::said(&namespace.shell(line, &[OURS, TAP]));
    assert!(said.contains("refused"), "the device was opened, and nobody listens there: {said}");
    assert_eq!(code, Some(7));
}

#[test]
fn wrong_addresses_and_gateways_are_named() {
    let Some(namespace) = Namespace::new("wrong") else { return };
    let (said, code) = get(&namespace, "tap:rt0,addr=10.9.0.1/24,gw=10.8.0.2", "http://10.9.0.2/");
    assert!(said.contains("gateway 10.8.0.2 is in the prefix of no address of ours"), "{said}");
    assert_eq!(code, Some(2));
    namespace.make_device("rt0", &KERNEL);
    // A gateway that does not answer, one that is not asked for, and no way at all.
    let mute = "tap:rt0,addr=10.9.0.1/24,gw=10.9.0.77,addr6=fd09::1/64,gw6=fd09::77";
    for (url, hop) in [("http://192.0.2.1/", "10.9.0.77"), ("http://[2001:db8::1]/", "fd09::77")] {
        let (said, code) = get(&namespace, mute, url);
        assert!(said.contains(&format!("{hop}, the next hop, does not answer")), "{said}");
        assert_eq!(code, Some(7));
    }
    let (said, code) = get(&namespace, "tap:rt0,addr=10.9.0.1/24", "http://192.0.2.1/");
    assert!(said.contains("network is unreachable"), "{said}");
    assert_eq!(code, Some(7));
    // Addresses that the kernel's end has.
    for taken in ["tap:rt0,addr=10.9.0.2/24", "tap:rt0,addr6=fd09::2/64"] {
        let listen = if taken.contains("addr6") { "[fd09::2]:80" } else { "10.9.0.2:80" };
        let line = "timeout 10 \"$1\" serve / --listen \"$3\" --wire \"$2\"";
        let (said, code) = self::said(&namespace.shell(line, &[OURS, taken, listen]));
        assert!(said.contains("on rt0 is somebody else's"), "{taken}: {said}");
        assert_eq!(code, Some(2));
    }
}

#[test]
fn a_device_that_is_down_taken_or_removed_is_no_riddle() {
    let Some(namespace) = Namespace::new("device") else { return };
    let site = tempfile::tempdir().expect("a folder");
    namespace.ip("tuntap add rt0 mode tap");
    let (said, code) = get(&namespace, TAP, "http://10.9.0.2/");
    assert!(said.contains("rt0 is down: ip link set rt0 up"), "{said}");
    assert_eq!(code, Some(2));
    namespace.ip("link set rt0 up");
    let mut server = namespace.serve(site.path(), "10.9.0.1:80", TAP);
    let (said, code) = get(&namespace, TAP, "http://10.9.0.2/");
    assert!(said.contains("rt0 is in use by another program"), "{said}");
    assert_eq!(code, Some(2));
    namespace.ip("link del rt0");
    assert_eq!(server.end(), Some(2), "a server without a device does not go on");
    // What is no TAP device is not taken for one.
    namespace.ip("link add rt0 type veth peer rt1");
    let (said, code) = get(&namespace, TAP, "http://10.9.0.2/");
    assert!(said.starts_with("roundtrip: rt0: "), "{said}");
    assert_eq!(code, Some(2));
}

/// Ctrl-C: the peer is told, and the device goes.
#[test]
fn an_interrupt_resets_connections_and_takes_the_device_away() {
    if !has("nginx") {
        return;
    }
    let Some(namespace) = Namespace::new("int") else { return };
    let (site, work) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let large = fs::File::create(site.path().join("large")).expect("a file");
    large.set_len(1 << 36).expect("a sparse file");
    let _nginx = namespace.nginx(site.path(), work.path());
    let connections = || {
        let shown = namespace.shell("ss -Htn '( sport = 80 )'", &[]);
        String::from_utf8_lossy(&shown.stdout).into_owned()
    };
    let mut command = namespace.command(OURS);
    command.args(["get", "-s", "-o", "/dev/null", "--wire", TAP, "http://10.9.0.2/large"]);
    let mut client = Running::start(&mut command);
    assert!(eventually(|| connections().contains("ESTAB")), "it fetches");
    client.signal("INT");
    assert_eq!(client.end(), Some(130));
    assert!(eventually(|| connections().is_empty()), "{}", connections());
    assert!(eventually(|| !namespace.has_device("rt0")), "what we made is gone with us");
}
