//! [`Scene`], one connection against a scripted peer: a test reads like a packet trace.
//!
//! Times are milliseconds from the start of the script; sequence numbers are relative, as in
//! tcpdump: the first byte of either side is 1. "We" are the connection under test.

use std::sync::Arc;
use std::time::Duration;

use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{Ecn, SackBlock, SeqNumber, Timestamps};
use roundtrip_record::{ConnectionId, Off, Time};

use crate::{Connection, Disposition, Endpoints, Event, Options, Profile, Segment, Step, Tick};

/// Our initial sequence number.
const ISS: SeqNumber = SeqNumber(0xffff_ff00);
/// The peer's initial sequence number.
const IRS: SeqNumber = SeqNumber(0x1000_0000);

/// A segment with relative sequence numbers. Tests write only the fields that matter and take the
/// others from a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seg {
    pub(crate) flags: &'static str,
    pub(crate) seq: u32,
    pub(crate) len: u32,
    pub(crate) ack: Option<u32>,
    /// The window field as it is in the header, without window scaling.
    pub(crate) win: Option<u16>,
    pub(crate) sack: Vec<(u32, u32)>,
    pub(crate) ts: Option<(u32, u32)>,
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    pub(crate) sack_ok: bool,
    pub(crate) ecn: Ecn,
}

/// A data segment of `len` bytes.
pub(crate) fn data(seq: u32, len: u32, ack: u32) -> Seg {
    Seg { flags: ".", seq, len, ack: Some(ack), ..none() }
}

/// An acknowledgement without data.
pub(crate) fn ack(ack: u32) -> Seg {
    Seg { flags: ".", seq: 1, ack: Some(ack), ..none() }
}

/// An acknowledgement without data, with SACK blocks.
pub(crate) fn sack(number: u32, blocks: &[(u32, u32)]) -> Seg {
    Seg { sack: blocks.to_vec(), ..ack(number) }
}

/// A segment without data, with any flags.
pub(crate) fn flags(flags: &'static str, seq: u32, ack: u32) -> Seg {
    Seg { flags, seq, ack: Some(ack), ..none() }
}

/// A template: a segment without data, acknowledgement or options.
pub(crate) fn none() -> Seg {
    Seg {
        flags: ".",
        seq: 1,
        len: 0,
        ack: None,
        win: None,
        sack: Vec::new(),
        ts: None,
        mss: None,
        scale: None,
        sack_ok: false,
        ecn: Ecn::NotEct,
    }
}

/// What the peer offers in the handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerOptions {
    pub(crate) mss: u16,
    pub(crate) scale: Option<u8>,
    pub(crate) sack: bool,
    pub(crate) timestamps: bool,
    pub(crate) window: u16,
    pub(crate) ecn: bool,
}

impl Default for PeerOptions {
    /// Options without timestamps, so that round-trip times are measured by the script's own times.
    fn default() -> Self {
        PeerOptions {
            mss: 1000,
            scale: Some(7),
            sack: true,
            timestamps: false,
            window: 32_792,
            ecn: false,
        }
    }
}

/// The Linux profile with timers that fire exactly when set, so that a script can say when.
pub(crate) fn exact() -> Profile {
    Profile { tick: Tick { hz: 1000, wheel: false }, ..Profile::linux() }
}

/// A connection, its peer's state, and the script's clock.
pub(crate) struct Scene {
    pub(crate) now: Time,
    pub(crate) connection: Connection,
    peer: PeerOptions,
    /// The window field of the peer's segments that do not set their own.
    pub(crate) window: u16,
    /// The value of our last timestamp, which the peer echoes.
    ts_value: u32,
    pub(crate) peer_clock: u32,
    pub(crate) last: Option<Header>,
    pub(crate) dispositions: Vec<Disposition>,
}

impl Scene {
    /// Our server, connected to a peer that opened at 0 ms with a round-trip time of 100 ms:
    /// ESTABLISHED at 100 ms.
    pub(crate) fn accepted(profile: Profile, peer: PeerOptions) -> Scene {
        Scene::accepted_with(
            Options { profile: Arc::new(profile), nodelay: true, ..Options::default() },
            peer,
        )
    }

    pub(crate) fn accepted_with(options: Options, peer: PeerOptions) -> Scene {
        let mut scene = Scene::listening(options, peer);
        scene.at(100);
        let window = scene.window;
        scene.recv(Seg { win: Some(window), ..ack(1) });
        assert_eq!(scene.connection.poll_event(), Some(Event::Connected));
        scene
    }

