//! `ThisMachine`: the machine on a real wire.

use std::path::PathBuf;

use roundtrip_http::client::Tls;

use crate::run_error::RunError;
use crate::trust::{Recorded, Shown, Trust, tls};

/// The machine on a real wire.
#[derive(Clone, Debug, Default)]
pub struct ThisMachine {
    /// Where caches are kept between runs.
    pub cache: Option<PathBuf>,
    /// Whom to trust.
    pub trust: Trust,
    /// How we show ourselves.
    pub shown: Shown,
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
    Ok(tls(&machine.trust, &machine.shown, Some(key_log))?)
}
