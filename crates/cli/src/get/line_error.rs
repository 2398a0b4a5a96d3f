//! `LineError`: why a command line cannot be read.

/// Why a command line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineError {
    pub(super) text: String,
    /// curl's exit code for it.
    pub(crate) code: u8,
}

impl LineError {
    /// One of the line itself (`CURLE_FAILED_INIT`).
    pub(super) fn of(text: String) -> Self {
        Self { text, code: 2 }
    }

    /// One of a file that cannot be read (`CURLE_READ_ERROR`).
    pub(super) fn unread(text: String) -> Self {
        Self { text, code: 26 }
    }
}

impl std::fmt::Display for LineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for LineError {}
