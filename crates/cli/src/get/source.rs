//! Files that an option's value names, and standard input.

use std::fs;
use std::io::Read as _;

use super::early::Early;

/// The contents of a file; `-` is standard input.
pub(super) fn read(path: &str) -> anyhow::Result<Vec<u8>> {
    if path == "-" {
        let mut all = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut all);
        read.map_err(|error| unread(&"standard input", &error))?;
        return Ok(all);
    }
    Ok(fs::read(path).map_err(|error| unread(&path, &error))?)
}

/// The error of a file that was to be sent but cannot be read.
pub(super) fn unread(path: &dyn std::fmt::Display, error: &std::io::Error) -> Early {
    /// curl's exit code for it (`CURLE_READ_ERROR`).
    const READ_ERROR: u8 = 26;
    Early { code: READ_ERROR, text: format!("{path} cannot be read: {error}; nothing was sent") }
}
