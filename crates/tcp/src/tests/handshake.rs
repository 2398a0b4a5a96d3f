//! Opening (RFC 9293 §3.5, §3.10.7.2 and §3.10.7.3).

use std::sync::Arc;
use std::time::Duration;

use roundtrip_record::{CloseReason, Off, TcpState};

use super::scene::{PeerOptions, Scene, Seg, ack, data, exact, flags, none};
use crate::{Disposition, EcnMode, Event, IcmpError, Options, Profile, Step};

fn client() -> Scene {
    Scene::connecting(Options { profile: Arc::new(exact()), ..Options::default() })
}

fn syn_ack() -> Seg {
    Seg {
        flags: "S.",
        seq: 0,
        ack: Some(1),
        win: Some(65_535),
        mss: Some(1460),
        scale: Some(8),
        sack_ok: true,
        ..none()
    }
}

#[test]
fn the_syn_offers_what_linux_offers() {
    let scene = client();
    let syn = scene.last.expect("sent");
    assert_eq!(syn.window, 64_240);
    assert_eq!(syn.options.mss, Some(1460));
    assert_eq!(syn.options.window_scale, Some(10));
    assert!(syn.options.sack_permitted && syn.options.timestamps.is_some());
}

#[test]
fn a_syn_ack_is_acknowledged_at_once() {
    let mut scene = client();
    scene.at(50);
    assert_eq!(scene.recv(syn_ack()), Disposition::Accepted);
    assert_eq!(scene.sent(), [(".", 1, 0)]);
    assert_eq!(scene.connection.state(), TcpState::Established);
    assert_eq!(scene.connection.poll_event(), Some(Event::Connected));
    assert_eq!(scene.connection.info().rtt, Duration::from_millis(50));
}

/// The retransmission times of a SYN with `tcp_syn_linear_timeouts` = 4 and `tcp_syn_retries` = 6,
/// as measured on Linux 6.18.
#[test]
fn syns_go_out_as_linux_sends_them_and_then_it_gives_up() {
    let mut scene = client();
    for second in [1, 2, 3, 4, 5, 7, 11, 19, 35, 67] {
        scene.at(second * 1000);
        assert_eq!(scene.sent(), [("S", 0, 0)], "at {second} s");
    }
    scene.at(131_000);
    scene.silent();
    let closed = Event::Closed { reason: CloseReason::TimedOut };
    assert_eq!(scene.connection.poll_event(), Some(closed));
}

#[test]
fn the_text_book_doubles_from_the_first() {
    let profile = Profile { tick: exact().tick, ..Profile::rfc() };
    let options = Options { profile: Arc::new(profile), ..Options::default() };
    let mut scene = Scene::connecting(options);
    for second in [1, 3, 7, 15, 31, 63] {
        scene.at(second * 1000);
        assert_eq!(scene.sent(), [("S", 0, 0)], "at {second} s");
    }
}

/// RFC 9293 §3.10.7.3: in SYN-SENT a reset ends the connection if its ACK is acceptable; any other
/// reset is dropped.
#[test]
fn only_a_reset_that_acknowledges_the_syn_refuses() {
    let mut scene = client();
    scene.at(10);
    let blind = Seg { flags: "R", seq: 0, ack: None, ..none() };
    assert_eq!(scene.recv(blind), Disposition::NoAck);
    assert_eq!(scene.recv(flags("R.", 0, 5)), Disposition::BadAck);
    scene.silent();
    assert_eq!(scene.recv(flags("R.", 0, 1)), Disposition::Refused);
    let closed = Event::Closed { reason: CloseReason::Refused };
    assert_eq!(scene.connection.poll_event(), Some(closed));
}

/// RFC 9293 §3.10.7.3: "If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset
/// <SEQ=SEG.ACK><CTL=RST>".
#[test]
fn an_acknowledgement_of_what_was_not_sent_is_answered_with_a_reset() {
    let mut scene = client();
    scene.at(10);
    assert_eq!(scene.recv(Seg { ack: Some(77), ..syn_ack() }), Disposition::BadAck);
    assert_eq!(scene.sent(), [("R", 77, 0)]);
    assert_eq!(scene.connection.state(), TcpState::SynSent);
}

#[test]
fn both_ends_may_open_at_once() {
    let mut scene = client();
    scene.at(10);
    let syn = Seg { flags: "S", ack: None, ..syn_ack() };
    assert_eq!(scene.recv(syn), Disposition::Accepted);
    assert_eq!(scene.connection.state(), TcpState::SynReceived);
    assert_eq!(scene.sent(), [("S.", 0, 0)]);
    scene.at(20);
    scene.recv(syn_ack_of_crossed());
    assert_eq!(scene.connection.state(), TcpState::Established);
    assert_eq!(scene.connection.poll_event(), Some(Event::Connected));
}

