//! Lies that peers and strangers are known to tell, one by one.

use std::time::Duration;

use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{Ecn, SackBlock, SeqNumber};
use roundtrip_record::{ConnectionId, Off, TcpState, Time};
use roundtrip_tcp::{Connection, Disposition, Endpoints, Options, Segment, Supply};

const ISS: SeqNumber = SeqNumber(0x7fff_fff0);
const IRS: SeqNumber = SeqNumber(0xffff_fff0);

struct Scene {
    now: Time,
    connection: Connection,
}

impl Scene {
    /// A connection whose peer has just completed the handshake.
    fn new(options: Options) -> Scene {
        let now = Time::from_secs(1);
        let mut syn =
            Header { sequence: IRS, flags: Flags::SYN, window: 60_000, ..Header::new(9, 80) };
        syn.options.mss = Some(1460);
        syn.options.sack_permitted = true;
        let segment =
            Segment { header: syn, payload: &[], ecn: Ecn::NotEct, segment_size: None, id: None };
        let (local, remote) = ("10.0.0.2:80".parse().unwrap(), "10.0.0.1:9".parse().unwrap());
        let ends = Endpoints { local, remote };
        let id = ConnectionId(1);
        let connection = Connection::accept(now, id, ends, ISS, options, &segment, &mut Off);
        let mut scene = Scene { now, connection };
        scene.sent();
        assert_eq!(scene.says(0, 1, Flags::ACK, b""), Disposition::Accepted);
        assert_eq!(scene.connection.state(), TcpState::Established);
        scene
    }

    fn header(seq: i64, ack: i64, flags: Flags) -> Header {
        Header {
            sequence: IRS + (1 + seq) as u32,
            acknowledgement: ISS + ack as u32,
            flags,
            window: 60_000,
            ..Header::new(9, 80)
        }
    }

    /// The peer says something; numbers count from its first byte and our SYN.
    fn says(&mut self, seq: i64, ack: i64, flags: Flags, payload: &[u8]) -> Disposition {
        self.hears(Scene::header(seq, ack, flags), payload)
    }

    fn hears(&mut self, header: Header, payload: &[u8]) -> Disposition {
        let segment = Segment { header, payload, ecn: Ecn::NotEct, segment_size: None, id: None };
        self.connection.handle_segment(self.now, &segment, &mut Off)
    }

    /// How many segments and bytes it sends now.
    fn sent(&mut self) -> (u32, usize) {
        let (mut count, mut bytes) = (0, 0);
        while let Some(sent) = self.connection.poll_transmit(self.now, 1, &mut Off) {
            count += 1;
            bytes += sent.payload_length();
        }
        self.connection.check_resting();
        (count, bytes)
    }
}

/// RFC 5961 §5.2: an acknowledgement of what was never sent moves nothing, and is answered, if at
/// all, no more often than twice a second.
#[test]
fn what_was_never_sent_is_acknowledged() {
    let mut scene = Scene::new(Options::default());
    scene.connection.write(scene.now, &[1; 1000]).unwrap();
    scene.sent();
    let mut answers = 0;
    for n in 0..1_000 {
        scene.says(0, 1002 + n * 1000, Flags::ACK, b"");
        answers += scene.sent().0;
        scene.now += Duration::from_millis(1);
    }
    assert_eq!(scene.connection.info().bytes_acked, 0);
    assert!(answers <= 3, "{answers} answers in a second");
}

/// RFC 5961 §3.2: a reset ends the connection only with the very next number; one that only lies in
/// the window is challenged, with a rate limit.
#[test]
fn blind_resets_and_syns_do_nothing() {
    let mut scene = Scene::new(Options::default());
    let mut answers = 0;
    for n in 1..2_000 {
        scene.says(n * 30, 1, Flags::RST, b"");
        scene.says(n * 30, 1, Flags::SYN, b"");
        answers += scene.sent().0;
        scene.now += Duration::from_millis(1);
    }
    assert_eq!(scene.connection.state(), TcpState::Established);
    assert!((1..=5).contains(&answers), "{answers} answers in two seconds");
    scene.says(0, 1, Flags::RST, b"");
    assert_eq!(scene.connection.state(), TcpState::Closed);
}