    /// Our server in SYN-RECEIVED, after it has sent its SYN-ACK.
    pub(crate) fn listening(options: Options, peer: PeerOptions) -> Scene {
        let ecn = if peer.ecn { Flags::ECE | Flags::CWR } else { Flags::NONE };
        let mut header = Header {
            sequence: IRS,
            flags: Flags::SYN | ecn,
            window: peer.window,
            ..Header::new(40_000, 80)
        };
        header.options.mss = Some(peer.mss);
        header.options.window_scale = peer.scale;
        header.options.sack_permitted = peer.sack;
        header.options.timestamps = peer.timestamps.then_some(Timestamps { value: 1000, echo: 0 });
        let syn = Segment { header, payload: &[], ecn: Ecn::NotEct, segment_size: None, id: None };
        let now = Time::from_secs(1);
        let connection =
            Connection::accept(now, ConnectionId(1), ends(), ISS, options, &syn, &mut Off);
        let mut scene = Scene::around(now, connection, peer);
        let syn_ack = scene.next().expect("a SYN-ACK");
        assert!(syn_ack.flags.contains('S'), "{syn_ack:?}");
        scene
    }

    /// Our client, after it has sent its SYN at 0 ms.
    pub(crate) fn connecting(options: Options) -> Scene {
        let now = Time::from_secs(1);
        let connection =
            Connection::connect(Step::at(now), ConnectionId(1), ends(), ISS, options, &mut Off);
        let mut scene = Scene::around(now, connection, PeerOptions::default());
        let syn = scene.next().expect("a SYN");
        assert_eq!((syn.flags, syn.seq), ("S", 0));
        scene
    }

    /// Our client after its SYN, with the flags of that SYN.
    pub(crate) fn connecting_any(options: Options) -> (&'static str, Scene) {
        let now = Time::from_secs(1);
        let connection =
            Connection::connect(Step::at(now), ConnectionId(1), ends(), ISS, options, &mut Off);
        let mut scene = Scene::around(now, connection, PeerOptions::default());
        let syn = scene.next().expect("a SYN");
        (syn.flags, scene)
    }

