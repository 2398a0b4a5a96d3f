//! Events of an import: what a recording of another program was, and what of it had to be inferred.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BodyRef, ExchangeId};

/// A recording made by another program was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// The recording's format: `HAR 1.2`, `pcapng`.
    pub format: String,
    /// The program that wrote the recording, with its version; empty where the recording does not
    /// say.
    pub writer: String,
    /// The browser whose visit it is, with its version; empty where the recording does not say.
    pub browser: String,
    /// The archive's own JSON without its entries, where the recording is a HAR. A view that gives
    /// the recording back begins with it.
    pub archive: Option<BodyRef>,
    /// The imported entries of a HAR as they stood there, one JSON object a line. In the place of a
    /// text that is kept as a body stands the body's reference, an object where HAR has a string.
    pub entries: Option<BodyRef>,
}

/// Facts of one exchange that its recording does not state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedExchange {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The entry's place in the recording, from 0.
    pub place: u64,
    /// What was inferred, and from what.
    pub inferred: Vec<Inference>,
    /// How long the server itself took, where the recording states it, as our own archives of the lab
    /// do (`_serverThink`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_think: Option<Duration>,
}

/// A fact that was inferred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inference {
    /// The fact: `connection`, `request version` …
    pub fact: String,
    /// What the fact follows from.
    pub from: String,
}

/// Something about a recording that a reader of the record must know, once for each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportNote {
    /// What was missing, contradictory or inferred, for people.
    pub note: String,
    /// How many entries or packets it concerns.
    pub count: u64,
}
