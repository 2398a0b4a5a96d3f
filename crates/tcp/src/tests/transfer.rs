//! Whole transfers over a link with a rate, a delay and a queue.

use std::time::Duration;

use super::pair::{End, Fate, Pair, Path};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 + n / 253) as u8).collect()
}

fn cable() -> Pair {
    let mut pair =
        Pair::new(Path { delay: Duration::from_millis(20), rate: 5_000_000, queue: 100 });
    let down = Path { delay: Duration::from_millis(20), rate: 20_000_000, queue: 100 };
    pair.path(End::Server, down);
    pair
}

/// Linux 6.18 takes 580.1 ms from connect to the last of 1 000 000 bytes on this link, the request
/// included (`cable` in the oracle's measurements); here the server begins by itself.
#[test]
fn a_megabyte_takes_as_long_as_in_linux() {
    let mut pair = cable();
    let start = pair.now;
    pair.connect();
    let data = pattern(1_000_000);
    let got = pair.transfer(End::Server, &data, Duration::from_mins(1));
    assert!(got == data);
    let took = pair.now.since(start).as_secs_f64() * 1000.0;
    assert!((574.0..=584.0).contains(&took), "{took} ms");
    assert_eq!(pair.server().info().total_retrans, 0);
}

/// The 14 000 bytes of data fill the initial window, so the FIN comes a round trip later (measured
/// on Linux).
#[test]
fn the_end_of_a_full_initial_window_comes_a_round_trip_later() {
    let mut pair = cable();
    let start = pair.now;
    pair.connect();
    let data = pattern(14_000);
    let got = pair.transfer(End::Server, &data, Duration::from_secs(5));
    assert!(got == data);
    let last = pair.now.since(start).as_secs_f64() * 1000.0;
    pair.shutdown(End::Server);
    assert!(pair.run_while(Duration::from_secs(5), |pair| !pair.client.at_end()));
    let end = pair.now.since(start).as_secs_f64() * 1000.0;
    assert!((80.0..=90.0).contains(&last), "{last} ms");
    assert!((last + 30.0..=last + 45.0).contains(&end), "{last} ms, then {end} ms");
}

#[test]
fn losses_of_every_kind_are_repaired_without_a_timeout() {
    let mut pair = cable();
    pair.fates(End::Server, |n, _| if n % 37 == 11 { Fate::Drop } else { Fate::Deliver });
    pair.fates(End::Client, |n, _| if n % 29 == 11 { Fate::Drop } else { Fate::Deliver });
    pair.connect();
    let data = pattern(1_000_000);
    let got = pair.transfer(End::Server, &data, Duration::from_mins(1));
    assert!(got == data);
    let info = pair.server().info();
    assert!(info.total_retrans >= 15 && info.total_retrans <= 40, "{}", info.total_retrans);
}

#[test]
fn both_close_and_one_waits() {
    let mut pair = cable();
    pair.connect();
    pair.write(End::Client, b"request");
    pair.run_for(Duration::from_millis(100));
    assert_eq!(pair.read(End::Server), b"request");
    pair.close(End::Server);
    pair.run_for(Duration::from_millis(100));
    pair.close(End::Client);
    pair.run_for(Duration::from_secs(70));
    assert!(pair.client.is_closed() && pair.server().is_closed());
}
