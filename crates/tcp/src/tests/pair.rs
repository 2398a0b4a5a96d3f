//! [`Pair`], a client and a server connection with a simulated link between them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::{Connection, Disposition, Endpoints, Event, Options, Segment, Step, Transmit};
use roundtrip_packet::tcp::Header;
use roundtrip_packet::{Ecn, SackBlock, SeqNumber};
use roundtrip_record::{ConnectionId, Off, Time};

/// An end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Client,
    Server,
}

/// The ends of the connection as the client sees them.
fn client_ends() -> Endpoints {
    let (local, remote) = ("10.0.0.1:40000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
    Endpoints { local, remote }
}

/// A segment on the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    pub(crate) ecn: Ecn,
    pub(crate) retransmission: bool,
}

impl Frame {
    /// The length of the frame in bytes, with its Ethernet, IPv4 and TCP headers.
    fn length(&self) -> u64 {
        let options = self.header.options.to_bytes().padded().as_bytes().len() as u64;
        14 + 20 + 20 + options + self.payload.len() as u64
    }
}

/// What the link does to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Deliver,
    Drop,
    /// Deliver the frame later by this much.
    Delay(Duration),
    /// Deliver the frame twice.
    Duplicate,
    /// Deliver the frame with a congestion mark (CE) if it is ECN-capable.
    Mark,
}

/// The properties of one direction of the link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    pub(crate) delay: Duration,
    /// The rate in bit/s; 0 for no limit.
    pub(crate) rate: u64,
    /// The number of frames that may wait in the queue.
    pub(crate) queue: usize,
}

type Fates = Box<dyn FnMut(u64, &Frame) -> Fate>;

struct Direction {
    path: Path,
    fate: Fates,
    count: u64,
    /// The times at which the waiting frames will have been transmitted.
    waiting: std::collections::VecDeque<Time>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Arrival(Time, u64, End, usize);

/// Two connections, the link between them, and a clock.
pub(crate) struct Pair {
    pub(crate) now: Time,
    pub(crate) client: Connection,
    pub(crate) server: Option<Connection>,
    server_options: Options,
    up: Direction,
    down: Direction,
    arrivals: BinaryHeap<Reverse<Arrival>>,
    frames: Vec<Option<Frame>>,
    order: u64,
    /// All frames that were sent: when, by which end, the frame, and whether it was lost.
    pub(crate) log: Vec<(Time, End, Frame, bool)>,
    pub(crate) keep_log: bool,
    pub(crate) events: Vec<(Time, End, Event)>,
    pub(crate) max_segments: usize,
}

impl Pair {
    pub(crate) fn new(path: Path) -> Pair {
        Pair::with(path, Options::default(), Options::default())
    }

    pub(crate) fn with(path: Path, client: Options, server: Options) -> Pair {
        let direction = || Direction {
            path,
            fate: Box::new(|_, _| Fate::Deliver),
            count: 0,
            waiting: std::collections::VecDeque::new(),
        };
        let now = Time::from_millis(100);
        let client = Connection::connect(
            Step::at(now),
            ConnectionId(1),
            client_ends(),
            SeqNumber(0xffff_f000),
            client,
            &mut Off,
        );
        let mut pair = Pair {
            now,
            client,
            server: None,
            server_options: server,
            up: direction(),
            down: direction(),
            arrivals: BinaryHeap::new(),
            frames: Vec::new(),
            order: 0,
            log: Vec::new(),
            keep_log: true,
            events: Vec::new(),
            max_segments: 1,
        };
        pair.drain();
        pair
    }

    /// Sets the function that decides the [`Fate`] of each frame from `end`, given its number from
    /// 0.
    pub(crate) fn fates(&mut self, end: End, fate: impl FnMut(u64, &Frame) -> Fate + 'static) {
        match end {
            End::Client => self.up.fate = Box::new(fate),
            End::Server => self.down.fate = Box::new(fate),
        }
    }

    pub(crate) fn path(&mut self, end: End, path: Path) {
        match end {
            End::Client => self.up.path = path,
            End::Server => self.down.path = path,
        }
    }

    pub(crate) fn server(&mut self) -> &mut Connection {
        self.server.as_mut().expect("the SYN has arrived")
    }

    fn end(&mut self, end: End) -> Option<&mut Connection> {
        match end {
            End::Client => Some(&mut self.client),
            End::Server => self.server.as_mut(),
        }
    }

