//! The shape of one direction of a link: its rate, queue, delay and faults.

use std::sync::Arc;
use std::time::Duration;

use crate::delivery::DeliveryTrace;
use crate::seed::Ppm;

/// The shape of one direction of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The rate of the transmitter.
    pub rate: Rate,
    /// The limit of the queue before the transmitter.
    pub queue: Queue,
    /// The queue discipline: which of the waiting frames is transmitted next, and which are dropped
    /// before that.
    pub discipline: Discipline,
    /// The time from the end of a frame's transmission to its arrival.
    pub delay: Duration,
    /// The variation of the delay from frame to frame.
    pub jitter: Jitter,
    /// Probability that a frame is lost.
    pub loss: Ppm,
    /// Probability that a frame is held back.
    pub reorder: Ppm,
    /// How long such a frame is held back.
    pub hold: Duration,
    /// Probability that a frame arrives twice.
    pub duplicate: Ppm,
    /// Probability that one bit of a frame flips.
    pub corrupt: Ppm,
    /// Whether the receiver's network card checks frames.
    pub fcs: Fcs,
    /// How long the receiver takes to handle a frame that has arrived.
    pub pickup: Pickup,
    /// The delay of address resolution (ARP, neighbour discovery), if the other end is on the same
    /// segment and only the packets it forwards cross the link; `None` if address resolution
    /// crosses the link like every other frame.
    pub segment: Option<Duration>,
}

impl Shape {
    /// A direction without limits or faults.
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

/// The rate of a transmitter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rate {
    /// Transmission takes no time, so that nothing ever waits.
    #[default]
    Unlimited,
    /// A constant rate, bits per second, the Ethernet header included.
    Constant(u64),
    /// A rate as recorded on some network, repeated for ever.
    Trace(Arc<DeliveryTrace>),
}

impl Rate {
    /// The rate in bits per second, on average if it varies; `None` if it is unlimited.
    pub fn mean(&self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::Constant(rate) => Some(*rate),
            Self::Trace(trace) => Some(trace.mean_rate()),
        }
    }
}

/// The limit of a queue of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// The queue has no limit.
    Unlimited,
    /// The number of frames that may wait.
    Packets(u32),
    /// The number of bytes that may wait.
    Bytes(u64),
}

/// A queue discipline: how a queue chooses what it drops and what it transmits next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discipline {
    /// First in, first out; a frame that does not fit is dropped.
    #[default]
    DropTail,
    /// First in, first out; frames are dropped while the delay of the queue is too long for too
    /// long (RFC 8289).
    CoDel(CoDel),
    /// One queue with CoDel for each flow, served in turn (RFC 8290).
    FqCoDel(FqCoDel),
}

impl Discipline {
    /// The default limit of the queue: Linux's for the managed ones, and for drop-tail near that of
    /// a plain home router (dummynet's is 50 packets, netem's 1000).
    pub const fn usual_queue(self) -> Queue {
        match self {
            Self::DropTail => Queue::Packets(100),
            Self::CoDel(_) => Queue::Packets(1_000),
            Self::FqCoDel(_) => Queue::Packets(10_240),
        }
    }

    /// The name of the discipline, as in `tc(8)`.
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
    /// How long the delay must stay above the target before the first frame is dropped: as long as
    /// a sender takes to react, a round trip (RFC 8289 §4.2).
    pub interval: Duration,
    /// Whether frames of senders that support ECN (RFC 3168) are marked instead of dropped.
    pub ecn: bool,
}

impl CoDel {
    /// The parameters that `tc qdisc add … codel` gives without arguments.
    pub const LINUX: Self =
        Self { target: Duration::from_millis(5), interval: Duration::from_millis(100), ecn: false };
}

/// The parameters of FQ-CoDel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FqCoDel {
    /// The parameters of CoDel in each flow's queue.
    pub codel: CoDel,
    /// The number of queues that the flows are spread over, at least 1.
    pub flows: u32,
    /// The number of bytes that a queue may transmit in its turn (RFC 8290 §5.2.4).
    pub quantum: u32,
}

impl FqCoDel {
    /// The parameters that `tc qdisc add … fq_codel` gives without arguments on an Ethernet.
    pub const LINUX: Self =
        Self { codel: CoDel { ecn: true, ..CoDel::LINUX }, flows: 1_024, quantum: 1_514 };
}

/// The variation of a link's delay from frame to frame.
///
/// No frame overtakes another: one that would arrive before its predecessor arrives together with
/// it, so that the mean delay grows where frames follow each other closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// The size of the variation: the bound of a uniform distribution, the standard deviation of a
    /// normal one.
    pub spread: Duration,
    /// The distribution of the variation.
    pub distribution: Distribution,
}

impl Jitter {
    /// No variation.
    pub const NONE: Self = Self { spread: Duration::ZERO, distribution: Distribution::Uniform };
}

/// The distribution of the delay's variation. No delay falls below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distribution {
    /// Uniform between `-spread` and `+spread`.
    #[default]
    Uniform,
    /// Normal with the standard deviation `spread`, and never more than six of these away.
    Normal,
}

/// The time from a frame's arrival to its handling by the receiver, uniform between two bounds.
///
/// The time matters in a queue of packets, where it decides which frames are dropped:
/// acknowledgements that come at exactly the pace of the transmitter make new frames arrive at the
/// very instant at which a place in the queue may become free. The first frame after a pause takes
/// longer, since the processor has been elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pickup {
    /// The bounds while frames keep coming.
    pub busy: [Duration; 2],
    /// The bounds after a pause.
    pub idle: [Duration; 2],
    /// The least time without frames that counts as a pause.
    pub pause: Duration,
}

impl Pickup {
    /// Frames are handled at the instant they arrive.
    pub const INSTANT: Self =
        Self { busy: [Duration::ZERO; 2], idle: [Duration::ZERO; 2], pause: Duration::ZERO };
}

/// Whether the receiver's network card checks the frame check sequence (IEEE 802.3 §3.2.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fcs {
    /// The card checks frames, and drops a corrupted one.
    #[default]
    On,
    /// The card does not check frames: a corrupted one reaches the checksums of IP, UDP and TCP.
    Off,
}
