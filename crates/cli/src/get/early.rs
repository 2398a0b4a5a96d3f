//! `Early`: an error before anything was sent, and how it is told.

use super::args::Get;

/// Why a transfer, or the command, failed before it began, with curl's exit code for it.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) code: u8,
    pub(super) text: String,
}

impl std::fmt::Display for Early {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Early {}

/// Prints an error, unless the options silence it.
pub(super) fn complain(arguments: &Get, code: u8, words: &str) {
    if !arguments.silent || arguments.show_error {
        eprintln!("roundtrip: ({code}) {words}");
    }
}
