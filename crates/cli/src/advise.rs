//! The command `roundtrip advise`.

use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use roundtrip_advise::{Advice, Progress, Proving, combined, files, json, propose, prove, text};
use roundtrip_lab::{Net, Profile};
use roundtrip_record::{BodyRef, Folder};
use roundtrip_visit::ground::Ground;
use roundtrip_visit::replay::Recording;
use roundtrip_visit::run::Title;
use roundtrip_visit::scenario::Scenario;
use roundtrip_visit::{Plan, Until};
use url::Url;

use crate::args::{self, Advise, Colour, Format, Import, Network, Output, Visit};
use crate::keep::{self, Kept};
use crate::network::{Wire, pins};
use crate::threads::many_visits;
use crate::visit::{Done, done, finish, honoured_in_lab, planned, recorded};
use crate::{Outcome, import, terminal};

/// The networks that changes are tried on unless others are named.
const NETWORKS: &str = "cable,4g,3gfast";
/// How names of recordings of other programs end, packed or not.
const RECORDINGS: [&str; 4] = [".har", ".pcap", ".pcapng", ".cap"];

/// Runs the command.
pub(crate) fn run(arguments: &Advise, colour: Colour) -> Outcome {
    refuse(&arguments.visit)?;
    let networks = networks(arguments.visit.network.net.as_deref().unwrap_or(NETWORKS))?;
    let subject = arguments.visit.subject.as_deref();
    let recorded = match subject {
        Some(text) if keep::is_run(text)? => {
            if arguments.visit.https || !arguments.visit.network.site.is_empty() {
                bail!(
                    "--https and --site have no place here: a saved run goes by what it recorded"
                );
            }
            let (folder, name) = keep::open_named(text)?;
            Recorded { folder, name, _kept: None }
        }
        Some(text) if is_recording(Path::new(text)) => {
            as_recorded(&arguments.visit)?;
            imported(&arguments.visit, Path::new(text))?
        }
        _ => match visited(&arguments.visit, &networks, colour)? {
            Ok(recorded) => recorded,
            Err(exit) => return Ok(exit),
        },
    };
    advise(arguments, colour, &recorded, networks)
}

