//! Sending: windows, Nagle, PSH, probes, idle restarts (RFC 9293 §3.7, §3.8; RFC 5681 §4.1).

use std::sync::Arc;
use std::time::Duration;

use roundtrip_record::{CloseReason, Off, TcpState};

use super::scene::{PeerOptions, Scene, Seg, ack, data, exact, sack};
use crate::{CaState, Event, IcmpError, KeepAlive, MtuProbing, Options, Profile, Step};

fn scene() -> Scene {
    Scene::accepted(exact(), PeerOptions::default())
}

fn nagle() -> Scene {
    let options = Options { profile: Arc::new(exact()), ..Options::default() };
    Scene::accepted_with(options, PeerOptions::default())
}

/// The initial window is ten segments (RFC 6928), sent in bursts of two at this rate; the last of
/// each burst has PSH.
#[test]
fn ten_segments_go_out_at_once_two_by_two() {
    let mut scene = scene();
    scene.write(1, 20_000);
    let sent = scene.sent();
    assert_eq!(sent.len(), 10);
    let pushed: Vec<_> = sent.iter().map(|s| s.0).collect();
    assert_eq!(pushed, [".", "P.", ".", "P.", ".", "P.", ".", "P.", ".", "P."]);
}

#[test]
fn slow_start_sends_two_segments_for_each_acknowledged() {
    let mut scene = scene();
    scene.write(1, 40_000);
    scene.sent();
    scene.at(200);
    scene.recv(ack(1001));
    assert_eq!(scene.sent_seqs(), [10_001, 11_001]);
    scene.recv(ack(3001));
    assert_eq!(scene.sent_seqs().len(), 4);
    assert_eq!(scene.connection.info().snd_cwnd, 13);
}

/// A FIN waits for the congestion window like any segment (measured on Linux: 14 000 bytes, then
/// FIN).
#[test]
fn fin_waits_for_the_congestion_window() {
    let mut scene = scene();
    scene.write(1, 10_000);
    assert_eq!(scene.sent().len(), 10);
    scene.shutdown();
    scene.silent();
    scene.at(200);
    scene.recv(ack(1001));
    assert_eq!(scene.sent(), [("F.", 10_001, 0)]);
}

#[test]
fn fin_goes_with_data_that_was_not_sent_yet() {
    let mut scene = scene();
    scene.write(1, 1500);
    scene.shutdown();
    assert_eq!(scene.sent(), [(".", 1, 1000), ("FP.", 1001, 500)]);
}

/// Nagle in Minshall's form: a small segment waits only for the acknowledgement of another small
/// one.
#[test]
fn nagle_holds_the_second_small_segment_back() {
    let mut scene = nagle();
    scene.write(1, 100);
    assert_eq!(scene.sent(), [("P.", 1, 100)]);
    scene.write(101, 100);
    scene.silent();
    scene.write(201, 1000);
    assert_eq!(scene.sent_seqs(), [101], "a full segment may go");
    scene.at(200);
    scene.recv(ack(1101));
    assert_eq!(scene.sent(), [("P.", 1101, 100)]);
}

#[test]
fn a_full_segment_and_a_small_one_go_together() {
    let mut scene = nagle();
    scene.write(1, 1500);
    assert_eq!(scene.sent(), [(".", 1, 1000), ("P.", 1001, 500)]);
}

#[test]
fn cork_waits_for_full_segments() {
    let mut scene = scene();
    scene.connection.set_cork(scene.now, true);
    scene.write(1, 1500);
    assert_eq!(scene.sent_seqs(), [1]);
    scene.connection.set_cork(scene.now, false);
    assert_eq!(scene.sent_seqs(), [1001]);
}

#[test]
fn the_peers_window_is_not_overrun() {
    let mut scene = scene();
    scene.recv(data(1, 1, 1));
    scene.sent();
    scene.recv(Seg { seq: 2, win: Some(24), ..ack(1) });
    scene.write(1, 5000);
    // 24 << 7 = 3072: three full segments and, as in Linux, one of the 72 bytes that are left.
    let sent = scene.sent();
    assert_eq!(sent.iter().map(|s| s.2).collect::<Vec<_>>(), [1000, 1000, 1000, 72]);
    scene.at(200);
    scene.recv(Seg { seq: 2, win: Some(24), ..ack(3073) });
    assert_eq!(scene.sent_seqs(), [3073, 4073]);
}

/// RFC 9293 §3.8.6.1: a zero window is probed with back-off for as long as the peer answers.
#[test]
fn a_shut_window_is_probed_for_ever_while_it_is_answered() {
    let mut scene = scene();
    scene.recv(Seg { win: Some(0), ..ack(1) });
    scene.write(1, 1000);
    scene.silent();
    let mut last = 100.0;
    let mut gap = 300.0;
    for n in 0..40 {
        let at = scene.timer();
        assert!((at - last - gap).abs() < 1.0, "probe {n} after {} ms", at - last);
        assert_eq!(scene.sent(), [(".", 0, 0)], "one below SND.UNA");
        scene.recv(Seg { win: Some(0), ..ack(1) });
        scene.silent();
        last = at;
        gap = f64::min(gap * 2.0, 120_000.0);
    }
    scene.recv(Seg { win: Some(100), ..ack(1) });
    assert_eq!(scene.sent_seqs(), [1]);
}

