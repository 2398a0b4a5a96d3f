//! Captures of every kind of file and link, with everything that goes wrong in them. All are made
//! here.

mod common;

use core::time::Duration;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use common::{Chance, Read};
use roundtrip_import::{ImportError, Options};
use roundtrip_packet::*;
use roundtrip_record::{BodyCut, CloseReason, Evidence, FaultKind, Time, What};
use roundtrip_story::Story;

const CLIENT: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 0, 0, 1), 50_000);
const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 80), 80);

/// Packets of one TCP connection, from the IP header on, with their times in microseconds.
struct Talk {
    packets: Vec<(u64, Vec<u8>)>,
    now: u64,
    next: [u32; 2],
    identification: u16,
}

impl Talk {
    fn new() -> Self {
        // The client's numbers wrap within its first request.
        Self { packets: Vec::new(), now: 1_000_000, next: [u32::MAX - 10, 7000], identification: 1 }
    }

    fn send(&mut self, by_client: bool, flags: Flags, payload: &[u8]) -> &mut Self {
        let n = usize::from(!by_client);
        let (from, to) = if by_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let header = tcp::Header {
            flags,
            sequence: SeqNumber(self.next[n]),
            acknowledgement: SeqNumber(self.next[1 - n]),
            window: 64_000,
            ..tcp::Header::new(from.1, to.1)
        };
        let ip = ipv4::Header {
            identification: self.identification,
            ..ipv4::Header::new(from.0, to.0, Protocol::TCP)
        };
        self.identification += 1;
        let mut bytes = Vec::new();
        Envelope::bare(ip).emit_tcp(&header, [payload, &[]], &mut bytes).unwrap();
        self.next[n] = self.next[n].wrapping_add(header.sequence_length(payload.len()));
        self.packets.push((self.now, bytes));
        self.now += 1_000;
        self
    }

    fn open(&mut self) -> &mut Self {
        self.send(true, Flags::SYN, b"");
        self.now += 20_000;
        self.send(false, Flags::SYN | Flags::ACK, b"").send(true, Flags::ACK, b"")
    }

    fn ask(&mut self, text: &str) -> &mut Self {
        self.send(true, Flags::ACK | Flags::PSH, text.as_bytes());
        self.now += 30_000;
        self
    }

    fn answer(&mut self, pieces: &[&str]) -> &mut Self {
        for piece in pieces {
            self.send(false, Flags::ACK, piece.as_bytes());
        }
        self
    }

    fn close(&mut self) -> &mut Self {
        self.send(true, Flags::FIN | Flags::ACK, b"")
            .send(false, Flags::FIN | Flags::ACK, b"")
            .send(true, Flags::ACK, b"")
    }

    /// As a file of pcap, on bare IP.
    fn pcap(&self) -> Vec<u8> {
        pcap(101, &self.packets, <[u8]>::to_vec)
    }

