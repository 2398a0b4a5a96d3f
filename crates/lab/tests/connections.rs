//! Short connections leave nothing behind, and the last costs what the first did.
//! `bench/connections` shows the same of a million.

#[path = "../examples/churn/mod.rs"]
mod churn;

use churn::{Churn, Outcome};

fn carry_out(connections: u32) -> Outcome {
    Churn { connections, concurrency: 40, clients: 5 }.carry_out().unwrap()
}

/// Frames of a run without those that resolve addresses.
#[test]
fn many_short_connections_cost_the_same_each_and_leave_nothing() {
    let (some, many) = (carry_out(2_000), carry_out(8_000));
    for outcome in [&some, &many] {
        let left = outcome.left;
        assert_eq!((left.sockets, left.half_open, left.orphans, left.time_wait), (0, 0, 0, 0));
        assert!(outcome.most.0 <= 2 * 40, "{} sockets for 40 at a time", outcome.most.0);
        assert!(outcome.most.1 > 0, "TIME_WAIT was seen");
    }
    // SYN, SYN-ACK, ACK, data with FIN or without, their acknowledgements, FIN, ACK: the same for each.
    let each = |outcome: &Outcome, connections: f64| outcome.frames as f64 / connections;
    let (first, last) = (each(&some, 2_000.0), each(&many, 8_000.0));
    assert!((7.0..10.0).contains(&first), "{first} frames a connection");
    assert!((last - first).abs() < 0.1, "{first} and {last} frames a connection");
    let times = many.took.micros() as f64 / some.took.micros() as f64;
    assert!((3.9..4.1).contains(&times), "four times the connections took {times} times as long");
}
