//! Why there is no load.

use std::net::IpAddr;

use roundtrip_record::{Fault, FaultKind, Step, Time};
use roundtrip_report::Finding;
use roundtrip_visit::run::RunError;

/// Why there is no load.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing is to be asked.
    #[error("there is no URL to ask for")]
    NoTarget,
    /// A host may not be aimed at.
    #[error(
        "{host} is at {address}, which is neither this machine nor a private network: a load would be an attack if \
         its owner had not agreed. Where he has, say so: --i-may={host}"
    )]
    NotPermitted {
        /// The host.
        host: String,
        /// Its address.
        address: IpAddr,
    },
    /// A target cannot be asked for.
    #[error("{}", words(.url, .kind))]
    Target {
        /// Its URL, or its origin.
        url: String,
        /// Why.
        kind: Box<FaultKind>,
    },
    /// Threads could not be started.
    #[error("{started} of {wanted} threads could be started; --threads {started} does with those")]
    Threads {
        /// How many there were.
        started: usize,
        /// How many there were to be.
        wanted: usize,
    },
    /// The wire cannot be had.
    #[error(transparent)]
    Run(#[from] RunError),
}

fn words(url: &str, kind: &FaultKind) -> String {
    let fault = Fault {
        step: Step::Name,
        exchange: None,
        connection: None,
        since: Time::ZERO,
        fatal: true,
        fault: kind.clone(),
    };
    let finding = Finding::alone(&fault, Time::ZERO, url);
    format!("{}; {}", finding.headline, finding.next)
}
