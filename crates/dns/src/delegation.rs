//! `WalkFailure`: why a walk from the root ended before it reached the name, with the zone whose
//! servers gave no usable answer and what became of each server.

use std::net::IpAddr;

use hickory_proto::rr::Name;
use roundtrip_record::{DelegatedServer, DelegationFault, FaultKind};

/// The most servers of a zone that are reported.
const MOST_SERVERS: usize = 32;

/// The end of a walk that did not reach its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WalkFailure {
    /// No server of a zone gave a usable answer.
    Zone {
        /// The zone.
        zone: Name,
        /// The zone that delegates to it; `None` for the root.
        parent: Option<Name>,
        /// What is wrong with the delegation.
        what: DelegationFault,
        /// What became of each server.
        servers: Vec<DelegatedServer>,
    },
    /// The name's aliases (CNAME) form a loop, or a chain that is too long.
    Aliases(Vec<Name>),
}

/// What became of a server of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerOutcome {
    /// The server gave an answer that is of no use.
    Answered(String),
    /// The server did not answer, or could not be asked.
    Silent(String),
    /// The server's name lies in the zone, and no glue came with it.
    NoGlue,
    /// Finding the server's address needs the zone itself, by way of these names and zones.
    Circular(Vec<String>),
    /// The server has no address, for this reason.
    NoAddress(String),
    /// The server's address was not looked for, since the walk had become too long.
    NotLookedFor,
}

/// The servers of one zone and their fates.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerOutcomes(Vec<(Name, Option<IpAddr>, ServerOutcome)>);

impl ServerOutcomes {
    /// Notes what became of a server. It replaces an earlier note, unless that was an answer and
    /// this is silence.
    pub(crate) fn note(&mut self, name: Name, address: Option<IpAddr>, outcome: ServerOutcome) {
        let room = self.0.len() < MOST_SERVERS;
        match self.0.iter_mut().find(|(n, a, _)| *n == name && *a == address) {
            Some((_, _, ServerOutcome::Answered(_)))
                if !matches!(outcome, ServerOutcome::Answered(_)) => {}
            Some((_, _, known)) => *known = outcome,
            None if room => self.0.push((name, address, outcome)),
            None => {}
        }
    }

    /// Whether servers were asked and none answered.
    pub(crate) fn is_silent(&self) -> bool {
        let silent = |(_, _, outcome): &(Name, Option<IpAddr>, ServerOutcome)| {
            matches!(outcome, ServerOutcome::Silent(_))
        };
        !self.0.is_empty() && self.0.iter().all(silent)
    }

    /// What is wrong with the zone as a whole. A server that answered counts for more than one that
    /// was silent, and that one for more than a server that could not be found.
    pub(crate) fn verdict(&self) -> DelegationFault {
        let outcomes = || self.0.iter().map(|(_, _, outcome)| outcome);
        let circle = outcomes().find_map(|outcome| match outcome {
            ServerOutcome::Circular(through) => Some(through.clone()),
            _ => None,
        });
        if outcomes().any(|outcome| matches!(outcome, ServerOutcome::Answered(_))) {
            DelegationFault::Lame
        } else if outcomes().any(|outcome| matches!(outcome, ServerOutcome::Silent(_))) {
            DelegationFault::Silent
        } else if let Some(through) = circle {
            DelegationFault::Circular { through }
        } else if outcomes().any(|outcome| matches!(outcome, ServerOutcome::NotLookedFor)) {
            DelegationFault::TooLong
        } else if outcomes().any(|outcome| matches!(outcome, ServerOutcome::NoAddress(_))) {
            DelegationFault::NoAddress
        } else {
            DelegationFault::NoGlue
        }
    }

    /// Each server and what became of it, for the record.
    pub(crate) fn servers(&self) -> Vec<DelegatedServer> {
        let server = |(name, address, outcome): &(Name, Option<IpAddr>, ServerOutcome)| {
            DelegatedServer { name: name.to_ascii(), address: *address, said: outcome.words() }
        };
        self.0.iter().map(server).collect()
    }
}

impl ServerOutcome {
    fn words(&self) -> String {
        match self {
            Self::Answered(said) | Self::Silent(said) | Self::NoAddress(said) => said.clone(),
            Self::NoGlue => "no address came with its name, which lies in the zone itself".into(),
            Self::Circular(_) => "to find its address the zone itself is needed".into(),
            Self::NotLookedFor => "its address was not looked for".into(),
        }
    }
}

impl WalkFailure {
    /// The fault of the lookup of `name`.
    pub(crate) fn fault(self, name: String) -> FaultKind {
        match self {
            Self::Zone { zone, parent, what, servers } => FaultKind::BadDelegation {
                name,
                zone: zone.to_ascii(),
                parent: parent.map(|parent| parent.to_ascii()),
                what,
                servers,
            },
            Self::Aliases(aliases) => {
                FaultKind::AliasLoop { name, aliases: aliases.iter().map(Name::to_ascii).collect() }
            }
        }
    }

    /// A few words on why the address of a server could not be found.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Zone { zone, what, .. } => {
                let zone = zone.to_ascii();
                let what = match what {
                    DelegationFault::Lame => "do not serve it",
                    DelegationFault::Silent => "do not answer",
                    DelegationFault::NoGlue | DelegationFault::NoAddress => "have no address",
                    DelegationFault::Circular { .. } => "need each other to be found",
                    DelegationFault::TooLong => "take too long to find",
                };
                format!("its address could not be found: the servers of {zone} {what}")
            }
            Self::Aliases(_) => "its name's aliases never end".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    #[test]
    fn what_a_server_said_counts_for_more_than_silence_and_that_for_more_than_no_address() {
        let circle = ServerOutcome::Circular(vec!["a.".into()]);
        let mut outcomes = ServerOutcomes::default();
        for (n, (outcome, expected)) in [
            (ServerOutcome::NoGlue, DelegationFault::NoGlue),
            (ServerOutcome::NoAddress("gone".into()), DelegationFault::NoAddress),
            (ServerOutcome::NotLookedFor, DelegationFault::TooLong),
            (circle, DelegationFault::Circular { through: vec!["a.".into()] }),
            (ServerOutcome::Silent("no answer".into()), DelegationFault::Silent),
            (ServerOutcome::Answered("REFUSED".into()), DelegationFault::Lame),
        ]
        .into_iter()
        .enumerate()
        {
            outcomes.note(name(&format!("ns{n}.example")), None, outcome);
            assert_eq!(outcomes.verdict(), expected);
            assert!(!outcomes.is_silent());
        }
        assert_eq!(outcomes.servers().len(), 6);
        outcomes.note(name("ns5.example"), None, ServerOutcome::Silent("no answer".into()));
        assert_eq!(outcomes.servers()[5].said, "REFUSED");
    }
}