    /// The flags of our SYN-ACK.
    pub(crate) fn listening_flags(peer: PeerOptions) -> &'static str {
        let options = Options { profile: Arc::new(exact()), ..Options::default() };
        let scene = Scene::listening(options, peer);
        scene.last.map_or("", |header| name_flags(header.flags))
    }

    fn around(now: Time, connection: Connection, peer: PeerOptions) -> Scene {
        Scene {
            now,
            connection,
            peer,
            window: 257,
            ts_value: 0,
            peer_clock: 1000,
            last: None,
            dispositions: Vec::new(),
        }
    }

    /// Advances to a time in ms. Panics if something is sent before.
    pub(crate) fn at(&mut self, ms: u64) -> &mut Scene {
        self.at_us(ms * 1000)
    }

    pub(crate) fn at_us(&mut self, us: u64) -> &mut Scene {
        let then = Time::from_secs(1) + Duration::from_micros(us);
        while let Some(timeout) = self.connection.next_timeout().filter(|&at| at < then) {
            self.now = timeout.max(self.now);
            self.connection.handle_timeout(self.now, &mut Off);
            let sent = self.next();
            assert_eq!(sent, None, "sent at {:?}, before {us} us", self.elapsed());
        }
        self.now = then;
        self.connection.handle_timeout(self.now, &mut Off);
        self
    }

    fn elapsed(&self) -> Duration {
        self.now.since(Time::from_secs(1))
    }

    /// Advances to the next timer. Returns its time in ms.
    pub(crate) fn timer(&mut self) -> f64 {
        let at = self.connection.next_timeout().expect("a timer");
        self.now = at.max(self.now);
        self.connection.handle_timeout(self.now, &mut Off);
        self.elapsed().as_secs_f64() * 1000.0
    }

    /// Delivers a segment from the peer.
    #[allow(clippy::needless_pass_by_value)]
    pub(crate) fn recv(&mut self, seg: Seg) -> Disposition {
        self.peer_clock = self.peer_clock.wrapping_add(1);
        let mut header = Header {
            sequence: IRS + seg.seq,
            acknowledgement: seg.ack.map_or(SeqNumber(0), |ack| ISS + ack),
            flags: parse_flags(seg.flags, seg.ack.is_some()),
            window: seg.win.unwrap_or(self.window),
            ..Header::new(40_000, 80)
        };
        header.options.mss = seg.mss;
        header.options.window_scale = seg.scale;
        header.options.sack_permitted = seg.sack_ok;
        header.options.sack = seg
            .sack
            .iter()
            .map(|&(left, right)| SackBlock { left: ISS + left, right: ISS + right })
            .collect();
        header.options.timestamps = match seg.ts {
            Some((value, echo)) => Some(Timestamps { value, echo }),
            None if self.peer.timestamps => {
                Some(Timestamps { value: self.peer_clock, echo: self.ts_value })
            }
            None => None,
        };
        let payload = bytes(seg.seq, seg.len);
        let segment =
            Segment { header, payload: &payload, ecn: seg.ecn, segment_size: None, id: None };
        let disposition = self.connection.handle_segment(self.now, &segment, &mut Off);
        self.dispositions.push(disposition);
        disposition
    }

    /// Takes the next segment that we send, if there is one.
    pub(crate) fn next(&mut self) -> Option<Seg> {
        let sent = self.connection.poll_transmit(self.now, 1, &mut Off)?;
        let header = sent.header;
        let payload = sent.payload.concat();
        let ecn = sent.ecn;
        self.last = Some(header);
        if let Some(ts) = header.options.timestamps {
            self.ts_value = ts.value;
        }
        let seq = (header.sequence - ISS) as u32;
        if !payload.is_empty() {
            assert_eq!(payload, bytes(seq, payload.len() as u32), "the bytes of the stream");
        }
        let options = header.options;
        let blocks = options.sack.as_slice().iter();
        Some(Seg {
            flags: name_flags(header.flags),
            seq,
            len: payload.len() as u32,
            ack: header.ack().map(|ack| (ack - IRS) as u32),
            win: Some(header.window),
            sack: blocks.map(|b| ((b.left - IRS) as u32, (b.right - IRS) as u32)).collect(),
            ts: options.timestamps.map(|ts| (ts.value, ts.echo)),
            mss: options.mss,
            scale: options.window_scale,
            sack_ok: options.sack_permitted,
            ecn,
        })
    }

    /// Takes all segments that we send now, as `(flags, seq, len)`.
    pub(crate) fn sent(&mut self) -> Vec<(&'static str, u32, u32)> {
        std::iter::from_fn(|| self.next()).map(|seg| (seg.flags, seg.seq, seg.len)).collect()
    }

    /// Takes all segments that we send now, and returns the sequence numbers of those with data.
    pub(crate) fn sent_seqs(&mut self) -> Vec<u32> {
        self.sent().iter().filter(|sent| sent.2 > 0).map(|sent| sent.1).collect()
    }

    /// Asserts that we send nothing now.
    pub(crate) fn silent(&mut self) {
        assert_eq!(self.next(), None, "nothing is to be sent at {:?}", self.elapsed());
    }

    /// The application writes `len` bytes, which begin at relative sequence number `seq`.
    pub(crate) fn write(&mut self, seq: u32, len: u32) -> &mut Scene {
        let written = self.connection.write(self.now, &bytes(seq, len)).expect("writable");
        assert_eq!(written, len as usize, "the buffer takes it");
        self
    }

    pub(crate) fn read(&mut self) -> usize {
        let mut into = vec![0; 1 << 20];
        self.connection.read(self.now, &mut into).unwrap_or(0)
    }

    pub(crate) fn shutdown(&mut self) {
        self.connection.shutdown(self.now, &mut Off);
    }

    pub(crate) fn close(&mut self) {
        self.connection.close(self.now, &mut Off);
    }
}

pub(crate) fn ends() -> Endpoints {
    let (local, remote) = ("192.0.2.1:80".parse().unwrap(), "192.0.2.2:40000".parse().unwrap());
    Endpoints { local, remote }
}

/// The data of both streams: a pattern that shows where in the stream a byte belongs.
fn bytes(seq: u32, len: u32) -> Vec<u8> {
    (seq..seq + len).map(|n| (n ^ (n >> 8)) as u8).collect()
}

const NAMES: [(&str, Flags); 6] = [
    ("F", Flags::FIN),
    ("S", Flags::SYN),
    ("R", Flags::RST),
    ("P", Flags::PSH),
    ("E", Flags::ECE),
    ("W", Flags::CWR),
];

fn parse_flags(names: &str, ack: bool) -> Flags {
    let mut flags = if ack { Flags::ACK } else { Flags::NONE };
    for (name, flag) in NAMES {
        if names.contains(name) {
            flags |= flag;
        }
    }
    flags
}

/// Flags as tcpdump shows them: letters, and a point for ACK.
fn name_flags(flags: Flags) -> &'static str {
    const KNOWN: [&str; 18] = [
        ".", "S", "S.", "F.", "P.", "FP.", "R", "R.", "W.", "PW.", "E.", "PE.", "FE.", "SEW",
        "S.E", "FW.", "FPW.", "FPE.",
    ];
    for name in KNOWN {
        if parse_flags(name, name.contains('.')) == flags {
            return name;
        }
    }
    panic!("flags {flags} have no name here")
}