    fn read(&self) -> Read {
        read(&self.pcap())
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

const GET: &str = "GET /a HTTP/1.1\r\nHost: h.example\r\nAccept: text/html\r\n\r\n";
const OK: [&str; 3] = ["HTTP/1.1 200 OK\r\nContent-", "Length: 10\r\n\r\n01234", "56789"];

fn usual() -> Talk {
    let mut talk = Talk::new();
    talk.open().ask(GET).answer(&OK).close();
    talk
}

fn pcap(link: u32, packets: &[(u64, Vec<u8>)], frame: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    snapped(link, packets, usize::MAX, frame)
}

/// A capture that has so many bytes of each packet at most.
fn snapped(
    link: u32,
    packets: &[(u64, Vec<u8>)],
    most: usize,
    frame: impl Fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, link] {
        file.extend_from_slice(&u32::to_le_bytes(number));
    }
    for (micros, packet) in packets {
        let bytes = frame(packet);
        let kept = &bytes[..bytes.len().min(most)];
        let (length, original) = (kept.len() as u32, bytes.len() as u32);
        for number in [(micros / 1_000_000) as u32, (micros % 1_000_000) as u32, length, original] {
            file.extend_from_slice(&number.to_le_bytes());
        }
        file.extend_from_slice(kept);
    }
    file
}

fn read(file: &[u8]) -> Read {
    common::bytes(file, &Options::default()).unwrap()
}

/// Checks the usual exchange, whatever it came in.
fn check(read: &Read) {
    let story = &read.story;
    let notes = &read.imported.notes;
    assert_eq!(story.exchanges.len(), 1, "{notes:?}");
    let exchange = &story.exchanges[0];
    assert_eq!((exchange.url.as_str(), exchange.status()), ("http://h.example/a", Some(200)));
    assert_eq!(read.body("http://h.example/a").unwrap(), b"0123456789");
    assert!(exchange.complete);
    let phases: Vec<_> =
        exchange.phases.iter().map(|phase| (phase.kind.name(), phase.took().as_millis())).collect();
    assert_eq!(
        phases,
        [("connect", 21), ("blocked", 2), ("request", 0), ("wait", 31), ("body", 2)],
        "{notes:?}"
    );
}

#[test]
fn files_of_every_kind() {
    let talk = usual();
    let little = talk.pcap();
    check(&read(&little));
    // The same with the other byte order, and with nanoseconds.
    for (magic, scale) in [(0xa1b2_c3d4u32, 1), (0xa1b2_3c4d, 1000)] {
        let mut big = Vec::new();
        for number in [magic, 0x0002_0004, 0, 0, 65_535, 101] {
            big.extend_from_slice(&number.to_be_bytes());
        }
        for (micros, packet) in &talk.packets {
            let length = packet.len() as u32;
            for number in
                [(micros / 1_000_000) as u32, (micros % 1_000_000) as u32 * scale, length, length]
            {
                big.extend_from_slice(&number.to_be_bytes());
            }
            big.extend_from_slice(packet);
        }
        check(&read(&big));
    }
    check(&read(&zstd::encode_all(&little[..], 1).unwrap()));
    // pcapng: two interfaces, one with milliseconds in powers of two and an offset, other blocks between.
    let mut ng = block(
        0x0a0d_0d0a,
        &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat(),
    );
    ng.extend(block(
        1,
        &[
            &[101, 0, 0, 0][..],
            &0u32.to_le_bytes(),
            &option(9, &[9]),
            &option(14, &1000u64.to_le_bytes()),
        ]
        .concat(),
    ));
    ng.extend(block(5, &[0; 12]));
    ng.extend(block(1, &[&[101, 0, 0, 0][..], &0u32.to_le_bytes()].concat()));
    ng.extend(block(0x0bad, b"what comes later"));
    for (n, (micros, packet)) in talk.packets.iter().enumerate() {
        let interface = (n % 2) as u32;
        let ticks = if interface == 0 { micros * 1000 } else { micros + 1_000_000_000 };
        let length = (packet.len() as u32).to_le_bytes();
        let mut body =
            [interface, (ticks >> 32) as u32, ticks as u32].map(u32::to_le_bytes).concat();
        body.extend([length, length].concat());
        body.extend(padded(packet));
        body.extend(option(1, b"a comment"));
        ng.extend(block(6, &body));
    }
    let from_ng = read(&ng);
    check(&from_ng);
    assert_eq!(from_ng.story.run.as_ref().unwrap().wall, 1_001_000_000_000);
    assert_eq!(from_ng.noted("comments of packets"), talk.packets.len() as u64);
    assert_eq!(read(&ng[..ng.len() - 3]).noted("ends in the middle of a block"), 1);
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let body = padded(body);
    let length = (body.len() as u32 + 12).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &body, &length].concat()
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    [&code.to_le_bytes()[..], &(value.len() as u16).to_le_bytes(), &padded(value)].concat()
}

#[test]
fn links_of_every_kind() {
    let talk = usual();
    let ethernet = |kind: &[u8]| [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], kind].concat();
    let before: [(u32, Vec<u8>); 9] = [
        (1, ethernet(&[8, 0])),
        (1, ethernet(&[0x81, 0, 0, 7, 8, 0])),
        (1, ethernet(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 8, 0])),
        (113, vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0]),
        (276, vec![8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]),
        (0, vec![2, 0, 0, 0]),
        (108, vec![0, 0, 0, 2]),
        (228, vec![]),
        (12, vec![]),
    ];
    for (link, header) in before {
        let file = pcap(link, &talk.packets, |packet| [&header[..], packet].concat());
        check(&read(&file));
    }
    let wireless = read(&pcap(105, &talk.packets, <[u8]>::to_vec));
    assert_eq!(wireless.noted("802.11 frames"), talk.packets.len() as u64);
    assert!(wireless.story.exchanges.is_empty());
}

