//! The description of an access network.

use std::time::Duration;

use crate::profile::Profile;
use crate::seed::Ppm;
use crate::shape::{Discipline, Fcs, Jitter, Pickup, Queue, Rate, Shape};

/// The access network between a client and the rest of the world, as described with `--net`.
///
/// A network is read from a profile's name, from properties between commas, or from a profile
/// followed by properties that replace its own:
///
/// ```
/// use roundtrip_lab::{Net, Ppm, Rate};
///
/// let net: Net = "3g,loss=1%".parse()?;
/// assert_eq!(net.down.rate, Rate::Constant(1_600_000));
/// assert_eq!(net.to_string(), "3g,loss=1%");
///
/// let net: Net = "cable,up-loss=1%".parse()?;
/// assert_eq!([net.down.loss, net.up.loss], [Ppm::NEVER, Ppm::new(10_000)]);
///
/// let error = "rtt=200ms,lss=2%".parse::<Net>().unwrap_err();
/// assert!(error.to_string().contains("loss"));
/// # Ok::<(), roundtrip_lab::NetError>(())
/// ```
///
/// [`Net::help`] lists the properties; `doc/networks.md` explains them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// The profile that the description begins with, if any.
    pub profile: Option<Profile>,
    /// Round-trip time without load.
    pub rtt: Duration,
    /// The direction towards the client.
    pub down: Conditions,
    /// The direction from the client.
    pub up: Conditions,
    /// Whether network cards drop corrupted frames.
    pub fcs: Fcs,
}

/// The conditions that frames meet in one direction of the access link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The rate of the direction.
    pub rate: Rate,
    /// The queue discipline: which of the waiting frames is dropped, and which is transmitted next.
    pub discipline: Discipline,
    /// The limit of the queue before the transmitter.
    pub queue: Queue,
    /// The variation of the delay.
    pub jitter: Jitter,
    /// Probability that a frame is lost.
    pub loss: Ppm,
    /// Probability that a frame is held back.
    pub reorder: Ppm,
    /// How long such a frame is held back; `None` for an eighth of the round-trip time, at least 1
    /// ms.
    pub hold: Option<Duration>,
    /// Probability that a frame arrives twice.
    pub duplicate: Ppm,
    /// Probability that one bit of a frame flips.
    pub corrupt: Ppm,
}

impl Conditions {
    /// A direction without limits or faults.
    pub const IDEAL: Self = Self {
        rate: Rate::Unlimited,
        discipline: Discipline::DropTail,
        queue: Discipline::DropTail.usual_queue(),
        jitter: Jitter::NONE,
        loss: Ppm::NEVER,
        reorder: Ppm::NEVER,
        hold: None,
        duplicate: Ppm::NEVER,
        corrupt: Ppm::NEVER,
    };
}

/// The direction in which a frame crosses the access link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Towards the client.
    Down,
    /// From the client.
    Up,
}

impl Direction {
    /// Both directions.
    pub const BOTH: [Self; 2] = [Self::Down, Self::Up];

    /// The name of the direction in descriptions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

impl Net {
    /// A network without limits, delay or faults.
    pub const IDEAL: Self = Self {
        profile: None,
        rtt: Duration::ZERO,
        down: Conditions::IDEAL,
        up: Conditions::IDEAL,
        fcs: Fcs::On,
    };

    /// One direction of the network.
    pub fn conditions(&self, direction: Direction) -> &Conditions {
        match direction {
            Direction::Down => &self.down,
            Direction::Up => &self.up,
        }
    }

    pub(crate) fn conditions_mut(&mut self, direction: Direction) -> &mut Conditions {
        match direction {
            Direction::Down => &mut self.down,
            Direction::Up => &mut self.up,
        }
    }

    /// The shape of one direction of the access link.
    pub fn shape(&self, direction: Direction) -> Shape {
        let up = self.rtt / 2;
        let delay = match direction {
            Direction::Up => up,
            // An odd nanosecond is added here, so that both delays add up to the round-trip time.
            Direction::Down => self.rtt.saturating_sub(up),
        };
        let conditions = self.conditions(direction).clone();
        Shape {
            rate: conditions.rate,
            queue: conditions.queue,
            discipline: conditions.discipline,
            delay,
            jitter: conditions.jitter,
            loss: conditions.loss,
            reorder: conditions.reorder,
            hold: conditions.hold.unwrap_or((self.rtt / 8).max(Duration::from_millis(1))),
            duplicate: conditions.duplicate,
            corrupt: conditions.corrupt,
            fcs: self.fcs,
            pickup: Pickup::INSTANT,
            segment: None,
        }
    }
}

impl Profile {
    /// The network of this profile.
    pub fn net(self) -> Net {
        let (down, up, rtt) = self.figures();
        let at = |rate: u64| Conditions { rate: Rate::Constant(rate), ..Conditions::IDEAL };
        Net { profile: Some(self), down: at(down), up: at(up), rtt, ..Net::IDEAL }
    }
}
