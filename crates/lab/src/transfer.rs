//! A bulk transfer over a described network, as iperf measures it, in virtual time.
//!
//! Two hosts are joined by one link, without a router. The client connects and at once sends a
//! request of 100 bytes; the server, with `TCP_NODELAY`, reads it, sends the bytes and shuts its
//! sending side down; the client reads to the end and closes. Parallel flows start together, as
//! nearly as a client's threads do. Every run has new connections, 30 ms after the last one ended;
//! the hosts live on from run to run.
//!
//! The kernel's work takes no virtual time, but a frame is not handled at the instant at which it
//! arrives, and a waiting program does not run at the instant for which it waited: [`Programs`]
//! gives these delays.

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::{Context, Poll};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use roundtrip_record::{LinkCounts, Log, Role};
use roundtrip_tcp::{Algorithm, Profile as TcpProfile};
use roundtrip_wire::{
    ConnectFault, Listener as _, Nodelay, StackStream, Transport as _, Wire as _,
};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::internet::DEFAULT_DATE;
use crate::lab::{Attached, End, Forwarding, Lab, LabHost, Stuck};
use crate::net::{Direction, Net};
use crate::port::LabPort;
use crate::seed::Seed;
use crate::shape::{Pickup, Shape};

/// The length of the request, bytes.
const REQUEST: usize = 100;
/// The bytes that the server writes at once.
const BLOB: usize = 1 << 20;
/// The pause between two runs.
const GAP: Duration = Duration::from_millis(30);
/// The server's address.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 8, 0, 2)), 8_000);
/// The client's address.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 8, 0, 1));

/// The settings of a bulk transfer.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The network between the hosts.
    pub net: Net,
    /// The number of bytes in each flow.
    pub bytes: u64,
    /// The number of parallel flows.
    pub parallel: u32,
    /// The number of runs.
    pub runs: u32,
    /// The seed of all randomness.
    pub seed: Seed,
    /// Whether the hosts know each other's hardware addresses beforehand.
    pub neighbours: Neighbours,
    /// The congestion control of both hosts.
    pub congestion: Algorithm,
    /// The delays of the programs at both ends.
    pub programs: Programs,
    /// The log that records everything.
    pub log: Log,
}

/// The delays of the programs and kernels at both ends, which matter where the round trip is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Programs {
    /// The time from the client's call of connect to its SYN, in which it makes a socket and reads
    /// the address.
    pub start: Duration,
    /// The time from the event a program waited for (data, room to write) until the kernel goes on
    /// with its call.
    pub wake: Duration,
    /// The time from there until the program has the result.
    pub answer: Duration,
    /// The time from a connection at the server until the program serves it, in a new thread.
    pub accept: Duration,
    /// The time between the starts of two parallel flows, since a client starts one thread after
    /// the other.
    pub apart: Duration,
    /// The time from a frame's arrival to its handling by the kernel.
    pub pickup: Pickup,
}

impl Programs {
    /// No delays at all.
    pub const INSTANT: Self = Self {
        start: Duration::ZERO,
        wake: Duration::ZERO,
        answer: Duration::ZERO,
        accept: Duration::ZERO,
        apart: Duration::ZERO,
        pickup: Pickup::INSTANT,
    };

    /// The delays of the programs and the kernel with which Linux was measured (6.18, a virtual
    /// machine of two processors, Python at both ends), from the emulator's log of frames: the
    /// measured times less those of the link. They are the same on all links.
    pub const MEASURED: Self = Self {
        start: Duration::from_micros(80),
        wake: Duration::from_micros(50),
        answer: Duration::from_micros(90),
        accept: Duration::from_micros(580),
        apart: Duration::from_micros(120),
        pickup: Pickup {
            busy: [Duration::from_micros(8), Duration::from_micros(22)],
            idle: [Duration::from_micros(28), Duration::from_micros(78)],
            pause: Duration::from_millis(3),
        },
    };
}

/// The content of the neighbour tables when the first run begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Neighbours {
    /// The tables hold the other host.
    #[default]
    Warm,
    /// The tables are empty: the first run uses ARP.
    Cold,
}

/// The result of one run. Times are milliseconds from the client's call of connect, the latest of
/// all flows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Run {
    /// The number of the run, from 0.
    pub run: u32,
    /// When the connection was established.
    pub connect_ms: f64,
    /// When the first read gave data.
    pub first_byte_ms: f64,
    /// When the last read gave data.
    pub last_byte_ms: f64,
    /// When a read gave the end of the stream.
    pub eof_ms: f64,
    /// Frames that were handed to the link towards the client.
    pub frames_down: u64,
    /// Frames that were handed to the link from the client.
    pub frames_up: u64,
    /// Frames, in both directions, that a queue dropped: because it was full, or by its management.
    pub dropped: u64,
    /// Frames, in both directions, that were lost on the way.
    pub lost: u64,
}

