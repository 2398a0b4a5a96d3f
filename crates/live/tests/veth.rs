//! The neighbour step, over a veth pair between two network namespaces of the test's own: loopback
//! has no neighbours. Needs root and iproute2; without them it says so and tests nothing.

#[path = "../../../tests/skip.rs"]
mod skip;

use core::time::Duration;
use std::process::Command;

use roundtrip_live::{Settings, run};
use roundtrip_os::Clock;
use roundtrip_record::{AttemptEnd, Evidence, Log, NeighbourState, What};
use roundtrip_wire::Wire as _;

/// Set in the copy of this test that runs inside the namespace.
const INSIDE: &str = "ROUNDTRIP_TEST_INSIDE";

fn ip(arguments: &str) -> bool {
    let run = Command::new("ip").args(arguments.split(' ')).output();
    run.is_ok_and(|output| output.status.success())
}

/// Two namespaces joined by a cable; gone when dropped.
struct Cable(String);

impl Cable {
    fn lay(name: &str) -> Option<Self> {
        let cable = Self(format!("rt{name}{}", std::process::id()));
        let n = &cable.0;
        let laid = ip(&format!("netns add {n}a"))
            && ip(&format!("netns add {n}b"))
            && ip(&format!("link add v0 netns {n}a type veth peer name v0 netns {n}b"))
            && ip(&format!("-n {n}a addr add 10.77.0.1/24 dev v0"))
            && ip(&format!("-n {n}b addr add 10.77.0.2/24 dev v0"))
            && ip(&format!("-n {n}a link set lo up"))
            && ip(&format!("-n {n}a link set v0 up"))
            && ip(&format!("-n {n}b link set v0 up"));
        laid.then_some(cable)
    }

    /// Runs one test of this file again, inside.
    fn inside(&self, test: &str) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{}a", self.0)]);
        command.arg(std::env::current_exe().expect("our own path"));
        command.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
        let output = command.output().expect("ip netns exec");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        ip(&format!("netns del {}a", self.0));
        ip(&format!("netns del {}b", self.0));
    }
}

/// Runs `body` inside, and there `true` is given back.
fn namespaced(name: &str, test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    match Cable::lay(name) {
        Some(cable) => cable.inside(test),
        None => skip::skip("root and iproute2 are needed to make network namespaces"),
    }
    false
}

fn neighbour_states(log: &Log) -> Vec<(NeighbourState, Option<String>, Evidence)> {
    let of = |event: roundtrip_record::Event| match event.what {
        What::NeighbourChanged(change) => Some((change.to, change.mac, change.how)),
        _ => None,
    };
    log.events().into_iter().filter_map(of).collect()
}

#[test]
fn the_neighbour_is_found() {
    if !namespaced("f", "the_neighbour_is_found") {
        return;
    }
    let log = Log::memory();
    let end = run(Clock::start(), log.clone(), Settings::default(), |live| async move {
        let to = "10.77.0.2:9".parse().unwrap();
        live.connect(to, None, None).await.err().map(|fault| fault.0.end)
    });
    // Nobody listens there; but the host answered, so its hardware address was found.
    assert_eq!(end.expect("a runtime"), Some(AttemptEnd::Refused));
    let states = neighbour_states(&log);
    let (last, mac, how) = states.last().expect("the neighbour was seen");
    assert_eq!(*last, NeighbourState::Reachable, "{states:?}");
    assert_eq!(mac.as_ref().map(String::len), Some(17), "{states:?}");
    assert_eq!(*how, Evidence::Observed("netlink".into()));
}

#[test]
fn a_neighbour_that_is_not_there_is_told_from_a_host_that_refuses() {
    if !namespaced("g", "a_neighbour_that_is_not_there_is_told_from_a_host_that_refuses") {
        return;
    }
    let log = Log::memory();
    let end = run(Clock::start(), log.clone(), Settings::default(), |live| async move {
        let to = "10.77.0.99:9".parse().unwrap();
        let until = live.now() + Duration::from_secs(8);
        live.connect(to, Some(until), None).await.err().map(|fault| fault.0.end)
    });
    let next_hop = "10.77.0.99".parse().unwrap();
    assert_eq!(end.expect("a runtime"), Some(AttemptEnd::NoNeighbour { next_hop }));
    let states = neighbour_states(&log);
    let names: Vec<_> = states.iter().map(|(state, ..)| *state).collect();
    assert_eq!(names, [NeighbourState::Incomplete, NeighbourState::Failed]);
}

#[test]
fn no_way_there_is_said_by_our_own_host() {
    if !namespaced("h", "no_way_there_is_said_by_our_own_host") {
        return;
    }
    let end = run(Clock::start(), Log::memory(), Settings::default(), |live| async move {
        let to = "192.0.2.1:9".parse().unwrap();
        live.connect(to, None, None).await.err().map(|fault| fault.0.end)
    });
    let unreachable = AttemptEnd::Unreachable { why: "network unreachable".into(), from: None };
    assert_eq!(end.expect("a runtime"), Some(unreachable));
}