/// An IPv4 packet around a payload, without checksums.
fn around(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let head = [0x45, 0, length[0], length[1], 0, 7, 0x40, 0, 64, protocol, 0, 0];
    [&head[..], &[198, 51, 100, 1, 198, 51, 100, 2], payload].concat()
}

/// The same around a datagram of UDP.
fn in_datagram(port: u16, payload: &[u8]) -> Vec<u8> {
    let (port, length) = (port.to_be_bytes(), (8 + payload.len() as u16).to_be_bytes());
    let head = [0xc0, 1, port[0], port[1], length[0], length[1], 0, 0];
    around(17, &[&head, payload].concat())
}

/// Headers before a payload.
fn behind(head: &[u8], payload: &[u8]) -> Vec<u8> {
    [head, payload].concat()
}

const ETHERNET: [u8; 14] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];

#[test]
fn tunnels_are_entered() {
    type Wrap = fn(&[u8]) -> Vec<u8>;
    let wraps: [(&str, Wrap); 8] = [
        ("IP in IP", |packet| around(4, packet)),
        ("GRE", |packet| around(47, &behind(&[0, 0, 8, 0], packet))),
        ("GRE", |packet| {
            around(47, &behind(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 9], &behind(&ETHERNET, packet)))
        }),
        ("VXLAN", |packet| {
            in_datagram(4789, &behind(&[8, 0, 0, 0, 0, 0, 1, 0], &behind(&ETHERNET, packet)))
        }),
        ("Geneve", |packet| in_datagram(6081, &behind(&[0, 0, 8, 0, 0, 0, 1, 0], packet))),
        ("GTP-U", |packet| in_datagram(2152, &behind(&[0x30, 255, 0, 0, 0, 0, 0, 1], packet))),
        ("PPTP", |packet| {
            around(
                47,
                &behind(&[0x30, 1, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21], packet),
            )
        }),
        // One in another.
        ("IP in IP", |packet| around(47, &behind(&[0, 0, 8, 0], &around(4, packet)))),
    ];
    let talk = usual();
    for (name, wrap) in wraps {
        let read = read(&pcap(101, &talk.packets, wrap));
        check(&read);
        let counted = read.noted(&format!("came through a tunnel, and are read: {name}"));
        assert_eq!(counted, talk.packets.len() as u64, "{name}: {:?}", read.imported.notes);
    }
    // What is encrypted, or too deep, is said by its name.
    let mut sealed = talk.packets.clone();
    sealed.push((2_000_000, around(50, &[7; 40])));
    sealed.push((2_000_001, (0..20).fold(around(4, &[0; 20]), |packet, _| around(4, &packet))));
    sealed.push((2_000_002, around(132, &[0; 20])));
    let read = read(&pcap(101, &sealed, <[u8]>::to_vec));
    check(&read);
    for (note, count) in [("not looked into: ESP", 1), ("too many tunnels", 1), ("of SCTP", 1)] {
        assert_eq!(read.noted(note), count, "{note}: {:?}", read.imported.notes);
    }
}

/// An IPv4 packet in fragments of so many bytes, a multiple of eight.
fn fragments(packet: &[u8], most: usize) -> Vec<Vec<u8>> {
    let (head, payload) = packet.split_at(20);
    let count = payload.len().div_ceil(most);
    let piece = |(n, piece): (usize, &[u8])| {
        let mut head = head.to_vec();
        head[2..4].copy_from_slice(&(20 + piece.len() as u16).to_be_bytes());
        let more = if n + 1 < count { 0x2000 } else { 0 };
        head[6..8].copy_from_slice(&((n * most / 8) as u16 | more).to_be_bytes());
        [&head, piece].concat()
    };
    payload.chunks(most).enumerate().map(piece).collect()
}

