//! Random schedules of loss, duplication and reordering: exactly the bytes that were sent are
//! delivered, and both ends close. All assertions of the state machine are on.

use std::sync::Arc;
use std::time::Duration;

use roundtrip_record::{CloseReason, Off, TcpState};

use super::pair::{End, Fate, Pair, Path};
use crate::{Algorithm, EcnMode, Event, Options, Profile};

/// A SplitMix64 generator, which is random enough for schedules.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// The probabilities of what may happen to a frame, in thousandths.
#[derive(Clone, Copy)]
struct Weather {
    loss: u64,
    duplication: u64,
    reordering: u64,
    marks: u64,
}

fn fates(seed: u64, weather: Weather) -> impl FnMut(u64, &super::pair::Frame) -> Fate {
    let mut rng = Rng(seed);
    move |_, _| {
        if rng.chance(weather.loss) {
            Fate::Drop
        } else if rng.chance(weather.duplication) {
            Fate::Duplicate
        } else if rng.chance(weather.reordering) {
            Fate::Delay(Duration::from_micros(rng.below(60_000)))
        } else if rng.chance(weather.marks) {
            Fate::Mark
        } else {
            Fate::Deliver
        }
    }
}

fn options(rng: &mut Rng) -> Options {
    let mut profile = if rng.chance(200) { Profile::rfc() } else { Profile::linux() };
    profile.congestion = match rng.below(4) {
        0 => Algorithm::Reno,
        1 => Algorithm::Cubic9438,
        2 => Algorithm::Bbr,
        _ => Algorithm::Cubic,
    };
    profile.sack = !rng.chance(250);
    profile.timestamps = !rng.chance(250);
    profile.window_scaling = !rng.chance(250);
    profile.pacing = rng.chance(100);
    if rng.chance(300) {
        profile.ecn = EcnMode::On;
    }
    Options {
        profile: Arc::new(profile),
        mss: [1460, 536, 8960, 100][rng.below(4) as usize],
        nodelay: rng.chance(500),
        receive_buffer: rng.chance(300).then(|| 2000 + rng.below(30_000) as usize),
        send_buffer: rng.chance(300).then(|| 2000 + rng.below(60_000) as usize),
        timestamp_offset: rng.next() as u32,
        ..Options::default()
    }
}

fn data(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.next() as u8).collect()
}

/// The application at one end: it writes and reads pieces of random size, and finishes when all is
/// written.
struct Application {
    end: End,
    out: Vec<u8>,
    written: usize,
    got: Vec<u8>,
    finished: bool,
}

impl Application {
    fn act(&mut self, pair: &mut Pair, rng: &mut Rng) {
        let now = pair.now;
        let connection = match self.end {
            End::Client => &mut pair.client,
            End::Server => match &mut pair.server {
                Some(server) => server,
                None => return,
            },
        };
        if self.written < self.out.len() {
            let len = (1 + rng.below(40_000) as usize).min(self.out.len() - self.written);
            let bytes = &self.out[self.written..self.written + len];
            let wrote = if rng.chance(500) {
                connection.write(now, bytes)
            } else {
                connection.write_bytes(now, bytes::Bytes::copy_from_slice(bytes))
            };
            self.written += wrote.unwrap_or(0);
        } else if !self.finished && connection.state() >= TcpState::Established {
            self.finished = true;
            connection.shutdown(now, &mut Off);
        }
        if rng.chance(700) {
            let mut into = vec![0; 1 + rng.below(20_000) as usize];
            if let Ok(count) = connection.read(now, &mut into) {
                self.got.extend_from_slice(&into[..count]);
            }
        }
    }
}

fn exchange(seed: u64) {
    let mut rng = Rng(seed);
    let path = Path {
        delay: Duration::from_micros(100 + rng.below(50_000)),
        rate: [0, 1_000_000, 20_000_000][rng.below(3) as usize],
        queue: 5 + rng.below(200) as usize,
    };
    let weather = Weather {
        loss: rng.below(120),
        duplication: rng.below(50),
        reordering: rng.below(120),
        marks: rng.below(30),
    };
    let (client, server) = (options(&mut rng), options(&mut rng));
    let mut pair = Pair::with(path, client, server);
    pair.keep_log = std::env::var("SHOW").is_ok_and(|show| show == "log");
    pair.max_segments = 1 + rng.below(45) as usize;
    pair.fates(End::Client, fates(rng.next(), weather));
    pair.fates(End::Server, fates(rng.next(), weather));
    let lens = [rng.below(150_000) as usize, rng.below(150_000) as usize];
    let mut applications = [End::Client, End::Server].map(|end| Application {
        end,
        out: data(&mut rng, lens[usize::from(end == End::Server)]),
        written: 0,
        got: Vec::new(),
        finished: false,
    });
    for _ in 0..2_000_000 {
        for application in &mut applications {
            application.act(&mut pair, &mut rng);
        }
        pair.drain();
        let [a, b] = &applications;
        let delivered = a.got.len() == b.out.len() && b.got.len() == a.out.len();
        let over = |c: &crate::Connection| c.is_closed() || c.state() == TcpState::TimeWait;
        if delivered && over(&pair.client) && pair.server.as_ref().is_none_or(over) {
            break;
        }
        let until = pair.now + Duration::from_secs(400);
        if !pair.step(until) {
            pair.run_for(Duration::from_millis(10));
        }
    }
    if pair.keep_log {
        for end in [End::Client, End::Server] {
            for line in pair.lines(end) {
                eprintln!("{end:?} {line}");
            }
        }
    }
    let [a, b] = &applications;
    let reasons: Vec<_> =
        pair.events.iter().filter(|e| matches!(e.2, Event::Closed { .. })).collect();
    let gave_up = reasons.iter().any(|e| e.2 == Event::Closed { reason: CloseReason::TimedOut });
    assert!(b.out.starts_with(&a.got), "seed {seed}: the client got something else");
    assert!(a.out.starts_with(&b.got), "seed {seed}: the server got something else");
    if !gave_up {
        assert_eq!(a.got.len(), b.out.len(), "seed {seed}: {reasons:?} {:?}", pair.client);
        assert_eq!(b.got.len(), a.out.len(), "seed {seed}: {reasons:?} {:?}", pair.server);
        let clean = |e: &&&_| match (*e as &(_, _, Event)).2 {
            Event::Closed { reason } => {
                matches!(reason, CloseReason::Finished | CloseReason::TimeWaitOver)
            }
            _ => true,
        };
        assert!(reasons.iter().all(|e| clean(&e)), "seed {seed}: {reasons:?}");
    }
}

#[test]
fn every_schedule_delivers_exactly_what_was_sent() {
    let count = std::env::var("SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let first = std::env::var("FIRST_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    for seed in first..first + count {
        if std::env::var("SHOW").is_ok() {
            eprintln!("seed {seed}");
        }
        let result = std::panic::catch_unwind(|| exchange(seed));
        if let Err(panic) = result {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
