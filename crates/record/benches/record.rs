//! What recording costs: nothing when off, little for a frame.

use divan::{Bencher, counter::ItemsCount};
use roundtrip_record::{
    ConnectionId, Direction, Flags, HostId, InterfaceId, Log, Off, Recorder, Role, Settings,
    TcpSegment, Time, Trace, What,
};

fn main() {
    divan::main();
}

const FRAMES: u64 = 10_000;

/// An Ethernet frame with a full TCP segment of a binary protocol.
fn frame() -> Vec<u8> {
    let mut frame =
        vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 5, 220, 0, 1, 0x40, 0, 64, 6, 0, 0];
    frame.extend([
        10, 0, 0, 2, 192, 0, 2, 80, 0x9C, 0x41, 1, 187, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 16, 255, 255,
        0, 0, 0, 0,
    ]);
    frame.resize(1514, 0x17);
    frame
}

fn segment() -> What {
    What::TcpSegment(TcpSegment {
        connection: ConnectionId(1),
        direction: Direction::Sent,
        seq: 88_410_002,
        ack: Some(1_302_118_744),
        flags: Flags(16),
        window: 65_536,
        length: 1448,
        mss: None,
        window_scale: None,
        sack_permitted: false,
        timestamps: Some((1, 2)),
        sack: vec![],
        fast_open: None,
        retransmission: false,
        disposition: None,
    })
}

fn frames(trace: &mut impl Trace, bytes: &[u8]) {
    for n in 0..FRAMES {
        let at = Time::from_micros(n);
        let cause = trace.frame(at, None, InterfaceId(0), Direction::Sent, bytes);
        divan::black_box(trace.emit(at, cause, segment));
    }
}

fn recorded(bencher: Bencher<'_, '_>, settings: impl Fn(&std::path::Path) -> Settings) {
    let bytes = frame();
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::new(Recorder::new(settings(folder.path())).expect("a record"));
        log.host("client", Role::Client, &[]);
        log.interface(HostId(0), "eth0", "02:00:00:00:00:01", &[]);
        frames(&mut log, divan::black_box(&bytes));
        log.finish().expect("written");
    });
}

#[divan::bench]
fn off(bencher: Bencher<'_, '_>) {
    let bytes = frame();
    bencher
        .counter(ItemsCount::new(FRAMES))
        .bench_local(|| frames(&mut Off, divan::black_box(&bytes)));
}

#[divan::bench]
fn log_off(bencher: Bencher<'_, '_>) {
    let bytes = frame();
    let mut log = Log::off();
    bencher
        .counter(ItemsCount::new(FRAMES))
        .bench_local(|| frames(&mut log, divan::black_box(&bytes)));
}

#[divan::bench]
fn whole(bencher: Bencher<'_, '_>) {
    recorded(bencher, |path| Settings::in_folder(path));
}

#[divan::bench]
fn headers_only(bencher: Bencher<'_, '_>) {
    recorded(bencher, |path| Settings { snaplen: Some(96), ..Settings::in_folder(path) });
}

#[divan::bench]
fn headers_only_no_frame_events(bencher: Bencher<'_, '_>) {
    recorded(bencher, |path| Settings {
        snaplen: Some(96),
        frame_events: false,
        ..Settings::in_folder(path)
    });
}
