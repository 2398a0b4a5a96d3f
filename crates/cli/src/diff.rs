//! The command `roundtrip diff`.

pub(crate) mod args;
mod side;

use anyhow::{Context as _, anyhow, bail};
use roundtrip_report::{Comparison, comparison, comparison_json};
use roundtrip_story::{Both, Condition};

use self::args::{Diff, DiffFormat};
use crate::options::Colour;
use crate::outcome::Outcome;
use crate::terminal;

/// Runs the command.
pub(crate) fn run(arguments: &Diff, colour: Colour) -> Outcome {
    let conditions = arguments
        .fail_if
        .iter()
        .map(|text| text.parse::<Condition>().map_err(|error| anyhow!("--fail-if: {error}")));
    let conditions: Vec<Condition> = conditions.collect::<anyhow::Result<_>>()?;
    if arguments.wanted() == DiffFormat::Junit && conditions.is_empty() {
        bail!("JUnit tests need conditions: --fail-if 'load > 5%'");
    }
    let a = side::read(&arguments.a).context("A")?;
    let b = side::read(&arguments.b).context("B")?;
    let diff =
        roundtrip_story::Diff::between(&a, &b).ok_or_else(|| anyhow!("a side has no runs"))?;
    let conditions = conditions.iter().map(|condition| condition.judge(&diff)).collect();
    let names = Both::new(arguments.a.clone(), arguments.b.clone());
    let told = Comparison { diff, names, conditions };
    let text = match arguments.wanted() {
        DiffFormat::Text => {
            let mut options = terminal::options(colour);
            options.detail = terminal::detail(arguments.verbose, arguments.quiet);
            comparison(&told, &options)
        }
        DiffFormat::Json => format!("{:#}", comparison_json(&told)),
        DiffFormat::Html => roundtrip_report::comparison_html(&told),
        DiffFormat::Junit => roundtrip_report::comparison_junit(&told),
    };
    terminal::print(&text)?;
    Ok(told.exit())
}
