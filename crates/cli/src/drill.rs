//! The command `roundtrip drill`.

use roundtrip_drill::{Options, Source, run as run_scripts};

use crate::args::Drill;
use crate::{Outcome, terminal};

/// Runs the command.
pub(crate) fn run(arguments: &Drill) -> Outcome {
    let sources: Vec<Source> =
        arguments.scripts.iter().flat_map(|path| Source::files(path)).collect();
    let mut options = Options { hz: arguments.hz, ..Options::default() };
    for definition in &arguments.define {
        let (name, value) = definition.split_once('=').unwrap_or((definition, ""));
        options.definitions.insert(name.to_owned(), value.to_owned());
    }
    let report = run_scripts(&sources, &options);
    terminal::print(&report.to_string())?;
    Ok(report.exit_code())
}
