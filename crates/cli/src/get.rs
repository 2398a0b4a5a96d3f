//! The command `roundtrip get`.

mod content;
mod disposition;
mod form;
mod glob;
mod output;
mod progress;
mod setup;
mod target;
mod verbose;
mod wanted;
mod write_out;

use std::cell::RefCell;
use std::fs::File;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::Path;
use std::pin::pin;

use anyhow::Context as _;
use futures_util::future::{Either, select};
use http::Method;
use roundtrip_http::client::{Failure, Proxies, ProxyError};
use roundtrip_live::CaptureWish;
use roundtrip_record::{
    Capture, ExchangeStarted, Fault, FaultKind, Initiator, Log, Priority, Recorder, ResourceKind,
    Settings, Step, Time, Trace as _, What, WireKind,
};
use roundtrip_report::{Model, json};
use roundtrip_visit::get::Session;
use roundtrip_visit::ground::{Errand, Ground, Here, Scene};
use roundtrip_visit::run::{RunError, Title, begin, end};
use roundtrip_visit::trust::TrustError;
use url::Url;

use crate::args::{Format, Get};
use crate::keep::Kept;
use crate::network::{detours, families, no_authority_in_lab, pins, this_machine};
use crate::sites::Sites;
use crate::{Outcome, terminal};
use glob::{Glob, Match};
use output::{Heads, Output, Target};
use progress::{Progress, watch};
use setup::{jar, options};
use target::Wishes;
use verbose::Teller;
use wanted::wanted;
use write_out::{Steps, To, Told, fill};

/// Why the command failed before any transfer began, with curl's exit code for it.
#[derive(Debug)]
struct Early {
    code: u8,
    text: String,
}

impl std::fmt::Display for Early {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Early {}

/// Runs the command.
pub(crate) fn run(arguments: &Get) -> Outcome {
    match carry_out(arguments) {
        Err(error) => match error.downcast_ref::<Early>() {
            Some(early) => {
                complain(arguments, early.code, &early.text);
                Ok(early.code)
            }
            None if is_trust(&error) => {
                complain(arguments, BAD_CA_FILE, &terminal::whole(&error));
                Ok(BAD_CA_FILE)
            }
            None if error.is::<ProxyError>() => {
                complain(arguments, PROXY, &error.to_string());
                Ok(PROXY)
            }
            None => Err(error),
        },
        done => done,
    }
}

/// curl's exit code for a proxy that cannot be used (`CURLE_COULDNT_RESOLVE_PROXY`).
const PROXY: u8 = 5;
/// curl's exit code for a CA file that cannot be used (`CURLE_SSL_CACERT_BADFILE`).
const BAD_CA_FILE: u8 = 77;

/// Whether an error is about the file of `--cacert`.
fn is_trust(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(RunError::Trust(TrustError::Unreadable { .. } | TrustError::Empty { .. }))
    )
}

/// Prints an error, unless the options silence it.
fn complain(arguments: &Get, code: u8, words: &str) {
    if !arguments.silent || arguments.show_error {
        eprintln!("roundtrip: ({code}) {words}");
    }
}

fn carry_out(arguments: &Get) -> Outcome {
    let ground = arguments.network.ground()?;
    let proxies = arguments.through.on(&ground)?;
    if let Ground::Lab(_) = ground {
        no_authority_in_lab(arguments.cacert.as_deref())?;
    }
    let sites = Sites::read(&arguments.network)?;
    let kept = arguments.out.as_deref().map(Kept::named);
    let log = log(arguments, kept.as_ref())?;
    let title = Title {
        command: "get".into(),
        subject: urls(arguments).collect::<Vec<_>>().join(" "),
        replay_of: None,
    };
    let machine = this_machine(arguments.cacert.as_deref(), arguments.insecure);
    let capture = if kept.is_some() { CaptureWish::IfPermitted } else { CaptureWish::No };
    let scene = Scene { machine: &machine, capture, sites: &|| sites.make() };
    let job = Job { arguments, proxies, kept: kept.is_some() };
    let carried = ground.carry_out(&title, &log, &scene, job)?;
    let exit = carried.done?;
    end(&log, carried.at, exit, exit == FaultKind::Interrupted.exit_code())?;
    if let Some(kept) = kept {
        kept.views()?;
    }
    if arguments.format == Format::Json {
        terminal::print(&format!("{:#}", json(&Model::new(log.events()))))?;
    }
    Ok(exit)
}

/// The URLs of the command line, as they were given.
fn urls(arguments: &Get) -> impl Iterator<Item = &str> {
    arguments.url.iter().chain(&arguments.more).map(String::as_str)
}