    /// Puts all segments that the connections want to send on the link, and takes their events.
    pub(crate) fn drain(&mut self) {
        for end in [End::Client, End::Server] {
            loop {
                let (now, most) = (self.now, self.max_segments);
                let Some(connection) = self.end(end) else { break };
                let sent = connection.poll_transmit(now, most, &mut Off);
                let Some(frames) = sent.map(|sent| cut(&sent)) else {
                    connection.check_resting();
                    break;
                };
                for frame in frames {
                    self.put(end, frame);
                }
            }
            let now = self.now;
            while let Some(event) = self.end(end).and_then(Connection::poll_event) {
                self.events.push((now, end, event));
            }
        }
    }

    fn put(&mut self, end: End, frame: Frame) {
        let now = self.now;
        let direction = match end {
            End::Client => &mut self.up,
            End::Server => &mut self.down,
        };
        while direction.waiting.front().is_some_and(|&done| done <= now) {
            direction.waiting.pop_front();
        }
        let number = direction.count;
        direction.count += 1;
        let mut fate = (direction.fate)(number, &frame);
        if direction.waiting.len() > direction.path.queue {
            fate = Fate::Drop;
        }
        if self.keep_log {
            self.log.push((now, end, frame.clone(), fate == Fate::Drop));
        }
        let mut at = now;
        if direction.path.rate > 0 && direction.waiting.len() <= direction.path.queue {
            let start = direction.waiting.back().copied().unwrap_or(now).max(now);
            at = start + Duration::from_nanos(frame.length() * 8_000_000_000 / direction.path.rate);
            direction.waiting.push_back(at);
        }
        at += direction.path.delay;
        let mut frame = frame;
        match fate {
            Fate::Drop => return,
            Fate::Deliver | Fate::Duplicate => {}
            Fate::Delay(by) => at += by,
            Fate::Mark => frame.ecn = if frame.ecn.is_capable() { Ecn::Ce } else { frame.ecn },
        }
        let to = if end == End::Client { End::Server } else { End::Client };
        for _ in 0..if fate == Fate::Duplicate { 2 } else { 1 } {
            self.frames.push(Some(frame.clone()));
            self.order += 1;
            self.arrivals.push(Reverse(Arrival(at, self.order, to, self.frames.len() - 1)));
        }
    }

    /// Advances to the next arrival or timer, unless it is after `until`. Returns whether there was
    /// one.
    pub(crate) fn step(&mut self, until: Time) -> bool {
        let arrival = self.arrivals.peek().map(|Reverse(a)| a.0);
        let timers =
            [self.client.next_timeout(), self.server.as_ref().and_then(Connection::next_timeout)];
        let Some(next) = timers.into_iter().flatten().chain(arrival).min() else { return false };
        let next = next.max(self.now);
        if next > until {
            return false;
        }
        self.now = next;
        if arrival == Some(next) {
            if let Some(Reverse(Arrival(_, _, to, index))) = self.arrivals.pop() {
                let frame = self.frames[index].take().expect("once");
                self.deliver(to, &frame);
            }
        } else {
            self.client.handle_timeout(next, &mut Off);
            if let Some(server) = &mut self.server {
                server.handle_timeout(next, &mut Off);
            }
        }
        self.drain();
        true
    }

    fn deliver(&mut self, to: End, frame: &Frame) -> Option<Disposition> {
        let now = self.now;
        let segment = Segment {
            header: frame.header,
            payload: &frame.payload,
            ecn: frame.ecn,
            segment_size: None,
            id: None,
        };
        if let Some(connection) = self.end(to) {
            return Some(connection.handle_segment(now, &segment, &mut Off));
        }
        self.server = Some(Connection::accept(
            now,
            ConnectionId(2),
            client_ends().reversed(),
            SeqNumber(0x7fff_ff00),
            self.server_options.clone(),
            &segment,
            &mut Off,
        ));
        None
    }

