//! The command `roundtrip sweep`.

pub(crate) mod args;
mod place;
mod progress;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use roundtrip_os::{Asked, processor_time};
use roundtrip_report::text::{count, duration};
use roundtrip_story::Figure;
use roundtrip_sweep::{
    Grid, Job, Outcome as CellOutcome, Progress, Ran, Settings, Shard, Sources, SweepError,
    SweepPlan, SweepReport, html, json, merge, records, results, sweep, text,
};
use serde_json::json as value;

use self::args::{KeepSweep, MergeSweep, PlanSweep, ReportSweep, RunSweep, Step, Sweep};
use self::place::{Place, called};
use self::progress::Drawn;
use crate::options::{Colour, Format};
use crate::outcome::Outcome;
use crate::stop::{INTERRUPTED, Stop};
use crate::threads::many_visits;
use crate::{keep, painter, terminal};

/// The exit code after SIGTERM: EX_TEMPFAIL of sysexits.h, "try again".
const TERMINATED: u8 = 75;
/// The exit code where something else than the plan keeps a sweep from its end.
const FAILED: u8 = 1;
/// How much processor time a shard is to take.
const SHARD_SECONDS: f64 = 600.0;
/// How many cells are carried out to see what they take.
const SAMPLE: u64 = 12;

/// Runs the command.
pub(crate) fn run(arguments: &Sweep, _: Colour) -> Outcome {
    match (&arguments.step, &arguments.run) {
        (Some(Step::Run(run)), _) | (None, Some(run)) => carry_out(run),
        (Some(Step::Plan(plan)), _) => planned(plan),
        (Some(Step::Merge(merge)), _) => merged(merge),
        (Some(Step::Report(report)), _) => reported(report),
        (Some(Step::Keep(keep)), _) => kept(keep),
        (None, None) => Err(anyhow!("no plan: roundtrip sweep PLAN.toml")),
    }
}

/// A plan, and its cells.
fn grid(path: &Path) -> anyhow::Result<(SweepPlan, Grid)> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let plan =
        SweepPlan::parse(&text, path).map_err(|error| anyhow!("{}, {error}", path.display()))?;
    let saved = |name: &str| -> Result<PathBuf, String> {
        let found = keep::saved().and_then(|runs| Ok(runs.find(name)?));
        found.map(|run| run.path).map_err(|error| terminal::whole(&error))
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let sources = Sources { folder, saved: &saved };
    let grid = Grid::of(&plan, &sources, Some(&painter::program()?))?;
    Ok((plan, grid))
}

/// What becomes of an error: where the plan is at fault it ends the command with 2, or else with 1, since
/// a scheduler gives up on the one and tries the other again.
fn failed(error: SweepError) -> Outcome {
    match error {
        SweepError::Plan { .. } | SweepError::Input { .. } => Err(error.into()),
        other => Ok(unlucky(&other.into())),
    }
}

/// Says what kept a sweep from its end, of which the plan is innocent.
fn unlucky(error: &anyhow::Error) -> u8 {
    terminal::note(&terminal::whole(error));
    FAILED
}

/// The shard that is asked for, and how that is known where nobody wrote it.
fn shard(arguments: &RunSweep) -> anyhow::Result<(Shard, Option<&'static str>)> {
    if let Some(shard) = arguments.shard {
        return Ok((shard, None));
    }
    let told = Shard::from_environment(arguments.shards, |name| std::env::var(name).ok())?;
    match (told, arguments.shards) {
        (Some((shard, variable)), _) => Ok((shard, Some(variable))),
        (None, None | Some(1)) => Ok((Shard::WHOLE, None)),
        (None, Some(of)) => Err(anyhow!(
            "--shards {of} tells how many there are, and no engine's variable which: --shard 1/{of}"
        )),
    }
}