#[test]
fn a_peer_that_does_not_answer_probes_is_given_up() {
    let mut scene = scene();
    scene.recv(Seg { win: Some(0), ..ack(1) });
    scene.write(1, 1000);
    scene.silent();
    let mut probes = 0;
    while scene.connection.next_timeout().is_some() {
        scene.timer();
        probes += scene.sent().len();
    }
    assert_eq!(probes, 15, "tcp_retries2");
    assert_eq!(scene.connection.close_reason(), Some(CloseReason::TimedOut));
}

/// Silly window avoidance of the sender (RFC 1122 §4.2.3.4): no part of a segment is sent while a
/// full one waits; the probe timer sends it in the end.
#[test]
fn a_sliver_of_window_is_used_only_by_the_probe_timer() {
    let mut scene = scene();
    // Only a segment that comes later in the peer's stream may shrink the window.
    scene.recv(data(1, 1, 1));
    scene.sent();
    scene.recv(Seg { seq: 2, win: Some(4), ..ack(1) });
    scene.write(1, 5000);
    scene.silent();
    scene.timer();
    assert_eq!(scene.sent(), [("P.", 1, 512)]);
}

/// RFC 2861: the congestion window is halved for each timeout of silence, but not below the initial
/// one.
#[test]
fn the_window_shrinks_while_idle() {
    let mut scene = scene();
    scene.write(1, 40_000);
    let mut at = 100;
    let mut acked = 1;
    while acked < 40_001 {
        let sent = scene.sent();
        at += 100;
        scene.at(at);
        if let Some(last) = sent.last() {
            acked = last.1 + last.2;
            scene.recv(ack(acked));
        }
    }
    let before = scene.connection.info().snd_cwnd;
    assert!(before >= 40, "{before}");
    scene.at(at + 700);
    scene.write(40_001, 1000);
    scene.sent();
    let after = scene.connection.info().snd_cwnd;
    assert_eq!(after, before >> 2, "two timeouts of 300 ms have passed");
}

#[test]
fn idle_restart_can_be_switched_off() {
    let profile = Profile { slow_start_after_idle: false, ..exact() };
    let mut scene = Scene::accepted(profile, PeerOptions::default());
    scene.write(1, 10_000);
    scene.sent();
    scene.at(200);
    scene.recv(ack(10_001));
    let before = scene.connection.info().snd_cwnd;
    scene.at(5000);
    scene.write(10_001, 1000);
    scene.sent();
    assert_eq!(scene.connection.info().snd_cwnd, before);
}

/// A sender that is not limited by the window does not grow it (`tcp_is_cwnd_limited`).
#[test]
fn the_window_does_not_grow_unused() {
    let mut scene = scene();
    for n in 0..20 {
        scene.write(1 + n * 1000, 1000);
        scene.sent();
        scene.at(200 + u64::from(n) * 100);
        scene.recv(ack(1001 + n * 1000));
        scene.silent();
    }
    assert_eq!(scene.connection.info().snd_cwnd, 10);
}

/// RFC 1191: segments are cut to the new size and sent again, without a reduction of the congestion
/// window.
#[test]
fn a_smaller_path_mtu_resends_in_smaller_segments() {
    let peer = PeerOptions { mss: 1460, ..PeerOptions::default() };
    let mut scene = Scene::accepted(exact(), peer);
    scene.write(1, 2920);
    assert_eq!(scene.sent_seqs(), [1, 1461]);
    let una = scene.last.expect("sent").sequence - 1460;
    let cwnd = scene.connection.info().snd_cwnd;
    let error = IcmpError::PacketTooBig { mtu: 1000 };
    scene.connection.handle_icmp(Step::at(scene.now), error, una, &mut Off);
    let again = scene.sent();
    assert!(again.iter().all(|s| s.2 <= 960), "{again:?}");
    assert_eq!(again.iter().map(|s| s.2).sum::<u32>(), 2920);
    assert_eq!(scene.connection.info().snd_cwnd, cwnd);
}

#[test]
fn icmp_about_what_is_not_out_is_ignored() {
    let mut scene = scene();
    scene.write(1, 1000);
    scene.sent();
    let una = scene.last.expect("sent").sequence;
    let error = IcmpError::PacketTooBig { mtu: 576 };
    scene.connection.handle_icmp(Step::at(scene.now), error, una + 50_000, &mut Off);
    scene.silent();
    assert_eq!(scene.connection.info().snd_mss, 1000);
}

