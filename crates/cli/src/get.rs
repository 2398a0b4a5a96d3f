//! `roundtrip get`

mod content;
mod output;
mod verbose;
mod write_out;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use http::{Method, Version};
use roundtrip_dns::Families;
use roundtrip_http::client::{Failure, Jar, KeepAlive, Options, Timeouts};
use roundtrip_http::message::Fields;
use roundtrip_live::{CaptureWish, Clock, Machine};
use roundtrip_record::{
    Capture, EventId, ExchangeStarted, Fault, FaultKind, Initiator, Log, Priority, Recorder,
    ResourceKind, Settings, Step, Time, Trace as _, What, WireKind,
};
use roundtrip_report::{Model, json};
use roundtrip_visit::get::{Credentials, Fail, Got, Redirects, Session, Wanted};
use roundtrip_visit::run::{Place, Real, Title, begin, end, trusted};
use roundtrip_visit::trust::Recorded;
use url::Url;

use crate::args::{Format, Get};
use crate::keep::{self, Kept};
use crate::network::{Wire, pins, place};
use crate::{Outcome, terminal};
use content::{Carried, carried};
use output::{Folders, From, Heads, Output, Target};
use verbose::Teller;
use write_out::{Steps, To, Told, fill};

/// 128 + SIGINT, as shells have it. Kernel sockets close when a process is killed; ours want to be
/// told.
const INTERRUPTED: u8 = 130;

/// Carries it out.
pub(crate) fn run(arguments: &Get) -> Outcome {
    refuse(arguments)?;
    let real = match arguments.network.wire()? {
        None => Real::Live,
        Some(Wire::Real(real)) => real,
        Some(Wire::Lab) => {
            bail!(
                "--wire lab: there is nothing to get in an empty lab; roundtrip visit has one with sites"
            )
        }
    };
    let kept = match &arguments.out {
        Some(folder) => Some(Kept::new(Some(folder), "get")?),
        None => None,
    };
    let log = log(arguments, kept.as_ref())?;
    let clock = Clock::start();
    let title = Title { command: "get".into(), subject: arguments.url.join(" "), replay_of: None };
    let kind = match real {
        Real::Live => WireKind::Live,
        Real::Tap(_) => WireKind::Tap,
    };
    let cause = begin(&log, &title, kind, None, clock.wall_epoch());
    let _keys = kept.is_some().then(|| Recorded::into(&log));
    let place = place(arguments.cacert.as_deref(), arguments.insecure);
    let job = Job { arguments, place: &place, cause, kept: kept.is_some() };
    let exit = match &real {
        Real::Live => {
            let capture = if kept.is_some() { CaptureWish::IfPermitted } else { CaptureWish::No };
            let settings = roundtrip_live::Settings { cache: place.cache.clone(), capture };
            let log = match kept {
                Some(_) => log.of(log.host("client", roundtrip_record::Role::Client, &[])),
                None => log.clone(),
            };
            roundtrip_live::run(clock, log, settings, |live| async move { job.run(&live).await })??
        }
        Real::Tap(settings) => {
            let machine = Machine::new(place.cache.clone());
            roundtrip_tap::run(settings, clock, &log, machine, |tap| async move {
                let done = roundtrip_live::unless_interrupted(Box::pin(job.run(&tap))).await;
                done.unwrap_or(Ok(INTERRUPTED))
            })???
        }
    };
    end(&log, clock.now(), exit, false)?;
    if let Some(kept) = kept {
        kept.views()?;
    }
    if arguments.format == Format::Json {
        terminal::print(&format!("{:#}", json(&Model::new(log.events()))))?;
    }
    Ok(exit)
}

/// What curl has and this command does not, said before anything is sent.
fn refuse(arguments: &Get) -> anyhow::Result<()> {
    if let Some(proxy) = arguments.proxy.as_deref().filter(|proxy| !proxy.is_empty()) {
        bail!("-x {proxy}: proxies are not spoken to yet; leave it out to go there directly");
    }
    for text in &arguments.connect_to {
        let parts: Vec<&str> = text.rsplitn(2, ':').collect();
        let [port, rest] = parts[..] else {
            bail!("--connect-to {text}: wanted HOST1:PORT1:HOST2:PORT2");
        };
        let same = port.is_empty() || rest.split(':').nth(1).is_some_and(|own| own == port);
        if !same {
            bail!("--connect-to {text}: another port than the URL's cannot be taken yet");
        }
    }
    Ok(())
}

