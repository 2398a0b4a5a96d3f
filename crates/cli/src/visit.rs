//! The command `roundtrip visit`.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use http::Method;
use roundtrip_dns::Families;
use roundtrip_http::client::{KeepAlive, Scheme};
use roundtrip_http::handler::Files;
use roundtrip_live::Way;
use roundtrip_os::Clock;
use roundtrip_record::{
    BodyRef, Fault, FaultKind, Folder, Log, Settings, Step, Time, Trace as _, What,
};
use roundtrip_report::{Detail, Model, Options, json, short, terminal as view};
use roundtrip_visit::ground::Ground;
use roundtrip_visit::replay::{Recording, ReplayError};
use roundtrip_visit::run::{RunError, ThisMachine, Title, carry_out};
use roundtrip_visit::site::Site;
use roundtrip_visit::{
    Browser, BrowserName, ClientCaches, Detour, Pin, Plan, Runs, ServerLike, Until, demo,
};
use url::Url;

use crate::args::{self, Behaviour, Colour, Format, Network, Output, Visit};
use crate::keep::{self, Kept};
use crate::network::{Wire, no_authority_in_lab, pins, this_machine};
use crate::progress::Progress;
use crate::sites::{FOLDER_HOST, Sites, site};
use crate::{Outcome, browser, credentials, jar, terminal};