/// Why a transfer failed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// No connection was established.
    #[error("run {run}: no connection: {fault}")]
    Connect {
        /// The run, from 0.
        run: u32,
        /// The fault that was seen.
        fault: ConnectFault,
    },
    /// The connection broke.
    #[error("run {run}: the connection broke after {received} bytes: {source}")]
    Broken {
        /// The run, from 0.
        run: u32,
        /// Bytes that had arrived.
        received: u64,
        /// The error that was seen.
        source: std::io::Error,
    },
    /// The stream ended too early.
    #[error("run {run}: the stream ended after {received} bytes")]
    Short {
        /// The run, from 0.
        run: u32,
        /// Bytes that had arrived.
        received: u64,
    },
    /// The lab could not go on.
    #[error("run {run}: {source}")]
    Stuck {
        /// The run, from 0.
        run: u32,
        /// Why the lab could not go on.
        source: Stuck,
    },
}

impl Transfer {
    /// The settings of one run of one flow, without a record.
    pub fn new(net: Net, bytes: u64) -> Self {
        Self {
            net,
            bytes,
            parallel: 1,
            runs: 1,
            seed: Seed::new(1),
            neighbours: Neighbours::Warm,
            congestion: TcpProfile::linux().congestion,
            programs: Programs::MEASURED,
            log: Log::off(),
        }
    }

    /// Carries out the transfer; hands each run to `done` as it ends.
    ///
    /// # Errors
    /// A run failed; those before it have been handed out.
    pub fn carry_out(&self, mut done: impl FnMut(Run)) -> Result<(), TransferError> {
        let bench = Bench::new(self);
        let mut before = bench.counts();
        for run in 0..self.runs {
            let flows = (0..self.parallel.max(1)).map(|_| FlowTimes::default()).collect::<Vec<_>>();
            let flows = Rc::new(RefCell::new(flows));
            let result = bench.run(run, Rc::clone(&flows));
            let failed = flows.borrow_mut().iter_mut().find_map(|flow| flow.failed.take());
            if let Some(error) = failed {
                return Err(error);
            }
            result.map_err(|source| TransferError::Stuck { run, source })?;
            let after = bench.counts();
            done(measure(run, &flows.borrow(), before, after));
            before = after;
        }
        bench.lab.finish();
        Ok(())
    }
}

/// The times of one flow.
#[derive(Debug, Default)]
struct FlowTimes {
    connected: Duration,
    first: Option<Duration>,
    last: Duration,
    eof: Duration,
    failed: Option<TransferError>,
}

fn measure(run: u32, flows: &[FlowTimes], before: [LinkCounts; 2], after: [LinkCounts; 2]) -> Run {
    let latest = |of: fn(&FlowTimes) -> Duration| {
        let longest = flows.iter().map(of).max().unwrap_or_default();
        longest.as_nanos() as f64 / 1e6
    };
    let [up, down] =
        [0, 1].map(|direction: usize| after[direction].frames - before[direction].frames);
    let both = |of: fn(&LinkCounts) -> u64| {
        (0..2).map(|direction| of(&after[direction]) - of(&before[direction])).sum()
    };
    Run {
        run,
        connect_ms: latest(|flow| flow.connected),
        first_byte_ms: latest(|flow| flow.first.unwrap_or(flow.eof)),
        last_byte_ms: latest(|flow| flow.last),
        eof_ms: latest(|flow| flow.eof),
        frames_down: down,
        frames_up: up,
        dropped: both(|counts| counts.queue_full + counts.aqm),
        lost: both(|counts| counts.lost),
    }
}

/// The two hosts and the lab that runs them.
struct Bench {
    lab: Lab,
    client: LabHost,
    ends: [Attached; 2],
    bytes: u64,
    programs: Programs,
}

impl Bench {
    fn new(transfer: &Transfer) -> Self {
        let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(DEFAULT_DATE);
        let mut lab = Lab::new(transfer.seed, epoch, transfer.log.clone());
        let client = lab.add_host("client", Role::Client, Forwarding::Off);
        let server = lab.add_host("server", Role::WebServer, Forwarding::Off);
        let tcp = TcpProfile { congestion: transfer.congestion, ..TcpProfile::linux() };
        let tcp = Arc::new(tcp);
        for host in [&client, &server] {
            host.host(|host| host.set_tcp_profile(Arc::clone(&tcp)));
        }
        let (bytes, programs) = (transfer.bytes, transfer.programs);
        let shape = |direction| Shape { pickup: programs.pickup, ..transfer.net.shape(direction) };
        let ends = lab.link(
            &End { host: &client, addresses: vec![(CLIENT, 24)], shape: shape(Direction::Up) },
            &End {
                host: &server,
                addresses: vec![(SERVER.ip(), 24)],
                shape: shape(Direction::Down),
            },
        );
        if transfer.neighbours == Neighbours::Warm {
            client.host(|host| host.add_neighbour(ends[0].interface, SERVER.ip(), ends[1].mac));
            server.host(|host| host.add_neighbour(ends[1].interface, CLIENT, ends[0].mac));
        }
        server.spawn(serve(server.clone(), bytes, programs)).detach();
        Self { lab, client, ends, bytes, programs }
    }