#[test]
fn fragments_are_put_together() {
    let talk = usual();
    let split = |backwards: bool| {
        let pieces = talk.packets.iter().flat_map(|(at, packet)| {
            let mut pieces = fragments(packet, 24);
            if backwards {
                pieces.reverse();
            }
            pieces.into_iter().map(|piece| (*at, piece)).collect::<Vec<_>>()
        });
        pieces.collect::<Vec<_>>()
    };
    let many = talk.packets.iter().filter(|(_, packet)| packet.len() > 44).count() as u64;
    for backwards in [false, true] {
        let read = read(&pcap(101, &split(backwards), <[u8]>::to_vec));
        check(&read);
        assert_eq!(read.noted("put together from their fragments"), many);
        assert_eq!(read.noted("lack fragments"), 0);
    }
    // Without its second fragment a request is no request.
    let mut lacking = split(false);
    let request =
        lacking.iter().position(|(_, piece)| piece[20..].len() == 24 && piece[6] == 0x20).unwrap();
    lacking.remove(request + 1);
    let read = read(&pcap(101, &lacking, <[u8]>::to_vec));
    assert_eq!(read.noted("lack fragments"), 1, "{:?}", read.imported.notes);
}

#[test]
fn every_event_has_its_packet() {
    let read = usual().read();
    let story = &read.story;
    let of = |event| story.causes(event).iter().any(|cause| matches!(cause.what, What::Frame(_)));
    let exchange = &story.exchanges[0];
    assert!(of(exchange.event) && of(exchange.request.as_ref().unwrap().event));
    assert!(of(exchange.head().unwrap().event) && of(exchange.response.as_ref().unwrap().event));
    let client = story.connections[0].client.as_ref().unwrap();
    let states: Vec<_> = client.states.iter().map(|change| change.what.to.name()).collect();
    assert_eq!(states, ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT"]);
    assert!(client.states.iter().all(|change| matches!(change.what.how, Evidence::Observed(_))));
    assert_eq!(client.segments.len(), 10);
}

#[test]
fn segments_repeated_reordered_twice_and_joined() {
    let talk = usual();
    // The last piece comes before the one before it; the first is sent again; a copy of each packet
    // was captured at a second interface.
    let mut shuffled = usual();
    shuffled.packets.swap(5, 6);
    let mut again = shuffled.packets[4].clone();
    again.1[5] = 0xee;
    again.0 = shuffled.packets[6].0;
    shuffled.packets.insert(7, again);
    let read = shuffled.read();
    assert_eq!(read.body("http://h.example/a").unwrap(), b"0123456789");
    assert_eq!(read.noted("segments are retransmissions"), 1);
    assert_eq!(read.story.connections[0].client.as_ref().unwrap().retransmissions(), 1);
    let mut twice = usual();
    twice.packets =
        talk.packets.iter().flat_map(|packet| [packet.clone(), packet.clone()]).collect();
    let read = twice.read();
    check(&read);
    assert_eq!(read.noted("packets stand twice"), talk.packets.len() as u64);
    assert_eq!(read.noted("retransmissions"), 0);
    // One segment larger than any packet, its length left to the network card, its checksum too.
    let mut large = Talk::new();
    let body = "x".repeat(60_000);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    large.open().ask(GET).answer(&[&(head + &body)]).close();
    for (_, packet) in &mut large.packets {
        packet[2..4].fill(0);
        packet[36..38].fill(0xaa);
    }
    assert_eq!(large.read().body("http://h.example/a").unwrap(), body.as_bytes());
}

#[test]
fn through_a_proxy_of_socks() {
    let all = Flags::ACK | Flags::PSH;
    for (version, questions, answers) in [
        (
            5,
            vec![
                &b"\x05\x02\x00\x02"[..],
                b"\x01\x01u\x01p",
                b"\x05\x01\x00\x03\x09h.example\x00\x50",
            ],
            vec![&b"\x05\x02"[..], b"\x01\x00", b"\x05\x00\x00\x01\0\0\0\0\0\0"],
        ),
        (
            4,
            vec![b"\x04\x01\x00\x50\x00\x00\x00\x01u\x00h.example\x00"],
            vec![b"\0\x5a\0\0\0\0\0\0"],
        ),
    ] {
        let mut talk = Talk::new();
        talk.open();
        for (question, answer) in questions.iter().zip(answers) {
            talk.send(true, all, question).send(false, all, answer);
        }
        talk.ask(GET).answer(&OK).close();
        let read = talk.read();
        assert_eq!(read.body("http://h.example/a").unwrap(), b"0123456789", "version {version}");
        assert_eq!(read.story.exchanges.len(), 1);
    }
}

#[test]
fn trailers_are_kept() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nDigest: x\r\n\r\n";
    let mut talk = Talk::new();
    talk.open().ask("PROPFIND /a HTTP/1.1\r\nHost: h.example\r\n\r\n").answer(&[chunked]).close();
    let read = talk.read();
    let exchange = &read.story.exchanges[0];
    let ended = &exchange.response.as_ref().unwrap().what;
    assert_eq!((exchange.method.as_str(), ended.body.decoded), ("PROPFIND", 3));
    assert_eq!(ended.trailers.len(), 1);
}