#[test]
fn a_silent_peer_is_probed_and_given_up() {
    let keepalive =
        KeepAlive { idle: Duration::from_secs(10), interval: Duration::from_secs(2), probes: 3 };
    let options =
        Options { profile: Arc::new(exact()), keepalive: Some(keepalive), ..Options::default() };
    let mut scene = Scene::accepted_with(options, PeerOptions::default());
    scene.at(10_100);
    assert_eq!(scene.sent(), [(".", 0, 0)]);
    scene.at(10_200);
    scene.recv(ack(1));
    for ms in [20_200, 22_200, 24_200] {
        scene.at(ms);
        assert_eq!(scene.sent(), [(".", 0, 0)], "at {ms}");
    }
    scene.at(26_200);
    assert_eq!(scene.sent(), [("R.", 1, 0)]);
    assert_eq!(scene.connection.close_reason(), Some(CloseReason::TimedOut));
}

/// The user timeout (RFC 5482, `TCP_USER_TIMEOUT`).
#[test]
fn the_user_timeout_ends_a_connection_that_gets_no_answer() {
    let options = Options {
        profile: Arc::new(exact()),
        user_timeout: Some(Duration::from_secs(3)),
        ..Options::default()
    };
    let mut scene = Scene::accepted_with(options, PeerOptions::default());
    scene.write(1, 1000);
    while scene.connection.close_reason().is_none() {
        scene.sent();
        let at = scene.timer();
        assert!(at < 5000.0, "{at}");
    }
    assert_eq!(scene.connection.close_reason(), Some(CloseReason::TimedOut));
}

#[test]
fn a_full_buffer_says_so_and_says_when_there_is_room() {
    let mut scene = scene();
    let all = vec![0; 1 << 20];
    let first = scene.connection.write(scene.now, &all).expect("open");
    assert!(first < all.len());
    assert_eq!(scene.connection.write(scene.now, &all), Ok(0));
    assert!(scene.connection.info().unacked_bytes as usize == first);
    // The data is not the pattern that `Scene` checks, so it is taken directly from the connection.
    while scene.connection.poll_transmit(scene.now, 10, &mut Off).is_some() {}
    scene.at(200);
    scene.recv(ack(10_001));
    while scene.connection.poll_transmit(scene.now, 10, &mut Off).is_some() {}
    let mut acked = 10_001;
    let mut at = 200;
    while scene.connection.poll_event() != Some(Event::Writable) {
        at += 100;
        acked += 10_000;
        scene.at(at);
        scene.recv(ack(acked));
        while scene.connection.poll_transmit(scene.now, 10, &mut Off).is_some() {}
        assert!(at < 2000);
    }
    assert!(scene.connection.write(scene.now, &all).expect("open") > 0);
}

/// RFC 3168 §6.1.2: the marks of one round trip reduce the window once, and the peer is told with
/// CWR.
#[test]
fn a_congestion_mark_reduces_the_window_once() {
    let peer = PeerOptions { ecn: true, ..PeerOptions::default() };
    let mut scene = Scene::accepted(exact(), peer);
    scene.write(1, 30_000);
    let first = scene.next().expect("sent");
    assert_eq!(first.ecn, roundtrip_packet::Ecn::Ect0);
    scene.sent();
    scene.at(200);
    scene.recv(Seg { flags: "E", ..ack(1001) });
    assert_eq!(scene.connection.info().ca_state, CaState::Cwr);
    assert_eq!(scene.connection.info().snd_ssthresh, Some(7));
    let mut cwr = 0;
    for n in 2..=10 {
        cwr += scene.sent().iter().filter(|s| s.0.contains('W')).count();
        scene.recv(Seg { flags: "E", ..ack(n * 1000 + 1) });
    }
    cwr += scene.sent().iter().filter(|s| s.0.contains('W')).count();
    assert_eq!(cwr, 1, "the reduction is announced on one segment");
    assert_eq!(scene.connection.info().snd_ssthresh, Some(7));
}

/// Data that the peer sends does not disturb the data that we send.
#[test]
fn both_directions_at_once() {
    let mut scene = scene();
    scene.write(1, 3000);
    scene.sent();
    scene.at(150);
    scene.recv(data(1, 1000, 1));
    scene.at(200);
    scene.recv(Seg { seq: 1001, ..sack(3001, &[]) });
    assert_eq!(scene.connection.info().unacked, 0);
    assert_eq!(scene.read(), 1000);
    assert_eq!(scene.connection.state(), TcpState::Established);
}

/// RFC 4821 §7.7: a path that drops large segments without an ICMP message.
#[test]
fn a_black_hole_is_found_by_smaller_segments() {
    let profile = Profile { mtu_probing: MtuProbing::BlackHole, tail_loss_probe: false, ..exact() };
    let peer = PeerOptions { mss: 1460, ..PeerOptions::default() };
    let mut scene = Scene::accepted(profile, peer);
    scene.write(1, 1460);
    scene.sent();
    let mut sizes = Vec::new();
    for _ in 0..8 {
        scene.timer();
        sizes.extend(scene.sent().iter().map(|s| s.2));
    }
    assert_eq!(sizes[..3], [1460; 3]);
    assert!(sizes.contains(&1024) && sizes.contains(&512), "{sizes:?}");
}