fn carry_out(arguments: &RunSweep) -> Outcome {
    let (shard, variable) = shard(arguments)?;
    let stop = Stop::listen();
    let (plan, grid) = grid(&arguments.plan)?;
    let say = |text: &str| {
        if !arguments.quiet {
            terminal::note(text);
        }
    };
    grid.notes().iter().for_each(|note| say(note));
    if let Some(variable) = variable {
        say(&format!("shard {shard}, as {variable} says"));
    }
    let part = Some(shard).filter(|shard| !shard.is_whole() || variable.is_some());
    let place = match Place::of(arguments.out.as_deref(), &arguments.plan, part) {
        Err(error) => return Ok(unlucky(&error)),
        Ok(place) => place,
    };
    let drawn = Drawn::new(arguments.quiet);
    let progress = |progress| drawn.draw(progress);
    let settings = Settings {
        threads: many_visits(arguments.threads),
        stop: stop.flag(),
        progress: &progress,
    };
    let ran = sweep(&grid, shard, &place.file, &settings);
    drawn.clear();
    match ran {
        Err(error) => return failed(error),
        Ok(Ran::Stopped(Progress { done, cells, .. })) => {
            say(&format!(
                "stopped: {done} of {cells} cells are done and kept; the same command goes on"
            ));
            let is_person = stop.asked() == Some(Asked::Interrupt);
            return Ok(if is_person { INTERRUPTED } else { TERMINATED });
        }
        Ok(ran) => {
            if let Err(error) = place.hand_over() {
                return Ok(unlucky(&error));
            }
            let cells = shard.cells(grid.cells());
            let cells = count((cells.end - cells.start) as usize, "cell");
            say(&match ran {
                Ran::WasThere => format!("{} is there already, and whole", place.name()),
                _ => format!("{cells} in {}", place.name()),
            });
        }
    }
    match &plan.keep {
        Some(_) if part.is_some() => {
            say("keep-record is for the whole: roundtrip sweep keep, when it is merged");
            Ok(0)
        }
        Some(condition) => {
            let folder = called(&arguments.plan, "-records");
            let recorded = records(&grid, &place.file, condition, &folder);
            recorded.map_or_else(failed, |recorded| {
                say(&format!("{} in {}", count(recorded.len(), "record"), folder.display()));
                Ok(0)
            })
        }
        None => Ok(0),
    }
}

fn planned(arguments: &PlanSweep) -> Outcome {
    let (plan, grid) = grid(&arguments.plan)?;
    if let (Some(engine), Some(shards)) = (arguments.emit, arguments.shards) {
        return emit(arguments, engine, shards);
    }
    let each = match sampled(&grid) {
        Ok(each) => each,
        Err(error) => return failed(error),
    };
    let seconds = each * grid.cells() as f64;
    let shards = ((seconds / SHARD_SECONDS).ceil() as u64).clamp(1, grid.cells().max(1));
    let shards = arguments.shards.unwrap_or(shards);
    if let Some(engine) = arguments.emit {
        return emit(arguments, engine, shards);
    }
    let seeds = grid.seeds();
    if arguments.format == Format::Json {
        let settings: Vec<String> =
            grid.settings().iter().map(roundtrip_sweep::Setting::words).collect();
        let networks: Vec<String> =
            grid.networks().iter().map(|network| network.net.to_string()).collect();
        let columns: Vec<&str> = grid.columns().iter().map(|column| column.name.as_str()).collect();
        let told = value!({
            "sweep": grid.digest(), "cells": grid.cells(), "settings": settings, "networks": networks,
            "first_seed": seeds.first, "seeds": seeds.count, "processor_seconds": seconds, "shards": shards,
            "columns": columns, "notes": grid.notes(),
        });
        terminal::print(&format!("{told:#}"))?;
        return Ok(0);
    }
    terminal::print(&come_to(&plan, &grid, each, shards))?;
    Ok(0)
}

/// What a plan comes to, for people; `each` is how many seconds a cell takes.
fn come_to(plan: &SweepPlan, grid: &Grid, each: f64, shards: u64) -> String {
    let product = format!(
        "{} = {} × {} × {}",
        count(grid.cells() as usize, "cell"),
        count(grid.settings().len(), "setting"),
        count(grid.networks().len(), "network"),
        count(grid.seeds().count as usize, "seed"),
    );
    let inputs = plan.inputs.iter().map(|input| {
        let of_input = grid.settings().iter().filter(|setting| *setting.input == *input.name);
        let mut variants: Vec<&str> = of_input.clone().map(|setting| &*setting.variant).collect();
        variants.sort_unstable();
        variants.dedup();
        let settings = count(of_input.count(), "setting");
        format!("  {}: {settings} ({})", input.name, variants.join(", "))
    });
    let seconds = each * grid.cells() as f64;
    let takes = format!(
        "about {} of processor time ({:.1} ms a cell), {} of {}",
        time(seconds),
        each * 1e3,
        count(shards as usize, "shard"),
        time(seconds / shards as f64),
    );
    let sweep = format!("sweep {}", grid.digest());
    let notes = grid.notes().iter().map(|note| format!("note: {note}"));
    let lines = [product].into_iter().chain(inputs).chain([takes, sweep]).chain(notes);
    lines.collect::<Vec<_>>().join("\n")
}

