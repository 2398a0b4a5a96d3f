//! The trial of two hosts and a bad link: what arrives is what was sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use roundtrip_host::{Config, Event, Host, IfIndex, Interface, Limits, ListenerId, Offload};
use roundtrip_packet::{EtherAddr, Verify};
use roundtrip_record::{InterfaceId, Off, Time};
use roundtrip_tcp::{Algorithm, EcnMode, KeepAlive, MtuProbing, Options, Profile};

use crate::Chance;
use crate::program::{CloseStyle, Program};
use crate::world::World;
pub use crate::world::{FrameLog, LinkConditions};

/// The most steps of one exchange.
const STEPS: u32 = 3_000_000;
/// The most steps at one instant of virtual time.
const STEPS_AT_ONCE: u32 = 50_000;
/// A virtual time that no exchange takes; one that lasts longer hangs.
const HANG: Duration = Duration::from_hours(12);

/// The counts of one exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Connections that were tried.
    pub connections: u32,
    /// Connections that carried all bytes in both directions and were closed with FIN.
    pub complete: u32,
    /// Connections that an application ended: reset, or closed with data unread.
    pub aborted: u32,
    /// Connections that were given up, or never opened, because the link let too little through.
    pub given_up: u32,
    /// Bytes that applications read.
    pub bytes: u64,
    /// Frames that the link lost or changed.
    pub harmed: u64,
}

/// Exchanges data over connections between two hosts on a bad link. `bytes` decide everything.
///
/// # Panics
/// See [`exchange`].
pub fn pair(bytes: &[u8]) {
    exchange(Chance::from_bytes(bytes), FrameLog::Silent);
}

/// Exchanges data over one to three connections between two hosts. `chance` decides the profiles
/// and options of the hosts, the properties of the link, and how the applications behave.
///
/// # Panics
/// If an application reads anything but what the other has written, meets the end of file before
/// all of it, waits for ever, or is not told of an event; if a connection fails that neither an
/// application nor the link harmed; if a host keeps any state once all is over.
pub fn exchange(mut chance: Chance<'_>, frame_log: FrameLog) -> Outcome {
    let mut exchange = PairTrial::new(&mut chance, frame_log);
    exchange.run(&mut chance);
    exchange.judge()
}

/// A connection and the programs at its ends.
struct TrialConnection {
    ends: [Program; 2],
    client: SocketAddr,
    has_been_accepted: bool,
}

struct PairTrial {
    world: World,
    lines: Vec<TrialConnection>,
    listener: ListenerId,
    conditions: [LinkConditions; 2],
    began: Time,
}

fn conditions(chance: &mut Chance<'_>) -> LinkConditions {
    let bad = chance.below(4);
    let mut some = |most: u32| if bad > 0 { chance.below(most) } else { 0 };
    let (loss, duplication) = (some(150), some(60));
    let (reordering, corruption) = (some(150), some(60));
    LinkConditions {
        loss,
        duplication,
        reordering,
        corruption,
        delay: 50 + chance.below(50_000),
        rate: chance.pick(&[0, 0, 125_000, 2_500_000]),
        queue: 4 + chance.below(200),
    }
}

fn profile(chance: &mut Chance<'_>) -> Profile {
    let mut profile = if chance.below(4) == 3 { Profile::rfc() } else { Profile::linux() };
    profile.sack = !chance.one_in(4);
    profile.timestamps = !chance.one_in(4);
    profile.window_scaling = !chance.one_in(4);
    profile.pacing = chance.one_in(4);
    profile.congestion = chance.pick(&[
        profile.congestion,
        Algorithm::Reno,
        Algorithm::Cubic9438,
        Algorithm::Cubic,
        Algorithm::Bbr,
    ]);
    profile.ecn = if chance.one_in(4) { EcnMode::On } else { profile.ecn };
    profile.rack = !chance.one_in(4);
    profile.tail_loss_probe = !chance.one_in(4);
    profile.frto = !chance.one_in(2);
    let probing = [MtuProbing::Off, MtuProbing::BlackHole, MtuProbing::Always];
    profile.mtu_probing = chance.pick(&probing);
    profile
}

