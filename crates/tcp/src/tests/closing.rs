//! Closing (RFC 9293 §3.6, §3.10.4, §3.10.7.4).

use std::sync::Arc;
use std::time::Duration;

use roundtrip_record::{CloseReason, TcpState};

use super::scene::{PeerOptions, Scene, Seg, ack, data, exact, flags};
use crate::{Disposition, Event, Options, ReadError, WriteError};

fn scene() -> Scene {
    Scene::accepted(exact(), PeerOptions::default())
}

fn closed(scene: &Scene) -> Option<CloseReason> {
    scene.connection.close_reason()
}

#[test]
fn the_side_that_closes_first_waits() {
    let mut scene = scene();
    scene.shutdown();
    assert_eq!(scene.connection.state(), TcpState::FinWait1);
    assert_eq!(scene.sent(), [("F.", 1, 0)]);
    assert_eq!(scene.connection.write(scene.now, b"x"), Err(WriteError::ShutDown));
    scene.at(200);
    scene.recv(ack(2));
    assert_eq!(scene.connection.state(), TcpState::FinWait2);
    scene.at(300);
    scene.recv(data(1, 500, 2));
    scene.sent();
    assert_eq!(scene.read(), 500, "half closed: the peer may go on");
    scene.at(400);
    scene.recv(flags("F", 501, 2));
    assert_eq!(scene.connection.state(), TcpState::TimeWait);
    assert_eq!(scene.sent(), [(".", 2, 0)]);
    scene.at(60_399);
    assert_eq!(scene.connection.state(), TcpState::TimeWait);
    scene.at(60_400);
    assert_eq!(closed(&scene), Some(CloseReason::TimeWaitOver));
}

#[test]
fn the_other_side_does_not_wait() {
    let mut scene = scene();
    scene.recv(flags("F", 1, 1));
    assert_eq!(scene.connection.state(), TcpState::CloseWait);
    assert_eq!(scene.connection.poll_event(), Some(Event::PeerFinished));
    assert_eq!(scene.connection.read(scene.now, &mut [0; 10]), Ok(0));
    scene.write(1, 300);
    scene.shutdown();
    assert_eq!(scene.connection.state(), TcpState::LastAck);
    assert_eq!(scene.sent(), [("FP.", 1, 300)]);
    scene.at(200);
    scene.recv(flags(".", 2, 302));
    assert_eq!(closed(&scene), Some(CloseReason::Finished));
}

#[test]
fn both_may_close_at_once() {
    let mut scene = scene();
    scene.shutdown();
    scene.sent();
    scene.at(110);
    scene.recv(flags("F", 1, 1));
    assert_eq!(scene.connection.state(), TcpState::Closing);
    assert_eq!(scene.sent(), [(".", 2, 0)]);
    scene.at(200);
    scene.recv(flags(".", 2, 2));
    assert_eq!(scene.connection.state(), TcpState::TimeWait);
}

#[test]
fn fin_that_acknowledges_fin_goes_straight_to_time_wait() {
    let mut scene = scene();
    scene.shutdown();
    scene.sent();
    scene.at(200);
    scene.recv(flags("F", 1, 2));
    assert_eq!(scene.connection.state(), TcpState::TimeWait);
    assert_eq!(scene.sent(), [(".", 2, 0)]);
}

#[test]
fn fin_out_of_order_waits_for_what_is_missing() {
    let mut scene = scene();
    scene.recv(Seg { flags: "F", ..data(501, 500, 1) });
    assert_eq!(scene.connection.state(), TcpState::Established);
    scene.recv(data(1, 500, 1));
    assert_eq!(scene.connection.state(), TcpState::CloseWait);
    assert_eq!(scene.read(), 1000);
    assert!(scene.connection.at_end());
}

