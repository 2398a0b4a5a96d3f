//! `ThisMachine`: the machine on a real wire.

use std::path::PathBuf;

use roundtrip_http::client::{PinnedKeys, Tls};
use roundtrip_live::Way;

use crate::run_error::RunError;
use crate::trust::{Recorded, Shown, Trust, tls};

/// The machine on a real wire.
#[derive(Clone, Debug, Default)]
pub struct ThisMachine {
    /// Where caches are kept between runs.
    pub cache: Option<PathBuf>,
    /// Whom to trust.
    pub trust: Trust,
    /// The keys that servers may have; any where it is `None`.
    pub pinned: Option<PinnedKeys>,
    /// How we show ourselves.
    pub shown: Shown,
    /// How connections leave the machine.
    pub way: Way,
    /// Where keys of TLS sessions are appended (`SSLKEYLOGFILE`).
    pub key_log: Option<PathBuf>,
}

/// TLS as this machine trusts, with the key log that was asked for, or the record's.
pub fn trusted(machine: &ThisMachine) -> Result<Tls, RunError> {
    let key_log: std::sync::Arc<dyn rustls::KeyLog> = match &machine.key_log {
        None => Recorded::key_log(),
        Some(path) => {
            let opened = crate::trust::KeyFile::open(path);
            let opened = opened.map_err(|why| RunError::KeyLog { path: path.clone(), why })?;
            std::sync::Arc::new(opened)
        }
    };
    let pinned = machine.pinned.as_ref();
    Ok(tls(&machine.trust, pinned, &machine.shown, Some(key_log))?)
}
