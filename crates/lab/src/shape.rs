//! What one direction of a link is like: its rate, its queue, its delay and its faults.

use std::sync::Arc;
use std::time::Duration;

use crate::delivery::DeliveryTrace;
use crate::seed::Ppm;

/// What a link is like, one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How fast the transmitter is.
    pub rate: Rate,
    /// How much may wait for the transmitter.
    pub queue: Queue,
    /// Which of the waiting frames is transmitted next, and which are dropped before that.
    pub discipline: Discipline,
    /// From the end of a frame's transmission to its arrival.
    pub delay: Duration,
    /// By how much that varies from frame to frame.
    pub jitter: Jitter,
    /// Probability that a frame is lost.
    pub loss: Ppm,
    /// Probability that a frame is held back.
    pub reorder: Ppm,
    /// For how long it is then held back.
    pub hold: Duration,
    /// Probability that a frame arrives twice.
    pub duplicate: Ppm,
    /// Probability that one bit of a frame flips.
    pub corrupt: Ppm,
    /// Whether the receiver's network card checks frames.
    pub fcs: Fcs,
    /// How long the receiver takes to handle a frame that has arrived.
    pub pickup: Pickup,
    /// How long address resolution (ARP, neighbour discovery) takes to the other end where that
    /// stands on the same segment and only what it forwards crosses the link; `None` where address
    /// resolution crosses the link like every other frame.
    pub segment: Option<Duration>,
}

impl Shape {
    /// A link without limits or faults.
    pub const fn ideal(delay: Duration) -> Self {
        Self {
            rate: Rate::Unlimited,
            queue: Queue::Unlimited,
            discipline: Discipline::DropTail,
            delay,
            jitter: Jitter::NONE,
            loss: Ppm::NEVER,
            reorder: Ppm::NEVER,
            hold: Duration::ZERO,
            duplicate: Ppm::NEVER,
            corrupt: Ppm::NEVER,
            fcs: Fcs::On,
            pickup: Pickup::INSTANT,
            segment: None,
        }
    }
}

/// How fast a transmitter is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rate {
    /// Transmission takes no time, so that nothing ever waits.
    #[default]
    Unlimited,
    /// So many bits per second, the Ethernet header included.
    Constant(u64),
    /// As recorded on some network, again and again.
    Trace(Arc<DeliveryTrace>),
}

impl Rate {
    /// Bits per second, on average where it varies; `None` for no limit.
    pub fn mean(&self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::Constant(rate) => Some(*rate),
            Self::Trace(trace) => Some(trace.mean_rate()),
        }
    }
}

/// The limit of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// No limit.
    Unlimited,
    /// So many frames may wait.
    Packets(u32),
    /// So many bytes may wait.
    Bytes(u64),
}

/// How a queue chooses what it drops and what it transmits next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discipline {
    /// First in, first out; what does not fit any more is dropped.
    #[default]
    DropTail,
    /// First in, first out; frames are dropped while the queue stands for too long (RFC 8289).
    CoDel(CoDel),
    /// A queue with CoDel for each flow, served in turn (RFC 8290).
    FqCoDel(FqCoDel),
}

impl Discipline {
    /// The limit of the queue where none is described: Linux's for the managed ones, and for
    /// drop-tail near what a plain router at home has (dummynet's is 50 packets, netem's 1000).
    pub const fn usual_queue(self) -> Queue {
        match self {
            Self::DropTail => Queue::Packets(100),
            Self::CoDel(_) => Queue::Packets(1_000),
            Self::FqCoDel(_) => Queue::Packets(10_240),
        }
    }

    /// Its name in `tc(8)`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DropTail => "droptail",
            Self::CoDel(_) => "codel",
            Self::FqCoDel(_) => "fq_codel",
        }
    }
}

/// The parameters of CoDel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoDel {
    /// The standing delay that is acceptable (RFC 8289 §4.3).
    pub target: Duration,
    /// For how long the delay must stand above the target before the first frame is dropped: as long
    /// as a sender takes to react, a round trip (RFC 8289 §4.2).
    pub interval: Duration,
    /// Marks frames of senders that understand ECN (RFC 3168) instead of dropping them.
    pub ecn: bool,
}

impl CoDel {
    /// What `tc qdisc add … codel` gives without arguments.
    pub const LINUX: Self =
        Self { target: Duration::from_millis(5), interval: Duration::from_millis(100), ecn: false };
}

/// The parameters of FQ-CoDel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FqCoDel {
    /// Of the CoDel of each flow's queue.
    pub codel: CoDel,
    /// How many queues the flows are spread over, at least 1.
    pub flows: u32,
    /// Bytes that a queue may transmit in its turn (RFC 8290 §5.2.4).
    pub quantum: u32,
}

impl FqCoDel {
    /// What `tc qdisc add … fq_codel` gives without arguments on an Ethernet.
    pub const LINUX: Self =
        Self { codel: CoDel { ecn: true, ..CoDel::LINUX }, flows: 1_024, quantum: 1_514 };
}

/// By how much the delay of a frame differs from the link's.
///
/// No frame overtakes another: one that would arrive before its predecessor arrives together with
/// it, so that the mean delay grows where frames follow each other closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// How far: the bound of a uniform distribution, the standard deviation of a normal one.
    pub spread: Duration,
    /// Of what kind.
    pub distribution: Distribution,
}

impl Jitter {
    /// None at all.
    pub const NONE: Self = Self { spread: Duration::ZERO, distribution: Distribution::Uniform };
}

/// How differences of the delay are distributed. No delay falls below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distribution {
    /// Each between `-spread` and `+spread` is as likely as the other.
    #[default]
    Uniform,
    /// Normal, with `spread` as standard deviation; never more than six of these away.
    Normal,
}

/// How long the receiver takes from a frame's arrival to handling it, evenly between two bounds.
///
/// In a queue of packets it decides who is dropped: acknowledgements that come at exactly the pace of
/// the transmitter make new frames arrive at the very instant at which a place in the queue is or is
/// not free. The first frame after a pause takes longer, since the processor has been elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pickup {
    /// Bounds while frames keep coming.
    pub busy: [Duration; 2],
    /// Bounds after a pause.
    pub idle: [Duration; 2],
    /// What counts as a pause.
    pub pause: Duration,
}

impl Pickup {
    /// No time at all.
    pub const INSTANT: Self =
        Self { busy: [Duration::ZERO; 2], idle: [Duration::ZERO; 2], pause: Duration::ZERO };
}

/// Whether the receiver's network card checks the frame check sequence (IEEE 802.3 §3.2.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fcs {
    /// It does, and drops a corrupted frame.
    #[default]
    On,
    /// It does not: a corrupted frame reaches the checksums of IP, UDP and TCP.
    Off,
}