fn time(seconds: f64) -> String {
    duration(std::time::Duration::from_secs_f64(seconds.max(0.0)))
}

/// How much processor time a cell takes, in seconds: of a few that lie evenly among all, which are carried
/// out twice, since the first time pages are laid out that are then known.
fn sampled(grid: &Grid) -> Result<f64, SweepError> {
    let cells = grid.cells().clamp(1, SAMPLE);
    let carry_out = || {
        for place in 0..cells {
            let cell = grid.cell(grid.cells() / cells * place);
            CellOutcome::of(&cell.scenario(), grid.figures())
                .map_err(|source| cell.failed(source))?;
        }
        Ok(())
    };
    carry_out()?;
    let before = processor_time();
    carry_out()?;
    Ok((processor_time().saturating_sub(before)).as_secs_f64() / cells as f64)
}

fn emit(arguments: &PlanSweep, engine: roundtrip_sweep::Engine, shards: u64) -> Outcome {
    let out = arguments.out.clone().unwrap_or_else(|| called(&arguments.plan, "-shards"));
    let job = Job {
        plan: arguments.plan.display().to_string(),
        out: out.display().to_string(),
        shards,
        program: arguments.program.clone(),
        image: arguments.image.clone(),
    };
    terminal::print(&engine.script(&job))?;
    Ok(0)
}

fn merged(arguments: &MergeSweep) -> Outcome {
    let (from, _held) = match place::here(&arguments.from) {
        Err(error) => return Ok(unlucky(&error)),
        Ok(here) => here,
    };
    let merged = results(&from, &arguments.out).and_then(|files| merge(&files, &arguments.out));
    match merged {
        Err(error) => failed(error),
        Ok(merged) => {
            let repeated = match merged.repeated {
                0 => String::new(),
                rows => format!("; {rows} computed more than once, and the same to the last bit"),
            };
            let told = format!(
                "{} of {} in {}{repeated}",
                count(merged.rows as usize, "row"),
                count(merged.files, "file"),
                arguments.out.display()
            );
            terminal::note(&told);
            Ok(0)
        }
    }
}

fn reported(arguments: &ReportSweep) -> Outcome {
    let named = |name: &String| Figure::named(name).map_err(|error| anyhow!("--metric: {error}"));
    let figures: Vec<Figure> = arguments.metric.iter().map(named).collect::<anyhow::Result<_>>()?;
    let report = match SweepReport::read(&arguments.file, &figures) {
        Err(error) => return failed(error),
        Ok(report) => report,
    };
    if let Some(path) = &arguments.html {
        let name = arguments.file.display().to_string();
        std::fs::write(path, html(&report, &name)).with_context(|| path.display().to_string())?;
    }
    match arguments.format {
        Format::Json => terminal::print(&format!("{:#}", json(&report)))?,
        Format::Text => terminal::print(&text(&report))?,
    }
    Ok(0)
}

fn kept(arguments: &KeepSweep) -> Outcome {
    let (plan, grid) = grid(&arguments.plan)?;
    let Some(condition) = &plan.keep else {
        return Err(anyhow!(
            "{} has no keep-record, as keep-record = \"load > p99\"",
            arguments.plan.display()
        ));
    };
    let folder = arguments.out.clone().unwrap_or_else(|| called(&arguments.plan, "-records"));
    match records(&grid, &arguments.file, condition, &folder) {
        Err(error) => failed(error),
        Ok(recorded) => {
            let paths = recorded.iter().map(|(_, path)| path.display().to_string());
            terminal::print(&paths.collect::<Vec<_>>().join("\n"))?;
            Ok(0)
        }
    }
}
