//! What a bulk transfer costs, both ends in memory: `cargo bench -p roundtrip-tcp`.
//!
//! One iteration moves 16 MiB from one connection to the other at MTU 1500. `frames` writes every
//! segment as an Ethernet frame with checksums, and parses and verifies it at the other end, one at
//! a time; `segments` leaves frames out and shows what TCP itself costs, one segment at a time and
//! in bursts.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use roundtrip_packet::{
    Ecn, Envelope, EtherAddr, Link, Network, Protocol, SeqNumber, Transport, Verify, ipv4,
    parse_frame,
};
use roundtrip_record::{ConnectionId, Off, Time};
use roundtrip_tcp::{Connection, Endpoints, Options, Segment, Step};

fn main() {
    divan::main();
}

const TOTAL: usize = 16 << 20;

/// How segments get across.
#[derive(Clone, Copy)]
enum Carrier {
    /// As frames, one at a time.
    Frames,
    /// As they are, up to so many at a time.
    Segments(usize),
}

struct Pair {
    now: Time,
    client: Connection,
    server: Connection,
    frame: Vec<u8>,
    there: Envelope,
    back: Envelope,
}

fn envelope(from: u8, to: u8) -> Envelope {
    let mac = |n| EtherAddr([2, 0, 0, 0, 0, n]);
    let ip = |n| Ipv4Addr::new(10, 0, 0, n);
    let link = Link { source: mac(from), destination: mac(to) };
    Envelope::new(link, ipv4::Header::new(ip(from), ip(to), Protocol::TCP))
}

impl Pair {
    fn connected() -> Pair {
        let now = Time::from_millis(1);
        let (local, remote) = ("10.0.0.1:40000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let ends = Endpoints { local, remote };
        let options = Options { nodelay: true, ..Options::default() };
        let mut client = Connection::connect(
            Step::at(now),
            ConnectionId(1),
            ends,
            SeqNumber(1),
            options.clone(),
            &mut Off,
        );
        let syn = client.poll_transmit(now, 1, &mut Off).expect("a SYN");
        let syn = Segment {
            header: syn.header,
            payload: &[],
            ecn: Ecn::NotEct,
            segment_size: None,
            id: None,
        };
        let server = Connection::accept(
            now,
            ConnectionId(2),
            ends.reversed(),
            SeqNumber(2),
            options,
            &syn,
            &mut Off,
        );
        let (there, back) = (envelope(1, 2), envelope(2, 1));
        let mut pair = Pair { now, client, server, frame: Vec::new(), there, back };
        pair.carry(Carrier::Segments(1), false);
        pair.carry(Carrier::Segments(1), true);
        pair
    }

    /// Hands everything one end wants to send to the other; gives how many segments that were.
    fn carry(&mut self, carrier: Carrier, up: bool) -> usize {
        let (from, to, envelope) = if up {
            (&mut self.client, &mut self.server, &self.there)
        } else {
            (&mut self.server, &mut self.client, &self.back)
        };
        let mut count = 0;
        let most = match carrier {
            Carrier::Frames => 1,
            Carrier::Segments(most) => most,
        };
        while let Some(sent) = from.poll_transmit(self.now, most, &mut Off) {
            count += 1;
            match carrier {
                Carrier::Frames => {
                    self.frame.clear();
                    envelope
                        .emit_tcp(&sent.header, sent.payload, &mut self.frame)
                        .expect("it fits");
                    let frame = parse_frame(&self.frame, Verify::Full).expect("it was just made");
                    let Network::Ip(packet) = frame.network else { panic!("not IP") };
                    let Transport::Tcp(segment) = packet.transport else { panic!("not TCP") };
                    let segment = Segment {
                        header: segment.header,
                        payload: segment.payload,
                        ecn: Ecn::NotEct,
                        segment_size: None,
                        id: None,
                    };
                    to.handle_segment(self.now, &segment, &mut Off);
                }
                Carrier::Segments(_) => {
                    let [first, second] = sent.payload;
                    let mut header = sent.header;
                    for payload in [first, second] {
                        if payload.is_empty() && count > 0 && sent.payload_length() > 0 {
                            continue;
                        }
                        let segment = Segment {
                            header,
                            payload,
                            ecn: Ecn::NotEct,
                            segment_size: None,
                            id: None,
                        };
                        to.handle_segment(self.now, &segment, &mut Off);
                        header.sequence += payload.len();
                    }
                }
            }
        }
        count
    }

    fn transfer(&mut self, carrier: Carrier, data: &Bytes) -> usize {
        let mut sent = 0;
        let mut got = 0;
        let mut into = vec![0; 1 << 18];
        while got < TOTAL {
            if sent < TOTAL {
                sent += self.client.write_bytes(self.now, data.slice(sent..)).expect("open");
            }
            self.carry(carrier, true);
            self.now += Duration::from_micros(50);
            while let Ok(count @ 1..) = self.server.read(self.now, &mut into) {
                got += count;
            }
            self.carry(carrier, false);
            self.now += Duration::from_micros(50);
            self.client.handle_timeout(self.now, &mut Off);
            self.server.handle_timeout(self.now, &mut Off);
            while self.client.poll_event().is_some() {}
            while self.server.poll_event().is_some() {}
        }
        got
    }
}

fn run(bencher: Bencher<'_, '_>, carrier: Carrier) {
    let data = Bytes::from(vec![0x5a; TOTAL]);
    bencher
        .counter(BytesCount::new(TOTAL))
        .with_inputs(Pair::connected)
        .bench_local_refs(|pair| pair.transfer(carrier, &data));
}

#[divan::bench]
fn frames(bencher: Bencher<'_, '_>) {
    run(bencher, Carrier::Frames);
}

#[divan::bench(args = [1, 2, 44])]
fn segments(bencher: Bencher<'_, '_>, most: usize) {
    run(bencher, Carrier::Segments(most));
}
