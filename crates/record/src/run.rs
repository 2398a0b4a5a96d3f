//! The run itself: what was asked for, on what network, what could not be seen.

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
    /// None of ours: somebody else's recording was read.
    Imported {
        /// What was read: its format, and the program that wrote it where it says so, as
        /// `HAR, Firefox 130.0`.
        source: String,
        /// SHA-256 of the file that was read, in lower-case hexadecimal.
        digest: String,
    },
}

impl WireKind {
    /// Its name in every view.
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
pub enum How {
    /// We did it ourselves.
    #[default]
    Performed,
    /// Somebody who did it told us, or we saw it: through what (`TCP_INFO`, `sock_diag`, `netlink`, `AF_PACKET` …).
    Observed(String),
    /// It follows from other facts: which.
    Inferred(String),
}

/// What was asked for, and where it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    /// Version of this schema; readers refuse a higher major version.
    pub schema: Schema,
    /// Version of the tool that wrote the record.
    pub tool: String,
    /// The command, as `visit`, `get`, `resolve`.
    pub command: String,
    /// What it was given: a URL, a name.
    pub subject: String,
    /// The wire.
    pub wire: WireKind,
    /// The network described, as it was written (`3gslow`, `rtt=40ms,down=…`); lab only.
    pub net: Option<String>,
    /// The seed; lab only.
    pub seed: Option<u64>,
    /// The calendar time of the record's epoch, nanoseconds since 1970-01-01T00:00:00Z.
    pub wall: u64,
    /// The run that this one carries out again.
    pub replay_of: Option<ReplayOf>,
}

/// The recorded run that is carried out again: where it is, not what it measured. A view that shows
/// both side by side reads the other record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayOf {
    /// The run's id, or its folder.
    pub run: String,
    /// SHA-256 of its `record.jsonl`, in lower-case hexadecimal, by which a reader knows that it has
    /// the same one. Records before 2.0 do not have it.
    #[serde(default)]
    pub digest: Option<String>,
    /// What it was given: a URL. Records before 2.0 do not have it.
    #[serde(default)]
    pub subject: Option<String>,
    /// Its wire.
    pub wire: WireKind,
    /// Its network, where one was described.
    pub net: Option<String>,
}

/// The run is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    /// The exit code of the command.
    pub exit: u8,
    /// Ended by an interrupt (Ctrl-C) before its end.
    pub interrupted: bool,
}

/// What a host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one that visits.
    Client,
    /// Forwards between links.
    Router,
    /// Answers for the root zone.
    RootServer,
    /// Answers for a top-level domain.
    TldServer,
    /// Answers for a zone of sites.
    AuthoritativeServer,
    /// Resolves for others.
    Resolver,
    /// Serves a site.
    WebServer,
    /// Passes requests on for others.
    Proxy,
}

/// A host and its interfaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostDeclared {
    /// The id events carry.
    pub id: HostId,
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its number in this record and in `trace.pcapng`.
    pub id: InterfaceId,
    /// Its name on its host.
    pub name: String,
    /// Its hardware address, as `02:00:00:00:00:01`; empty where it has none.
    pub mac: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A link of the lab, one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDeclared {
    /// The id events carry.
    pub id: LinkId,
    /// From which interface.
    pub from: InterfaceId,
    /// To which.
    pub to: InterfaceId,
    /// Bits per second, on average where the rate varies; `None` for no limit.
    pub rate: Option<u64>,
    /// Propagation delay.
    pub delay: Duration,
    /// The queue's limit and its discipline where that is not drop-tail, as `100p`, `64000B` or
    /// `1000p codel`; empty for none.
    pub queue: String,
    /// Probability of loss, in millionths.
    pub loss_ppm: u32,
}

/// What a link did to a frame. The event's cause is the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDropped {
    /// The link.
    pub link: LinkId,
    /// Why.
    pub reason: DropReason,
}

/// Why a frame did not arrive as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// The queue was full.
    QueueFull,
    /// Active queue management dropped it before the queue was full (RFC 7567).
    Aqm,
    /// Active queue management marked it instead of dropping it, and it was delivered (RFC 3168).
    Marked,
    /// Lost on the way.
    Lost,
    /// A bit flipped and the receiver's frame check sequence found it.
    BadFcs,
    /// A bit flipped and the frame was delivered (`fcs=off`).
    Corrupted,
    /// It was delivered twice.
    Duplicated,
    /// It was held back, so that later frames overtake it.
    Reordered,
}

/// What a link did in the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounts {
    /// The link.
    pub link: LinkId,
    /// Frames that were handed to it.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that arrived, copies included.
    pub delivered: u64,
    /// Dropped since the queue was full.
    pub queue_full: u64,
    /// Dropped by active queue management before the queue was full.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aqm: u64,
    /// Marked by active queue management and delivered.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub marked: u64,
    /// Lost on the way.
    pub lost: u64,
    /// Corrupted and dropped by the frame check sequence.
    pub bad_fcs: u64,
    /// Corrupted and delivered.
    pub corrupted: u64,
    /// Delivered twice.
    pub duplicated: u64,
    /// Held back.
    pub reordered: u64,
    /// Most frames that waited at one time.
    pub queue_peak: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Something that this wire does not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// The step it belongs to.
    pub step: Step,
    /// What is not seen: `packets and sequence numbers`.
    pub what: String,
    /// What it would take to see it: `CAP_NET_RAW, --wire tap or --wire lab`.
    pub needs: String,
}
