//! Manual pages and shell completions, made from the same text as `--help`.

use std::path::Path;

use clap::CommandFactory as _;

use crate::Outcome;
use crate::args::Cli;

/// Prints completions for a shell.
#[allow(clippy::unnecessary_wraps, reason = "every command has an outcome")]
pub(crate) fn completions(shell: clap_complete::Shell) -> Outcome {
    clap_complete::generate(shell, &mut Cli::command(), "roundtrip", &mut std::io::stdout());
    Ok(0)
}

/// Writes a manual page for `roundtrip` and for each of its subcommands.
pub(crate) fn pages(folder: &Path) -> Outcome {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)?;
    Ok(0)
}