/// The log of the command; it records nothing unless an option needs a record.
fn log(arguments: &Get, kept: Option<&Kept>) -> anyhow::Result<Log> {
    let told =
        arguments.verbose || arguments.write_out.is_some() || arguments.format == Format::Json;
    let settings = match kept {
        Some(kept) => Settings {
            memory: told,
            keep_secrets: arguments.keep_secrets,
            redact: arguments.redact.clone(),
            ..Settings::in_folder(&kept.path)
        },
        None if told => Settings {
            capture: Capture::Nothing,
            frame_events: false,
            // With `-v`, credentials are shown to the user who gave them, and kept nowhere.
            keep_secrets: arguments.verbose || arguments.keep_secrets,
            redact: arguments.redact.clone(),
            ..Settings::in_memory()
        },
        None => return Ok(Log::off()),
    };
    Ok(Log::new(Recorder::new(settings)?))
}

/// All transfers of one command.
struct Job<'a> {
    arguments: &'a Get,
    proxies: Proxies,
    /// Whether the record is kept, bodies included.
    kept: bool,
}

impl Errand for Job<'_> {
    type Done = anyhow::Result<u8>;

    async fn run<W: roundtrip_wire::Wire>(self, here: Here<W>) -> anyhow::Result<u8> {
        let arguments = self.arguments;
        let Here { wire, trust, pins: mut pinned, interrupt, begun } = here;
        let wire = &wire;
        let families = families(arguments.ipv4, arguments.ipv6);
        pinned.extend(pins(&arguments.resolve)?);
        let mut session = Session::new(
            wire.clone(),
            options(arguments, self.proxies.clone())?,
            arguments.network.names(families)?,
            (pinned, detours(&arguments.connect_to)?),
            jar(arguments, wire.wall()),
            trust,
            begun,
        )
        .with_interrupt(interrupt);
        let mut dump = arguments.dump_header.as_deref().map(dump).transpose()?;
        let teller = RefCell::new(Teller::default());
        let wishes = Wishes::read(arguments);
        let mut exit = 0;
        'all: for (number, text) in urls(arguments).enumerate() {
            let found: Box<dyn Iterator<Item = Match>> = if arguments.globoff {
                Box::new(core::iter::once(Match::plain(text)))
            } else {
                match Glob::parse(text) {
                    Ok(glob) => Box::new(glob.into_matches()),
                    Err(error) => {
                        let why = error.to_string();
                        let kind = FaultKind::BadUrl { url: text.to_owned(), why };
                        exit = self.complain(When::now(wire), &kind);
                        continue;
                    }
                }
            };
            for found in found {
                let one = One { number, found: &found, wishes: &wishes, teller: &teller };
                exit = self.one(wire, &mut session, &one, &mut dump).await?;
                if exit == FaultKind::Interrupted.exit_code() {
                    break 'all;
                }
            }
        }
        session.close().await;
        if let (Some(path), Some(jar)) = (&arguments.cookie_jar, session.cookies()) {
            crate::jar::write(path, &jar)?;
        }
        Ok(exit)
    }
}

impl Job<'_> {
    /// Transfers one URL, and returns its exit code.
    async fn one<W: roundtrip_wire::Wire>(
        &self,
        wire: &W,
        session: &mut Session<W>,
        one: &One<'_>,
        dump: &mut Option<File>,
    ) -> anyhow::Result<u8> {
        let arguments = self.arguments;
        let url = match roundtrip_http::url::parse(&one.found.text) {
            Ok(url) => url,
            Err(kind) => return Ok(self.complain(When::now(wire), &kind)),
        };
        let target = one.wishes.target(arguments, one.number, one.found, &url)?;
        let mut wanted = wanted(arguments, one.number, url, &target)?;
        wanted.keep_body = self.kept;
        let heads = if arguments.include || arguments.head { Heads::Shown } else { Heads::Hidden };
        let log = wire.log();
        let tell = || {
            if arguments.verbose {
                one.teller.borrow_mut().tell(&log);
            }
        };
        let is_file = matches!(target, Target::File { .. });
        let progress = RefCell::new(Progress::new(wire.now()));
        let shown = self.shows_progress(&target);
        let quiet = arguments.silent;
        let mut output =
            Output::new(target, heads, dump.as_mut(), quiet, &progress, Box::new(tell));
        let mut got = {
            let getting = pin!(session.get(&mut wanted, &mut output));
            if shown {
                match select(getting, pin!(watch(wire.clone(), &progress))).await {
                    Either::Left((got, _)) => got?,
                    Either::Right((never, _)) => match never {},
                }
            } else {
                getting.await?
            }
        };
        progress.borrow_mut().clear();
        if got.failure.is_none()
            && is_file
            && let Err(error) = output.touch()
        {
            let path = roundtrip_visit::get::Sink::place(&output);
            let kind = FaultKind::WriteFailed { path, why: error.to_string() };
            got.failure = Some(fault(wire.now(), kind));
        }
        let file = output.finish();
        if arguments.verbose {
            one.teller.borrow_mut().tell(&log);
        }
        let words = got.failure.as_ref().map(|failure| {
            if log.is_on() {
                log.clone().emit(wire.now(), failure.cause, || What::Fault(failure.fault(true)));
            }
            let at = When::now(wire);
            explain(failure, Some(&got.url), &got.method, at)
        });
        if let Some(words) = &words {
            complain(arguments, got.exit_code(), words);
        }
        if let Some(format) = &arguments.write_out {
            let steps = Steps::read(log.events(), got.began);
            let words = words.as_deref().unwrap_or_default();
            let given = &one.found.text;
            let number = one.number;
            let told = Told { got: &got, steps: &steps, file: file.as_ref(), words, number, given };
            print(&fill(&format_text(format)?, &told))?;
        }
        Ok(got.exit_code())
    }

    /// Whether progress is shown; never where it would mix with a body on the terminal.
    fn shows_progress(&self, target: &Target) -> bool {
        let arguments = self.arguments;
        let wanted = !arguments.silent && !arguments.no_progress_meter && !arguments.verbose;
        let apart = !matches!(target, Target::Output) || !std::io::stdout().is_terminal();
        wanted && apart && stderr().is_terminal()
    }

    /// Reports a URL that cannot be used, and returns the exit code.
    fn complain(&self, at: When, kind: &FaultKind) -> u8 {
        let failure = Failure { step: Step::Url, ..fault(Time::ZERO, kind.clone()) };
        complain(self.arguments, kind.exit_code(), &explain(&failure, None, &Method::GET, at));
        kind.exit_code()
    }
}