fn options(profile: &Arc<Profile>, chance: &mut Chance<'_>) -> Options {
    let small =
        |chance: &mut Chance<'_>| chance.one_in(4).then(|| 2_000 + chance.below(30_000) as usize);
    Options {
        profile: profile.clone(),
        nodelay: chance.one_in(2),
        receive_buffer: small(chance),
        send_buffer: small(chance),
        keepalive: chance.one_in(8).then_some(KeepAlive {
            idle: Duration::from_secs(30),
            interval: Duration::from_secs(10),
            probes: 9,
        }),
        ..Options::default()
    }
}

const ADDRESSES: [[IpAddr; 2]; 2] = [
    [
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
    ],
    [
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
    ],
];
const PORT: u16 = 80;

impl PairTrial {
    fn new(chance: &mut Chance<'_>, frame_log: FrameLog) -> Self {
        let mut conditions = [conditions(chance), conditions(chance)];
        let offload = chance.one_in(4);
        let mtu = chance.pick(&[1500, 1500, 1280, 9000]);
        let profiles = [profile(chance), profile(chance)].map(Arc::new);
        let backlog = 1 + chance.below(4) as usize;
        let seed = chance.word();
        let mut link = IfIndex(0);
        let hosts = [0, 1].map(|end: usize| {
            let mut secret = [end as u8; 32];
            secret[..4].copy_from_slice(&seed.to_le_bytes());
            let limits = Limits { syn_backlog: backlog, ..Limits::default() };
            let config = Config {
                seed: secret,
                profile: profiles[end].clone(),
                limits,
                ..Config::default()
            };
            let mut host = Host::new(config);
            let mac = EtherAddr([2, 0, 0, 0, 0, end as u8]);
            let mut interface = Interface::ethernet(InterfaceId(0), "eth0", mac);
            interface.mtu = mtu;
            interface.offload = Offload { tso: offload, checksum: offload };
            link = host.add_interface(interface);
            for address in ADDRESSES[end] {
                host.add_address(link, address, if address.is_ipv4() { 24 } else { 64 });
            }
            host
        });
        let verify = if offload {
            // Where a device is trusted to have checked checksums, corruption would go unnoticed.
            for conditions in &mut conditions {
                conditions.corruption = 0;
            }
            Verify::Trusted
        } else {
            Verify::Full
        };
        let mut world = World::new(hosts, link, conditions, verify, frame_log);
        let now = world.now;
        let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), PORT);
        let listener = world.hosts[1].listen(any, backlog).expect("a listener");
        let option = options(&profiles[1], chance);
        world.hosts[1].set_listener_options(listener, option);
        let mut lines = Vec::new();
        for n in 0..=chance.below(3) as u8 {
            let most = 60_000;
            let mut ends = [0, 1].map(|end| Program::new(chance, now, n * 2 + end, most));
            let to = SocketAddr::new(ADDRESSES[1][usize::from(chance.one_in(3))], PORT);
            let option = options(&profiles[0], chance);
            let host = &mut world.hosts[0];
            let socket = host.connect(now, to, None, Some(option), None, &mut Off);
            let socket = socket.expect("a way");
            // Two programs that each wait for the other's end of file may rightly wait for ever.
            if ends[0].leaving == CloseStyle::Last {
                ends[0].leaving = CloseStyle::HalfClose;
            }
            let client = host.tcp(socket).expect("its connection").local();
            ends[0].socket = Some(socket);
            lines.push(TrialConnection { ends, client, has_been_accepted: false });
        }
        Self { world, lines, listener, conditions, began: now }
    }

    fn run(&mut self, chance: &mut Chance<'_>) {
        self.world.drain(chance);
        self.tell(chance);
        let mut at_once = 0;
        for _ in 0..STEPS {
            let wakes = self.lines.iter().flat_map(|line| &line.ends).filter_map(|end| end.wake);
            let wake = wakes.min().map(|at| at.max(self.world.now));
            let own = self.world.next();
            let Some(next) = own.into_iter().chain(wake).min() else { return };
            at_once = if next > self.world.now { 0 } else { at_once + 1 };
            assert!(at_once < STEPS_AT_ONCE, "time stands still at {next}");
            assert!(next.since(self.began) < HANG, "it is not over at {next}");
            self.world.now = next;
            if wake == Some(next) {
                self.wake(chance);
            } else {
                self.world.step(chance);
            }
            self.tell(chance);
        }
        panic!("it goes on for ever");
    }

    /// Lets programs act whose time has come.
    fn wake(&mut self, chance: &mut Chance<'_>) {
        let now = self.world.now;
        for n in 0..self.lines.len() {
            for end in 0..2 {
                if self.lines[n].ends[end].wake.is_some_and(|at| at <= now) {
                    self.lines[n].ends[end].wake = None;
                    self.act(n, end);
                }
            }
        }
        self.world.drain(chance);
    }

    fn act(&mut self, line: usize, end: usize) {
        let now = self.world.now;
        let peer = (line * 2 + 1 - end) as u8;
        self.lines[line].ends[end].act(now, &mut self.world.hosts[end], peer);
    }

    /// Tells programs of events and lets them act, until there are no more events.
    fn tell(&mut self, chance: &mut Chance<'_>) {
        while !self.world.events.is_empty() {
            for (end, event) in std::mem::take(&mut self.world.events) {
                match event {
                    Event::Acceptable(listener) if listener == self.listener => self.accept(),
                    Event::Tcp(socket, _) => {
                        let owns = |line: &TrialConnection| line.ends[end].socket == Some(socket);
                        if let Some(n) = self.lines.iter().position(owns) {
                            self.act(n, end);
                        }
                    }
                    _ => {}
                }
            }
            self.world.drain(chance);
        }
    }

    fn accept(&mut self) {
        while let Some(socket) = self.world.hosts[1].accept(self.listener) {
            let connection = self.world.hosts[1].tcp(socket).expect("what was accepted");
            let remote = connection.remote();
            let of_it = |line: &TrialConnection| {
                line.client.port() == remote.port() && line.client.is_ipv4() == remote.is_ipv4()
            };
            let n = self.lines.iter().position(of_it).expect("only our clients connect");
            if self.lines[n].has_been_accepted {
                // The server has closed already, and the client's data arrives again: its
                // acknowledgement is still a valid SYN cookie (RFC 4987 §3.6). Linux behaves
                // likewise.
                let now = self.world.now;
                self.world.hosts[1].abort(now, socket, &mut Off);
                continue;
            }
            self.lines[n].has_been_accepted = true;
            self.lines[n].ends[1].socket = Some(socket);
            self.act(n, 1);
        }
    }

    fn judge(self) -> Outcome {
        let counts = self.world.counts();
        let harmed = counts.iter().map(|count| count.lost + count.corrupted).sum();
        let mut outcome = Outcome { harmed, ..Outcome::default() };
        let is_lossless = self.conditions.iter().all(LinkConditions::is_lossless) && harmed == 0;
        for line in &self.lines {
            let [client, server] = &line.ends;
            outcome.connections += 1;
            outcome.bytes += client.got + server.got;
            for (end, peer) in [(client, server), (server, client)] {
                assert!(end.got <= peer.written, "more than was sent");
                let is_all = end.got == peer.total;
                assert!(!end.has_ended || is_all, "the end of file after {} bytes", end.got);
            }
            let is_early =
                |end: &Program| end.has_left_early || matches!(end.leaving, CloseStyle::Abort(_));
            let is_complete =
                client.is_done() && server.is_done() && client.has_ended && server.has_ended;
            if is_complete {
                outcome.complete += 1;
            } else if is_early(client) || is_early(server) {
                outcome.aborted += 1;
            } else {
                assert!(
                    !is_lossless,
                    "nobody harmed it and it failed: {client:?} {server:?} {counts:?}"
                );
                outcome.given_up += 1;
            }
            line.check_waiting(is_lossless);
        }
        for (n, host) in self.world.hosts.iter().enumerate() {
            let held = host.held();
            let open = self.lines.iter().filter(|line| !line.ends[n].is_done()).count();
            assert_eq!((held.sockets, held.time_wait, held.orphans), (open, 0, 0), "host {n}");
        }
        outcome
    }
}

impl TrialConnection {
    /// Checks that a program waits only for a peer that is gone without its knowledge: a reset was
    /// lost, or an orphaned connection was given up, which Linux does silently. For no other reason
    /// may a program be left waiting.
    fn check_waiting(&self, is_lossless: bool) {
        for (end, program) in self.ends.iter().enumerate() {
            if program.is_done() {
                continue;
            }
            let peer = &self.ends[1 - end];
            assert!(peer.is_done() && !is_lossless, "it waits for ever: {program:?}, for {peer:?}");
            assert!(
                program.written == program.total,
                "it has more to send and waits for ever: {program:?}"
            );
        }
    }
}
