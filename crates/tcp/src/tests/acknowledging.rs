//! Receiving: acceptability, quick and delayed acknowledgements, SACK, windows
//! (RFC 9293 §3.8.6, §3.10.7.4; RFC 2018; RFC 2883; RFC 5961; RFC 7323).

use roundtrip_packet::Ecn;
use roundtrip_record::{CloseReason, TcpState};

use super::scene::{PeerOptions, Scene, Seg, ack, data, exact, flags};
use crate::{Disposition, Event};

fn scene() -> Scene {
    Scene::accepted(exact(), PeerOptions::default())
}

/// The acknowledgements that the connection sends now, each with its SACK blocks.
fn acks(scene: &mut Scene) -> Vec<(u32, Vec<(u32, u32)>)> {
    std::iter::from_fn(|| scene.next()).map(|seg| (seg.ack.unwrap_or(0), seg.sack)).collect()
}

/// The first sixteen or more acknowledgements are immediate; later ones wait for a second segment
/// or 40 ms.
#[test]
fn the_first_acknowledgements_are_immediate_and_later_ones_delayed() {
    let mut scene = scene();
    let mut seq = 1;
    let mut immediate = 0;
    for n in 0..40_u64 {
        scene.at(200 + n * 5);
        scene.recv(data(seq, 1000, 1));
        seq += 1000;
        scene.read();
        let sent = acks(&mut scene);
        if sent.is_empty() {
            break;
        }
        assert_eq!(sent, [(seq, vec![])]);
        immediate += 1;
    }
    assert!((16..=34).contains(&immediate), "{immediate}");
    scene.recv(data(seq, 1000, 1));
    scene.read();
    assert_eq!(acks(&mut scene), [(seq + 1000, vec![])], "two segments are owed");
    scene.recv(data(seq + 1000, 1000, 1));
    scene.silent();
    let before = scene.now;
    scene.timer();
    assert_eq!(scene.now.since(before).as_millis(), 40);
    assert_eq!(acks(&mut scene), [(seq + 2000, vec![])]);
}

/// A reply soon after a request makes the connection interactive: the next acknowledgement waits
/// for the reply that carries it.
#[test]
fn in_a_conversation_the_acknowledgement_waits_for_the_reply() {
    let mut scene = scene();
    scene.recv(data(1, 100, 1));
    assert_eq!(acks(&mut scene).len(), 1, "the first is quick");
    scene.read();
    scene.write(1, 100);
    assert_eq!(scene.sent(), [("P.", 1, 100)]);
    scene.at(110);
    scene.recv(data(101, 100, 101));
    scene.silent();
    scene.at(120);
    scene.write(101, 100);
    let reply = scene.next().expect("a reply");
    assert_eq!((reply.ack, reply.len), (Some(201), 100));
    scene.silent();
}

#[test]
fn what_is_missing_is_reported_the_newest_run_first() {
    let mut scene = scene();
    assert_eq!(scene.recv(data(2001, 1000, 1)), Disposition::OutOfOrder);
    assert_eq!(acks(&mut scene), [(1, vec![(2001, 3001)])]);
    scene.recv(data(5001, 1000, 1));
    assert_eq!(acks(&mut scene), [(1, vec![(5001, 6001), (2001, 3001)])]);
    scene.recv(data(3001, 1000, 1));
    assert_eq!(acks(&mut scene), [(1, vec![(2001, 4001), (5001, 6001)])]);
    scene.recv(data(1, 2000, 1));
    assert_eq!(acks(&mut scene), [(4001, vec![(5001, 6001)])]);
    assert_eq!(scene.read(), 4000);
    scene.recv(data(4001, 1000, 1));
    assert_eq!(acks(&mut scene), [(6001, vec![])], "RFC 5681 §4.2: a gap that is filled");
}

/// D-SACK (RFC 2883 §4.1): the first block of an acknowledgement reports a duplicate.
#[test]
fn duplicates_are_reported() {
    let mut scene = scene();
    scene.recv(data(1, 1000, 1));
    acks(&mut scene);
    assert_eq!(scene.recv(data(1, 1000, 1)), Disposition::Duplicate);
    assert_eq!(acks(&mut scene), [(1001, vec![(1, 1001)])]);
    scene.recv(data(501, 1000, 1));
    assert_eq!(acks(&mut scene), [(1501, vec![(501, 1001)])]);
    scene.recv(data(3001, 1000, 1));
    acks(&mut scene);
    scene.recv(data(3001, 1000, 1));
    assert_eq!(acks(&mut scene), [(1501, vec![(3001, 4001), (3001, 4001)])]);
}

/// The first duplicate acknowledgements go at once; later ones are compressed, to one in a
/// twentieth of the round-trip time (`tcp_comp_sack_delay_ns`).
#[test]
fn later_duplicate_acknowledgements_are_thinned_out() {
    let mut scene = scene();
    let mut seq = 1;
    for _ in 0..30 {
        scene.recv(data(seq, 1000, 1));
        seq += 1000;
        scene.read();
        scene.sent();
    }
    let mut immediate = 0;
    for n in 1..=10 {
        scene.recv(data(seq + n * 1000, 1000, 1));
        immediate += acks(&mut scene).len();
    }
    assert!(immediate < 10, "{immediate}");
    scene.timer();
    let blocks = acks(&mut scene).pop().expect("in the end").1;
    assert_eq!(blocks, [(seq + 1000, seq + 11_000)]);
}

#[test]
fn without_sack_each_gap_gives_a_duplicate_acknowledgement() {
    let mut scene = Scene::accepted(exact(), PeerOptions { sack: false, ..PeerOptions::default() });
    for n in 1..=8 {
        scene.recv(data(1 + n * 1000, 1000, 1));
        assert_eq!(acks(&mut scene), [(1, vec![])]);
    }
}

