//! The command `roundtrip load`.

#[allow(clippy::doc_markdown, reason = "these are the texts of --help")]
pub(crate) mod args;
mod progress;
mod targets;

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use http::Version;
use roundtrip_dns::Families;
use roundtrip_http::client::KeepAlive;
use roundtrip_load::{
    Condition, Consent, Gauge, Judged, Limit, Measured, Pace, Place, Plan, Rate, Search, Stop,
    Tried, find_limit, hdr_log, html, json, junit, limit_json, limit_text, measure, metrics,
    seconds_csv, text,
};
use roundtrip_os::Clock;
use roundtrip_report::EXCEEDED;
use roundtrip_visit::ground::Ground;

use self::args::{Load, LoadFormat};
use self::progress::Progress;
use self::targets::Aimed;
use crate::network::{no_authority_in_lab, this_machine};
use crate::options::Colour;
use crate::outcome::Outcome;
use crate::terminal;
use crate::threads::processors;

/// The rate that a search for a limit begins with.
const FIRST: Rate = Rate::from_thousandths(100_000).expect("more than nothing");
/// How far the two ends of a limit lie apart in the end, thousandths.
const WITHIN: u64 = 10;

/// Runs the command.
pub(crate) fn run(arguments: &Load, colour: Colour) -> Outcome {
    let aimed = Aimed::read(arguments)?;
    if matches!(aimed.ground, Ground::Lab(_)) {
        no_authority_in_lab(arguments.cacert.as_deref())?;
    }
    let plan = plan(arguments, &aimed);
    let threads = processors(arguments.threads);
    let gauges: Vec<Arc<Gauge>> = (0..threads.get()).map(|_| Arc::default()).collect();
    let machine = this_machine(arguments.cacert.as_deref(), arguments.insecure);
    let place = Place {
        ground: &aimed.ground,
        machine: &machine,
        sites: &|| aimed.sites(),
        names: arguments.network.names(Families::default())?,
        consent: consent(&arguments.i_may),
        threads,
        gauges: gauges.clone(),
    };
    if let Some(goal) = &arguments.find_limit {
        limit(arguments, goal, &plan, &place, colour)
    } else {
        let begin = begin(&aimed.ground);
        let progress = Progress::start(gauges, arguments.quiet);
        let measured = measure(&plan, &place)?;
        drop(progress);
        told(arguments, &measured, begin, colour)
    }
}

/// The calendar time at which a load begins.
fn begin(ground: &Ground) -> SystemTime {
    match ground {
        Ground::Lab(network) => SystemTime::UNIX_EPOCH + Duration::from_secs(network.date),
        _ => Clock::start().wall(),
    }
}

fn consent(given: &[String]) -> Consent {
    match given {
        [] => Consent::OwnOnly,
        hosts if hosts.iter().any(|host| host == "*") => Consent::Anybody,
        hosts => Consent::Hosts(
            hosts.iter().map(|host| host.trim_matches(['[', ']']).to_owned()).collect(),
        ),
    }
}

fn plan(arguments: &Load, aimed: &Aimed) -> Plan {
    let pace = match arguments.rate {
        Some(rate) => Pace::Open { rate, arrivals: arguments.arrivals.into() },
        None => Pace::Closed,
    };
    let usual = Duration::from_secs(if arguments.find_limit.is_some() { 5 } else { 10 });
    let time = arguments.time.or_else(|| arguments.requests.is_none().then_some(usual));
    Plan {
        pace,
        connections: arguments.connections,
        streams: arguments.streams,
        stop: Stop { requests: arguments.requests, time },
        keep_alive: if arguments.no_keepalive { KeepAlive::Off } else { KeepAlive::On },
        version: if arguments.http11 { Version::HTTP_11 } else { Version::HTTP_2 },
        prior_knowledge: arguments.http2_prior_knowledge,
        timeout: arguments.timeout,
        seed: arguments.network.seed.unwrap_or(1),
        ..Plan::new(aimed.targets.clone())
    }
}

