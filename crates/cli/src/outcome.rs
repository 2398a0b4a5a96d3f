//! `Outcome`: what a command comes to.

/// The result of a command: its exit code.
pub(crate) type Outcome = anyhow::Result<u8>;