#[test]
fn a_fin_that_comes_again_is_acknowledged_again() {
    let mut scene = scene();
    scene.shutdown();
    scene.sent();
    scene.at(200);
    scene.recv(flags("F", 1, 2));
    scene.sent();
    scene.at(10_000);
    assert_eq!(scene.recv(flags("F", 1, 2)), Disposition::OutOfWindow);
    assert_eq!(scene.sent(), [(".", 2, 0)]);
    scene.at(69_999);
    assert_eq!(scene.connection.state(), TcpState::TimeWait, "2 MSL begin anew");
    scene.at(70_000);
    assert_eq!(closed(&scene), Some(CloseReason::TimeWaitOver));
}

/// RFC 6191: a SYN with a later sequence number or timestamp reuses the connection in TIME-WAIT.
#[test]
fn a_new_syn_may_take_the_place_of_time_wait() {
    let mut scene = scene();
    scene.shutdown();
    scene.sent();
    scene.at(200);
    scene.recv(flags("F", 1, 2));
    scene.sent();
    let old = Seg { flags: "S", seq: 0, ack: None, ..super::scene::none() };
    assert_eq!(scene.recv(old), Disposition::OutOfWindow);
    assert_eq!(scene.sent(), [(".", 2, 0)]);
    let new = Seg { flags: "S", seq: 100_000, ack: None, ..super::scene::none() };
    assert_eq!(scene.recv(new), Disposition::Reopen);
    assert!(scene.connection.next_isn().is_some());
}

#[test]
fn time_wait_is_assassinated_by_a_reset_as_in_linux() {
    let mut scene = scene();
    scene.shutdown();
    scene.sent();
    scene.at(200);
    scene.recv(flags("F", 1, 2));
    scene.sent();
    assert_eq!(scene.recv(flags("R", 2, 2)), Disposition::Reset);
    assert_eq!(closed(&scene), Some(CloseReason::Reset));
}

/// `tcp_fin_timeout` is 60 s by default.
#[test]
fn fin_wait_2_without_an_owner_ends_after_a_minute() {
    let mut scene = scene();
    scene.close();
    assert_eq!(scene.sent(), [("F.", 1, 0)]);
    scene.at(200);
    scene.recv(ack(2));
    assert_eq!(scene.connection.state(), TcpState::FinWait2);
    scene.at(60_199);
    assert_eq!(scene.connection.state(), TcpState::FinWait2);
    scene.at(60_200);
    assert_eq!(closed(&scene), Some(CloseReason::TimedOut));
}

#[test]
fn an_orphans_fin_wait_2_still_becomes_time_wait() {
    let mut scene = scene();
    scene.close();
    scene.sent();
    scene.at(200);
    scene.recv(ack(2));
    scene.at(5000);
    scene.recv(flags("F", 1, 2));
    assert_eq!(scene.connection.state(), TcpState::TimeWait);
    assert_eq!(scene.sent(), [(".", 2, 0)]);
}

/// RFC 2525 §2.17: the peer learns from a reset that its data was not read.
#[test]
fn closing_with_unread_data_resets() {
    let mut scene = scene();
    scene.recv(data(1, 500, 1));
    scene.sent();
    scene.close();
    assert_eq!(scene.sent(), [("R.", 1, 0)]);
    assert_eq!(closed(&scene), Some(CloseReason::Aborted));
}

/// RFC 1122 §4.2.2.13: after close, no application can read the data that still arrives.
#[test]
fn data_for_nobody_is_answered_with_a_reset() {
    let mut scene = scene();
    scene.close();
    scene.sent();
    scene.at(200);
    assert_eq!(scene.recv(data(1, 500, 1)), Disposition::DataAfterClose);
    assert_eq!(scene.sent(), [("R", 1, 0)]);
    assert!(scene.connection.is_closed());
}

