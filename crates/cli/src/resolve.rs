//! The command `roundtrip resolve`.

use std::net::IpAddr;

use anyhow::{anyhow, bail};
use roundtrip_dns::proto::rr::RecordType;
use roundtrip_os::Machine;
use roundtrip_report::{json, resolution, short_resolution};
use roundtrip_visit::run::{Title, Wanted};

use crate::args::{Colour, Format, Resolve};
use crate::keep::{self, Kept};
use crate::network::{families, this_machine};
use crate::sites::Sites;
use crate::{Outcome, terminal};

/// Runs the command.
pub(crate) fn run(arguments: &Resolve, colour: Colour) -> Outcome {
    let wanted = wanted(arguments)?;
    let names = arguments.network.names(families(arguments.ipv4, arguments.ipv6))?;
    let ground = arguments.network.ground()?;
    let sites = Sites::read(&arguments.network)?;
    if arguments.flush {
        flush();
    }
    let Some((subject, wanted)) = wanted else { return Ok(0) };
    let kept = Kept::new(&arguments.output, &subject)?;
    let title = Title { command: "resolve".into(), subject, replay_of: None };
    let (machine, record) = (this_machine(None, false), kept.settings(&arguments.output));
    let make = || sites.make();
    let exit =
        roundtrip_visit::run::resolve(&title, &wanted, names, &ground, &machine, make, record)?;
    let model = kept.views()?;
    if arguments.output.format == Format::Json {
        terminal::print(&format!("{:#}", json(&model)))?;
        return Ok(exit);
    }
    let mut options = terminal::options(colour);
    if arguments.short {
        terminal::print(&short_resolution(&model))?;
        if exit != 0 {
            eprint!("{}", resolution(&model, &options));
        }
        return Ok(exit);
    }
    options.saved.clone_from(&kept.id);
    options.detail = terminal::detail(arguments.verbose, false);
    terminal::print(&resolution(&model, &options))?;
    Ok(exit)
}

/// The subject's name and what to look up; `None` if only the cache is to be emptied.
fn wanted(arguments: &Resolve) -> anyhow::Result<Option<(String, Wanted)>> {
    if let Some(address) = arguments.reverse {
        return Ok(Some((address.to_string(), Wanted::Names(address))));
    }
    let Some(name) = &arguments.name else { return Ok(None) };
    if arguments.types.is_empty() {
        return Ok(Some((name.clone(), Wanted::Addresses(name.clone()))));
    }
    if arguments.ipv4 || arguments.ipv6 {
        bail!("-4 and -6 choose between addresses: with record types they choose nothing");
    }
    let types = arguments.types.iter().map(|text| record_type(name, text));
    let types: Vec<RecordType> = types.collect::<Result<_, _>>()?;
    Ok(Some((name.clone(), Wanted::Records(name.clone(), types))))
}

fn record_type(name: &str, text: &str) -> anyhow::Result<RecordType> {
    let upper = text.to_ascii_uppercase();
    let number = upper.strip_prefix("TYPE").and_then(|number| number.parse::<u16>().ok());
    let found = number.map(RecordType::from).or_else(|| upper.parse().ok());
    match found {
        Some(RecordType::ANY) => {
            bail!(
                "name servers no longer answer ANY (RFC 8482): name the types, as {name} A MX TXT"
            )
        }
        Some(RecordType::AXFR | RecordType::IXFR) => {
            bail!(
                "{upper} transfers a whole zone, and is not a record: dig @SERVER {name} AXFR does it"
            )
        }
        Some(found) => Ok(found),
        None if text.parse::<IpAddr>().is_ok() => {
            Err(anyhow!("{text} is an address: -x ADDR looks its names up"))
        }
        None => {
            Err(anyhow!("{text}: no record type is called so; there are MX, TXT, NS, TYPE65 …"))
        }
    }
}

/// Empties the cache of earlier runs' answers, and says how many there were.
fn flush() {
    let forgotten = roundtrip_dns::flush(&Machine::new(keep::cache()));
    let answers = if forgotten == 1 { "answer" } else { "answers" };
    eprintln!("roundtrip: {forgotten} {answers} about names forgotten");
}
