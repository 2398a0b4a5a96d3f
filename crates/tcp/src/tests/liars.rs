//! Connections against a peer that lies: it sends any segments at any time. Nothing may panic or
//! grow beyond its limit, and every invariant must hold throughout.

use std::sync::Arc;
use std::time::Duration;

use roundtrip_packet::tcp::{Flags, Header};
use roundtrip_packet::{Ecn, SackBlock, SeqNumber, Timestamps};
use roundtrip_record::{ConnectionId, Off, Time};

use super::scene::ends;
use super::schedules::Rng;
use crate::{Connection, EcnMode, IcmpError, MtuProbing, Options, Profile, Segment, Step};

struct Liar {
    rng: Rng,
    now: Time,
    connection: Connection,
    /// The next sequence number that the liar expects from the connection.
    ours: SeqNumber,
    /// The liar's next sequence number, as the connection has acknowledged it.
    theirs: SeqNumber,
}

impl Liar {
    fn new(seed: u64) -> Liar {
        let mut rng = Rng(seed);
        let mut profile = if rng.below(4) == 0 { Profile::rfc() } else { Profile::linux() };
        profile.ecn = EcnMode::On;
        profile.mtu_probing = MtuProbing::Always;
        let options = Options {
            profile: Arc::new(profile),
            receive_buffer: (rng.below(2) == 0).then_some(10_000),
            user_timeout: (rng.below(4) == 0).then_some(Duration::from_secs(20)),
            ..Options::default()
        };
        let now = Time::from_secs(1);
        let theirs = SeqNumber(rng.next() as u32);
        let iss = SeqNumber(rng.next() as u32);
        let mut header = Header {
            sequence: theirs,
            flags: Flags::SYN,
            window: rng.next() as u16,
            ..Header::new(40_000, 80)
        };
        header.options.mss = Some(rng.next() as u16);
        header.options.window_scale = Some(rng.below(20) as u8);
        header.options.sack_permitted = rng.below(4) > 0;
        header.options.timestamps = Some(Timestamps { value: rng.next() as u32, echo: 0 });
        let syn = Segment { header, payload: &[], ecn: Ecn::NotEct, segment_size: None, id: None };
        let connection =
            Connection::accept(now, ConnectionId(1), ends(), iss, options, &syn, &mut Off);
        let mut liar = Liar { rng, now, connection, ours: iss, theirs: theirs + 1 };
        liar.look();
        liar
    }

    /// Takes all segments and events from the connection, and notes its sequence and
    /// acknowledgement numbers.
    fn look(&mut self) {
        let mut count = 0;
        let most = 1 + self.rng.below(50) as usize;
        while let Some(sent) = self.connection.poll_transmit(self.now, most, &mut Off) {
            let length = sent.header.sequence_length(sent.payload_length());
            self.ours = sent.header.sequence + length;
            if let Some(ack) = sent.header.ack() {
                self.theirs = ack;
            }
            count += 1;
            assert!(count < 100_000, "it never stops sending");
        }
        self.connection.check_resting();
        while self.connection.poll_event().is_some() {}
    }

    /// A random number: `number` itself half of the time, else one near it or anywhere.
    fn near(&mut self, number: SeqNumber) -> SeqNumber {
        match self.rng.below(10) {
            0 => SeqNumber(self.rng.next() as u32),
            1 => number - self.rng.below(100_000) as u32,
            2 => number + self.rng.below(100_000) as u32,
            3 => number - self.rng.below(3000) as u32,
            4 => number + self.rng.below(3000) as u32,
            _ => number,
        }
    }

    fn lie(&mut self) {
        let mut flags = if self.rng.below(20) > 0 { Flags::ACK } else { Flags::NONE };
        let unlikely = [(Flags::FIN, 200), (Flags::SYN, 300), (Flags::RST, 900)];
        let likelier = [(Flags::URG, 40), (Flags::ECE, 20), (Flags::CWR, 20)];
        for (flag, one_in) in unlikely.into_iter().chain(likelier) {
            if self.rng.below(one_in) == 0 {
                flags |= flag;
            }
        }
        let (theirs, ours) = (self.theirs, self.ours);
        let mut header = Header {
            sequence: self.near(theirs),
            acknowledgement: self.near(ours),
            flags,
            window: if self.rng.below(5) == 0 { 0 } else { self.rng.next() as u16 },
            ..Header::new(40_000, 80)
        };
        for _ in 0..self.rng.below(5) {
            let left = self.near(ours);
            let right = self.near(left + 1448_u32);
            header.options.sack.push(SackBlock { left, right });
        }
        if self.rng.below(3) > 0 {
            let value = self.now.millis() as u32;
            let value = if self.rng.below(5) == 0 { self.rng.next() as u32 } else { value };
            let echo = self.rng.next() as u32;
            header.options.timestamps = Some(Timestamps { value, echo });
        }
        let payload = vec![1; self.rng.below(4) as usize * self.rng.below(1500) as usize];
        let ecn = Ecn::from_bits(self.rng.next() as u8);
        let segment = Segment { header, payload: &payload, ecn, segment_size: None, id: None };
        self.connection.handle_segment(self.now, &segment, &mut Off);
    }

    fn act(&mut self) {
        match self.rng.below(40) {
            0..=24 => self.lie(),
            25..=28 => {
                let bytes = vec![7; self.rng.below(50_000) as usize];
                let _ = self.connection.write(self.now, &bytes);
            }
            29..=31 => {
                let mut into = vec![0; self.rng.below(30_000) as usize];
                let _ = self.connection.read(self.now, &mut into);
            }
            32 => {
                let ours = self.ours;
                let seq = self.near(ours);
                let error = match self.rng.below(3) {
                    0 => IcmpError::Soft,
                    1 => IcmpError::Hard,
                    _ => IcmpError::PacketTooBig { mtu: self.rng.next() as u16 },
                };
                self.connection.handle_icmp(Step::at(self.now), error, seq, &mut Off);
            }
            33 if self.rng.below(30) == 0 => self.connection.shutdown(self.now, &mut Off),
            34 if self.rng.below(60) == 0 => self.connection.close(self.now, &mut Off),
            35..=37 => {
                if let Some(at) = self.connection.next_timeout() {
                    self.now = self.now.max(at);
                }
                self.connection.handle_timeout(self.now, &mut Off);
            }
            _ => self.now += Duration::from_micros(self.rng.below(200_000)),
        }
        self.look();
        let info = self.connection.info();
        assert!(info.unread <= 40_000_000 && info.unacked < 100_000);
        self.connection.next_timeout();
    }
}

#[test]
fn no_peer_brings_it_down() {
    let count = std::env::var("SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let first = std::env::var("FIRST_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut deep = 0;
    for seed in first..first + count {
        let result = std::panic::catch_unwind(|| {
            let mut liar = Liar::new(seed);
            for _ in 0..400 {
                liar.act();
            }
            liar.connection.info()
        });
        match result {
            Ok(info) => deep += u32::from(info.bytes_acked > 0 && info.total_retrans > 0),
            Err(panic) => {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    // Enough runs must get as far as acknowledged data and retransmissions to test anything.
    assert!(u64::from(deep) > count / 20, "only {deep} of {count} got anywhere");
}