#[test]
fn what_was_not_captured() {
    // From the middle: the answer to a request that nobody saw is passed over, the next is read.
    let mut middle = Talk::new();
    middle.answer(&["rest of a body"]).ask(GET).answer(&OK);
    let read = middle.read();
    assert_eq!(read.story.exchanges.len(), 1);
    assert_eq!(read.story.exchanges[0].reused(), 1, "it carried something before");
    assert_eq!(read.noted("were open when the capture began"), 1);
    assert!(matches!(
        read.story.connections[0].client.as_ref().unwrap().states[0].what.how,
        Evidence::Inferred(_)
    ));
    // A lost segment in a body: the body is short, the next exchange is whole.
    let mut lost = Talk::new();
    lost.open().ask(GET).answer(&OK).ask(&GET.replace("/a", "/b")).answer(&OK).close();
    lost.packets.remove(5);
    let read = lost.read();
    let first = &read.story.exchanges[0];
    assert_eq!(first.response.as_ref().map(|response| response.what.body.cut), None);
    assert!(!first.complete);
    assert_eq!(read.story.exchanges.len(), 2);
    assert_eq!(read.noted("bytes of connections are missing"), 19);
    let mut short = Talk::new();
    short.open().ask(GET).answer(&OK[..2]).close();
    let read = short.read();
    let body = &read.story.exchanges[0].response.as_ref().unwrap().what.body;
    assert_eq!((body.cut, body.encoded), (Some(BodyCut::Short), 5));
}

