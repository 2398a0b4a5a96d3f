//! What can be written behind `roundtrip diff`.

use clap::{Args, ValueEnum};

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people
    #[default]
    Text,
    /// For programs: the same facts
    Json,
    /// A page that needs nothing else
    Html,
    /// JUnit XML, for CI systems: each condition is a test
    Junit,
}

/// `roundtrip diff`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    roundtrip diff monday friday                 two saved runs: what changed, and why\n  \
    roundtrip diff main.har pr.har --fail-if 'load > 5%' --fail-if 'requests > 0'\n  \
    roundtrip diff before/ after/ -v             two folders of runs: what is beyond their spread\n\n\
Exit codes: 0; 2 when a side cannot be read; 111 when a condition fails")]
pub(crate) struct Diff {
    /// What it was: a saved run (id, name, folder), a HAR or a capture; several with commas between,
    /// a folder of runs, or NAME* for all runs whose names begin so
    #[arg(value_name = "A")]
    pub(crate) a: String,
    /// What it is now, likewise
    #[arg(value_name = "B")]
    pub(crate) b: String,
    /// Exit with 111 if B has this much more than A: load > 5%, first-paint > 100ms, transferSize >
    /// 20kB, requests > 0. Between several runs, a time must lie beyond their spread
    #[arg(long, value_name = "CONDITION")]
    pub(crate) fail_if: Vec<String>,
    /// text, json, html or junit
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", group = "view")]
    pub(crate) format: DiffFormat,
    /// The same as --format html
    #[arg(long, group = "view")]
    pub(crate) html: bool,
    /// The same as --format junit
    #[arg(long, group = "view")]
    pub(crate) junit: bool,
    /// Every difference, why the first paint came when it did, and all metrics
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// The answer and the conditions alone
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl Diff {
    /// The format that was asked for.
    pub(crate) const fn wanted(&self) -> DiffFormat {
        match (self.html, self.junit) {
            (true, _) => DiffFormat::Html,
            (_, true) => DiffFormat::Junit,
            _ => self.format,
        }
    }
}