/// The peer's SYN-ACK in a simultaneous open, in which its SYN has been received already.
fn syn_ack_of_crossed() -> Seg {
    Seg { flags: "S.", seq: 0, ack: Some(1), win: Some(65_535), mss: Some(1460), ..none() }
}

#[test]
fn icmp_ends_an_attempt_but_not_a_connection() {
    let mut scene = client();
    let iss = scene.last.expect("a SYN").sequence;
    scene.connection.handle_icmp(Step::at(scene.now), IcmpError::Soft, iss, &mut Off);
    assert_eq!(scene.connection.close_reason(), Some(CloseReason::Unreachable));

    let mut scene = Scene::accepted(exact(), PeerOptions::default());
    let una = scene.last.expect("sent").sequence + 1;
    scene.connection.handle_icmp(Step::at(scene.now), IcmpError::Hard, una, &mut Off);
    assert_eq!(scene.connection.state(), TcpState::Established);
    assert_eq!(scene.connection.poll_event(), Some(Event::SoftError));
}

fn server(peer: PeerOptions) -> Scene {
    Scene::listening(Options { profile: Arc::new(exact()), ..Options::default() }, peer)
}

#[test]
fn a_syn_ack_takes_up_what_the_syn_offered() {
    let scene = server(PeerOptions { timestamps: true, ..PeerOptions::default() });
    let syn_ack = scene.last.expect("sent");
    assert_eq!(syn_ack.window, 65_160);
    assert_eq!(syn_ack.options.window_scale, Some(10));
    assert_eq!(syn_ack.options.timestamps.map(|ts| ts.echo), Some(1000));

    let plain = PeerOptions { scale: None, sack: false, ..PeerOptions::default() };
    let syn_ack = server(plain).last.expect("sent");
    assert_eq!(syn_ack.options.window_scale, None);
    assert!(!syn_ack.options.sack_permitted && syn_ack.options.timestamps.is_none());
}

/// The default of `tcp_synack_retries` is 5.
#[test]
fn syn_acks_are_repeated_five_times() {
    let mut scene = server(PeerOptions::default());
    for second in [1, 3, 7, 15, 31] {
        scene.at(second * 1000);
        assert_eq!(scene.sent(), [("S.", 0, 0)], "at {second} s");
    }
    scene.at(63_000);
    scene.silent();
    assert_eq!(scene.connection.close_reason(), Some(CloseReason::TimedOut));
}

#[test]
fn a_syn_that_comes_again_is_answered_again() {
    let mut scene = server(PeerOptions::default());
    scene.at(500);
    let syn = Seg { flags: "S", seq: 0, ack: None, mss: Some(1000), ..none() };
    assert_eq!(scene.recv(syn.clone()), Disposition::Duplicate);
    assert_eq!(scene.sent(), [("S.", 0, 0)]);
    scene.recv(syn);
    scene.silent();
}

#[test]
fn a_wrong_acknowledgement_of_a_syn_ack_is_reset() {
    let mut scene = server(PeerOptions::default());
    scene.at(100);
    assert_eq!(scene.recv(ack(500)), Disposition::BadAck);
    assert_eq!(scene.sent(), [("R", 500, 0)]);
    assert_eq!(scene.connection.state(), TcpState::SynReceived);
}

#[test]
fn data_may_come_with_the_third_segment() {
    let mut scene = server(PeerOptions::default());
    scene.at(100);
    assert_eq!(scene.recv(data(1, 500, 1)), Disposition::Accepted);
    assert_eq!(scene.connection.poll_event(), Some(Event::Connected));
    assert_eq!(scene.connection.poll_event(), Some(Event::Readable));
    assert_eq!(scene.read(), 500);
}

#[test]
fn without_an_mss_option_segments_are_536_bytes() {
    let options = Options { profile: Arc::new(exact()), ..Options::default() };
    let mut scene = Scene::connecting(options);
    scene.at(10);
    scene.recv(Seg { mss: None, ..syn_ack() });
    scene.sent();
    scene.write(1, 1200);
    assert_eq!(scene.sent_seqs(), [1, 537, 1073]);
}

#[test]
fn ecn_is_asked_for_once_and_granted_when_asked() {
    let ask = Options { profile: Arc::new(exact()), ecn: Some(EcnMode::On), ..Options::default() };
    let mut scene = Scene::connecting_any(ask);
    assert_eq!(scene.0, "SEW");
    scene.1.at(1000);
    assert_eq!(scene.1.sent(), [("S", 0, 0)], "RFC 3168 §6.1.1.1: the repetition does not ask");

    let granted = Scene::listening_flags(PeerOptions { ecn: true, ..PeerOptions::default() });
    assert_eq!(granted, "S.E");
    let refused = Scene::listening_flags(PeerOptions::default());
    assert_eq!(refused, "S.");
}
