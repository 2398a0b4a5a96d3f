//! UDP sockets of our own host on a TAP device, against the kernel's at its other end. Needs root and
//! iproute2; without them it says so and tests nothing.

#[path = "../../../tests/datagrams.rs"]
mod datagrams;
#[path = "../../../tests/skip.rs"]
mod skip;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use roundtrip_live::run as live;
use roundtrip_os::{Clock, Machine};
use roundtrip_record::Log;
use roundtrip_tap::Settings;
use roundtrip_wire::{Datagram as _, Fragmentation, Outgoing, Wire as _};

/// Set in the copy of this test that runs inside the namespace.
const INSIDE: &str = "ROUNDTRIP_TEST_INSIDE";
const TEST: &str = "the_contract_holds_against_the_kernel";
const PORT: u16 = 4433;

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
}

/// A network namespace; gone when dropped.
struct Namespace(String);

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.0]);
    }
}

/// Runs this test again in a namespace of its own.
fn inside() {
    let namespace = Namespace(format!("rtdgram{}", std::process::id()));
    if !Path::new("/dev/net/tun").exists() || !ip(&["netns", "add", &namespace.0]) {
        return skip::skip("it needs root, iproute2 and /dev/net/tun");
    }
    let mut again = Command::new("ip");
    again.args(["netns", "exec", &namespace.0]).arg(std::env::current_exe().expect("our path"));
    let output = again.args(["--exact", TEST, "--nocapture"]).env(INSIDE, "1").output();
    let output = output.expect("ip netns exec");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_contract_holds_against_the_kernel() {
    if std::env::var_os(INSIDE).is_none() {
        return inside();
    }
    // The kernel's end, on a thread that goes with the process.
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(|| {
        live(Clock::start(), Log::off(), roundtrip_live::Settings::default(), |live| async move {
            let socket = live.datagram(SocketAddr::from(([0, 0, 0, 0], PORT)));
            let socket = socket.expect("a socket");
            tell.send(()).expect("the test waits");
            datagrams::echo(socket).await;
        })
    });
    told.recv().expect("the kernel's end is there");
    for (wire, any, at) in [
        ("tap:rtd0,addr=10.9.0.1/24,gw=10.9.0.2", "0.0.0.0:0", "10.9.0.2"),
        ("tap:rtd0,addr=10.9.0.1/24,gw=10.9.0.2,offload=off", "0.0.0.0:0", "10.9.0.2"),
    ] {
        let settings: Settings = wire.parse().expect(wire);
        let (any, at) = (any.parse().expect(any), SocketAddr::new(at.parse().expect(at), PORT));
        let (clock, machine) = (Clock::start(), Machine::default());
        let done = roundtrip_tap::run(&settings, clock, &Log::off(), machine, |tap| async move {
            datagrams::talk(tap.clone(), any, at).await;
            let socket = tap.datagram(any).expect("a socket");
            socket.set_fragmentation(Fragmentation::Forbidden).expect("our host can");
            let long = [0; 1473];
            let error = socket.try_send(&[Outgoing::one(&long, at, None)]).expect_err("too long");
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        });
        done.expect("a runtime").expect("a device");
    }
}