/// Nothing is recorded unless somebody asked for what a record tells.
fn log(arguments: &Get, kept: Option<&Kept>) -> anyhow::Result<Log> {
    let told =
        arguments.verbose || arguments.write_out.is_some() || arguments.format == Format::Json;
    let settings = match kept {
        Some(kept) => Settings {
            memory: told,
            keep_secrets: arguments.keep_secrets,
            ..Settings::in_folder(&kept.path)
        },
        None if told => Settings {
            capture: Capture::Nothing,
            frame_events: false,
            // They go to the one who typed them, and nowhere else.
            keep_secrets: arguments.verbose || arguments.keep_secrets,
            ..Settings::in_memory()
        },
        None => return Ok(Log::off()),
    };
    Ok(Log::new(Recorder::new(settings)?))
}

/// All URLs of one command.
struct Job<'a> {
    arguments: &'a Get,
    place: &'a Place,
    cause: Option<EventId>,
    /// The record is kept, bodies included.
    kept: bool,
}

impl Job<'_> {
    async fn run<W: roundtrip_wire::Wire>(&self, wire: &W) -> anyhow::Result<u8> {
        let arguments = self.arguments;
        let families = match (arguments.ipv4, arguments.ipv6) {
            (true, _) => Families::V4,
            (_, true) => Families::V6,
            _ => Families::default(),
        };
        let place = self.place.clone();
        let mut session = Session::new(
            wire.clone(),
            options(arguments)?,
            arguments.network.names(families)?,
            [pins(&arguments.resolve)?, connect_to(&arguments.connect_to)?].concat(),
            jar(arguments, wire.wall()),
            Box::new(move || trusted(&place)),
            self.cause,
        );
        let mut dump = arguments.dump_header.as_deref().map(dump).transpose()?;
        let teller = RefCell::new(Teller::default());
        let mut exit = 0;
        for (number, text) in arguments.url.iter().enumerate() {
            exit = self.one(wire, &mut session, (number, text), &mut dump, &teller).await?;
        }
        session.close().await;
        if let (Some(path), Some(jar)) = (&arguments.cookie_jar, session.cookies()) {
            write_jar(path, &jar)?;
        }
        Ok(exit)
    }

    /// One URL: its exit code.
    async fn one<W: roundtrip_wire::Wire>(
        &self,
        wire: &W,
        session: &mut Session<W>,
        (number, text): (usize, &str),
        dump: &mut Option<File>,
        teller: &RefCell<Teller>,
    ) -> anyhow::Result<u8> {
        let arguments = self.arguments;
        let url = match roundtrip_http::url::parse(text) {
            Ok(url) => url,
            Err(kind) => {
                self.complain(&kind);
                return Ok(kind.exit_code());
            }
        };
        let target = target(arguments, number, &url)?;
        let mut wanted = wanted(arguments, url, &target)?;
        wanted.keep_body = self.kept;
        let heads = if arguments.include || arguments.head { Heads::Shown } else { Heads::Hidden };
        let log = wire.log();
        let tell = || {
            if arguments.verbose {
                teller.borrow_mut().tell(&log);
            }
        };
        let is_file = matches!(target, Target::File { .. });
        let quiet = arguments.silent && !arguments.show_error;
        let mut output =
            Output::new(target, heads, dump.as_mut(), arguments.silent, Box::new(tell));
        let mut got = session.get(&mut wanted, &mut output).await?;
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
            teller.borrow_mut().tell(&log);
        }
        let words = got.failure.as_ref().map(|failure| {
            if log.is_on() {
                log.clone().emit(wire.now(), failure.cause, || What::Fault(failure.fault(true)));
            }
            words(failure, &got)
        });
        if let Some(words) = words.as_ref().filter(|_| !quiet) {
            eprintln!("roundtrip: ({}) {words}", got.exit_code());
        }
        if let Some(format) = &arguments.write_out {
            let steps = Steps::read(&log.events(), got.began);
            let words = words.as_deref().unwrap_or_default();
            let told = Told { got: &got, steps: &steps, file: file.as_ref(), words, number };
            print(&fill(&format_text(format)?, &told))?;
        }
        Ok(got.exit_code())
    }

    fn complain(&self, kind: &FaultKind) {
        if self.arguments.silent && !self.arguments.show_error {
            return;
        }
        let failure = Failure { step: Step::Url, ..fault(Time::ZERO, kind.clone()) };
        let words = explain(&failure, None, &Method::GET);
        eprintln!("roundtrip: ({}) {words}", kind.exit_code());
    }
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

