//! Why a browser could not be had, or did not do what it was told.

use std::io;
use std::path::PathBuf;

/// Why a browser could not be had, or did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum DevtoolsError {
    /// None is installed.
    #[error(
        "no Chromium is installed (looked for {0} in PATH): install the package chromium (Debian, Fedora, Arch), \
         chromium-browser (Ubuntu) or google-chrome-stable, or name the program: --browser=FILE"
    )]
    None(String),
    /// It could not be started.
    #[error("{program} could not be started: {why}")]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// It ended, or closed its pipe.
    #[error("{program} ended before the visit did{}", .said.as_ref().map(|said| format!("; the last it said: {said}")).unwrap_or_default())]
    Gone {
        /// The program.
        program: PathBuf,
        /// The last line of its standard error.
        said: Option<String>,
    },
    /// It did not answer.
    #[error("{program} did not answer {method} within {seconds} s")]
    Silent {
        /// The program.
        program: PathBuf,
        /// What it was asked.
        method: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It refused something.
    #[error("{program} refused {method}: {why}")]
    Refused {
        /// The program.
        program: PathBuf,
        /// What it was asked.
        method: String,
        /// Why.
        why: String,
    },
}