#[test]
fn packets_cut_by_the_snapshot_length() {
    let piece = "x".repeat(1000);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n";
    let mut talk = Talk::new();
    talk.open().ask(GET).answer(&[head, &piece, &piece, &piece]);
    talk.ask(&GET.replace("/a", "/b")).answer(&OK);
    // The last bytes come with the FIN.
    talk.send(true, Flags::FIN | Flags::ACK, b"");
    talk.send(false, Flags::FIN | Flags::ACK, piece.as_bytes());
    talk.send(true, Flags::ACK, b"");
    let stated = snapped(101, &talk.packets, 140, <[u8]>::to_vec);
    // The same with the length left to the network card.
    for (_, packet) in &mut talk.packets {
        packet[2..4].fill(0);
    }
    let offloaded = snapped(101, &talk.packets, 140, <[u8]>::to_vec);
    for file in [stated, offloaded] {
        let read = read(&file);
        let client = read.story.connections[0].client.as_ref().unwrap();
        let lengths: Vec<_> = client.segments.iter().map(|segment| segment.what.length).collect();
        let pieces = [OK[0].len(), OK[1].len(), OK[2].len()].map(|length| length as u32);
        assert_eq!(lengths[4..8], [head.len() as u32, 1000, 1000, 1000]);
        assert_eq!((&lengths[9..12], lengths[13]), (&pieces[..], 1000));
        assert_eq!(client.retransmissions(), 0);
        let states: Vec<_> = client.states.iter().map(|change| change.what.to.name()).collect();
        assert_eq!(states, ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT"]);
        let [first, second] = &read.story.exchanges[..] else { panic!("two exchanges") };
        let body = &first.response.as_ref().unwrap().what.body;
        assert_eq!((body.cut, body.encoded), (Some(BodyCut::Short), 100));
        assert!(first.span.end < second.span.start, "its end is where the first byte is missing");
        assert!(second.complete);
        assert_eq!(read.body("http://h.example/b").unwrap(), b"0123456789");
        assert_eq!(read.noted("bytes of connections are missing"), 4 * 900);
        assert_eq!(read.noted("packets were cut"), 4);
    }
}

#[test]
fn a_fin_before_the_last_bytes() {
    // The last segment is lost, and sent again after the FIN; or merely overtaken by it.
    for head in ["Content-Length: 10", "Connection: close"] {
        let first = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n01");
        let mut late = Talk::new();
        late.open().ask(GET).answer(&[&first, "234", "56789"]).close();
        let last = late.packets.remove(6);
        late.packets.insert(8, (late.packets[7].0 + 40_000, last.1));
        late.packets[9].0 = late.packets[8].0 + 1_000;
        let read = late.read();
        let exchange = &read.story.exchanges[0];
        assert!(exchange.complete, "{head}");
        assert_eq!(read.body("http://h.example/a").unwrap(), b"0123456789", "{head}");
        assert_eq!(exchange.span.end, read.story.events.last().unwrap().at - MILLISECOND, "{head}");
        assert_eq!(read.noted("bytes of connections are missing"), 0);
    }
    // It never came into the capture, though the client acknowledged it.
    let mut gone = Talk::new();
    gone.open().ask(GET).answer(&["HTTP/1.1 200 OK\r\n\r\n01", "23", "45"]).close();
    gone.packets.remove(5);
    let read = gone.read();
    assert_eq!(read.noted("bytes of connections are missing"), 2);
    let body = &read.story.exchanges[0].response.as_ref().unwrap().what.body;
    assert_eq!((body.cut, body.encoded), (Some(BodyCut::Short), 2));
}

#[test]
fn tls_from_the_middle_is_sealed() {
    let record =
        |kind: u8, length: u8| [&[kind, 3, 3, 0, length][..], &vec![7; length.into()]].concat();
    let mut talk = Talk::new();
    talk.send(true, Flags::ACK, &record(23, 90))
        .send(false, Flags::ACK, &record(23, 200))
        .send(false, Flags::ACK, &record(21, 26))
        .close();
    let read = talk.read();
    assert!(read.story.faults.is_empty(), "{:?}", read.story.faults);
    assert_eq!(read.noted("connections are encrypted"), 1);
    assert_eq!(read.noted("carry no HTTP"), 0);
}

#[test]
fn connections_that_fail() {
    let mut refused = Talk::new();
    refused.send(true, Flags::SYN, b"").send(false, Flags::RST | Flags::ACK, b"");
    let story = refused.read().story;
    let closed = story.connections[0].client.as_ref().unwrap().closed.as_ref().unwrap();
    assert_eq!(closed.what.reason, CloseReason::Refused);
    assert!(matches!(story.faults[0].what.fault, FaultKind::ConnectFailed { .. }));
    let mut reset = Talk::new();
    reset.open().ask(GET).answer(&OK[..2]).send(false, Flags::RST, b"");
    let story = reset.read().story;
    let body = &story.exchanges[0].response.as_ref().unwrap().what.body;
    assert_eq!(body.cut, Some(BodyCut::Reset));
    // The same two sockets again.
    let mut again = usual();
    again.open().ask(&GET.replace("/a", "/b")).answer(&OK).close();
    let story = again.read().story;
    assert_eq!((story.connections.len(), story.exchanges.len()), (2, 2));
}

#[test]
fn names_and_neighbours() {
    let question: &[u8] = &[
        0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'h', 7, b'e', b'x', b'a', b'm', b'p', b'l', b'e',
        0, 0, 1, 0, 1,
    ];
    let mut answer = question.to_vec();
    (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 80]);
    let datagram = |from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]| {
        let mut bytes = Vec::new();
        let ip = ipv4::Header::new(from.0, to.0, Protocol::UDP);
        let header = udp::Header { source_port: from.1, destination_port: to.1 };
        Envelope::bare(ip).emit_udp(&header, payload, &mut bytes).unwrap();
        bytes
    };
    let server = (Ipv4Addr::new(10, 0, 0, 53), 53);
    let mut talk = usual();
    talk.packets.insert(0, (950_000, datagram(CLIENT, server, question)));
    talk.packets.insert(1, (962_000, datagram(server, CLIENT, &answer)));
    let story = talk.read().story;
    let lookup = &story.lookups[0];
    assert_eq!((lookup.name.as_str(), lookup.span.took().as_millis()), ("h.example.", 12));
    assert_eq!(lookup.addresses, [std::net::IpAddr::V4(SERVER.0)]);
    assert_eq!(lookup.ttl, Some(300));
    assert_eq!(
        story.exchanges[0].lookup,
        Some(lookup.id),
        "the first connection to it waited for it"
    );
    assert_eq!(story.exchanges[0].span.start, Time::ZERO);
}

