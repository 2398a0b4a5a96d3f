//! Events of the run itself: what was asked for, on which hosts and links, and what could not be
//! seen.

use core::time::Duration;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{HostId, InterfaceId, LinkId, Schema, Step};

/// Which wire carried the exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WireKind {
    /// Kernel sockets.
    Live,
    /// Our own TCP/IP on a TAP device.
    Tap,
    /// A simulated network in virtual time.
    Lab,
    /// None of ours: a recording made by another program was read.
    Imported {
        /// The recording's format, and the program that wrote it where the recording says so, as
        /// `HAR, Firefox 130.0`.
        source: String,
        /// SHA-256 of the recording's file, in lower-case hexadecimal.
        digest: String,
    },
}

impl WireKind {
    /// The wire's name, as every view shows it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Tap => "tap",
            Self::Lab => "lab",
            Self::Imported { .. } => "imported",
        }
    }
}

/// How a fact is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Our own code did what is stated.
    #[default]
    Performed,
    /// The one who did it told us, or we saw it. The text names the means: `TCP_INFO`, `sock_diag`,
    /// `netlink`, `AF_PACKET` …
    Observed(String),
    /// The fact follows from other facts, which the text names.
    Inferred(String),
}

/// A run begins: what was asked for, and on which wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The schema version of the record; readers refuse a higher major version.
    pub schema: Schema,
    /// The version of roundtrip that wrote the record.
    pub tool: String,
    /// The name of the command: `visit`, `get`, `resolve` …
    pub command: String,
    /// What the command was given: a URL, a name.
    pub subject: String,
    /// The wire that carries the run.
    pub wire: WireKind,
    /// The network in the words of `--net` (`3gslow`, `rtt=40ms,down=…`); lab only.
    pub net: Option<String>,
    /// The seed of all randomness; lab only.
    pub seed: Option<u64>,
    /// The calendar time of the record's epoch, nanoseconds since 1970-01-01T00:00:00Z.
    pub wall: u64,
    /// The recorded run that this one carries out again.
    pub replay_of: Option<ReplayOf>,
}

/// A reference to a recorded run that is carried out again: where it is, not what it measured. A
/// view that shows both side by side reads the other record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayOf {
    /// The run's id, or its folder.
    pub run: String,
    /// SHA-256 of that run's `record.jsonl`, in lower-case hexadecimal, by which a reader knows
    /// that it has the same one. Records before 2.0 do not have it.
    #[serde(default)]
    pub digest: Option<String>,
    /// What that run was given: a URL. Records before 2.0 do not have it.
    #[serde(default)]
    pub subject: Option<String>,
    /// The wire that carried that run.
    pub wire: WireKind,
    /// That run's network, where one was described.
    pub net: Option<String>,
}

/// A run has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    /// The exit code of the command.
    pub exit: u8,
    /// Whether an interrupt (Ctrl-C) ended the run early.
    pub interrupted: bool,
    /// The runs of the same visit among which this one is the median; `None` where there were no
    /// others, and none would have been different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub among: Option<Among>,
}

/// Runs of one visit in the lab that differ in their seeds only, and with them in when the browser's
/// own work is done and in what the links do by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Among {
    /// How many runs there were. One: it stands alone, though others would be different.
    pub runs: u32,
    /// The time to the end of the load event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Interval>,
    /// The time to the first paint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_paint: Option<Interval>,
}

/// How one figure is spread over several runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// A tenth of the runs was faster.
    pub low: Duration,
    /// Half of the runs was faster.
    pub median: Duration,
    /// Nine tenths of the runs were faster.
    pub high: Duration,
}

impl Interval {
    /// The interval of some times; `None` of none. Between two runs nothing is interpolated.
    pub fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let last = times.len().checked_sub(1)?;
        let at = |tenths: usize| times[(last * tenths + 5) / 10];
        Some(Self { low: at(1), median: times[last / 2], high: at(9) })
    }
}

