//! More bytes than there are sequence numbers, from numbers just before the wrap.

use bytes::Bytes;
use roundtrip_packet::{Ecn, SeqNumber};
use roundtrip_record::{ConnectionId, Off, Time};
use roundtrip_tcp::{Connection, Endpoints, Options, Segment, Step};

/// Bytes to carry: 2³² and some.
const TOTAL: u64 = (1 << 32) + (64 << 20);
/// The pattern repeats after so many bytes: a prime, so that no segment size divides it.
const PERIOD: usize = 1_048_573;
/// One segment in so many is lost.
const LOSS: u64 = 4_999;

/// The segments that `from` wants to send reach `to`, but for those that are lost.
fn carry(now: Time, from: &mut Connection, to: &mut Connection, count: &mut u64) -> bool {
    let mut any = false;
    let mut buffer = Vec::new();
    while let Some(sent) = from.poll_transmit(now, 1, &mut Off) {
        any = true;
        *count += 1;
        if count.is_multiple_of(LOSS) {
            continue;
        }
        let [first, second] = sent.payload;
        let payload = if second.is_empty() {
            first
        } else {
            buffer.clear();
            buffer.extend_from_slice(first);
            buffer.extend_from_slice(second);
            &buffer
        };
        let segment = Segment {
            header: sent.header,
            payload,
            ecn: Ecn::NotEct,
            segment_size: None,
            id: None,
        };
        to.handle_segment(now, &segment, &mut Off);
    }
    from.check_resting();
    any
}

#[test]
fn four_gigabytes_and_more_arrive_in_order() {
    let (local, remote) = ("10.0.0.1:40000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
    let ends = Endpoints { local, remote };
    let options = Options { mss: 65_000, ..Options::default() };
    let mut now = Time::from_secs(1);
    let isn = SeqNumber(u32::MAX - 5);
    let step = Step::at(now);
    let mut client =
        Connection::connect(step, ConnectionId(1), ends, isn, options.clone(), &mut Off);
    let syn = client.poll_transmit(now, 1, &mut Off).expect("a SYN").header;
    let syn = Segment { header: syn, payload: &[], ecn: Ecn::NotEct, segment_size: None, id: None };
    let isn = SeqNumber(u32::MAX);
    let mut server =
        Connection::accept(now, ConnectionId(2), ends.reversed(), isn, options, &syn, &mut Off);
    // Long enough for any run from a place in the first period.
    let pattern: Vec<u8> = (0..2 * PERIOD as u32)
        .map(|n| ((n % PERIOD as u32).wrapping_mul(0x9e37_79b1) >> 24) as u8)
        .collect();
    let pattern = Bytes::from(pattern);
    let (mut written, mut got, mut count) = (0_u64, 0_u64, 0_u64);
    while got < TOTAL {
        let at = (written % PERIOD as u64) as usize;
        let length = (TOTAL - written).min(PERIOD as u64) as usize;
        let taken = client.write_bytes(now, pattern.slice(at..at + length)).expect("open");
        written += taken as u64;
        let sent = carry(now, &mut client, &mut server, &mut count);
        loop {
            let [first, second] = server.peek();
            let length = first.len() + second.len();
            if length == 0 {
                break;
            }
            for piece in [first, second] {
                let at = (got % PERIOD as u64) as usize;
                assert!(piece == &pattern[at..at + piece.len()], "at byte {got}");
                got += piece.len() as u64;
            }
            server.consume(now, length);
        }
        let answered = carry(now, &mut server, &mut client, &mut count);
        if !sent && !answered && taken == 0 {
            let timers = [client.next_timeout(), server.next_timeout()];
            now = timers.into_iter().flatten().min().expect("no timer is lost").max(now);
            client.handle_timeout(now, &mut Off);
            server.handle_timeout(now, &mut Off);
        } else {
            now += std::time::Duration::from_micros(20);
        }
    }
    assert_eq!((written, got), (TOTAL, TOTAL));
    assert_eq!(server.info().bytes_received, TOTAL);
    assert!(client.info().total_retrans > 0, "nothing was lost");
}
