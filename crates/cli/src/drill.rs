//! `roundtrip drill`

use crate::Outcome;
use crate::args::Drill;

/// Carries it out.
pub(crate) fn run(arguments: &Drill) -> Outcome {
    let report = roundtrip_drill::run(&arguments.scripts, arguments.verbose);
    crate::terminal::print(&report.to_string())?;
    Ok(report.exit_code())
}
