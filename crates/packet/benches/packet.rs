//! What a full-sized segment costs: `cargo bench -p roundtrip-packet`.
//! One iteration is one segment of 1460 bytes (TCP over IPv4 over Ethernet: 1514).

use std::hint::black_box;
use std::net::Ipv4Addr;

use divan::Bencher;
use divan::counter::BytesCount;
use roundtrip_packet::{
    ChecksumMode, Envelope, EtherAddr, Flags, Link, Options, Protocol, SeqNumber, Timestamps,
    Verify, checksum, ipv4, parse_frame, tcp,
};

fn main() {
    divan::main();
}

const PAYLOAD: usize = 1448;

fn envelope(checksum: ChecksumMode) -> Envelope {
    let link =
        Link { source: EtherAddr([2, 0, 0, 0, 0, 1]), destination: EtherAddr([2, 0, 0, 0, 0, 2]) };
    let (from, to) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
    let ip = ipv4::Header::new(from, to, Protocol::TCP);
    Envelope { checksum, ..Envelope::new(link, ip) }
}

fn header() -> tcp::Header {
    let timestamps = Some(Timestamps { value: 7, echo: 8 });
    tcp::Header {
        sequence: SeqNumber(1),
        acknowledgement: SeqNumber(1),
        flags: Flags::ACK,
        window: 500,
        options: Options { timestamps, ..Options::NONE },
        ..tcp::Header::new(49152, 80)
    }
}

fn payload() -> Vec<u8> {
    (0..PAYLOAD).map(|i| (i * 7) as u8).collect()
}

#[divan::bench(args = [20, 32, 256, 1460, 65_536])]
fn sum(bencher: Bencher<'_, '_>, length: usize) {
    let data = vec![0x5a; length];
    bencher.counter(BytesCount::new(length)).bench(|| checksum::sum(black_box(&data)));
}

#[divan::bench(args = [1460, 65_536])]
fn copy(bencher: Bencher<'_, '_>, length: usize) {
    let data = vec![0x5a; length];
    let mut target = vec![0; length];
    bencher
        .counter(BytesCount::new(length))
        .bench_local(|| checksum::copy(black_box(&mut target), black_box(&data)));
}

#[divan::bench(args = [1460, 65_536])]
fn append(bencher: Bencher<'_, '_>, length: usize) {
    let data = vec![0x5a; length];
    let mut target = Vec::with_capacity(length);
    bencher.counter(BytesCount::new(length)).bench_local(|| {
        target.clear();
        checksum::append(black_box(&mut target), black_box(&data))
    });
}

#[divan::bench(args = [Verify::Full, Verify::Trusted])]
fn parse_segment(bencher: Bencher<'_, '_>, verify: Verify) {
    let mut bytes = Vec::new();
    let payload = payload();
    envelope(ChecksumMode::Full).emit_tcp(&header(), [&payload, &[]], &mut bytes).unwrap();
    bencher.bench(|| parse_frame(black_box(&bytes), verify).is_ok());
}

#[divan::bench]
fn parse_ack(bencher: Bencher<'_, '_>) {
    let mut bytes = Vec::new();
    envelope(ChecksumMode::Full).emit_tcp(&header(), [&[], &[]], &mut bytes).unwrap();
    bencher.bench(|| parse_frame(black_box(&bytes), Verify::Full).is_ok());
}

#[divan::bench(args = [ChecksumMode::Full, ChecksumMode::PseudoHeaderOnly])]
fn emit_segment(bencher: Bencher<'_, '_>, mode: ChecksumMode) {
    let (payload, header, envelope) = (payload(), header(), envelope(mode));
    let (first, second) = payload.split_at(700);
    let mut out = Vec::with_capacity(2048);
    bencher.bench_local(|| {
        out.clear();
        envelope.emit_tcp(black_box(&header), [first, second], &mut out)
    });
}

#[divan::bench]
fn emit_ack(bencher: Bencher<'_, '_>) {
    let (header, envelope) = (header(), envelope(ChecksumMode::Full));
    let mut out = Vec::with_capacity(2048);
    bencher.bench_local(|| {
        out.clear();
        envelope.emit_tcp(black_box(&header), [&[], &[]], &mut out)
    });
}