    fn counts(&self) -> [LinkCounts; 2] {
        self.ends.map(|end| self.lab.counts(end.link))
    }

    fn run(&self, run: u32, flows: Rc<RefCell<Vec<FlowTimes>>>) -> Result<(), Stuck> {
        let (bytes, programs) = (self.bytes, self.programs);
        self.lab.run_until(async move {
            let mut tasks = Vec::new();
            let count = flows.borrow().len();
            for number in 0..count {
                let (client, flows) = (self.client.clone(), Rc::clone(&flows));
                let start = client.now() + programs.apart * number as u32;
                tasks.push(self.client.spawn(async move {
                    client.sleep_until(start).await;
                    let mut flow = FlowTimes::default();
                    flow.failed = fetch(&client, run, bytes, programs, &mut flow).await.err();
                    flows.borrow_mut()[number] = flow;
                }));
            }
            for task in tasks {
                task.await;
            }
            self.client.sleep(GAP).await;
        })
    }
}

type Stream = StackStream<LabPort>;

/// Waits like a system call: it goes on at once if `ready` is, and otherwise `wake` after it
/// becomes so. Also answers how long the program then takes to have the result: `answer`, or
/// nothing if it did not wait.
async fn wait<T>(
    host: &LabHost,
    Programs { wake, answer, .. }: Programs,
    mut ready: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> (T, Duration) {
    let mut waited = false;
    let value = poll_fn(|context| {
        let poll = ready(context);
        waited |= poll.is_pending();
        poll
    })
    .await;
    if !waited {
        return (value, Duration::ZERO);
    }
    host.sleep(wake).await;
    (value, answer)
}

async fn fetch(
    client: &LabHost,
    run: u32,
    bytes: u64,
    programs: Programs,
    flow: &mut FlowTimes,
) -> Result<(), TransferError> {
    let began = client.now();
    let passed = || client.now() - began;
    client.sleep(programs.start).await;
    let connected = client.connect(SERVER, None, None).await;
    let mut stream = connected.map_err(|fault| TransferError::Connect { run, fault })?;
    client.sleep(programs.wake + programs.answer).await;
    flow.connected = passed();
    let mut received = 0;
    let broken = |received| move |source| TransferError::Broken { run, received, source };
    stream.write_all(&[b' '; REQUEST]).await.map_err(broken(0))?;
    loop {
        let ((), answer) = wait(client, programs, |context| stream.poll_readable(context)).await;
        let read = poll_fn(|context| stream.poll_discard(context)).await;
        let read = read.map_err(broken(received))? as u64;
        client.sleep(answer).await;
        if read == 0 {
            break;
        }
        received += read;
        flow.last = passed();
        flow.first.get_or_insert(flow.last);
    }
    flow.eof = passed();
    if received == bytes { Ok(()) } else { Err(TransferError::Short { run, received }) }
}

async fn serve(server: LabHost, bytes: u64, programs: Programs) {
    static ZEROES: [u8; BLOB] = [0; BLOB];
    let blob = Bytes::from_static(&ZEROES);
    // Nothing else listens on this host, and a fault of one connection is seen at the client.
    let Ok(mut listener) = server.listen(SERVER) else { return };
    loop {
        let Ok(stream) = listener.accept().await else { continue };
        let (host, blob) = (server.clone(), blob.clone());
        let work = async move {
            host.sleep(programs.accept).await;
            let _ = answer(&host, stream, bytes, &blob, programs).await;
        };
        server.spawn(work).detach();
    }
}

async fn answer(
    host: &LabHost,
    mut stream: Stream,
    mut bytes: u64,
    blob: &Bytes,
    programs: Programs,
) -> std::io::Result<()> {
    let mut request = [0; REQUEST];
    let ((), answer) = wait(host, programs, |context| stream.poll_readable(context)).await;
    stream.read_exact(&mut request).await?;
    host.sleep(answer).await;
    stream.set_nodelay(Nodelay::On);
    while bytes > 0 {
        let size = usize::try_from(bytes).unwrap_or(BLOB).min(BLOB);
        let mut piece = blob.slice(..size);
        while !piece.is_empty() {
            // A program woken because there is room runs a little later, and only then writes.
            let mut full = false;
            let written = wait(host, programs, |context| {
                if full {
                    return Poll::Ready(Ok(0));
                }
                let poll = stream.poll_write_bytes(context, &mut piece);
                full = poll.is_pending();
                poll
            });
            written.await.0?;
        }
        bytes -= size as u64;
    }
    stream.shutdown().await?;
    // The client sends no more, so this is its end of the stream.
    stream.read(&mut [0]).await.map(drop)
}
