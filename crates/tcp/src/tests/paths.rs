//! Paths that drop large packets without an ICMP message, and the search for the size that passes
//! (RFC 4821).

use std::sync::Arc;
use std::time::Duration;

use super::pair::{End, Fate, Frame, Pair, Path};
use crate::{MtuProbing, Options, Profile};

/// The largest TCP payload with options that the path carries, in bytes; less than either end's
/// link allows.
const PASSES: usize = 1260;
/// The bytes of it that the timestamps option takes.
const OPTIONS: u32 = 12;

fn size(frame: &Frame) -> usize {
    frame.payload.len() + frame.header.options.to_bytes().padded().as_bytes().len()
}

/// A connection over the narrow path whose client probes as `probing` says.
fn narrow(probing: MtuProbing) -> Pair {
    let profile = Profile { mtu_probing: probing, base_mss: 512, ..Profile::linux() };
    let client = Options { profile: Arc::new(profile), ..Options::default() };
    let path = Path { delay: Duration::from_millis(10), rate: 20_000_000, queue: 200 };
    let mut pair = Pair::with(path, client, Options::default());
    let fate = |frame: &Frame| if size(frame) > PASSES { Fate::Drop } else { Fate::Deliver };
    pair.fates(End::Client, move |_, frame| fate(frame));
    pair.connect();
    pair
}

fn transfer(pair: &mut Pair) {
    let data: Vec<u8> = (0..400_000).map(|n| (n * 31 + n / 253) as u8).collect();
    let got = pair.transfer(End::Client, &data, Duration::from_mins(2));
    assert!(got == data, "{} bytes", got.len());
}

/// The search ends at most eight bytes (`probe_threshold`) below the size that passes.
#[test]
fn the_largest_segment_that_passes_is_found() {
    let mut pair = narrow(MtuProbing::Always);
    assert_eq!(pair.client.info().snd_mss, 512);
    transfer(&mut pair);
    let found = pair.client.info().snd_mss + OPTIONS;
    let passes = PASSES as u32;
    assert!((passes - 8..=passes).contains(&found), "{found}");
    let lost: Vec<usize> = pair.log.iter().filter(|e| e.3).map(|e| size(&e.2)).collect();
    assert!(!lost.is_empty() && lost.len() <= 8, "only probes were lost: {lost:?}");
    assert!(lost.windows(2).all(|pair| pair[1] < pair[0]), "each smaller: {lost:?}");
}

/// Without probing nothing gets through; with black hole detection segments do, and then grow
/// towards the size that passes.
#[test]
fn a_black_hole_is_survived() {
    let mut stuck = narrow(MtuProbing::Off);
    let got = stuck.transfer(End::Client, &vec![7; 100_000], Duration::from_secs(30));
    assert!(got.is_empty(), "{} bytes", got.len());

    let mut pair = narrow(MtuProbing::BlackHole);
    transfer(&mut pair);
    let found = pair.client.info().snd_mss + OPTIONS;
    assert!((1024..=PASSES as u32).contains(&found), "{found}");
}

/// RFC 4821 §7.6.2: the loss of a probe is no sign of congestion.
#[test]
fn lost_probes_do_not_slow_the_transfer_down() {
    let mut probing = narrow(MtuProbing::Always);
    transfer(&mut probing);
    let losses = probing.log.iter().filter(|entry| entry.3).count() as u32;
    let info = probing.client.info();
    assert_eq!(info.lost, 0);
    assert!(info.total_retrans >= losses, "{} for {losses}", info.total_retrans);
    assert_eq!(info.total_rto, 0, "no timeout was needed");
}