/// Parses several networks between commas. Each begins with a profile, and what follows up to the next
/// profile are its properties: `4g,3g,loss=1%` are two.
fn networks(text: &str) -> anyhow::Result<Vec<Net>> {
    let mut texts: Vec<String> = Vec::new();
    for part in text.split(',') {
        match texts.last_mut() {
            Some(last) if Profile::named(part.trim()).is_none() => {
                last.push(',');
                last.push_str(part);
            }
            _ => texts.push(part.to_owned()),
        }
    }
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

/// Refuses what has no meaning for advice.
fn refuse(visit: &Visit) -> anyhow::Result<()> {
    for (given, option, why) in [
        (visit.no_page, "--no-page", "advice is about pages"),
        (visit.runs.is_some(), "--runs", "--seeds N says how often each change is tried"),
        (visit.warm, "--warm", "changes are tried on a first visit"),
        (visit.tcp_fastopen, "--tcp-fastopen", "on a first visit no server has given a cookie yet"),
        (visit.short, "--short", "-q gives the answer alone"),
        (visit.full, "--full", "no picture is painted"),
        (visit.fonts == args::FontsFrom::System, "--fonts", "no picture is painted"),
        (visit.until != args::Until::default(), "--until", "advice ends with the page"),
        (visit.budget.limits.is_some(), "--budget", "visit and show hold a run to one"),
    ] {
        if given {
            bail!("{option} has no place here: {why}");
        }
    }
    Ok(())
}

/// Refuses what a recording says itself.
fn as_recorded(visit: &Visit) -> anyhow::Result<()> {
    let wire = visit.network.wire()?;
    for (given, option) in [
        (visit.https, "--https"),
        (!visit.network.site.is_empty(), "--site"),
        (visit.request.is_some(), "-X"),
        (!visit.data.is_empty(), "-d"),
        (!matches!(wire, None | Some(Wire::Lab)), "--wire"),
    ] {
        if given {
            bail!(
                "{option} has no place here: a recorded visit goes by what it recorded, in the lab"
            );
        }
    }
    Ok(())
}

fn is_recording(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let bare = name.trim_end_matches(".gz").trim_end_matches(".zst");
    path.is_file() && RECORDINGS.iter().any(|end| bare.ends_with(end))
}

/// A visit in its folder.
struct Recorded {
    folder: Folder,
    /// What it is called.
    name: String,
    /// Keeps its folder, where it is a new one.
    _kept: Option<Kept>,
}

impl Recorded {
    fn of(kept: Kept) -> anyhow::Result<Self> {
        let folder = Folder::open(&kept.path)?;
        let name = kept.id.clone().unwrap_or_else(|| "it".to_owned());
        Ok(Self { folder, name, _kept: Some(kept) })
    }
}

/// What is recorded first is kept among the saved runs: a folder or name that was given is for the run
/// with the changes.
fn first_output(output: &Output) -> Output {
    Output { out: None, name: None, pin: false, ..output.clone() }
}

fn imported(visit: &Visit, file: &Path) -> anyhow::Result<Recorded> {
    let arguments = Import {
        files: vec![file.to_owned()],
        keys: Vec::new(),
        page: None,
        output: first_output(&visit.output),
        quiet: true,
        verbose: false,
    };
    Recorded::of(import::keep(&arguments, file)?)
}

/// The visit as it is: a URL of the world live, all else in the lab on the first network. `Err` is the
/// exit code of a visit that came to nothing, which was told.
fn visited(
    visit: &Visit,
    networks: &[Net],
    colour: Colour,
) -> anyhow::Result<Result<Recorded, u8>> {
    let lives = visit.subject.as_deref().is_some_and(|text| text.contains("://"));
    let net = networks.first().filter(|_| !lives).map(ToString::to_string);
    let first = Visit {
        network: Network { net, ..visit.network.clone() },
        output: first_output(&visit.output),
        no_picture: true,
        // What is only of the lab is for what follows a visit of the world.
        cpu: visit.cpu.clone().filter(|_| !lives),
        server: visit.server.filter(|_| !lives),
        behave: visit.behave.filter(|_| visit.browser.is_none()),
        ..visit.clone()
    };
    match done(&first, colour)? {
        Done::Told(exit) => Ok(Err(exit)),
        // What was never answered is told as a visit tells it.
        Done::Kept(kept, exit) if recorded(&kept)?.is_none() => {
            finish(&first, colour, &kept, exit).map(Err)
        }
        Done::Kept(kept, _) => Recorded::of(kept).map(Ok),
    }
}

fn advise(arguments: &Advise, colour: Colour, recorded: &Recorded, networks: Vec<Net>) -> Outcome {
    let visit = &arguments.visit;
    honoured_in_lab(visit)?;
    let recording = Recording::read(recorded.folder.read()?.0)?;
    let bodies = recorded.folder.bodies();
    let body = |content: &BodyRef| bodies.get(content).ok();
    let net = networks.first().map(ToString::to_string);
    let network = Network { net, ..visit.network.clone() }.lab()?;
    let ground = Ground::Lab(Box::new(network.clone()));
    let plan = planned(visit, recording.plan(body)?, &ground)?;
    let plan = Plan { pins: pins(&visit.resolve)?, until: Until::Painted, ..plan };
    let scenario = Scenario { plan, network, servers: recording.servers(body)? };
    let mut proposals = propose(recording.story(), &scenario);
    proposals.substituted = recording.differences();
    let proving =
        Proving { networks, seeds: arguments.seeds, threads: many_visits(arguments.threads) };
    let advice = prove(&scenario, proposals, &proving, &counted())?;
    uncount();
    let best = match combined(&scenario, &advice) {
        None => None,
        Some(scenario) => {
            let kept = Kept::beside(&visit.output, &recorded.name, Some(recorded.folder.path()))?;
            let title = Title {
                command: "advise".into(),
                subject: recording.run.subject.clone(),
                replay_of: Some(
                    recording.reference(&recorded.name, Some(recorded.folder.digest()?)),
                ),
            };
            scenario.record(&title, kept.settings(&visit.output))?;
            kept.views()?;
            kept.id.clone()
        }
    };
    if visit.output.format == Format::Json {
        terminal::print(&format!("{:#}", json(&advice, best.as_deref())))?;
    } else {
        let mut options = terminal::options(colour);
        options.saved = best;
        options.detail = terminal::detail(visit.verbose, visit.quiet);
        terminal::print(&text(&advice, &options))?;
    }
    if let Some(folder) = &arguments.write {
        write(folder, &scenario, &advice)?;
    }
    Ok(0)
}

/// Writes the files that each change makes otherwise. They may be of a page that only its user sees.
fn write(folder: &Path, scenario: &Scenario, advice: &Advice) -> anyhow::Result<()> {
    for piece in &advice.pieces {
        let files = files(scenario, advice, piece);
        let paths: Vec<PathBuf> =
            files.iter().map(|(url, _)| folder.join(&piece.variant.name).join(path(url))).collect();
        for (file, (_, content)) in paths.iter().zip(&files) {
            // What others stand in is a folder, as a server has it whose URLs are so.
            let is_folder = paths.iter().any(|other| other != file && other.starts_with(file));
            let file = if is_folder { file.join("index.html") } else { file.clone() };
            let within = || format!("--write {}", file.display());
            std::fs::create_dir_all(file.parent().unwrap_or(folder)).with_context(within)?;
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let opened = options.open(&file);
            opened.and_then(|mut open| open.write_all(content)).with_context(within)?;
        }
    }
    Ok(())
}

/// Where the file of a URL goes: host, path, and the query behind the name.
fn path(url: &Url) -> PathBuf {
    let mut path = PathBuf::from(url.host_str().unwrap_or("host"));
    // Segments of a URL's path are never `..`, and none is absolute.
    path.extend(url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()));
    if url.path().ends_with('/') {
        path.push("index.html");
    }
    if let Some(query) = url.query() {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!("?{}", query.replace('/', "%2F")));
        path.set_file_name(name);
    }
    path
}

/// Draws how far it is, on a terminal.
fn counted() -> impl Fn(Progress) + Sync {
    let drawn = stderr().is_terminal();
    move |progress: Progress| {
        if drawn && progress.done.is_multiple_of(4) {
            let line = format!("carried out {} of {} visits …", progress.done, progress.wanted);
            // A terminal that has gone away is no reason to end.
            let _ = write!(stderr(), "\r{}\x1b[K", terminal::one_line(&line));
        }
    }
}

fn uncount() {
    if stderr().is_terminal() {
        let _ = write!(stderr(), "\r\x1b[K");
    }
}
