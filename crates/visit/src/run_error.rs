//! `RunError`: why a run did not take place.

use std::path::PathBuf;

use roundtrip_lab::Stuck;
use roundtrip_record::FolderError;
use roundtrip_tap::TapError;

use crate::crypto::NoCertificate;
use crate::replay::ReplayError;
use crate::site::SiteError;
use crate::trust::TrustError;

/// Why a run did not take place, or its record was not kept. What goes wrong on the network is none
/// of these: it is a finding in the record.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The record cannot be kept.
    #[error("the record cannot be kept: {0}")]
    Record(#[from] FolderError),
    /// The sites cannot be put up.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The authority of the lab cannot be made.
    #[error(transparent)]
    Authority(#[from] NoCertificate),
    /// The lab came to a standstill.
    #[error("the simulation cannot go on: {0}")]
    Stuck(#[from] Stuck),
    /// TLS cannot be set up.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The key log cannot be opened.
    #[error("SSLKEYLOGFILE {path}: {why}", path = .path.display())]
    KeyLog {
        /// The file.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// The record that is to be carried out again lacks something.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// There is no TAP device.
    #[error(transparent)]
    Tap(#[from] TapError),
    /// The runtime cannot be had.
    #[error("the network cannot be used: {0}")]
    Runtime(#[from] std::io::Error),
}
