//! Loss recovery: fast retransmit, RACK, tail loss probes, timeouts, and undoing reductions

use super::scene::{PeerOptions, Scene, Seg, ack, exact, sack};
use crate::{Algorithm, CaState, Profile};

fn scene() -> Scene {
    Scene::accepted(exact(), PeerOptions::default())
}

fn reno() -> Scene {
    let profile = Profile { congestion: Algorithm::Reno, ..exact() };
    Scene::accepted(profile, PeerOptions { sack: false, ..PeerOptions::default() })
}

/// RFC 6298 §5: retransmissions after RTO, then after twice that, and so on.
#[test]
fn a_lost_segment_is_sent_again_after_the_timeout() {
    let profile = Profile { tail_loss_probe: false, ..exact() };
    let mut scene = Scene::accepted(profile, PeerOptions::default());
    scene.write(1, 1000);
    scene.sent();
    // The RTT is 100 ms, so the RTO is 100 + 200 ms.
    for ms in [400, 1000, 2200, 4600] {
        scene.at(ms);
        assert_eq!(scene.sent(), [("P.", 1, 1000)], "at {ms}");
    }
    let info = scene.connection.info();
    assert_eq!((info.ca_state, info.retransmits, info.snd_cwnd), (CaState::Loss, 4, 1));
}

/// RFC 8985 §7: the probe goes out two round-trip times after the last segment (later with only one
/// segment in flight, whose acknowledgement may be delayed).
#[test]
fn a_tail_loss_is_probed() {
    let mut scene = scene();
    scene.write(1, 4000);
    scene.sent();
    scene.at(302);
    assert_eq!(scene.sent(), [("P.", 3001, 1000)], "2·SRTT + 2 ms: the last segment");
    scene.at(402);
    // RACK finds the other segments lost when the probe is SACKed.
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

/// RFC 8985 §7.4.2: a loss that the probe repaired still reduces the congestion window.
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

/// A segment is lost once three segments above it have arrived (RFC 6675), as RACK finds it too.
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

/// Proportional rate reduction (RFC 6937) brings the congestion window from 10 down to 7.
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
    // Limited transmit sends one segment, and defers another until a burst of two can be filled
    // (`tcp_tso_should_defer`); then come the retransmission and 0.7 segments for each that
    // arrived.
    assert_eq!(sent, [10_001, 1, 11_001, 12_001, 13_001, 14_001, 15_001]);
    scene.at(300);
    scene.recv(ack(12_001));
    let info = scene.connection.info();
    assert_eq!((info.ca_state, info.snd_cwnd), (CaState::Open, 7));
}

/// A hole that is filled within a quarter of a round-trip time was reordering.
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

/// With fewer than three SACKs, RACK waits a quarter of the minimum round-trip time and 2 ms.
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

/// The loss of a retransmission is found when segments sent after it are SACKed.
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
    // The segments sent after the retransmission arrive; the retransmission does not.
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

/// NewReno without SACK (RFC 6582): three duplicate acknowledgements start recovery, then each
/// partial acknowledgement repairs one hole.
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

/// F-RTO (RFC 5682): acknowledgements of the original segments show that the timeout was spurious.
#[test]
fn a_spurious_timeout_is_undone() {
    let mut scene = scene();
    scene.write(1, 20_000);
    scene.sent();
    // The tail loss probe comes first, then the timeout.
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

/// With timestamps the first acknowledgement shows it (Eifel, RFC 3522).
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

/// RFC 2883 and RFC 3708: D-SACKs report all retransmissions as duplicates.
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

/// RFC 2018 §8: the peer may discard data that it has SACKed (reneging).
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

/// SACK blocks of data that was never sent, reversed or empty ones, and ones far from the sequence
/// numbers in use.
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

/// CUBIC reduces the congestion window to 0.7 of itself after a loss.
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
