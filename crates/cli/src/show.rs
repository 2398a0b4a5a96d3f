//! `roundtrip show`

use roundtrip_record::Folder;
use roundtrip_report::{
    Attachments, Detail, Verdict, har, html, json, junit, perfetto, sequence, terminal as view,
};

use crate::args::{Colour, Format, Show};
use crate::{Outcome, keep, terminal};

/// Carries it out.
pub(crate) fn run(arguments: &Show, colour: Colour) -> Outcome {
    let Some(run) = &arguments.run else { return list() };
    let folder = keep::open(run)?;
    if arguments.pcap {
        let capture = folder.capture().ok_or_else(|| {
            anyhow::anyhow!(
                "{run} holds no packets: they need CAP_NET_RAW, --wire tap or --wire lab"
            )
        })?;
        terminal::print_bytes(&std::fs::read(capture)?)?;
        return Ok(0);
    }
    let model = keep::model(&folder)?;
    if arguments.png {
        let picture = keep::picture(&model, &folder)
            .ok_or_else(|| anyhow::anyhow!("{run} holds no picture of a page"))?;
        terminal::print_bytes(&picture)?;
        return Ok(0);
    }
    let mut options = terminal::options(colour);
    options.saved = Some(run.clone());
    if arguments.verbose {
        options.detail = Detail::Verbose;
    }
    let text = if arguments.tcp {
        sequence(&model, &options)
    } else if arguments.html {
        html(&model, &Attachments::of(&folder))
    } else if arguments.har {
        format!("{:#}", har(&model, &folder.bodies()))
    } else if arguments.perfetto {
        perfetto(&model).to_string()
    } else if arguments.junit {
        junit(&model)
    } else if arguments.events {
        std::fs::read_to_string(folder.path().join("record.jsonl"))?
    } else if arguments.format == Format::Json {
        format!("{:#}", json(&model))
    } else {
        view(&model, &options)
    };
    terminal::print(&text)?;
    Ok(0)
}

/// The saved runs, newest first.
fn list() -> Outcome {
    let mut runs = keep::saved()?.list()?;
    runs.reverse();
    if runs.is_empty() {
        terminal::print("no saved runs yet; roundtrip visit makes one")?;
    }
    for run in runs {
        let line = match Folder::open(&run.path)
            .map_err(anyhow::Error::from)
            .and_then(|folder| keep::model(&folder))
        {
            Ok(model) => {
                let wire = model.run.as_ref().map_or("", |run| run.wire.name());
                let verdict = Verdict::new(&model);
                format!("{:<6} {wire:<5} {}  {}", run.id, verdict.result, verdict.subject)
            }
            Err(error) => format!("{:<6} cannot be read: {error}", run.id),
        };
        terminal::print(&line)?;
    }
    Ok(0)
}