/// What is to be visited.
enum Subject<'a> {
    Demo,
    /// The folder of a site, or one of its pages.
    Path(&'a Path),
    Run(&'a str),
    Url(&'a str),
}

/// A visit that was carried out.
pub(crate) enum Done {
    /// Its record is kept, and nothing was told yet; the exit code.
    Kept(Kept, u8),
    /// It could not begin, and why was told; the exit code.
    Told(u8),
}

/// Runs the command.
pub(crate) fn run(arguments: &Visit, colour: Colour) -> Outcome {
    match done(arguments, colour)? {
        Done::Kept(kept, exit) => finish(arguments, colour, &kept, exit),
        Done::Told(exit) => Ok(exit),
    }
}

/// Carries the visit out.
pub(crate) fn done(arguments: &Visit, colour: Colour) -> anyhow::Result<Done> {
    let subject = subject(arguments.subject.as_deref())?;
    let wire = arguments.network.wire()?;
    match subject {
        Subject::Url(text) => url(arguments, colour, text, wire),
        _ if arguments.browser.is_some() => bail!(
            "--browser visits URLs: `roundtrip serve DIR` serves a folder, which the browser can visit then"
        ),
        _ if matches!(wire, Some(Wire::Live | Wire::Tap(_))) => bail!(
            "a real wire leads to URLs: the demo, folders and saved runs are visited in the lab"
        ),
        Subject::Demo => {
            let secure = arguments.https || arguments.http3;
            let scheme = if secure { Scheme::Https } else { Scheme::Http };
            let plan = demo::plan(scheme);
            let sites = Sites::read(&arguments.network)?;
            let made = || Ok(spoken(arguments, sites.beside(demo::sites(scheme))?));
            simulated(arguments, "demo", plan, made)
        }
        Subject::Path(path) => served(arguments, path),
        Subject::Run(_) if !arguments.network.site.is_empty() => {
            bail!("--site has no place here: a saved run is answered from its record alone")
        }
        Subject::Run(run) => again(arguments, run),
    }
}

/// Visits a URL of a host in the lab or in the real world. The latter is visited live and, if a
/// network is described, replayed in the lab.
fn url(arguments: &Visit, colour: Colour, text: &str, wire: Option<Wire>) -> anyhow::Result<Done> {
    let url = match roundtrip_http::url::parse_with(text, scheme_for(text)) {
        Ok(url) => url,
        Err(fault) => return Ok(Done::Told(bad_url(fault, colour)?)),
    };
    if let Some(program) = &arguments.browser {
        let (kept, exit) = browser::visited(arguments, program, &url, wire.as_ref())?;
        return match &arguments.network.net {
            Some(_) => again_in_lab(arguments, kept, exit),
            None => Ok(Done::Kept(kept, exit)),
        };
    }
    let sites = Sites::read(&arguments.network)?;
    let in_lab = sites.has(&url);
    match wire {
        Some(Wire::Lab) if !in_lab => bail!(
            "{url} is not in the lab, which has {}; --site {}=DIR puts a folder there. Without --wire lab it is \
             visited live, and with --net then carried out again in the lab",
            sites.names().collect::<Vec<_>>().join(", "),
            url.host_str().unwrap_or("NAME"),
        ),
        None | Some(Wire::Lab) if in_lab => {
            if arguments.https {
                bail!("--https is for folders and the demo: {url} says itself how it is spoken to");
            }
            let made = || Ok(spoken(arguments, sites.make()?));
            simulated(arguments, text, Plan::get(url), made)
        }
        real => live(arguments, (&url, Detour::by_zone(text)), real),
    }
}

fn subject(given: Option<&str>) -> anyhow::Result<Subject<'_>> {
    Ok(match given {
        None => Subject::Demo,
        Some(text) if keep::is_run(text)? => Subject::Run(text),
        Some(text) if text.contains("://") => Subject::Url(text),
        // A text that begins like a path is a path, and an error if nothing is there.
        Some(text)
            if ["/", "./", "../"].iter().any(|start| text.starts_with(start))
                || Path::new(text).exists() =>
        {
            Subject::Path(Path::new(text))
        }
        Some(text) => Subject::Url(text),
    })
}

/// Visits a folder, or a page with its folder, that is served in the lab.
fn served(arguments: &Visit, path: &Path) -> anyhow::Result<Done> {
    let secure = arguments.https || arguments.http3;
    let scheme = if secure { Scheme::Https } else { Scheme::Http };
    let mut url: Url = format!("{}://{FOLDER_HOST}/", scheme.name()).parse()?;
    let folder = if path.is_file() {
        url.set_path(&path.file_name().unwrap_or_default().to_string_lossy());
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    } else {
        path
    };
    Files::folder(folder).with_context(|| format!("cannot visit {}", path.display()))?;
    let others = Sites::read(&arguments.network)?;
    simulated(arguments, &path.display().to_string(), Plan::get(url), || {
        Ok(spoken(arguments, others.beside(vec![site(FOLDER_HOST, folder, scheme)?])?))
    })
}

/// Has the servers of the lab speak HTTP/3, where that is wanted.
fn spoken(arguments: &Visit, sites: Vec<Site>) -> Vec<Site> {
    if arguments.http3 { sites.into_iter().map(Site::with_three).collect() } else { sites }
}

/// Replays a saved run in the lab.
fn again(arguments: &Visit, run: &str) -> anyhow::Result<Done> {
    honoured_in_lab(arguments)?;
    if arguments.https {
        bail!("--https is for folders and the demo: a saved run goes by what it recorded");
    }
    if arguments.http3 {
        bail!("--http3 is for folders, the demo and URLs: a saved run goes by what it recorded");
    }
    let (folder, run) = keep::open_named(run)?;
    let recording = Recording::read(folder.read()?.0)?;
    replay(arguments, (&folder, &recording), &run, pins(&arguments.resolve)?)
}

fn replay(
    arguments: &Visit,
    (folder, recording): (&Folder, &Recording),
    run: &str,
    pins: Vec<Pin>,
) -> anyhow::Result<Done> {
    let bodies = folder.bodies();
    let body = |content: &BodyRef| bodies.get(content).ok();
    let kept = Kept::beside(&arguments.output, run, Some(folder.path()))?;
    let title = Title {
        command: "visit".into(),
        subject: recording.run.subject.clone(),
        replay_of: Some(recording.reference(run, Some(folder.digest()?))),
    };
    let ground = Ground::Lab(Box::new(arguments.network.lab()?));
    let plan = Plan { pins, ..planned(arguments, recording.plan(body)?, &ground)? };
    let sites = || Ok(recording.sites(body)?);
    let (record, progress) = watched(&kept, arguments);
    let visited = carry_out(&title, &plan, &ground, &in_lab(arguments), sites, record)?;
    drop(progress);
    for difference in recording.differences() {
        terminal::note(&format!("not as recorded: {difference}"));
    }
    Ok(Done::Kept(kept, visited.exit))
}

/// Visits in the lab.
fn simulated(
    arguments: &Visit,
    name: &str,
    plan: Plan,
    sites: impl Fn() -> Result<Vec<Site>, RunError>,
) -> anyhow::Result<Done> {
    honoured_in_lab(arguments)?;
    let ground = Ground::Lab(Box::new(arguments.network.lab()?));
    let kept = Kept::new(&arguments.output, name)?;
    let title = Title { command: "visit".into(), subject: plan.url.to_string(), replay_of: None };
    let plan = Plan { pins: pins(&arguments.resolve)?, ..planned(arguments, plan, &ground)? };
    let (record, progress) = watched(&kept, arguments);
    let visited = carry_out(&title, &plan, &ground, &in_lab(arguments), sites, record)?;
    drop(progress);
    Ok(Done::Kept(kept, visited.exit))
}

/// How connections leave the client.
fn way(arguments: &Visit) -> Way {
    Way { fast_open: arguments.tcp_fastopen, ..Way::default() }
}

/// What a visit in the lab has of a machine.
fn in_lab(arguments: &Visit) -> ThisMachine {
    ThisMachine { way: way(arguments), ..ThisMachine::default() }
}

/// Refuses what a visit on a real wire cannot have, unless one in the lab follows it.
fn only_live(arguments: &Visit) -> anyhow::Result<()> {
    let follows = arguments.network.net.is_some();
    for (given, option, why) in [
        (arguments.warm, "--warm", "on a real wire the caches are what they are"),
        (!follows && arguments.runs.is_some(), "--runs", "a real wire gives no run twice"),
        (!follows && arguments.cpu.is_some(), "--cpu", "this machine is as fast as it is"),
        (!follows && arguments.server.is_some(), "--server", "a real server is what it is"),
    ] {
        if given {
            bail!("{option} is for the lab: {why}");
        }
    }
    Ok(())
}

/// Visits on a real wire, and replays the visit in the lab if a network is described.
fn live(
    arguments: &Visit,
    (url, zone): (&Url, Option<Detour>),
    wire: Option<Wire>,
) -> anyhow::Result<Done> {
    only_live(arguments)?;
    if arguments.https {
        bail!("--https is for folders and the demo: {url} says itself how it is spoken to");
    }
    let ground = match &arguments.network.net {
        // The network is that of the replay.
        Some(_) => {
            Network { net: None, seed: None, date: None, ..arguments.network.clone() }.real(wire)?
        }
        None => arguments.network.real(wire)?,
    };
    let title = Title { command: "visit".into(), subject: url.to_string(), replay_of: None };
    let mut plan = planned(arguments, Plan::get(url.clone()), &ground)?;
    plan.pins = pins(&arguments.resolve)?;
    plan.detours.extend(zone);
    plan.client.proxies = arguments.through.on(&ground)?;
    let proxies = arguments.through.toward(&plan.client.proxies);
    let machine = ThisMachine {
        proxies,
        way: way(arguments),
        ..this_machine(arguments.cacert.as_deref(), arguments.insecure)
    };
    let kept = match &arguments.network.net {
        None => Kept::new(&arguments.output, url.as_str())?,
        // A named folder is for the replay, so the live visit is kept among the saved runs.
        Some(_) => Kept::new(&Output { out: None, ..arguments.output.clone() }, url.as_str())?,
    };
    terminal::progress(arguments.quiet, &format!("visiting {} …", plan.url));
    let (record, progress) = watched(&kept, arguments);
    let visited = carry_out(&title, &plan, &ground, &machine, || Ok(Vec::new()), record)?;
    drop(progress);
    match &arguments.network.net {
        Some(_) => again_in_lab(arguments, kept, visited.exit),
        None => Ok(Done::Kept(kept, visited.exit)),
    }
}

/// Carries a visit of the world that was kept out again in the lab, if it can be. `exit` is what it came to
/// itself.
fn again_in_lab(arguments: &Visit, kept: Kept, exit: u8) -> anyhow::Result<Done> {
    let Some((folder, recording)) = recorded(&kept)? else {
        return Ok(Done::Kept(kept, exit));
    };
    kept.views()?;
    let name = kept.id.as_deref().unwrap_or("it");
    terminal::progress(arguments.quiet, &format!("carrying {name} out again in the lab …"));
    // Addresses of the world lead nowhere there.
    replay(arguments, (&folder, &recording), name, Vec::new())
}

/// A visit that was kept, as the lab can carry it out again; `None` where it holds no exchange that could
/// be, so that the fault which ended it is what is to be told.
pub(crate) fn recorded(kept: &Kept) -> anyhow::Result<Option<(Folder, Recording)>> {
    let folder = Folder::open(&kept.path)?;
    match Recording::read(folder.read()?.0) {
        Ok(recording) => Ok(Some((folder, recording))),
        Err(ReplayError::Nothing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Refuses what only a real wire can do.
pub(crate) fn honoured_in_lab(arguments: &Visit) -> anyhow::Result<()> {
    arguments.through.none_in_lab()?;
    no_authority_in_lab(arguments.cacert.as_deref())
}

/// Credentials and cookies of the first request. Those of `-b FILE` are of the time of this ground.
fn identity(arguments: &Visit, plan: &mut Plan, ground: &Ground) -> anyhow::Result<()> {
    if let Some(user) = &arguments.user {
        credentials::give(&mut plan.url, user)?;
    }
    let since = match ground {
        Ground::Lab(network) => Duration::from_secs(network.date),
        Ground::Live | Ground::Tap(_) => Duration::from_nanos(Clock::start().wall_epoch()),
    };
    for text in arguments.cookie.iter().filter(|text| !text.is_empty()) {
        if text.contains('=') {
            plan.cookies.insert(text, &plan.url);
        } else {
            let bytes = std::fs::read(text).with_context(|| format!("-b {text}"))?;
            jar::read(&bytes, &mut plan.cookies, UNIX_EPOCH + since, jar::Sessions::GoOn);
        }
    }
    Ok(())
}

/// Reports a URL that cannot be used as a finding, like any other fault.
fn bad_url(fault: FaultKind, colour: Colour) -> Outcome {
    let exit = fault.exit_code();
    let mut log = Log::memory();
    log.emit(Time::ZERO, None, || {
        What::Fault(Fault {
            step: Step::Url,
            exchange: None,
            connection: None,
            since: Time::ZERO,
            fatal: true,
            fault,
        })
    });
    let options = Options { detail: Detail::Normal, ..terminal::options(colour) };
    let model = Model::new(log.events()).in_language(terminal::language());
    terminal::print(&view(&model, &options))?;
    Ok(exit)
}

/// The scheme for a URL without one: https, as browsers use, but http for addresses and
/// single-label names, which have no certificates.
fn scheme_for(text: &str) -> &'static str {
    let host = text.split(['/', '?', '#']).next().unwrap_or(text);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let local = host.eq_ignore_ascii_case("localhost") || !host.contains('.');
    if local || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() {
        "http"
    } else {
        "https"
    }
}

/// Adds to the plan what the arguments say besides the subject.
pub(crate) fn planned(arguments: &Visit, mut plan: Plan, ground: &Ground) -> anyhow::Result<Plan> {
    let seconds = |value: f64, option: &str| {
        Duration::try_from_secs_f64(value).map_err(|_| anyhow!("{option} {value}: wanted seconds"))
    };
    plan = plan.behaving_as(browser(arguments, ground)?);
    plan.names = arguments.network.names(Families::default())?;
    // As in curl, zero means no limit.
    plan.limit = Some(seconds(arguments.max_time, "--max-time")?).filter(|limit| !limit.is_zero());
    plan.client.decode = crate::limits::decoded(arguments.max_decoded.as_deref())?;
    plan.client.timeouts.connect = Some(seconds(arguments.connect_timeout, "--connect-timeout")?);
    plan.client.timeouts.stall = Some(seconds(arguments.stall_timeout, "--stall-timeout")?);
    if arguments.http3 {
        plan = plan.learning_three();
    }
    if arguments.no_keepalive {
        plan.client.keep_alive = KeepAlive::Off;
    }
    if let Some(agent) = &arguments.user_agent {
        plan.client.user_agent.clone_from(agent);
    }
    if !arguments.data.is_empty() {
        plan.method = Method::POST;
        plan.fields.set("Content-Type", "application/x-www-form-urlencoded");
        plan.body = arguments.data.join("&").into();
    }
    if let Some(method) = &arguments.request {
        plan.method = Method::from_bytes(method.as_bytes())
            .map_err(|_| anyhow!("-X {method}: not a method's name (RFC 9110 §9.1)"))?;
    }
    for header in &arguments.header {
        let (name, value) =
            header.split_once(':').ok_or_else(|| anyhow!("-H {header}: wanted NAME: VALUE"))?;
        plan.fields
            .push(name.trim(), value.trim().as_bytes())
            .map_err(|error| anyhow!("-H {header}: {error}"))?;
    }
    plan.until = match arguments.until {
        args::Until::Painted => Until::Painted,
        args::Until::Closed => Until::Closed,
    };
    plan.runs = arguments.runs.map_or(Runs::AsNeeded, Runs::Exactly);
    plan.fail = arguments.fail;
    plan.server = arguments.server.map(ServerLike::from);
    if arguments.warm {
        plan.client_caches = ClientCaches::Warm;
    }
    identity(arguments, &mut plan, ground)?;
    look(arguments, &mut plan)?;
    Ok(plan)
}

/// The browser whose behaviour the visit has.
fn browser(arguments: &Visit, ground: &Ground) -> anyhow::Result<Browser> {
    let in_lab = matches!(ground, Ground::Lab(_));
    let name = match arguments.behave {
        Some(Behaviour::Chromium) => BrowserName::Chromium,
        Some(Behaviour::Firefox) => BrowserName::Firefox,
        Some(Behaviour::Roundtrip) => BrowserName::Roundtrip,
        None if in_lab => BrowserName::Chromium,
        None => BrowserName::Roundtrip,
    };
    let given = arguments.cpu.as_deref().unwrap_or("1");
    let times = given.trim_end_matches(['x', 'X']).parse().ok();
    let times: f64 = times.filter(|times| (0.01..=1000.0).contains(times)).ok_or_else(|| {
        anyhow!("--cpu {given}: wanted how many times slower, 0.01 to 1000, as in 4x")
    })?;
    Ok(Browser::of(name).slowed(times))
}

#[cfg(feature = "page")]
fn look(arguments: &Visit, plan: &mut Plan) -> anyhow::Result<()> {
    use roundtrip_page::{Extent, Fonts, Options};

    use crate::args::FontsFrom;
    let viewport =
        arguments.viewport.parse().with_context(|| format!("--viewport {}", arguments.viewport))?;
    let extent = if arguments.full { Extent::Full } else { Extent::Viewport };
    let fonts = match arguments.fonts {
        FontsFrom::Carried => Fonts::CarriedOnly,
        FontsFrom::System => Fonts::System,
    };
    plan.page =
        (!arguments.no_page).then(|| Options { viewport, extent, fonts, ..Options::default() });
    plan.picture = !arguments.no_picture;
    plan.painter = Some(crate::painter::program()?);
    Ok(())
}

#[cfg(not(feature = "page"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail where there is a page")]
fn look(_: &Visit, _: &mut Plan) -> anyhow::Result<()> {
    Ok(())
}

/// The settings of a visit's record, and the line of progress that follows what is recorded.
fn watched(kept: &Kept, arguments: &Visit) -> (Settings, Progress) {
    let progress = Progress::start(arguments.quiet);
    let settings = Settings { observer: progress.observer(), ..kept.settings(&arguments.output) };
    (settings, progress)
}

/// Writes the views, and prints the one for the terminal. `exit` is what the visit itself came to.
pub(crate) fn finish(arguments: &Visit, colour: Colour, kept: &Kept, exit: u8) -> Outcome {
    let model: Model = kept.judged(arguments.budget.limits.as_ref())?;
    let exit = model.exit_after(exit);
    if arguments.output.format == Format::Json {
        terminal::print(&format!("{:#}", json(&model)))?;
        return Ok(exit);
    }
    let mut options = terminal::options(colour);
    options.saved.clone_from(&kept.id);
    options.detail = terminal::detail(arguments.verbose, arguments.quiet);
    if arguments.quiet && model.findings.is_empty() && model.keeps_budget() {
        return Ok(exit);
    }
    let text = if arguments.short { short(&model, &options) } else { view(&model, &options) };
    terminal::print(&text)?;
    Ok(exit)
}
