//! Whole transfers over a link.

use std::time::Duration;

use super::pair::{End, Fate, Pair, Path};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 + n / 253) as u8).collect()
}

#[test]
fn a_megabyte_arrives() {
    let mut pair =
        Pair::new(Path { delay: Duration::from_millis(20), rate: 20_000_000, queue: 1000 });
    pair.connect();
    let data = pattern(1_000_000);
    let got = pair.transfer(End::Server, &data, Duration::from_secs(60));
    if got != data {
        for l in pair.lines(End::Server).iter().rev().take(40).rev() {
            println!("S {l}");
        }
        for l in pair.lines(End::Client).iter().rev().take(40).rev() {
            println!("C {l}");
        }
        panic!("{} of {}", got.len(), data.len());
    }
    for l in pair.lines(End::Server).iter().take(60) {
        println!("S {l}");
    }
    for l in pair.lines(End::Client).iter().take(40) {
        println!("C {l}");
    }
    println!("{:?}", pair.now);
}

#[test]
fn a_lossy_megabyte_arrives() {
    let mut pair =
        Pair::new(Path { delay: Duration::from_millis(20), rate: 20_000_000, queue: 1000 });
    pair.fates(End::Server, |n, _| if n % 37 == 11 { Fate::Drop } else { Fate::Deliver });
    pair.fates(End::Client, |n, _| if n % 29 == 11 { Fate::Drop } else { Fate::Deliver });
    pair.connect();
    let data = pattern(1_000_000);
    let got = pair.transfer(End::Server, &data, Duration::from_secs(60));
    for l in pair.lines(End::Server).iter().take(160) {
        println!("S {l}");
    }
    for l in pair.lines(End::Client).iter().take(140) {
        println!("C {l}");
    }
    let now = pair.now;
    println!("{now:?} {:?}", pair.server().info());
    assert_eq!(got.len(), data.len());
    assert!(got == data);
}
