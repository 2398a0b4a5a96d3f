//! Conversations of real ends of TLS, sealed by rustls as QUIC has it, and what is read of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use roundtrip_record::{
    AttemptEnd, ConnectResult, Direction, FaultKind, Log, Time, TlsVersion, What,
};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::quic::{
    ClientConnection, Connection, DirectionalKeys, KeyChange, Keys as Sealing, Secrets,
    ServerConnection, Version,
};
use rustls::{ClientConfig, ServerConfig, Side};

use super::super::peers::{NAME, peers};
use super::*;

const CLIENT: &[u8] = b"client-1";
const SERVER: &[u8] = b"server";
const CHOSEN: &[u8] = b"chosen-by-client";
const V1: u32 = 1;
const V2: u32 = 0x6b33_43cf;

/// A datagram, and whether the client sent it.
type Sent = (bool, Vec<u8>);

fn variable(number: usize) -> [u8; 2] {
    (number as u16 | 0x4000).to_be_bytes()
}

/// A packet with a long header; `kind` as version 1 counts them.
fn long(version: u32, kind: u8, ids: [&[u8]; 2], keys: &DirectionalKeys, frames: &[u8]) -> Vec<u8> {
    let kind = if version == V2 { (kind + 1) & 3 } else { kind };
    let mut head = vec![0xc1 | kind << 4];
    head.extend(version.to_be_bytes());
    for id in ids {
        head.push(id.len() as u8);
        head.extend(id);
    }
    let is_initial = kind == u8::from(version == V2);
    if is_initial {
        head.extend([3, b't', b'k', b'n']);
    }
    // At least so much that there is something to sample.
    let mut payload = frames.to_vec();
    payload.resize(payload.len().max(30), 0);
    head.extend(variable(2 + payload.len() + 16));
    sealed(head, 0x0102, payload, keys)
}

/// A packet with a short header.
fn short(id: &[u8], keys: &DirectionalKeys, frames: &[u8]) -> Vec<u8> {
    numbered(0x41, 1, id, keys, frames)
}

/// A packet with a short header and this number; its first byte has the phase of the key.
fn numbered(first: u8, number: u16, id: &[u8], keys: &DirectionalKeys, frames: &[u8]) -> Vec<u8> {
    let mut payload = frames.to_vec();
    payload.resize(payload.len().max(30), 0);
    sealed([&[first], id].concat(), number, payload, keys)
}

fn sealed(mut head: Vec<u8>, number: u16, mut payload: Vec<u8>, keys: &DirectionalKeys) -> Vec<u8> {
    let number_at = head.len();
    head.extend(number.to_be_bytes());
    let tag = keys.packet.encrypt_in_place(number.into(), &head, &mut payload).unwrap();
    let mut packet = [&head, payload.as_slice(), tag.as_ref()].concat();
    let sample = packet[number_at + 4..number_at + 20].to_vec();
    let (first, rest) = packet.split_at_mut(1);
    let number = &mut rest[number_at - 1..=number_at];
    keys.header.encrypt_in_place(&sample, &mut first[0], number).unwrap();
    packet
}

/// A STREAM frame with offset and length.
fn stream(id: u8, offset: usize, bytes: &[u8], ends: bool) -> Vec<u8> {
    [&[0x0e | u8::from(ends), id], &variable(offset)[..], &variable(bytes.len()), bytes].concat()
}

/// A frame of HTTP/3.
fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &variable(payload.len()), payload].concat()
}

/// GET of `https://h.example/` by the static table (RFC 9204 appendix A): `:method`, `:scheme`, `:path`, and the authority.
fn request() -> Vec<u8> {
    framed(1, &[&[0, 0, 0xd1, 0xd7, 0xc1, 0x50, 9][..], b"h.example"].concat())
}

/// 200 with these four bytes as its body.
fn answer(body: [u8; 4]) -> Vec<u8> {
    [framed(1, &[0, 0, 0xd9]), framed(0, &body)].concat()
}