/// What a host does in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Visits: it looks names up, connects and asks.
    Client,
    /// Forwards packets between links.
    Router,
    /// Is a name server of the root zone.
    RootServer,
    /// Is a name server of a top-level domain.
    TldServer,
    /// Is a name server of the zones that sites lie in.
    AuthoritativeServer,
    /// Resolves names for other hosts.
    Resolver,
    /// Serves a site over HTTP.
    WebServer,
    /// Passes requests on for other hosts.
    Proxy,
}

/// A host takes part, with these interfaces. A host that gets one more interface is declared again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostDeclared {
    /// The id by which events name the host.
    pub id: HostId,
    /// The host's name, for people.
    pub name: String,
    /// What the host does in the run.
    pub role: Role,
    /// The host's interfaces.
    pub interfaces: Vec<Interface>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The interface's number in this record and in `trace.pcapng`.
    pub id: InterfaceId,
    /// The interface's name on its host.
    pub name: String,
    /// The hardware address, as `02:00:00:00:00:01`; empty where there is none.
    pub mac: String,
    /// The IP addresses.
    pub addresses: Vec<IpAddr>,
}

/// One direction of a link of the lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDeclared {
    /// The id by which events name this direction of the link.
    pub id: LinkId,
    /// The interface it leads from.
    pub from: InterfaceId,
    /// The interface it leads to.
    pub to: InterfaceId,
    /// Rate in bits per second, on average where the rate varies; `None` for no limit.
    pub rate: Option<u64>,
    /// Propagation delay.
    pub delay: Duration,
    /// The queue's limit and its discipline where that is not drop-tail, as `100p`, `64000B` or
    /// `1000p codel`; empty for none.
    pub queue: String,
    /// Probability of loss, in millionths.
    pub loss_ppm: u32,
}

/// A link did not deliver a frame as it was sent. The event's cause is the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDropped {
    /// The link.
    pub link: LinkId,
    /// What the link did.
    pub reason: DropReason,
}

/// What a link did to a frame that it did not simply deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// The queue was full.
    QueueFull,
    /// Active queue management dropped the frame before the queue was full (RFC 7567).
    Aqm,
    /// Active queue management marked the frame instead of dropping it, and it was delivered (RFC
    /// 3168).
    Marked,
    /// The frame was lost on the way.
    Lost,
    /// A bit flipped, and the receiver's frame check sequence detected it, so that the frame was
    /// dropped.
    BadFcs,
    /// A bit flipped and the frame was delivered all the same (`fcs=off`).
    Corrupted,
    /// The frame was delivered twice.
    Duplicated,
    /// The frame was held back, so that later frames overtake it.
    Reordered,
}

/// The totals of one direction of a link, over the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounts {
    /// The direction of the link.
    pub link: LinkId,
    /// Frames handed to the link.
    pub frames: u64,
    /// Bytes of those frames.
    pub bytes: u64,
    /// Frames that arrived, copies included.
    pub delivered: u64,
    /// Frames dropped because the queue was full.
    pub queue_full: u64,
    /// Frames dropped by active queue management before the queue was full.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aqm: u64,
    /// Frames marked by active queue management and delivered.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub marked: u64,
    /// Frames lost on the way.
    pub lost: u64,
    /// Frames corrupted, and dropped for their frame check sequence.
    pub bad_fcs: u64,
    /// Frames corrupted and delivered.
    pub corrupted: u64,
    /// Frames delivered twice.
    pub duplicated: u64,
    /// Frames held back, so that later ones overtake them.
    pub reordered: u64,
    /// The most frames that waited in the queue at one time.
    pub queue_peak: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Something that this wire does not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// The step in which it would be seen.
    pub step: Step,
    /// What cannot be seen: `packets and sequence numbers`.
    pub what: String,
    /// What it would take to see it: `CAP_NET_RAW, --wire tap or --wire lab`.
    pub needs: String,
}