/// What went wrong, in one line: what was seen, what it means, what to try next.
fn words(failure: &Failure, got: &Got) -> String {
    explain(failure, Some(&got.url), &got.method)
}

fn explain(failure: &Failure, url: Option<&Url>, method: &Method) -> String {
    let mut log = Log::memory();
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
            })
        });
    }
    log.emit(failure.since, None, || {
        What::Fault(Fault { connection: None, ..failure.fault(true) })
    });
    let model = Model::new(log.events());
    let Some(finding) = model.findings.first() else { return format!("{:?}", failure.kind) };
    let mut text = finding.headline.clone();
    for more in finding.meaning.iter().chain([&finding.next]) {
        if !more.is_empty() {
            text.push_str("; ");
            text.push_str(more);
        }
    }
    text
}

fn options(arguments: &Get) -> anyhow::Result<Options> {
    let version = match (arguments.http10, arguments.http11) {
        (true, _) => Version::HTTP_10,
        (false, true) => Version::HTTP_11,
        (false, false) => Version::HTTP_2,
    };
    let mut options = Options { version, ..Options::default() };
    options.timeouts = Timeouts {
        // curl's own.
        connect: Some(
            seconds(arguments.connect_timeout, "--connect-timeout")?
                .unwrap_or(Duration::from_mins(5)),
        ),
        stall: None,
        total: None,
    };
    if arguments.http10 {
        options.keep_alive = KeepAlive::Off;
    }
    if let Some(agent) = &arguments.user_agent {
        options.user_agent.clone_from(agent);
    }
    Ok(options)
}

fn seconds(value: Option<f64>, option: &str) -> anyhow::Result<Option<Duration>> {
    let Some(value) = value else { return Ok(None) };
    match Duration::try_from_secs_f64(value) {
        // As in curl, none is no limit.
        Ok(Duration::ZERO) => Ok(None),
        Ok(duration) => Ok(Some(duration)),
        Err(_) => Err(anyhow!("{option} {value}: wanted seconds")),
    }
}

/// HOST1:PORT1:HOST2:PORT2 with an address in the place of HOST2.
fn connect_to(given: &[String]) -> anyhow::Result<Vec<roundtrip_visit::Pin>> {
    let pin = |text: &String| {
        let bad = || {
            anyhow!(
                "--connect-to {text}: wanted HOST1:PORT1:ADDRESS:PORT2, as example.com:443:192.0.2.1:443"
            )
        };
        let (host, rest) = text.split_once(':').ok_or_else(bad)?;
        let (_, rest) = rest.split_once(':').ok_or_else(bad)?;
        let (to, _) = rest.rsplit_once(':').ok_or_else(bad)?;
        let address = to.trim_matches(['[', ']']).parse().map_err(|_| bad())?;
        Ok(roundtrip_visit::Pin { host: host.to_owned(), addresses: vec![address] })
    };
    given.iter().map(pin).collect()
}