#[test]
fn old_and_distant_segments_are_acknowledged_and_dropped() {
    let mut scene = scene();
    scene.recv(data(1, 1000, 1));
    acks(&mut scene);
    assert_eq!(scene.recv(data(200_000, 1000, 1)), Disposition::OutOfWindow);
    assert_eq!(acks(&mut scene), [(1001, vec![])]);
    assert_eq!(scene.read(), 1000);
    assert_eq!(scene.read(), 0);
}

/// Challenge ACKs (RFC 5961 §3.2 and §4.2) and their rate limit (`tcp_invalid_ratelimit`, 500 ms).
#[test]
fn a_reset_or_a_syn_at_the_wrong_place_is_challenged_once() {
    let mut scene = scene();
    assert_eq!(scene.recv(flags("R", 100, 1)), Disposition::ChallengeAck);
    assert_eq!(acks(&mut scene), [(1, vec![])]);
    assert_eq!(scene.recv(flags("S", 50, 1)), Disposition::ChallengeAck);
    scene.silent();
    scene.at(700);
    assert_eq!(scene.recv(flags("S", 50, 1)), Disposition::ChallengeAck);
    assert_eq!(acks(&mut scene), [(1, vec![])]);
    assert_eq!(scene.recv(flags("R", 1, 1)), Disposition::Reset);
    let closed = Event::Closed { reason: CloseReason::Reset };
    assert_eq!(scene.connection.poll_event(), Some(closed));
}

#[test]
fn a_reset_far_away_is_dropped_without_a_word() {
    let mut scene = scene();
    assert_eq!(scene.recv(flags("R", 1_000_000, 1)), Disposition::OutOfWindow);
    scene.silent();
    assert_eq!(scene.connection.state(), TcpState::Established);
}

/// RFC 9293 §3.10.7.4 answers each with an acknowledgement, and so does Linux 6.18, in ESTABLISHED as
/// in later states, with data and without; as all challenge ACKs, at most one in 500 ms.
#[test]
fn acknowledgements_of_what_was_never_sent_change_nothing() {
    let mut scene = scene();
    scene.write(1, 1000);
    scene.sent();
    assert_eq!(scene.recv(ack(5000)), Disposition::BadAck);
    assert_eq!(acks(&mut scene), [(1, vec![])]);
    assert_eq!(scene.recv(ack(5000)), Disposition::BadAck);
    scene.silent();
    assert_eq!(scene.connection.info().unacked, 1);
}

/// PAWS (RFC 7323 §5).
#[test]
fn an_old_timestamp_is_rejected() {
    let peer = PeerOptions { timestamps: true, ..PeerOptions::default() };
    let mut scene = Scene::accepted(exact(), peer);
    scene.recv(Seg { ts: Some((5000, 0)), ..data(1, 1000, 1) });
    acks(&mut scene);
    scene.at(150);
    let old = Seg { ts: Some((4000, 0)), ..data(1001, 1000, 1) };
    assert_eq!(scene.recv(old), Disposition::Paws);
    assert_eq!(acks(&mut scene), [(1001, vec![])]);
    let later = Seg { ts: Some((5001, 0)), ..data(1001, 1000, 1) };
    assert_eq!(scene.recv(later), Disposition::Accepted);
}

/// The peer fills our receive window, of which we read nothing. Returns the sequence number after
/// the last byte.
fn fill(scene: &mut Scene) -> u32 {
    let mut seq = 1;
    loop {
        let len = scene.connection.info().rcv_wnd.min(1460);
        if len == 0 {
            break;
        }
        assert_eq!(scene.recv(data(seq, len, 1)), Disposition::Accepted);
        seq += len;
        scene.sent();
        assert!(seq < 1_000_000, "the window is shut in time");
    }
    // The last acknowledgement may be delayed.
    scene.timer();
    scene.sent();
    assert_eq!(scene.last.map(|header| header.window), Some(0));
    seq
}

#[test]
fn a_reader_that_stops_shuts_the_window_and_opens_it_again() {
    let mut scene = scene();
    let seq = fill(&mut scene);
    assert!(seq < 200_000, "{seq}");
    assert_eq!(scene.read() as u32, seq - 1);
    let opened = scene.next().expect("a window update");
    assert!(u32::from(opened.win.unwrap_or(0)) << 10 > 30_000);
}

#[test]
fn a_segment_beyond_a_shut_window_is_a_probe() {
    let mut scene = scene();
    let seq = fill(&mut scene);
    scene.at(10_000);
    assert_eq!(scene.recv(data(seq, 1, 1)), Disposition::OutOfWindow);
    assert_eq!(acks(&mut scene), [(seq, vec![])]);
}

/// RFC 3168 §6.1.3: ECE is set on every acknowledgement until the peer answers with CWR.
#[test]
fn congestion_marks_are_echoed_until_cwr() {
    let peer = PeerOptions { ecn: true, ..PeerOptions::default() };
    let mut scene = Scene::accepted(exact(), peer);
    scene.recv(Seg { ecn: Ecn::Ce, ..data(1, 1000, 1) });
    assert_eq!(scene.sent(), [("E.", 1, 0)]);
    scene.recv(Seg { ecn: Ecn::Ect0, ..data(1001, 1000, 1) });
    assert_eq!(scene.sent(), [("E.", 1, 0)]);
    scene.recv(Seg { flags: "W", ecn: Ecn::Ect0, ..data(2001, 1000, 1) });
    assert_eq!(scene.sent(), [(".", 1, 0)]);
}

#[test]
fn urgent_data_is_read_like_any_other() {
    let mut scene = scene();
    scene.recv(data(1, 500, 1));
    assert_eq!(scene.read(), 500);
}