/// Prints what a load came to, and holds it against the conditions.
fn told(arguments: &Load, measured: &Measured, begin: SystemTime, colour: Colour) -> Outcome {
    let judged: Vec<Judged> =
        arguments.fail_if.iter().map(|condition| condition.judge(measured)).collect();
    if let Some(folder) = &arguments.out {
        let views = views(measured, &judged, begin)?;
        write(folder, &views).with_context(|| format!("--out {}", folder.display()))?;
    }
    let printed = match arguments.format {
        LoadFormat::Text => {
            let mut options = terminal::options(colour);
            options.detail = terminal::detail(arguments.verbose, arguments.quiet);
            text(measured, &judged, &options)
        }
        LoadFormat::Json => format!("{:#}", json(measured, &judged)),
        LoadFormat::Html => html(measured, &judged),
        LoadFormat::Junit => junit(measured, &judged),
    };
    terminal::print(&printed)?;
    if let (LoadFormat::Text, Some(folder)) = (arguments.format, &arguments.out) {
        terminal::print(&format!("  saved     {}", folder.join("report.html").display()))?;
    }
    Ok(exit(measured, &judged))
}

fn exit(measured: &Measured, judged: &[Judged]) -> u8 {
    if measured.interrupted {
        return crate::stop::INTERRUPTED;
    }
    if judged.iter().any(|one| one.holds) {
        return EXCEEDED;
    }
    match measured.tally.failures.kinds().first() {
        Some(first) if measured.tally.answered == 0 => first.finding().exit,
        _ => 0,
    }
}

/// The names of files, and what they hold.
fn views(
    measured: &Measured,
    judged: &[Judged],
    begin: SystemTime,
) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut views = vec![
        ("report.html", html(measured, judged).into_bytes()),
        ("load.json", format!("{:#}\n", json(measured, judged)).into_bytes()),
        ("latency.hlog", hdr_log(measured, begin)?),
        ("seconds.csv", seconds_csv(measured).into_bytes()),
        ("metrics.prom", metrics(measured).into_bytes()),
    ];
    if !judged.is_empty() {
        views.push(("junit.xml", junit(measured, judged).into_bytes()));
    }
    Ok(views)
}

fn write(folder: &Path, views: &[(&'static str, Vec<u8>)]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    views.iter().try_for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes))
}

/// Looks for the highest rate that meets the goal.
fn limit(
    arguments: &Load,
    goal: &Condition,
    plan: &Plan,
    place: &Place<'_>,
    colour: Colour,
) -> Outcome {
    if matches!(arguments.format, LoadFormat::Html | LoadFormat::Junit) {
        anyhow::bail!("--find-limit is told as text or as json");
    }
    let (goal, first) = (goal.clone(), arguments.rate.unwrap_or(FIRST));
    let search = Search { goal, first, arrivals: arguments.arrivals.into(), within: WITHIN };
    let virtual_time = matches!(place.ground, Ground::Lab(_));
    let rest = || {
        // In the lab each rate has a server of its own, which has rested for ever.
        if !virtual_time {
            pause(arguments.rest);
        }
    };
    let tell = |tried: &Tried| {
        let what = tried.missed.as_deref().unwrap_or("held");
        terminal::progress(arguments.quiet, &format!("{}/s: {what}", tried.rate));
    };
    let found = find_limit(plan, &search, |plan| measure(plan, place), rest, tell)?;
    let options = roundtrip_report::Options {
        detail: terminal::detail(arguments.verbose, arguments.quiet),
        ..terminal::options(colour)
    };
    if let Some(folder) = &arguments.out {
        let views = [("limit.json", format!("{:#}\n", limit_json(&found)).into_bytes())];
        write(folder, &views).with_context(|| format!("--out {}", folder.display()))?;
    }
    terminal::print(&match arguments.format {
        LoadFormat::Json => format!("{:#}", limit_json(&found)),
        _ => limit_text(&found, &options),
    })?;
    Ok(limit_exit(&found))
}

/// Waits; where that cannot be had, the next measurement cannot either, and says why.
fn pause(time: Duration) {
    let clock = Clock::start();
    let _ = roundtrip_os::run(async move { clock.sleep_until(clock.now() + time).await });
}

fn limit_exit(found: &Limit) -> u8 {
    match (found.interrupted, found.held) {
        (true, _) => crate::stop::INTERRUPTED,
        (false, None) => EXCEEDED,
        (false, Some(_)) => 0,
    }
}