/// What is wanted of one URL.
fn wanted(arguments: &Get, mut url: Url, target: &Target) -> anyhow::Result<Wanted> {
    let Carried { content, media_type, query } = carried(arguments)?;
    if let Some(query) = query {
        let all = match url.query() {
            Some(own) if !own.is_empty() => format!("{own}&{query}"),
            _ => query,
        };
        url.set_query(Some(&all));
    }
    if let Some(user) = &arguments.user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let set = url.set_username(name).and_then(|()| url.set_password(Some(password)));
        set.map_err(|()| anyhow!("-u: {url} cannot have credentials"))?;
    }
    if let Some(path) = arguments.upload_file.as_ref().filter(|_| url.path().ends_with('/')) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        url = url.join(&name.unwrap_or_default())?;
    }
    let method = method(arguments, media_type.is_some())?;
    let (mut fields, mut omit) = (Fields::new(), Vec::new());
    for header in &arguments.header {
        header_field(header, &mut fields, &mut omit)?;
    }
    let defaults: Vec<(&'static str, Option<String>)> = vec![
        ("Accept", (!arguments.json.is_empty()).then(|| "application/json".to_owned())),
        ("Content-Type", media_type),
        (
            "Referer",
            arguments.referer.as_ref().map(|text| text.trim_end_matches(";auto").to_owned()),
        ),
        ("Cookie", cookies(arguments)),
        ("Range", range(arguments, target)?),
    ];
    for (name, value) in defaults {
        let own = fields.contains(name)
            || omit.iter().any(|omitted: &String| omitted.eq_ignore_ascii_case(name));
        if let Some(value) = value.filter(|value| !own && !value.is_empty()) {
            fields.push(name, value.as_bytes()).map_err(|error| anyhow!("{name}: {error}"))?;
        }
    }
    if arguments.user_agent.as_deref() == Some("") {
        omit.push("User-Agent".into());
    }
    Ok(Wanted {
        url,
        method,
        method_named: arguments.request.is_some(),
        fields,
        omit,
        content,
        redirects: match (arguments.location || arguments.location_trusted, arguments.max_redirs) {
            (false, _) => Redirects::Shown,
            (true, most) => u32::try_from(most).map_or(Redirects::All, Redirects::Most),
        },
        credentials: if arguments.location_trusted {
            Credentials::Anybody
        } else {
            Credentials::Origin
        },
        decode: arguments.compressed,
        retries: arguments.retry,
        limit: seconds(arguments.max_time, "--max-time")?,
        max_bytes: arguments.max_filesize,
        fail: match (arguments.fail, arguments.fail_with_body) {
            (_, true) => Fail::WithBody,
            (true, false) => Fail::WithoutBody,
            (false, false) => Fail::No,
        },
        resume: resume(arguments, target)?,
        keep_body: false,
    })
}

fn method(arguments: &Get, carries: bool) -> anyhow::Result<Method> {
    if let Some(name) = &arguments.request {
        return Method::from_bytes(name.as_bytes())
            .map_err(|_| anyhow!("-X {name}: not a method's name (RFC 9110 §9.1)"));
    }
    Ok(match () {
        () if arguments.head => Method::HEAD,
        () if arguments.upload_file.is_some() => Method::PUT,
        () if carries => Method::POST,
        () => Method::GET,
    })
}

/// `NAME: VALUE`, `NAME:` (without), `NAME;` (empty), `@FILE`.
fn header_field(text: &str, fields: &mut Fields, omit: &mut Vec<String>) -> anyhow::Result<()> {
    if let Some(path) = text.strip_prefix('@') {
        let lines = String::from_utf8_lossy(&content::read(path)?).into_owned();
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            header_field(line, fields, omit)?;
        }
        return Ok(());
    }
    let bad = || anyhow!("-H {text}: wanted NAME: VALUE, NAME: or NAME;");
    let mut push = |name: &str, value: &str| {
        fields.push(name, value.as_bytes()).map_err(|error| anyhow!("-H {text}: {error}"))
    };
    match text.split_once(':') {
        Some((name, value)) if value.trim().is_empty() => omit.push(name.trim().to_owned()),
        Some((name, value)) => push(name.trim(), value.trim())?,
        None => push(text.strip_suffix(';').ok_or_else(bad)?.trim(), "")?,
    }
    Ok(())
}

/// What `-b` says itself, without a file.
fn cookies(arguments: &Get) -> Option<String> {
    let given: Vec<&str> =
        arguments.cookie.iter().filter(|text| text.contains('=')).map(String::as_str).collect();
    (!given.is_empty()).then(|| given.join("; "))
}

fn range(arguments: &Get, target: &Target) -> anyhow::Result<Option<String>> {
    if let Some(range) = &arguments.range {
        return Ok(Some(format!("bytes={range}")));
    }
    Ok(resume(arguments, target)?.filter(|from| *from > 0).map(|from| format!("bytes={from}-")))
}

/// Where to go on.
fn resume(arguments: &Get, target: &Target) -> anyhow::Result<Option<u64>> {
    let Some(text) = &arguments.continue_at else { return Ok(None) };
    if text != "-" {
        let from =
            text.parse().map_err(|_| anyhow!("-C {text}: wanted a number of bytes, or -"))?;
        return Ok(Some(from));
    }
    Ok(match target {
        Target::File { path, .. } => Some(fs::metadata(path).map_or(0, |meta| meta.len())),
        _ => Some(0),
    })
}

