//! Loss: fast retransmit, RACK, tail loss probes, timeouts, undoing
//! (RFC 6298, RFC 6582, RFC 6675, RFC 8985, RFC 5682, RFC 2883).

use super::scene::{PeerOptions, Scene, Seg, ack, exact, sack};
use crate::{Algorithm, CaState, Profile};

fn scene() -> Scene {
    Scene::accepted(exact(), PeerOptions::default())
}

fn reno() -> Scene {
    let profile = Profile { congestion: Algorithm::Reno, ..exact() };
    Scene::accepted(profile, PeerOptions { sack: false, ..PeerOptions::default() })
}

/// RFC 6298 §5: after RTO, then twice that, and twice again.
#[test]
fn a_lost_segment_is_sent_again_after_the_timeout() {
    let profile = Profile { tail_loss_probe: false, ..exact() };
    let mut scene = Scene::accepted(profile, PeerOptions::default());
    scene.write(1, 1000);
    scene.sent();
    // RTT 100 ms: RTO = 100 + 200.
    for ms in [400, 1000, 2200, 4600] {
        scene.at(ms);
        assert_eq!(scene.sent(), [("P.", 1, 1000)], "at {ms}");
    }
    let info = scene.connection.info();
    assert_eq!((info.ca_state, info.retransmits, info.snd_cwnd), (CaState::Loss, 4, 1));
}

/// RFC 8985 §7: two round trips (and a delayed acknowledgement, with one segment out).
#[test]
fn a_tail_loss_is_probed() {
    let mut scene = scene();
    scene.write(1, 4000);
    scene.sent();
    scene.at(302);
    assert_eq!(scene.sent(), [("P.", 3001, 1000)], "2·SRTT + 2 ms: the last segment");
    scene.at(402);
    // The probe's SACK shows the loss of the rest, by RACK.
    scene.recv(sack(1, &[(3001, 4001)]));
    assert_eq!(scene.sent_seqs(), [1]);
    assert_eq!(scene.connection.info().ca_state, CaState::Recovery);
}

#[test]
fn a_probe_of_one_segment_waits_for_a_delayed_acknowledgement() {
    let mut scene = scene();
    scene.write(1, 1000);
    scene.sent();
    scene.at(400);
    assert_eq!(scene.sent(), [("P.", 1, 1000)], "no later than the timeout");
    assert_eq!(scene.connection.info().ca_state, CaState::Open);
}

/// RFC 8985 §7.4.2: the probe repaired the loss, and the window pays for it.
#[test]
fn a_loss_repaired_by_a_probe_reduces_the_window() {
    let mut scene = scene();
    scene.write(1, 10_000);
    scene.sent();
    scene.at(200);
    scene.recv(ack(9001));
    scene.sent();
    let cwnd = scene.connection.info().snd_cwnd;
    scene.timer();
    assert_eq!(scene.sent_seqs(), [9001]);
    scene.at(600);
    scene.write(10_001, 1000);
    scene.sent();
    scene.recv(ack(11_001));
    assert!(scene.connection.info().snd_cwnd < cwnd);
}

#[test]
fn a_probe_that_was_not_needed_costs_nothing() {
    let mut scene = scene();
    scene.write(1, 10_000);
    scene.sent();
    scene.at(302);
    assert_eq!(scene.sent_seqs(), [9001]);
    scene.at(310);
    scene.recv(ack(10_001));
    scene.at(402);
    scene.recv(sack(10_001, &[(9001, 10_001)]));
    let info = scene.connection.info();
    assert_eq!((info.ca_state, info.snd_ssthresh), (CaState::Open, None));
}

/// RFC 6675, by RACK: three segments above it have arrived.
#[test]
fn the_third_sack_starts_recovery() {
    let mut scene = scene();
    scene.write(1, 20_000);
    scene.sent();
    scene.at(200);
    scene.recv(sack(1, &[(1001, 2001)]));
    assert_eq!(scene.sent_seqs(), [10_001], "one has left, one may go");
    scene.recv(sack(1, &[(1001, 3001)]));
    scene.silent();
    scene.recv(sack(1, &[(1001, 4001)]));
    assert_eq!(scene.sent_seqs(), [1]);
    let info = scene.connection.info();
    assert_eq!((info.ca_state, info.lost, info.snd_ssthresh), (CaState::Recovery, 1, Some(7)));
}