#[test]
fn http2_in_the_clear() {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    // RFC 7541 C.4.1, and :status 200 with padding and a priority.
    let fields = [
        0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90,
        0xf4, 0xff,
    ];
    let priority = [&[3, 0, 0, 0, 0, 16][..], &fields, &[0, 0, 0]].concat();
    let mut talk = Talk::new();
    let start = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 0x2d, 1, &priority),
    ]
    .concat();
    talk.open()
        .send(false, Flags::ACK, &frame(4, 0, 0, &[]))
        .send(true, Flags::ACK, &start[..40])
        .send(true, Flags::ACK, &start[40..]);
    talk.send(false, Flags::ACK, &frame(1, 0, 1, &[])).send(
        false,
        Flags::ACK,
        &frame(9, 4, 1, &[0x88]),
    );
    talk.send(false, Flags::ACK, &frame(0, 8, 1, &[2, b'h', b'e', 0, 0])).send(
        false,
        Flags::ACK,
        &frame(0, 1, 1, b"llo"),
    );
    // The second request names a field that the first one has put into the table.
    talk.send(true, Flags::ACK, &frame(1, 5, 3, &[0x82, 0x86, 0x84, 0xbe]))
        .send(false, Flags::ACK, &frame(1, 5, 3, &[0x88]))
        .close();
    let mut late = Talk::new();
    late.packets = talk.packets[4..].to_vec();
    for (talk, middle) in [(talk, 0), (late, 1)] {
        let read = talk.read();
        let exchange = &read.story.exchanges[0];
        let told = (exchange.url.as_str(), exchange.status());
        assert_eq!(told, ("http://www.example.com/", Some(200)));
        assert_eq!(read.body("http://www.example.com/").unwrap(), b"hello");
        assert_eq!(exchange.request.as_ref().unwrap().what.stream, Some(1));
        assert_eq!(read.story.exchanges[1].url, "http://www.example.com/");
        assert_eq!(read.noted("were open when the capture began"), middle);
        assert_eq!(read.noted("fields of HTTP/2 refer to"), 0);
    }
}

#[test]
fn a_damaged_file_says_where() {
    let file = usual().pcap();
    let error = |file: &[u8]| common::bytes(file, &Options::default()).err().unwrap();
    let mut long = file.clone();
    long[32..36].fill(0xff);
    let damaged = error(&long);
    assert!(matches!(damaged, ImportError::Damaged { offset: 40, .. }), "{damaged}");
    assert!(error(&file[..24]).to_string().contains("it has no packets"));
    assert!(
        error(&[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4])
            .to_string()
            .contains("no byte-order magic")
    );
}

#[test]
fn a_damaged_packing_says_what_and_where() {
    let file = usual().pcap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(&file).unwrap();
    let gzip = gzip.finish().unwrap();
    for (cut, least) in [(gzip.len() - 30, file.len() - 60), (40, 0)] {
        let error = common::bytes(&gzip[..cut], &Options::default()).err().unwrap();
        assert!(
            matches!(error, ImportError::Packed { format: "gzip", offset, .. } if offset as usize >= least),
            "{error}"
        );
    }
}

#[test]
fn ten_thousand_damaged_captures_are_read_or_refused() {
    let file = usual().pcap();
    let mut chance = Chance(2);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..10_000 {
        let mut file = file.clone();
        for _ in 0..=chance.below(4) {
            let at = chance.below(file.len());
            match chance.below(3) {
                0 => file[at] = chance.below(256) as u8,
                1 => drop(file.drain(at..(at + chance.below(60)).min(file.len()))),
                _ => {
                    let copy = file[at..(at + chance.below(60)).min(file.len())].to_vec();
                    drop(file.splice(at..at, copy));
                }
            }
        }
        match common::bytes(&file, &Options::default()) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(read > 500 && refused > 50, "{read} read, {refused} refused: both are to be tried");
}

#[test]
fn any_story_can_be_told_of_it() {
    let read = usual().read();
    let addresses: Vec<SocketAddr> = read
        .story
        .connections
        .iter()
        .filter_map(roundtrip_story::Connection::server_address)
        .collect();
    assert_eq!(addresses, [SocketAddr::new(SERVER.0.into(), SERVER.1)]);
    let again = Story::new(read.story.events.clone());
    assert_eq!(again.exchanges, read.story.exchanges);
}