/// One transfer, with what all transfers share.
struct One<'a> {
    /// The place of its URL on the command line.
    number: usize,
    found: &'a Match,
    wishes: &'a Wishes,
    teller: &'a RefCell<Teller>,
}

fn fault(at: Time, kind: FaultKind) -> Failure {
    Failure {
        exchange: roundtrip_record::ExchangeId(1),
        connection: None,
        step: Step::Body,
        since: at,
        cause: None,
        kind,
    }
}

/// A point in time, with its calendar time.
#[derive(Clone, Copy, Debug)]
struct When {
    now: Time,
    epoch: u64,
}

impl When {
    /// The present time of a wire.
    fn now<W: roundtrip_wire::Wire>(wire: &W) -> Self {
        let now = wire.now();
        let begun = wire.wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let epoch = begun.saturating_sub(now.since(Time::ZERO)).as_nanos();
        Self { now, epoch: u64::try_from(epoch).unwrap_or(u64::MAX) }
    }
}

/// A failure in one line: what was seen, what it means, what to try next.
fn explain(failure: &Failure, url: Option<&Url>, method: &Method, at: When) -> String {
    let mut log = Log::memory();
    begin(&log, &Title::default(), WireKind::Live, None, at.epoch);
    let exchange = failure.exchange;
    if let Some(url) = url {
        log.emit(Time::ZERO, None, || {
            What::ExchangeStarted(ExchangeStarted {
                exchange,
                method: method.to_string(),
                url: url.to_string(),
                kind: ResourceKind::Other,
                priority: Priority::default(),
                initiator: Initiator::User,
                side: roundtrip_record::Side::Client,
                of: None,
            })
        });
    }
    log.emit(at.now, None, || What::Fault(Fault { connection: None, ..failure.fault(true) }));
    let model = Model::new(log.events());
    let Some(finding) = model.findings.first() else { return format!("{:?}", failure.kind) };
    let mut text = finding.headline.clone();
    if let FaultKind::BadUrl { why, .. } = &failure.kind {
        text = format!("{text}: {why}");
    }
    // For a malformed message, the place of the error and the rule it breaks are shown too.
    let place = matches!(failure.kind, FaultKind::Malformed { .. }).then(|| &finding.evidence);
    for more in place.into_iter().flatten().chain(&finding.meaning).chain([&finding.next]) {
        if !more.is_empty() {
            text.push_str("; ");
            text.push_str(more);
        }
    }
    text
}

fn dump(path: &Path) -> anyhow::Result<File> {
    if path == Path::new("-") {
        let output = std::os::fd::AsFd::as_fd(&std::io::stdout()).try_clone_to_owned()?;
        return Ok(output.into());
    }
    File::create(path).with_context(|| format!("-D {}", path.display()))
}

/// The format of `-w`, read from a file for `-w @FILE`.
fn format_text(format: &str) -> anyhow::Result<String> {
    match format.strip_prefix('@') {
        Some(path) => Ok(String::from_utf8_lossy(&content::read(path)?).into_owned()),
        None => Ok(format.to_owned()),
    }
}

fn print(pieces: &[(To, String)]) -> std::io::Result<()> {
    for (to, text) in pieces {
        match to {
            To::Output => {
                let mut out = std::io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            To::Error => eprint!("{text}"),
        }
    }
    Ok(())
}
