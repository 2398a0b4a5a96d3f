//! The command `roundtrip show`.

use roundtrip_record::{Folder, Run, RunLabel};
use roundtrip_report::{
    Attachments, Detail, Language, Model, Verdict, har, html, json as facts, junit, perfetto, qlog,
    sequence, short, terminal as view,
};
use serde_json::{Value, json};

use crate::args::{Colour, Format, Show};
use crate::calendar::rfc3339;
use crate::{Outcome, keep, terminal};

/// Runs the command.
pub(crate) fn run(arguments: &Show, colour: Colour) -> Outcome {
    let Some(run) = &arguments.run else { return list(arguments) };
    if changed(arguments, run)? {
        return Ok(0);
    }
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
    let mut model = keep::model(&folder)?;
    let budget = arguments.budget.limits.as_ref();
    model.budget = budget.map(|budget| budget.judge(&model.story));
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
    } else if arguments.qlog {
        quic(&model, run)?.to_string()
    } else if arguments.junit {
        junit(&model)
    } else if arguments.events {
        std::fs::read_to_string(folder.path().join("record.jsonl"))?
    } else if arguments.short {
        short(&model, &options)
    } else if arguments.format == Format::Json {
        format!("{:#}", facts(&model))
    } else {
        view(&model, &options)
    };
    terminal::print(&text)?;
    // What the run itself came to is no matter of showing it.
    Ok(model.exit_after(0))
}

/// The QUIC connections of a run.
fn quic(model: &Model, run: &str) -> anyhow::Result<Value> {
    let qlog = qlog(model);
    let any = qlog["traces"].as_array().is_some_and(|traces| !traces.is_empty());
    anyhow::ensure!(
        any,
        "{run} has no QUIC connection: visit --http3 makes one where the server has HTTP/3"
    );
    Ok(qlog)
}

/// A saved run in the list.
struct ListedRun {
    run: Run,
    /// The model of the run's record, or why it cannot be read.
    told: anyhow::Result<Model>,
}

impl ListedRun {
    fn read(run: Run, language: Language) -> Self {
        let told = Folder::open(&run.path)
            .map_err(anyhow::Error::from)
            .and_then(|folder| keep::model(&folder))
            .map(|model| model.in_language(language));
        Self { run, told }
    }

    /// When the run was written, UTC.
    fn written(&self) -> Option<String> {
        self.run.written().map(rfc3339)
    }

    fn line(&self) -> String {
        let written = self.written().unwrap_or_default();
        let begin = format!(
            "{:<6} {}",
            self.run.id,
            written.get(..16).unwrap_or_default().replace('T', " ")
        );
        let marks = self.run.name().map(|name| format!("  [{name}]")).unwrap_or_default();
        let pinned = if self.run.is_pinned() { "  pinned" } else { "" };
        match &self.told {
            Ok(_) if self.run.is_being_written() => format!("{begin}  under way{marks}"),
            Ok(model) => {
                let verdict = Verdict::new(model);
                let took = verdict.facts.iter().find(|fact| fact.rank == 0);
                let took = took.map_or("", |fact| fact.text.as_str());
                let (wire, seed) = ground(model);
                let size = size(self.run.bytes());
                format!(
                    "{begin}  {took:>8}  {wire}{seed}  {size:>8}  {}  {}{marks}{pinned}",
                    verdict.result, verdict.subject
                )
            }
            Err(error) => {
                let why = terminal::whole(error);
                format!("{begin}  cannot be read: {why}{marks}{pinned}")
            }
        }
    }

    fn json(&self) -> Value {
        let mut line = json!({
            "id": self.run.id,
            "name": self.run.name(),
            "pinned": self.run.is_pinned(),
            "written": self.written(),
            "bytes": self.run.bytes(),
            "path": self.run.path,
        });
        match &self.told {
            Ok(model) => {
                let verdict = Verdict::new(model);
                let run = model.run.as_ref();
                line["command"] = json!(run.map(|run| &run.command));
                line["wire"] = json!(run.map(|run| run.wire.name()));
                line["net"] = json!(run.and_then(|run| run.net.as_ref()));
                line["seed"] = json!(run.and_then(|run| run.seed));
                line["took_ms"] = json!(model.total().took().as_secs_f64() * 1000.0);
                line["exit"] = json!(model.exit());
                line["result"] = json!(verdict.result);
                line["subject"] = json!(verdict.subject);
            }
            Err(error) => line["error"] = json!(terminal::whole(error)),
        }
        line
    }
}

/// The wire with its network, and the seed where it is not the default.
fn ground(model: &Model) -> (String, String) {
    let Some(run) = &model.run else { return Default::default() };
    let net = run.net.as_deref().map(|net| format!(" {net}")).unwrap_or_default();
    let seed = run.seed.filter(|seed| *seed != 1).map(|seed| format!(" seed {seed}"));
    (format!("{}{net}", run.wire.name()), seed.unwrap_or_default())
}

/// A number of bytes in B, kB or MB.
fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Lists the saved runs, newest first.
fn list(arguments: &Show) -> Outcome {
    let mut runs = keep::saved()?.list()?;
    runs.reverse();
    runs.truncate(arguments.last.map_or(usize::MAX, usize::from));
    if arguments.ids {
        let ids = runs.iter().flat_map(|run| [Some(run.id.clone()), run.name()]);
        let ids: String = ids.flatten().map(|id| id + "\n").collect();
        terminal::print(&ids)?;
        return Ok(0);
    }
    // What programs read is in English.
    let language = match arguments.format {
        Format::Json => Language::English,
        Format::Text => terminal::language(),
    };
    let listed = runs.into_iter().map(|run| ListedRun::read(run, language));
    if arguments.format == Format::Json {
        let lines: Vec<Value> = listed.map(|line| line.json()).collect();
        terminal::print(&format!("{:#}", Value::from(lines)))?;
        return Ok(0);
    }
    let mut any = false;
    for line in listed {
        any = true;
        terminal::print(&line.line())?;
    }
    if !any {
        terminal::print("no saved runs yet; roundtrip visit makes one")?;
    }
    Ok(0)
}

/// Pins, unpins or deletes a saved run if the arguments ask for it, and returns whether they did.
fn changed(arguments: &Show, run: &str) -> anyhow::Result<bool> {
    if !(arguments.delete || arguments.pin || arguments.unpin) {
        return Ok(false);
    }
    let run = keep::saved()?.find(run)?;
    if !arguments.delete {
        run.relabel(&RunLabel { name: None, pinned: arguments.pin })?;
    } else if run.is_being_written() {
        anyhow::bail!("{} is being written; wait until its command has ended", run.id);
    } else {
        run.delete()?;
    }
    Ok(true)
}
