//! `roundtrip resolve`

use roundtrip_dns::Families;
use roundtrip_report::{Detail, json, terminal as view};
use roundtrip_visit::run::Title;

use crate::args::{Colour, Format, Resolve};
use crate::keep::Kept;
use crate::network::this_machine;
use crate::sites::Sites;
use crate::{Outcome, terminal};

/// Carries it out.
pub(crate) fn run(arguments: &Resolve, colour: Colour) -> Outcome {
    let families = match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Families::V4,
        (_, true) => Families::V6,
        _ => Families::default(),
    };
    let names = arguments.network.names(families)?;
    let ground = arguments.network.ground()?;
    let sites = Sites::read(&arguments.network)?;
    let kept = Kept::new(&arguments.output, &arguments.name)?;
    let title =
        Title { command: "resolve".into(), subject: arguments.name.clone(), replay_of: None };
    let record = kept.settings(&arguments.output);
    let machine = this_machine(None, false);
    let make = || sites.make();
    let exit = roundtrip_visit::run::resolve(&title, names, &ground, &machine, make, record)?;
    let model = kept.views()?;
    if arguments.output.format == Format::Json {
        terminal::print(&format!("{:#}", json(&model)))?;
        return Ok(exit);
    }
    let mut options = terminal::options(colour);
    options.saved.clone_from(&kept.id);
    options.detail = if arguments.verbose { Detail::Verbose } else { Detail::Normal };
    terminal::print(&view(&model, &options))?;
    Ok(exit)
}
