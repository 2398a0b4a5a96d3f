//! What a host costs: `cargo bench -p roundtrip-host --bench host`.
//!
//! - `request`: 100 bytes written at one end and read at the other, with as many connections
//!   beside it as the argument says; the traffic goes round all of them, or round ten of them.
//!   One iteration is the call at both ends and all frames between them (the segment, and every
//!   other time its acknowledgement).
//! - `frame_for_nobody`: what the host does for a frame before TCP begins.
//! - `bulk_with_tso`: 1 MiB through one connection, in frames of 1514 bytes.
//! - `handshake`: a connection opened, accepted and reset.

mod pair;

use divan::Bencher;
use divan::counter::BytesCount;
use roundtrip_host::Offload;
use roundtrip_record::{Off, Time};

use pair::Pair;

fn main() {
    divan::main();
}

/// One request on each of `active` of `count` connections in turn.
fn request(bencher: Bencher<'_, '_>, count: usize, active: usize) {
    let mut pair = Pair::new(Offload::default());
    let sockets = pair.connect(count);
    let mut next = 0;
    let mut buffer = [0; 256];
    // Connections that follow each other were opened far from each other.
    let step = (active * 2 / 3) | 1;
    bencher.bench_local(move || {
        next = (next + step) % active;
        let (client, server) = sockets[next];
        pair.now += std::time::Duration::from_micros(1);
        pair.client.write(pair.now, client, &[7; 100]).expect("it is open");
        pair.exchange();
        while let Ok(1..) = pair.server.read(pair.now, server, &mut buffer) {}
        pair.exchange();
    });
}

#[divan::bench(args = [10, 1_000, 100_000], sample_count = 100, sample_size = 1_000)]
fn request_on_each_of(bencher: Bencher<'_, '_>, count: usize) {
    request(bencher, count, count);
}

#[divan::bench(args = [10, 1_000, 100_000], sample_count = 100, sample_size = 1_000)]
fn request_on_ten_of(bencher: Bencher<'_, '_>, count: usize) {
    request(bencher, count, 10);
}

/// What the host does for a frame before TCP begins: read it, verify its checksums, look its
/// connection up. The frame is a reset, so that nobody answers, for a port that nobody has.
#[divan::bench(args = [10, 1_000, 100_000], sample_count = 100, sample_size = 1_000)]
fn frame_for_nobody(bencher: Bencher<'_, '_>, count: usize) {
    let mut pair = Pair::new(Offload::default());
    pair.connect(count);
    let frame = Pair::reset_frame();
    bencher.bench_local(move || pair.hand_over(&frame));
}

#[divan::bench(args = [false, true], sample_count = 50, sample_size = 1)]
fn bulk_with_tso(bencher: Bencher<'_, '_>, tso: bool) {
    const COUNT: usize = 1 << 20;
    let mut pair = Pair::new(Offload { tso, checksum: false });
    let (client, server) = pair.connect(1)[0];
    let payload = vec![7; 65_536];
    let mut buffer = vec![0; 65_536];
    bencher.counter(BytesCount::new(COUNT)).bench_local(move || {
        let (mut sent, mut received) = (0, 0);
        while received < COUNT {
            let piece = &payload[..payload.len().min(COUNT - sent)];
            sent += pair.client.write(pair.now, client, piece).expect("it is open");
            pair.exchange();
            while let Ok(count @ 1..) = pair.server.read(pair.now, server, &mut buffer) {
                received += count;
            }
            pair.exchange();
            pair.pass(pair.now + std::time::Duration::from_micros(100));
        }
    });
}

#[divan::bench(sample_count = 50, sample_size = 200)]
fn handshake(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new(Offload::default());
    let mut now = Time::ZERO;
    bencher.bench_local(move || {
        now += std::time::Duration::from_micros(100);
        pair.now = now;
        let (client, server) = pair.connect(1)[0];
        pair.client.abort(now, client, &mut Off);
        pair.exchange();
        pair.server.close(now, server, &mut Off);
        pair.exchange();
    });
}
