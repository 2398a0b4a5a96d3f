//! `--budget FILE`: a run held against what it may cost at most.

use clap::Args;
use roundtrip_story::Budget;

/// What a run may cost at most.
#[derive(Clone, Debug, Args)]
pub(crate) struct BudgetOption {
    /// Hold it against the limits in this file, and exit with 111 if one is exceeded: load = "2.5 s",
    /// transferSize = "500 kB", requests = 50, tables for kinds of resources (script, font, …) and for
    /// third-party; or a budget.json of Lighthouse
    #[arg(long = "budget", value_name = "FILE", value_parser = read)]
    pub(crate) limits: Option<Budget>,
}

/// Reads a budget; what is wrong with it is told with its line.
fn read(path: &str) -> Result<Budget, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Budget::read(&text).map_err(|error| error.to_string())
}