/// Proportional rate reduction: 10 comes down to 7.
#[test]
fn recovery_sends_in_proportion_and_ends_at_the_threshold() {
    let mut scene = scene();
    scene.write(1, 30_000);
    scene.sent();
    scene.at(200);
    let mut sent = Vec::new();
    for n in 2..=10 {
        scene.recv(sack(1, &[(1001, n * 1000 + 1)]));
        sent.extend(scene.sent_seqs());
    }
    // Limited transmit sends one, and puts off another until a burst of two can be filled
    // (`tcp_tso_should_defer`); then the loss, then 0.7 for each that arrived.
    assert_eq!(sent, [10_001, 1, 11_001, 12_001, 13_001, 14_001, 15_001]);
    scene.at(300);
    scene.recv(ack(12_001));
    let info = scene.connection.info();
    assert_eq!((info.ca_state, info.snd_cwnd), (CaState::Open, 7));
}

/// A hole that is filled within a quarter of a round trip was reordering.
#[test]
fn reordering_is_not_taken_for_loss() {
    let mut scene = scene();
    scene.write(1, 10_000);
    scene.sent();
    scene.at(200);
    scene.recv(sack(1, &[(1001, 3001)]));
    assert!(scene.sent_seqs().is_empty());
    scene.at(210);
    scene.recv(ack(3001));
    scene.sent();
    let info = scene.connection.info();
    assert_eq!((info.ca_state, info.total_retrans, info.reord_seen), (CaState::Open, 0, 1));
}

/// With fewer than three SACKs RACK waits a quarter of the least round trip, and 2 ms.
#[test]
fn rack_waits_for_reordering_and_then_retransmits() {
    let mut scene = scene();
    scene.write(1, 3000);
    scene.sent();
    scene.at(200);
    scene.recv(sack(1, &[(1001, 2001)]));
    scene.silent();
    scene.at(227);
    assert_eq!(scene.sent_seqs(), [1], "100 + 25 + 2 ms after it was sent, that is");
}

/// A retransmission that is lost is found by what was sent after it.
#[test]
fn a_lost_retransmission_is_sent_again_without_a_timeout() {
    let mut scene = scene();
    scene.write(1, 30_000);
    scene.sent();
    scene.at(200);
    for n in 2..=10 {
        scene.recv(sack(1, &[(1001, n * 1000 + 1)]));
        scene.sent();
    }
    // What was sent after the retransmission arrives, the retransmission does not.
    scene.at(301);
    scene.recv(sack(1, &[(1001, 13_001)]));
    let mut again = scene.sent_seqs();
    for ms in [302, 304, 310, 330] {
        scene.now = scene.now.max(roundtrip_record::Time::from_millis(1000 + ms));
        scene.connection.handle_timeout(scene.now, &mut roundtrip_record::Off);
        again.extend(scene.sent_seqs());
    }
    assert!(again.contains(&1), "{again:?}");
    assert_eq!(scene.connection.info().retransmits, 0, "no timeout");
}

/// RFC 6582 without SACK: three duplicates, then one hole for each partial acknowledgement.
#[test]
fn newreno_repairs_one_hole_each_round_trip() {
    let mut scene = reno();
    scene.write(1, 30_000);
    scene.sent();
    scene.at(200);
    for _ in 0..2 {
        scene.recv(ack(1));
        scene.sent();
    }
    scene.recv(ack(1));
    assert_eq!(scene.sent_seqs(), [1]);
    assert_eq!(scene.connection.info().snd_ssthresh, Some(5));
    for _ in 0..5 {
        scene.recv(ack(1));
        scene.sent();
    }
    scene.at(300);
    scene.recv(ack(3001));
    assert_eq!(scene.sent_seqs().first(), Some(&3001), "a partial acknowledgement");
    assert_eq!(scene.connection.info().ca_state, CaState::Recovery);
}

/// RFC 5682: the acknowledgements of the originals show that the timeout was spurious.
#[test]
fn a_spurious_timeout_is_undone() {
    let mut scene = scene();
    scene.write(1, 20_000);
    scene.sent();
    // TLP, then the timeout.
    scene.timer();
    scene.sent();
    scene.timer();
    assert_eq!(scene.sent_seqs(), [1]);
    let info = scene.connection.info();
    assert_eq!((info.ca_state, info.snd_cwnd), (CaState::Loss, 1));
    scene.at(800);
    scene.recv(ack(1001));
    scene.sent();
    scene.recv(ack(2001));
    scene.sent();
    let info = scene.connection.info();
    assert_eq!(info.ca_state, CaState::Open);
    assert!(info.snd_cwnd >= 10, "{}", info.snd_cwnd);
}