/// Blocks for what was never sent, and for what was acknowledged long ago, count for nothing.
#[test]
fn what_was_never_sent_is_sacked() {
    let mut scene = Scene::new(Options::default());
    scene.connection.write(scene.now, &[1; 14_480]).unwrap();
    scene.sent();
    for n in 0..1_000_u32 {
        let mut header = Scene::header(0, 1, Flags::ACK);
        let left = ISS + (1 + n.wrapping_mul(0x0123_4567));
        if left.gt(ISS + 14_481_u32) || left.lt(ISS) {
            header.options.sack.push(SackBlock { left, right: left + 1448_u32 });
            header.options.sack.push(SackBlock { left: left + 9_u32, right: left - 9_u32 });
        }
        scene.hears(header, b"");
        scene.sent();
    }
    let info = scene.connection.info();
    assert_eq!((info.sacked, info.lost, info.total_retrans), (0, 0, 0));
}

/// Data beyond the window is not kept, however much of it comes.
#[test]
fn data_beyond_the_window() {
    let mut scene = Scene::new(Options { receive_buffer: Some(10_000), ..Options::default() });
    let before = scene.connection.memory();
    for n in 0..10_000 {
        scene.says(70_000 + n * 1448, 1, Flags::ACK, &[7; 1448]);
        scene.sent();
    }
    assert_eq!((scene.connection.memory(), scene.connection.readable()), (before, 0));
}

/// A peer that never lets the window's left edge move and fills the rest with single bytes
/// (`SegmentSmack`, CVE-2018-5390): neither memory nor work grows with what it sends.
#[test]
fn single_bytes_with_holes_between_them() {
    let mut scene = Scene::new(Options::default());
    for round in 0..10 {
        for n in 0..6_000 {
            scene.says(1 + 10 * n + round % 2, 1, Flags::ACK, b"x");
        }
        scene.sent();
    }
    assert_eq!(scene.connection.readable(), 0);
    assert!(scene.connection.memory() < 3_000_000, "{}", scene.connection.memory());
    // Once the hole is filled everything that was kept is there, and no more.
    scene.says(0, 1, Flags::ACK, b"x");
    assert!(scene.connection.readable() >= 2);
}

/// A peer that takes its window back below what is out gets nothing more, and is asked.
#[test]
fn a_window_that_is_taken_back() {
    let mut scene = Scene::new(Options::default());
    scene.connection.write(scene.now, &vec![1; 60_000]).unwrap();
    let (_, out) = scene.sent();
    let before = scene.connection.info().bytes_retrans;
    for n in 0..100 {
        let header = Header { window: 0, ..Scene::header(0, 1 + i64::from(n % 2), Flags::ACK) };
        scene.hears(header, b"");
        assert_eq!(scene.sent().1, 0, "into a window that is shut");
    }
    assert!(out > 0 && scene.connection.info().bytes_retrans == before);
    let asks = (0..5).any(|_| {
        scene.now = scene.connection.next_timeout().expect("no timer is lost");
        scene.connection.handle_timeout(scene.now, &mut Off);
        scene.sent().0 > 0
    });
    assert!(asks, "it asks whether the window has opened");
}

/// While the host has no memory a connection takes the least there is, and goes on afterwards.
#[test]
fn no_memory_left() {
    let mut scene = Scene::new(Options::default());
    scene.connection.set_supply(Supply::Gone);
    assert_eq!(scene.connection.write(scene.now, &vec![1; 100_000]), Ok(4_096));
    assert_eq!(scene.connection.write(scene.now, &vec![1; 100_000]), Ok(0));
    scene.sent();
    for n in 0..20 {
        scene.says(n * 1000, 1, Flags::ACK, &[7; 1000]);
        scene.sent();
    }
    let held = scene.connection.readable();
    assert!((1_000..=4_096).contains(&held), "{held}");
    // What is not in order is not kept for the sake of progress.
    scene.says(30_000, 1, Flags::ACK, &[7; 1000]);
    assert!(scene.connection.memory() < 4_096 + 4_096 + 8_192, "{}", scene.connection.memory());
    // What was written arrives, and there is room again, if little.
    scene.says(held as i64, 4_097, Flags::ACK, b"");
    scene.sent();
    assert!(scene.connection.is_writable());
    scene.connection.set_supply(Supply::Ample);
    let mut into = [0; 8_192];
    assert_eq!(scene.connection.read(scene.now, &mut into), Ok(held));
    scene.says(held as i64, 4_097, Flags::ACK, &[7; 1000]);
    assert_eq!(scene.connection.readable(), 1_000);
    assert!(scene.connection.write(scene.now, &vec![1; 100_000]).unwrap() > 4_096);
}