#[test]
fn what_came_before_a_reset_can_be_read() {
    let mut scene = scene();
    scene.recv(data(1, 500, 1));
    scene.sent();
    scene.recv(flags("R", 501, 1));
    assert_eq!(closed(&scene), Some(CloseReason::Reset));
    assert_eq!(scene.read(), 500);
    let end = scene.connection.read(scene.now, &mut [0; 10]);
    assert_eq!(end, Err(ReadError::Closed(CloseReason::Reset)));
}

#[test]
fn abort_resets() {
    let mut scene = scene();
    scene.write(1, 500);
    scene.sent();
    scene.connection.abort(scene.now, &mut roundtrip_record::Off);
    assert_eq!(scene.sent(), [("R.", 501, 0)]);
    assert_eq!(closed(&scene), Some(CloseReason::Aborted));
    assert_eq!(scene.recv(ack(501)), Disposition::Closed);
}

#[test]
fn a_reset_right_after_fin_is_believed() {
    let mut scene = scene();
    scene.recv(flags("F", 1, 1));
    scene.at(150);
    assert_eq!(scene.recv(flags("R", 1, 1)), Disposition::Reset);
}

#[test]
fn an_idle_connection_is_small() {
    let own = size_of::<crate::Connection>();
    let open = size_of::<crate::state::Open>();
    assert!(own + open <= 1024, "{own} + {open}");
}

/// A connection that closed at 0 and whose FIN was acknowledged at 200 ms, so that FIN_WAIT_2
/// without an owner lasts as `fin_timeout` says.
fn in_fin_wait_2(fin_timeout: Duration) -> Scene {
    let options = Options {
        profile: Arc::new(exact()),
        fin_timeout: Some(fin_timeout),
        ..Options::default()
    };
    let mut scene = Scene::accepted_with(options, PeerOptions::default());
    scene.close();
    scene.sent();
    scene.at(200);
    scene.recv(ack(2));
    assert_eq!(scene.connection.state(), TcpState::FinWait2);
    scene
}

/// Of a timeout above 60 s Linux waits the part above twice: as a connection, and again without its
/// buffers (`__tcp_close`, `tcp_keepalive_timer`; Linux 6.18 leaves the state 10 s after the
/// acknowledgement with `TCP_LINGER2` = 65).
#[test]
fn the_part_of_a_fin_timeout_above_a_minute_is_waited_for_twice() {
    for (fin_timeout, lasts_ms) in [(59, 59_000), (60, 60_000), (65, 10_000), (90, 60_000)] {
        let fin_timeout = Duration::from_secs(fin_timeout);
        let mut scene = in_fin_wait_2(fin_timeout);
        scene.at(200 + lasts_ms - 1);
        assert_eq!(scene.connection.state(), TcpState::FinWait2, "{fin_timeout:?}");
        scene.at(200 + lasts_ms);
        assert_eq!(closed(&scene), Some(CloseReason::TimedOut), "{fin_timeout:?}");

        let mut scene = in_fin_wait_2(fin_timeout);
        scene.at(200 + lasts_ms - 1);
        scene.recv(flags("F", 1, 2));
        assert_eq!(scene.connection.state(), TcpState::TimeWait, "{fin_timeout:?}");
    }
}

/// The state outlasts 3.5 retransmission timeouts, so that the peer's FIN may be lost once or twice
/// (`tcp_fin_time`, `tcp_time_wait`).
#[test]
fn fin_wait_2_lasts_for_some_retransmissions_of_the_peers_fin() {
    // The handshake took 100 ms, so that the timeout is 300 ms (RFC 6298 §2.2).
    for (fin_timeout, lasts_ms) in [(1, 1050), (60_001, 1 + 1050)] {
        let mut scene = in_fin_wait_2(Duration::from_millis(fin_timeout));
        scene.at(200 + lasts_ms - 1);
        assert_eq!(scene.connection.state(), TcpState::FinWait2, "{fin_timeout} ms");
        scene.at(200 + lasts_ms);
        assert_eq!(closed(&scene), Some(CloseReason::TimedOut), "{fin_timeout} ms");
    }
}
