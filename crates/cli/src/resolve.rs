//! `roundtrip resolve`

use roundtrip_dns::Families;
use roundtrip_report::{Detail, json, terminal as view};
use roundtrip_visit::run::{Real, Title};

use crate::args::{Colour, Format, Resolve};
use crate::keep::Kept;
use crate::network::{Wire, place};
use crate::{Outcome, terminal};

/// Carries it out.
pub(crate) fn run(arguments: &Resolve, colour: Colour) -> Outcome {
    let families = match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Families::V4,
        (_, true) => Families::V6,
        _ => Families::default(),
    };
    let names = arguments.network.names(families)?;
    let real = match arguments.network.wire()? {
        None => Real::Live,
        Some(Wire::Real(real)) => real,
        Some(Wire::Lab) => {
            anyhow::bail!(
                "the lab knows only the names of the sites in it: roundtrip visit shows how they are found"
            )
        }
    };
    let kept = Kept::new(arguments.output.out.as_deref(), &arguments.name)?;
    let title =
        Title { command: "resolve".into(), subject: arguments.name.clone(), replay_of: None };
    let record = kept.settings(&arguments.output);
    let exit = roundtrip_visit::run::resolve(&title, names, &real, &place(None, false), record)?;
    let model = kept.views()?;
    if arguments.output.format == Format::Json {
        terminal::print(&format!("{:#}", json(&model)))?;
        return Ok(exit);
    }
    let mut options = terminal::options(colour);
    options.saved = Some(kept.id);
    options.detail = if arguments.verbose { Detail::Verbose } else { Detail::Normal };
    terminal::print(&view(&model, &options))?;
    Ok(exit)
}
