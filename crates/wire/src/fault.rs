//! Why there is no connection.

use roundtrip_record::{Attempt, AttemptEnd};

/// A connection did not come about: what was tried and what came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .0.to, end(&.0.end))]
pub struct ConnectFault(pub Box<Attempt>);

fn end(end: &AttemptEnd) -> String {
    match end {
        AttemptEnd::Connected => "connected".into(),
        AttemptEnd::Refused => "refused".into(),
        AttemptEnd::TimedOut => "no answer".into(),
        AttemptEnd::Unreachable { why, .. } | AttemptEnd::Failed { why } => why.clone(),
        AttemptEnd::NoNeighbour { next_hop } => format!("next hop {next_hop} does not answer"),
        AttemptEnd::Cancelled => "given up".into(),
    }
}