fn crypto(offset: usize, bytes: &[u8]) -> Vec<u8> {
    [&[6][..], &variable(offset), &variable(bytes.len()), bytes].concat()
}

/// One end, on its way through the levels of encryption.
struct End {
    connection: Connection,
    keys: Sealing,
    /// What it calls the other end, and itself.
    ids: [&'static [u8]; 2],
    /// 0, 2: Initial and Handshake, as types of packets.
    kind: u8,
    offset: usize,
    /// What gives the keys after the first ones for data.
    next: Option<Secrets>,
}

impl End {
    /// The datagrams that it wants to send, whose frames have so many bytes of the handshake, the last ones first.
    fn sends(&mut self, version: u32, piece: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
        let (mut datagrams, mut all) = (Vec::new(), Vec::new());
        loop {
            let mut bytes = Vec::new();
            let change = self.connection.write_hs(&mut bytes);
            let pieces: Vec<(usize, &[u8])> = bytes.chunks(piece).enumerate().collect();
            for (n, part) in pieces.into_iter().rev() {
                let frames = crypto(self.offset + n * piece, part);
                // Tickets, which come after the handshake, are left out.
                if self.kind < 3 {
                    datagrams.push(long(version, self.kind, self.ids, &self.keys.local, &frames));
                }
            }
            self.offset += bytes.len();
            all.extend(&bytes);
            match change {
                Some(KeyChange::Handshake { keys }) => {
                    (self.keys, self.kind, self.offset) = (keys, 2, 0);
                }
                Some(KeyChange::OneRtt { keys, next }) => {
                    (self.keys, self.kind, self.next) = (keys, 3, Some(next));
                }
                None if bytes.is_empty() => return (datagrams, all),
                None => {}
            }
        }
    }
}

/// What an end and the other one say until the handshake is over, the key log, and the keys of what follows: the client's and
/// the server's.
fn handshake(
    version: u32,
    suite: rustls::SupportedCipherSuite,
    piece: usize,
) -> (Vec<Sent>, String, [Sealing; 2]) {
    let (client, server, log) = peers(suite, &["h3", "h3-29"], &["h3"]);
    let (sent, ends) = between(version, piece, client, server);
    (sent, log.text(), ends.map(|end| end.keys))
}

/// What two ends say until the handshake is over, and the ends.
fn between(
    version: u32,
    piece: usize,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
) -> (Vec<Sent>, [End; 2]) {
    let as_quic = if version == V2 { Version::V2 } else { Version::V1 };
    let name = ServerName::try_from(NAME).unwrap();
    let client = ClientConnection::new(client, as_quic, name, vec![0; 8]).unwrap();
    let server = ServerConnection::new(server, as_quic, vec![0; 8]).unwrap();
    let initial = |side| {
        // Initial packets are sealed with AES-128-GCM, whatever is agreed on later.
        let aes =
            ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().unwrap().quic_suite().unwrap();
        aes.keys(CHOSEN, side, as_quic)
    };
    let end = |connection, side, ids| End {
        connection,
        keys: initial(side),
        ids,
        kind: 0,
        offset: 0,
        next: None,
    };
    let mut client = end(Connection::Client(client), Side::Client, [CHOSEN, CLIENT]);
    let mut server = end(Connection::Server(server), Side::Server, [CLIENT, SERVER]);
    let mut sent = Vec::new();
    for round in 0..3 {
        let (datagrams, bytes) = client.sends(version, piece);
        sent.extend(datagrams.into_iter().map(|datagram| (true, datagram)));
        if let Some(early) = client.connection.zero_rtt_keys().filter(|_| round == 0) {
            let frames = stream(0, 0, &request(), true);
            sent.push((true, long(version, 1, [CHOSEN, CLIENT], &early, &frames)));
        }
        for part in messages(&bytes) {
            server.connection.read_hs(part).unwrap();
        }
        client.ids[0] = SERVER;
        let (datagrams, bytes) = server.sends(version, piece);
        sent.extend(datagrams.into_iter().map(|datagram| (false, datagram)));
        for part in messages(&bytes) {
            client.connection.read_hs(part).unwrap();
        }
    }
    (sent, [client, server])
}

/// Messages of a handshake, one by one: each level wants its own.
fn messages(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some(&[_, a, b, c]) = bytes.first_chunk::<4>() {
        let length = 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
        let (message, rest) = bytes.split_at(length);
        all.push(message);
        bytes = rest;
    }
    all
}

/// What is read of datagrams: the events, and the notes with their counts.
fn read(sent: &[Sent], keys: &str, port: u16) -> (Vec<What>, Vec<(String, u64)>) {
    let client = SocketAddr::new(Ipv4Addr::new(10, 0, 0, 1).into(), 50_000);
    let server = SocketAddr::new(Ipv4Addr::new(192, 0, 2, 80).into(), port);
    let mut known = Keys::default();
    known.add(keys.as_bytes());
    let log = Log::memory();
    let (mut quic, mut desk, mut notes) =
        (Quic::default(), Desk::new(log.clone()), Notes::default());
    for (n, (by_client, payload)) in sent.iter().enumerate() {
        let (from, to) = if *by_client { (client, server) } else { (server, client) };
        let datagram = Datagram { from, to, payload };
        let stamp = Stamp { at: Time::from_nanos(n as u64 * 1_000_000), event: None };
        match quic.is_by_client(&datagram) {
            Some(sender) => {
                assert_eq!(sender, *by_client, "{n}");
                quic.datagram(&mut desk, &datagram, sender, stamp, &known);
            }
            None => notes.add("no QUIC"),
        }
    }
    quic.finish(&mut desk, &mut notes);
    let events = log.events().into_iter().map(|event| event.what).collect();
    (events, notes.sorted().into_iter().map(|(note, count)| (note.to_owned(), count)).collect())
}

fn counted(notes: &[(String, u64)], part: &str) -> u64 {
    notes.iter().filter(|(note, _)| note.contains(part)).map(|(_, count)| count).sum()
}

fn result(events: &[What]) -> Option<&ConnectResult> {
    events
        .iter()
        .find_map(|what| if let What::ConnectResult(result) = what { Some(result) } else { None })
}

fn suites() -> [rustls::SupportedCipherSuite; 3] {
    [
        ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
        ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
        ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ]
}

#[test]
fn handshakes_of_every_version_and_cipher() {
    for version in [V1, V2] {
        for suite in suites() {
            for (piece, with_keys) in [(2000, true), (100, true), (2000, false), (70, false)] {
                let (mut sent, log, [client, server]) = handshake(version, suite, piece);
                sent.push((true, short(SERVER, &client.local, &[1])));
                sent.push((false, short(CLIENT, &server.local, &[0x1e])));
                let close = [&[0x1d, 0x41, 0x00, 3][..], b"bye"].concat();
                sent.push((true, short(SERVER, &client.local, &close)));
                let (events, notes) = read(&sent, if with_keys { &log } else { "" }, 4433);
                let of = |what: &What| match what {
                    What::ConnectAttempt(_) => Some("attempt".to_owned()),
                    What::QuicOpened(opened) => Some(format!("opened {:x}", opened.version)),
                    What::TlsStarted(started) => {
                        Some(format!("{} {:?}", started.server_name, started.alpn))
                    }
                    What::TlsEstablished(done) => {
                        assert_eq!(done.version, TlsVersion::Tls13);
                        assert_eq!(
                            done.cipher,
                            format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
                        );
                        Some(format!("{:?}", done.alpn))
                    }
                    What::ConnectResult(result) => Some(format!("{:?}", result.end)),
                    What::QuicClosed(closed) => {
                        assert_eq!(
                            (closed.direction, closed.application),
                            (Some(Direction::Sent), true)
                        );
                        Some(closed.why.clone())
                    }
                    _ => None,
                };
                let told: Vec<String> = events.iter().filter_map(of).collect();
                let opened = format!("opened {version:x}");
                let begin =
                    ["attempt", opened.as_str(), "h.example [\"h3\", \"h3-29\"]", "Connected"];
                assert_eq!(told[..4], begin, "{notes:?}");
                // What the server chose, and the end, are sealed.
                let rest: &[&str] = if with_keys {
                    &["Some(\"h3\")", "the application's code 0x100: bye"]
                } else {
                    &["None"]
                };
                assert_eq!(told[4..], *rest, "{notes:?}");
                assert_eq!(
                    counted(&notes, "packets of QUIC are encrypted") == 0,
                    with_keys,
                    "{notes:?}"
                );
                assert_eq!(counted(&notes, "could not be opened"), 0, "{notes:?}");
            }
        }
    }
}

#[test]
fn a_retry_gives_other_keys() {
    let (sent, _, _) = handshake(V1, suites()[0], 2000);
    let token =
        [&[0xf0, 0, 0, 0, 1, 8][..], CLIENT, &[CHOSEN.len() as u8], CHOSEN, b"token", &[0; 16]]
            .concat();
    // The client chose something else at first.
    let aes = suites()[0].tls13().unwrap().quic_suite().unwrap();
    let first = aes.keys(b"another-choice", Side::Client, Version::V1);
    let hello = long(V1, 0, [b"another-choice", CLIENT], &first.local, &[1]);
    let sent = [&[(true, hello), (false, token)], sent.as_slice()].concat();
    let (events, notes) = read(&sent, "", 4433);
    assert_eq!(counted(&notes, "(Retry)"), 1);
    assert_eq!(counted(&notes, "could not be opened"), 0, "{notes:?}");
    assert_eq!(events.iter().filter(|what| matches!(what, What::QuicOpened(_))).count(), 1);
    assert!(
        events
            .iter()
            .any(|what| matches!(what, What::TlsStarted(started) if started.server_name == NAME))
    );
}

#[test]
fn a_version_that_is_not_spoken_is_given_up() {
    let (first, _, _) = handshake(V1, suites()[0], 2000);
    let (second, _, _) = handshake(V2, suites()[0], 2000);
    let refusal = [&[0x80, 0, 0, 0, 0, 8][..], CLIENT, &[16], CHOSEN, &V2.to_be_bytes()].concat();
    // The next try has other connection ids, as any connection does.
    let aes = suites()[0].tls13().unwrap().quic_suite().unwrap();
    let keys = aes.keys(b"second-choice", Side::Client, Version::V2);
    let again = long(V2, 0, [b"second-choice", b"client-2"], &keys.local, &[1]);
    let (events, notes) = read(&[first[0].clone(), (false, refusal), (true, again)], "", 4433);
    assert_eq!(counted(&notes, "Version Negotiation"), 1);
    let Some(ConnectResult { end: AttemptEnd::Failed { why }, .. }) = result(&events) else {
        panic!("{events:?}")
    };
    assert_eq!(why, "the server does not speak v1; it speaks v2");
    let versions: Vec<u32> = events
        .iter()
        .filter_map(
            |what| if let What::QuicOpened(opened) = what { Some(opened.version) } else { None },
        )
        .collect();
    assert_eq!(versions, [V1, V2]);
    assert_eq!(second.first().map(|(by_client, _)| *by_client), Some(true));
}

#[test]
fn a_refusal_in_the_first_packets_is_a_fault() {
    let (sent, _, _) = handshake(V1, suites()[0], 2000);
    let aes = suites()[0].tls13().unwrap().quic_suite().unwrap();
    let server = aes.keys(CHOSEN, Side::Server, Version::V1);
    for (code, is_tls) in [(0x0178_u16, true), (0x0002, false)] {
        let close = [&[0x1c][..], &variable(code.into()), &[0, 0]].concat();
        let refused = long(V1, 0, [CLIENT, SERVER], &server.local, &close);
        let (events, _) = read(&[sent[0].clone(), (false, refused)], "", 443);
        let fault = events
            .iter()
            .find_map(|what| if let What::Fault(fault) = what { Some(&fault.fault) } else { None });
        match fault {
            Some(FaultKind::TlsFailed { why, alert_received: true }) if is_tls => {
                assert_eq!(why, "no_application_protocol (alert 120)");
            }
            Some(FaultKind::ConnectFailed { .. }) if !is_tls => {}
            other => panic!("{other:?}"),
        }
        assert!(events.iter().any(|what| matches!(what, What::QuicClosed(_))));
    }
}

#[test]
fn what_is_not_answered_cut_or_older_is_told() {
    let (sent, _, _) = handshake(V1, suites()[0], 2000);
    let (events, _) = read(&sent[..1], "", 443);
    assert_eq!(result(&events).map(|result| &result.end), Some(&AttemptEnd::TimedOut));
    // Cut by the snapshot length: that there is a connection is known, on the port of HTTPS.
    let cut = vec![(true, sent[0].1[..60].to_vec())];
    let (events, notes) = read(&cut, "", 443);
    assert_eq!(counted(&notes, "could not be opened"), 1);
    assert!(events.iter().any(|what| matches!(what, What::QuicOpened(_))));
    assert_eq!(counted(&read(&cut, "", 4433).1, "no QUIC"), 1);
    // From the middle on.
    let (_, notes) = read(&[(false, sent[1].1.clone()), (true, vec![0x41; 40])], "", 443);
    assert_eq!(counted(&notes, "whose begin was not captured"), 2);
    let refusal = [&[0x80, 0, 0, 0, 0, 1, 7, 0][..], &V1.to_be_bytes()].concat();
    assert_eq!(counted(&read(&[(false, refusal)], "", 443).1, "Version Negotiation"), 1);
    let (_, notes) = read(&[(true, b"\xc3Q046\x50aaaaaaaa".to_vec())], "", 443);
    assert_eq!(counted(&notes, "(gQUIC Q046)"), 1);
}

#[test]
fn damaged_datagrams_are_borne() {
    let (sent, log, _) = handshake(V1, suites()[0], 300);
    let mut state = 5_u64;
    let mut below = |limit: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    for _ in 0..2000 {
        let mut sent = sent.clone();
        for _ in 0..3 {
            let n = below(sent.len());
            let (at, byte) = (below(sent[n].1.len().max(1)).min(40), below(256) as u8);
            match below(3) {
                0 => sent[n].1.truncate(at),
                _ if at < sent[n].1.len() => sent[n].1[at] = byte,
                _ => {}
            }
        }
        // Who sent what may not be known any more.
        let log_of = Log::memory();
        let (mut quic, mut desk) = (Quic::default(), Desk::new(log_of));
        let mut known = Keys::default();
        known.add(log.as_bytes());
        for (by_client, payload) in &sent {
            let ports = if *by_client { [50_000, 443] } else { [443, 50_000] };
            let [from, to] = ports.map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
            let datagram = Datagram { from, to, payload };
            if let Some(sender) = quic.is_by_client(&datagram) {
                quic.datagram(
                    &mut desk,
                    &datagram,
                    sender,
                    Stamp { at: Time::ZERO, event: None },
                    &known,
                );
            }
        }
        quic.finish(&mut desk, &mut Notes::default());
    }
}

/// The exchanges among events: URL, status, bytes of the body, whether it is whole.
fn exchanges(events: &[What]) -> Vec<String> {
    let mut told = Vec::new();
    for what in events {
        match what {
            What::ExchangeStarted(started) => told.push(started.url.clone()),
            What::ResponseEnded(ended) => {
                told.push(format!("{} {:?}", ended.body.encoded, ended.body.cut));
            }
            What::ExchangeEnded(ended) => {
                told.push(format!("{:?} {}", ended.status, ended.complete));
            }
            _ => {}
        }
    }
    told
}

#[test]
fn requests_and_answers_in_streams() {
    for suite in suites() {
        let (mut sent, log, [client, server]) = handshake(V1, suite, 2000);
        let (ask, tell) = (request(), answer(*b"body"));
        let at = tell.len() - 2;
        // Without the bit that is fixed at first (RFC 9287).
        sent.push((true, numbered(0x01, 1, SERVER, &client.local, &stream(0, 0, &ask, true))));
        // The end comes first, then all of it, and once more.
        for (number, frames) in [
            (2, stream(0, at, &tell[at..], true)),
            (3, stream(0, 0, &tell[..at], false)),
            (4, stream(0, 0, &tell, true)),
        ] {
            sent.push((false, numbered(0x41, number, CLIENT, &server.local, &frames)));
        }
        let (events, notes) = read(&sent, &log, 4433);
        let whole = ["https://h.example/", "4 None", "Some(200) true"];
        assert_eq!(exchanges(&events), whole, "{notes:?}");
        let packets = events.iter().filter(|what| matches!(what, What::QuicPacket(_))).count();
        assert_eq!(packets, sent.len());
        // Without its second half, the answer is cut short; broken off, it is told so.
        sent.pop();
        sent.remove(sent.len() - 2);
        let (events, _) = read(&sent, &log, 4433);
        assert_eq!(exchanges(&events)[1..], ["2 Some(Short)", "Some(200) false"]);
        let reset = numbered(0x41, 5, CLIENT, &server.local, &[4, 0, 0x41, 0x0c, 4]);
        sent.push((false, reset));
        let (events, _) = read(&sent, &log, 4433);
        assert_eq!(exchanges(&events)[1..], ["2 Some(Reset)", "Some(200) false"]);
    }
}

#[test]
fn datagrams_that_the_card_was_to_send_apart() {
    let (mut sent, log, [client, server]) = handshake(V1, suites()[0], 2000);
    let body = vec![b'x'; 4000];
    let tell = [framed(1, &[0, 0, 0xd9]), framed(0, &body)].concat();
    sent.push((true, short(SERVER, &client.local, &stream(0, 0, &request(), true))));
    // All are as long as the first, but for the last.
    let room = 1300 - (1 + CLIENT.len() + 2 + 16 + 6);
    let parts = tell.chunks(room).enumerate().map(|(n, part)| {
        let frames = stream(0, n * room, part, (n + 1) * room >= tell.len());
        numbered(0x41, 10 + n as u16, CLIENT, &server.local, &frames)
    });
    let parts: Vec<Vec<u8>> = parts.collect();
    assert!(parts.len() > 3 && parts[0].len() == 1300 && parts[1].len() == 1300);
    sent.push((false, parts.concat()));
    let (events, notes) = read(&sent, &log, 4433);
    assert_eq!(exchanges(&events)[1..], ["4000 None", "Some(200) true"], "{notes:?}");
    assert_eq!(counted(&notes, "are encrypted"), 0, "{notes:?}");
}

#[test]
fn other_protocols_and_other_names() {
    let (mut sent, log, [client, server]) = handshake(V1, suites()[0], 2000);
    // The server gives itself a longer name, by which the client then calls it.
    let name = b"another-name";
    let given = [&[0x18, 1, 0, 12][..], name, &[7; 16]].concat();
    sent.push((false, short(CLIENT, &server.local, &given)));
    sent.push((true, numbered(0x41, 2, name, &client.local, &stream(0, 0, &request(), true))));
    let (events, notes) = read(&sent, &log, 4433);
    assert_eq!(exchanges(&events)[0], "https://h.example/", "{notes:?}");
    // Another protocol than HTTP/3 was agreed on.
    let (client, server, log) = peers(suites()[0], &["doq"], &["doq"]);
    let (mut sent, [client, _]) = between(V1, 2000, client, server);
    sent.push((true, short(SERVER, &client.keys.local, &stream(0, 0, &request(), true))));
    let (events, notes) = read(&sent, &log.text(), 4433);
    assert_eq!(exchanges(&events), [""; 0]);
    assert_eq!(counted(&notes, "another protocol than HTTP/3"), request().len() as u64);
}

#[test]
fn keys_change_and_packets_of_the_old_ones_come_late() {
    for suite in suites() {
        let (client, server, log) = peers(suite, &["h3"], &["h3"]);
        let (mut sent, [client, mut server]) = between(V1, 2000, client, server);
        let ask = stream(0, 0, &request(), true);
        sent.push((true, short(SERVER, &client.keys.local, &ask)));
        let tell = answer(*b"body");
        let old = short(CLIENT, &server.keys.local, &stream(0, 0, &tell[..4], false));
        // The header's key stays (RFC 9001 §6).
        server.keys.local.packet = server.next.as_mut().unwrap().next_packet_keys().local;
        let frames = stream(0, 4, &tell[4..], true);
        let new = numbered(0x45, 2, CLIENT, &server.keys.local, &frames);
        // The packet of the new key overtakes the one of the old.
        sent.extend([(false, new), (false, old)]);
        let (events, notes) = read(&sent, &log.text(), 4433);
        assert_eq!(exchanges(&events)[1..], ["4 None", "Some(200) true"], "{notes:?}");
        assert_eq!(counted(&notes, "are encrypted"), 0, "{notes:?}");
    }
}

#[test]
fn early_data_is_read_with_its_key() {
    for suite in suites() {
        let (client, server, log) = peers(suite, &["h3"], &["h3"]);
        let (mut client, mut server) = (Arc::unwrap_or_clone(client), Arc::unwrap_or_clone(server));
        (client.enable_early_data, server.max_early_data_size) = (true, u32::MAX);
        let (client, server) = (Arc::new(client), Arc::new(server));
        between(V1, 2000, Arc::clone(&client), Arc::clone(&server));
        let (mut sent, [_, server]) = between(V1, 2000, client, server);
        let tell = stream(0, 0, &answer(*b"body"), true);
        sent.push((false, short(CLIENT, &server.keys.local, &tell)));
        let (events, notes) = read(&sent, &log.text(), 4433);
        let whole = ["https://h.example/", "4 None", "Some(200) true"];
        assert_eq!(exchanges(&events), whole, "{notes:?}");
        let lines = log.text();
        let without = lines.lines().filter(|line| !line.contains("EARLY_TRAFFIC"));
        let without = without.collect::<Vec<_>>().join("\n");
        assert_eq!(counted(&read(&sent, &without, 4433).1, "early data (0-RTT) that could"), 1);
    }
}

#[test]
fn damaged_frames_within_packets_are_borne() {
    let (sent, log, [client, server]) = handshake(V1, suites()[0], 2000);
    let (ask, tell) = (stream(0, 0, &request(), true), stream(0, 0, &answer(*b"body"), true));
    let mut state = 9_u64;
    let mut below = |limit: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    for _ in 0..2000 {
        let mut sent = sent.clone();
        for number in 1..6 {
            let (by_client, mut frames) =
                if below(2) == 0 { (true, ask.clone()) } else { (false, tell.clone()) };
            for _ in 0..=below(4) {
                let at = below(frames.len());
                frames[at] = below(256) as u8;
            }
            let keys = if by_client { &client.local } else { &server.local };
            let id = if by_client { SERVER } else { CLIENT };
            sent.push((by_client, numbered(0x41, number, id, keys, &frames)));
        }
        let (events, _) = read(&sent, &log, 4433);
        let of = |wanted: fn(&What) -> bool| events.iter().filter(|what| wanted(what)).count();
        let (started, ended) = (
            of(|what| matches!(what, What::ExchangeStarted(_))),
            of(|what| matches!(what, What::ExchangeEnded(_))),
        );
        assert_eq!(started, ended, "each exchange ends once");
    }
}
