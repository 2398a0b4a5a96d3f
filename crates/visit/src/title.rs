//! `Title`: what a record is of; its first and its last line.

use roundtrip_record::{
    Among, EventId, Log, ReplayOf, RunEnded, RunStarted, SCHEMA, Time, Trace as _, What, WireKind,
};

use crate::network::Virtual;
use crate::run_error::RunError;

/// What a run is called in its record.
#[derive(Clone, Debug, Default)]
pub struct Title {
    /// The command: `visit`, `get`.
    pub command: String,
    /// What it was given.
    pub subject: String,
    /// The run it carries out again.
    pub replay_of: Option<ReplayOf>,
}

/// The first line of a record.
pub fn begin(
    log: &Log,
    title: &Title,
    wire: WireKind,
    network: Option<&Virtual>,
    wall: u64,
) -> Option<EventId> {
    log.clone().emit(Time::ZERO, None, || {
        What::RunStarted(RunStarted {
            schema: SCHEMA,
            tool: env!("CARGO_PKG_VERSION").into(),
            command: title.command.clone(),
            subject: title.subject.clone(),
            wire,
            net: network.map(|network| network.net.to_string()),
            seed: network.map(|network| network.seed),
            wall,
            replay_of: title.replay_of.clone(),
        })
    })
}

/// The last line of a record.
///
/// # Errors
/// The first thing that went wrong with keeping it.
pub fn end(log: &Log, at: Time, exit: u8, interrupted: bool) -> Result<(), RunError> {
    end_among(log, at, exit, interrupted, None)
}

pub(crate) fn end_among(
    log: &Log,
    at: Time,
    exit: u8,
    interrupted: bool,
    among: Option<Among>,
) -> Result<(), RunError> {
    log.clone().emit(at, None, || What::RunEnded(RunEnded { exit, interrupted, among }));
    Ok(log.finish()?)
}