/// Where the bodies of one URL go.
fn target(arguments: &Get, number: usize, url: &Url) -> anyhow::Result<Target> {
    let from = if arguments.continue_at.is_some() { From::End } else { From::Start };
    let folders = if arguments.create_dirs { Folders::Made } else { Folders::Expected };
    if let Some(path) = arguments.output.get(number) {
        if path == Path::new("-") {
            return Ok(Target::Output);
        }
        return Ok(Target::File { path: path.clone(), from, folders });
    }
    if arguments.remote_name {
        let name = url.path_segments().and_then(|mut segments| segments.next_back());
        let name = name.filter(|name| !name.is_empty() && !matches!(*name, "." | ".."));
        let Some(name) = name else {
            bail!("-O: {url} names no file; -o FILE does");
        };
        return Ok(Target::File { path: PathBuf::from(name), from, folders });
    }
    Ok(if arguments.format == Format::Json { Target::Nowhere } else { Target::Output })
}

fn dump(path: &Path) -> anyhow::Result<File> {
    if path == Path::new("-") {
        let output = std::os::fd::AsFd::as_fd(&std::io::stdout()).try_clone_to_owned()?;
        return Ok(output.into());
    }
    File::create(path).with_context(|| format!("-D {}", path.display()))
}

/// `-w @FILE` reads the format.
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

/// The cookies of `-b FILE`; kept where `-c` or `-b FILE` asks for it.
fn jar(arguments: &Get, now: SystemTime) -> Option<Jar> {
    let files: Vec<&String> = arguments.cookie.iter().filter(|text| !text.contains('=')).collect();
    if files.is_empty() && arguments.cookie_jar.is_none() {
        return None;
    }
    let mut jar = Jar::new();
    for path in files.into_iter().filter(|path| !path.is_empty()) {
        // curl takes a file that is not there for an empty one: it begins a session.
        let Ok(bytes) = content::read(path) else { continue };
        for line in String::from_utf8_lossy(&bytes).lines() {
            read_cookie(line, &mut jar, now);
        }
    }
    Some(jar)
}

/// One line of Netscape's format: domain, whether for those below, path, secure, expiry, name, value.
fn read_cookie(line: &str, jar: &mut Jar, now: SystemTime) -> Option<()> {
    let (line, http_only) = match line.strip_prefix("#HttpOnly_") {
        Some(rest) => (rest, "; HttpOnly"),
        None => (line, ""),
    };
    let columns: Vec<&str> = line.split('\t').collect();
    let [domain, below, path, secure, expires, name, value] = columns[..] else { return None };
    if domain.starts_with('#') {
        return None;
    }
    let is = |text: &str| text.eq_ignore_ascii_case("TRUE");
    let mut field = format!("{name}={value}; Path={path}{http_only}");
    if is(below) {
        field.extend(["; Domain=", domain]);
    }
    if is(secure) {
        field.push_str("; Secure");
    }
    let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    match expires.parse::<u64>().ok()? {
        0 => {}
        at => field.extend(["; Max-Age=", &at.saturating_sub(now).to_string()]),
    }
    let scheme = if is(secure) { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{}{path}", domain.trim_start_matches('.'))).ok()?;
    jar.store(&field, &url, UNIX_EPOCH + Duration::from_secs(now)).then_some(())
}

fn write_jar(path: &Path, jar: &Jar) -> anyhow::Result<()> {
    let mut text = "# Netscape HTTP Cookie File\n\n".to_owned();
    for cookie in jar.cookies() {
        let flag = |is: bool| if is { "TRUE" } else { "FALSE" };
        let expires = cookie.expires.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}{}{}\t{}\t{}\t{}\t{}\t{}\t{}",
            if cookie.http_only { "#HttpOnly_" } else { "" },
            if cookie.host_only { "" } else { "." },
            cookie.domain,
            flag(!cookie.host_only),
            cookie.path,
            flag(cookie.secure),
            expires.map_or(0, |at| at.as_secs()),
            cookie.name,
            cookie.value
        );
    }
    if path == Path::new("-") {
        return Ok(terminal::print(&text)?);
    }
    keep::write(path, text.as_bytes())
}