    pub(crate) fn run_until(&mut self, until: Time) {
        while self.step(until) {}
        self.now = self.now.max(until);
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Runs until `done` answers true or `limit` has passed. Returns whether it was done.
    pub(crate) fn run_while(
        &mut self,
        limit: Duration,
        mut going_on: impl FnMut(&mut Pair) -> bool,
    ) -> bool {
        let until = self.now + limit;
        while going_on(self) {
            if !self.step(until) {
                return !going_on(self);
            }
        }
        true
    }

    /// Completes the handshake.
    pub(crate) fn connect(&mut self) {
        let connected = |pair: &Pair| {
            let seen = |end| pair.events.iter().any(|e| e.1 == end && e.2 == Event::Connected);
            seen(End::Client) && seen(End::Server)
        };
        assert!(self.run_while(Duration::from_secs(200), |pair| !connected(pair)), "connected");
    }

    pub(crate) fn write(&mut self, end: End, bytes: &[u8]) -> usize {
        let now = self.now;
        let count = self.end(end).expect("open").write(now, bytes).expect("writable");
        self.drain();
        count
    }

    pub(crate) fn shutdown(&mut self, end: End) {
        let now = self.now;
        self.end(end).expect("open").shutdown(now, &mut Off);
        self.drain();
    }

    pub(crate) fn close(&mut self, end: End) {
        let now = self.now;
        self.end(end).expect("open").close(now, &mut Off);
        self.drain();
    }

    /// Reads all data that `end` has received.
    pub(crate) fn read(&mut self, end: End) -> Vec<u8> {
        let now = self.now;
        let connection = self.end(end).expect("open");
        let mut all = Vec::new();
        let mut chunk = [0; 16_384];
        while let Ok(count @ 1..) = connection.read(now, &mut chunk) {
            all.extend_from_slice(&chunk[..count]);
        }
        self.drain();
        all
    }

    /// Sends `data` from one end to the other, which reads it as it arrives. Returns what arrived.
    pub(crate) fn transfer(&mut self, from: End, data: &[u8], limit: Duration) -> Vec<u8> {
        let to = if from == End::Client { End::Server } else { End::Client };
        let mut sent = 0;
        let mut got = Vec::with_capacity(data.len());
        let until = self.now + limit;
        loop {
            let now = self.now;
            if sent < data.len() {
                let connection = self.end(from).expect("open");
                let Ok(count) = connection.write(now, &data[sent..]) else { break };
                sent += count;
                self.drain();
            }
            got.extend(self.read(to));
            if got.len() >= data.len() || !self.step(until) {
                break;
            }
        }
        got
    }

    /// The frames that `end` sent, one per line: milliseconds, flags, relative sequence numbers.
    pub(crate) fn lines(&self, end: End) -> Vec<String> {
        let start = self.log.first().map_or(Time::ZERO, |entry| entry.0);
        let first = |end: End| self.log.iter().find(|e| e.1 == end).map(|e| e.2.header.sequence);
        let own = first(end);
        let other = first(if end == End::Client { End::Server } else { End::Client });
        let entries = self.log.iter().filter(|e| e.1 == end);
        entries
            .map(|(at, _, frame, lost)| {
                let relative = |s: SeqNumber, from: Option<SeqNumber>| from.map_or(0, |f| s - f);
                let header = &frame.header;
                let block = |b: &SackBlock| {
                    format!(" {}-{}", relative(b.left, other), relative(b.right, other))
                };
                let blocks: Vec<_> = header.options.sack.as_slice().iter().map(block).collect();
                let sack = blocks.concat();
                format!(
                    "{:.3} {} {}+{} ack {} win {}{}{}{}",
                    at.since(start).as_secs_f64() * 1000.0,
                    header.flags,
                    relative(header.sequence, own),
                    frame.payload.len(),
                    header.ack().map_or(0, |ack| relative(ack, other)),
                    header.window,
                    sack,
                    if frame.retransmission { " again" } else { "" },
                    if *lost { " LOST" } else { "" },
                )
            })
            .collect()
    }
}

/// Splits a burst into its segments, as a network card does (TSO).
fn cut(sent: &Transmit<'_>) -> Vec<Frame> {
    use roundtrip_packet::Flags;
    let payload = sent.payload.concat();
    let frame = |header: Header, payload: &[u8]| Frame {
        header,
        payload: payload.to_vec(),
        ecn: sent.ecn,
        retransmission: sent.retransmission,
    };
    let Some(size) = sent.segment_size else { return vec![frame(sent.header, &payload)] };
    let count = payload.len().div_ceil(usize::from(size));
    let segments = payload.chunks(usize::from(size)).enumerate();
    segments
        .map(|(n, piece)| {
            let mut header = sent.header;
            header.sequence += n * usize::from(size);
            if n + 1 < count {
                header.flags = header.flags & !(Flags::FIN | Flags::PSH);
            }
            if n > 0 {
                header.flags = header.flags & !Flags::CWR;
            }
            frame(header, piece)
        })
        .collect()
}