/// With timestamps the first acknowledgement tells (Eifel, RFC 3522).
#[test]
fn timestamps_tell_at_once_that_a_timeout_was_spurious() {
    let peer = PeerOptions { timestamps: true, ..PeerOptions::default() };
    let mut scene = Scene::accepted(exact(), peer);
    scene.write(1, 5000);
    let first = scene.next().expect("sent").ts.expect("timestamps").0;
    scene.sent();
    scene.timer();
    scene.sent();
    scene.timer();
    scene.sent();
    assert_eq!(scene.connection.info().ca_state, CaState::Loss);
    scene.at(900);
    let clock = scene.peer_clock + 500;
    scene.recv(Seg { ts: Some((clock, first)), ..ack(989) });
    assert_eq!(scene.connection.info().ca_state, CaState::Open);
    assert!(scene.connection.info().snd_cwnd >= 10);
}

/// RFC 2883 and RFC 3708: all retransmissions came back as duplicates.
#[test]
fn duplicates_reported_for_every_retransmission_undo_the_reduction() {
    let mut scene = scene();
    scene.write(1, 10_000);
    scene.sent();
    scene.at(200);
    scene.recv(sack(1, &[(1001, 2001)]));
    scene.recv(sack(1, &[(1001, 3001)]));
    scene.recv(sack(1, &[(1001, 4001)]));
    assert_eq!(scene.sent_seqs(), [1]);
    scene.at(210);
    scene.recv(ack(4001));
    assert_eq!(scene.connection.info().ca_state, CaState::Recovery);
    scene.at(300);
    scene.recv(sack(10_001, &[(1, 1001)]));
    let info = scene.connection.info();
    assert_eq!((info.ca_state, info.dsack_dups), (CaState::Open, 1));
    assert!(info.snd_cwnd >= 10, "{}", info.snd_cwnd);
}

/// RFC 2018 §8: what was sacked may be thrown away.
#[test]
fn a_peer_that_takes_sacks_back_gets_everything_again() {
    let mut scene = scene();
    scene.write(1, 10_000);
    scene.sent();
    scene.at(200);
    scene.recv(sack(1, &[(1001, 10_001)]));
    scene.sent();
    scene.at(300);
    scene.recv(ack(1001));
    let mut again = scene.sent_seqs();
    for _ in 0..30 {
        scene.timer();
        again.extend(scene.sent_seqs());
        let next = again.last().map_or(1001, |seq| seq + 1000);
        if next > 1001 {
            scene.recv(ack(next));
            again.extend(scene.sent_seqs());
        }
        if scene.connection.info().unacked == 0 {
            break;
        }
    }
    assert_eq!(scene.connection.info().unacked, 0);
    assert!(again.contains(&1001), "{again:?}");
}

/// A lying peer: blocks of what was never sent, reversed, or around the world.
#[test]
fn impossible_blocks_are_ignored() {
    let mut scene = scene();
    scene.write(1, 5000);
    scene.sent();
    scene.at(200);
    for blocks in [
        &[(50_000, 60_000)][..],
        &[(3001, 2001)],
        &[(0x8000_0000, 0x8000_1000)],
        &[(1, 1)],
        &[(4001, 1_000_000)],
    ] {
        scene.recv(sack(1, blocks));
        scene.sent();
        assert_eq!(scene.connection.info().sacked, 0, "{blocks:?}");
    }
}

/// CUBIC after a loss: down by 0.7 and up along the curve.
#[test]
fn cubic_takes_seven_tenths() {
    let mut scene = scene();
    scene.write(1, 40_000);
    scene.sent();
    scene.at(200);
    scene.recv(ack(10_001));
    scene.sent();
    assert_eq!(scene.connection.info().snd_cwnd, 20);
    scene.at(300);
    scene.recv(sack(10_001, &[(11_001, 30_001)]));
    scene.sent();
    assert_eq!(scene.connection.info().snd_ssthresh, Some(14));
}

#[test]
fn info_counts_what_happens() {
    let mut scene = scene();
    scene.write(1, 5000);
    scene.sent();
    scene.at(200);
    scene.recv(sack(2001, &[(3001, 4001)]));
    let info = scene.connection.info();
    assert_eq!((info.unacked, info.sacked, info.bytes_acked), (3, 1, 2000));
    assert_eq!((info.delivered, info.bytes_sent), (4, 5000));
    assert_eq!(info.rtt.as_millis(), 100);
}
